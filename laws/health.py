"""What the law tells whatever watches the site."""

from django.utils import timezone

from kb_site.health import register
from laws.models import Publication

# The law watch runs every night.
LATE_DAYS = 3


@register
def law_watch():
    """Whether official texts were read lately. A site that never read any is not late."""
    last = Publication.objects.exclude(retrieved_at=None).order_by("-retrieved_at").first()
    if last is None:
        return True, "never run"
    days = (timezone.now() - last.retrieved_at).days
    return days < LATE_DAYS, f"{days} days ago"
