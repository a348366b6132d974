"""What the law adds to the editors' desk."""

import datetime

from django.db.models import Q
from django.utils.translation import gettext

from kb_site.editorial import clock
from kb_site.editorial.desk import CHANGES_AHEAD, ROWS, Panel, Row, change_url, panel
from laws.models import LegalAct, ProvisionVersion

FOLLOWING = datetime.timedelta(days=1)


@panel
def changing_law(user):
    """Versions of provisions, and acts, whose status changes soon by their dates alone."""
    today = clock.today()
    end = today + datetime.timedelta(days=CHANGES_AHEAD)
    near, changes = (today, end), []
    versions = ProvisionVersion.objects.filter(
        Q(applies_from__range=near) | Q(applies_until__range=near) | Q(transpose_by__range=near)
    )
    for version in versions.select_related("provision"):
        changes += [(day, words, version.provision) for day, words in version_changes(version)]
    acts = LegalAct.objects.filter(
        Q(in_force_from__range=near) | Q(repealed_on__range=near) | Q(transpose_by__range=near)
    )
    for act in acts:
        changes += [(day, words, act) for day, words in act_changes(act)]
    changes = [change for change in changes if change[0] and today < change[0] <= end]
    changes.sort(key=lambda change: (change[0], change[2].reference))
    rows = [
        Row(str(record), change_url(record), words % {"day": day.isoformat()})
        for day, words, record in changes[:ROWS]
    ]
    return Panel(gettext("Law that changes in the next 90 days"), len(changes), rows)


def version_changes(version):
    """Returns (the day a version's status changes, words for it) pairs, days not known as None."""
    return [
        (version.applies_from, gettext("applies from %(day)s")),
        (after(version.applies_until), gettext("no longer applies from %(day)s")),
        (after(version.transpose_by), gettext("its time for transposition is over on %(day)s")),
    ]


def act_changes(act):
    """Returns (the day an act's status changes, words for it) pairs, days not known as None."""
    return [
        (act.in_force_from, gettext("in force from %(day)s")),
        (act.repealed_on, gettext("no longer in force from %(day)s")),
        (after(act.transpose_by), gettext("its time for transposition is over on %(day)s")),
    ]


def after(day):
    return day and day + FOLLOWING
