from kb_site.editorial.models import ReviewTask
from kb_site.metrics import gauge


@gauge("reviews_open", "Review tasks that wait for a person.")
def reviews_open():
    return ReviewTask.objects.open().count()
