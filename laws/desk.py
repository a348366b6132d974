"""What the law adds to the editors' desk."""

import datetime

from django.db.models import Q
from django.utils.translation import gettext

from kb_site.editorial import clock
from kb_site.editorial.desk import CHANGES_AHEAD, ROWS, Panel, Row, change_url, panel
from laws.models import ProvisionVersion


@panel
def changing_provisions(user):
    """Versions whose status changes soon by their dates alone."""
    today = clock.today()
    end = today + datetime.timedelta(days=CHANGES_AHEAD)
    versions = ProvisionVersion.objects.filter(
        Q(applies_from__gt=today, applies_from__lte=end)
        | Q(applies_until__gte=today, applies_until__lt=end)
        | Q(transpose_by__gte=today, transpose_by__lt=end)
    ).select_related("provision__act")
    changes = [(next_change(version, today), version) for version in versions]
    changes.sort(key=lambda change: (change[0], change[1].pk))
    rows = [
        Row(str(version.provision), change_url(version.provision), what % {"day": day.isoformat()})
        for (day, what), version in changes[:ROWS]
    ]
    return Panel(gettext("Law that changes in the next 90 days"), len(changes), rows)


def next_change(version, today):
    """Returns (the day a version's status changes next, words for it)."""
    following = datetime.timedelta(days=1)
    days = [
        (version.applies_from, gettext("applies from %(day)s")),
        (
            version.applies_until and version.applies_until + following,
            gettext("no longer applies from %(day)s"),
        ),
        (
            version.transpose_by and version.transpose_by + following,
            gettext("its time for transposition is over on %(day)s"),
        ),
    ]
    return min((day, words) for day, words in days if day and day > today)
