"""What the search adds to the editors' desk."""

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from kb_site.editorial.desk import ROWS, Panel, Row, panel
from kb_site.search.models import SearchCount


@panel
def searches_without_result(user):
    """What people typed and found nothing for, most often first."""
    counts = SearchCount.objects.filter(without_result__gt=0).exclude(text="")
    address = reverse("admin:search_searchcount_changelist")
    rows = [
        Row(
            count.text,
            f"{address}?q={count.text}",
            ngettext("%d time", "%d times", count.without_result) % count.without_result,
        )
        for count in counts.order_by("-without_result")[:ROWS]
    ]
    return Panel(gettext("Searches that found nothing"), counts.count(), rows, address)
