"""The editors' desk: what needs care first, at the head of the admin's home page.

An app adds panels in its own `desk.py`, with `@panel`.
"""

import datetime
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from kb_site.editorial import clock, history
from kb_site.editorial.models import (
    PendingRevision,
    Record,
    ReviewTask,
    Revision,
    Status,
    Translation,
)

# So many days ahead editors are warned, and so many rows a panel shows.
CHANGES_AHEAD = 90
EXPIRIES_AHEAD = 30
ROWS = 10


@dataclass(frozen=True)
class Row:
    text: str
    url: str
    detail: str


@dataclass(frozen=True)
class Panel:
    """A list of what needs care: how much of it, the most urgent rows, and where the rest is."""

    title: str
    count: int
    rows: list
    more_url: str = ""


_panels = []


def panel(function):
    """Function decorator: adds a panel. The function takes a user and returns a `Panel`."""
    _panels.append(function)
    return function


def panels(user):
    """Returns the panels, those that hold something first."""
    return sorted((function(user) for function in _panels), key=lambda panel: not panel.count)


def change_url(record):
    options = record._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[record.pk])


@panel
def open_reviews(user):
    """Open review tasks, a row a record and reason, what took effect first on top."""
    tasks = ReviewTask.objects.open()
    groups = tasks.values("subject", "reason", "cause", "changed_on").annotate(number=Count("pk"))
    groups = list(groups.order_by("changed_on", "subject")[:ROWS])
    records = history.records_of([group["subject"] for group in groups])
    today, rows = clock.today(), []
    reasons = dict(ReviewTask.Reason.choices)
    for group in groups:
        record = records.get(group["subject"])
        days = (today - group["changed_on"]).days
        since = (
            ngettext("for %d day", "for %d days", days) % days
            if days > 0
            else gettext("from %s") % group["changed_on"].isoformat()
        )
        number = ngettext("%d text", "%d texts", group["number"]) % group["number"]
        address = reverse("admin:editorial_reviewtask_changelist")
        rows.append(
            Row(
                str(record or group["subject"]),
                f"{address}?q={group['subject']}",
                f"{reasons[group['reason']]} ({group['cause']}), {since}, {number}",
            )
        )
    return Panel(
        gettext("Answers to read again"),
        tasks.count(),
        rows,
        reverse("admin:editorial_reviewtask_changelist"),
    )


@panel
def expiring_verifications(user):
    """Published records whose verification runs out soon, or has."""
    limit = clock.today() + datetime.timedelta(days=EXPIRIES_AHEAD)
    found = []
    for kind in history.kinds.values():
        days = getattr(kind.model, "verification_days", None)
        if issubclass(kind.model, Record) and days is not None:
            last = limit - datetime.timedelta(days=days)
            found += kind.model.objects.published().filter(verified_on__lte=last)
    found.sort(key=lambda record: record.verification_expires_on)
    rows = [
        Row(
            str(record),
            change_url(record),
            gettext("verified on %(day)s, good until %(end)s")
            % {"day": record.verified_on, "end": record.verification_expires_on},
        )
        for record in found[:ROWS]
    ]
    return Panel(gettext("Verifications that run out in 30 days"), len(found), rows)


@panel
def my_drafts(user):
    """What the user has written and nobody has approved yet."""
    pending = list(PendingRevision.objects.filter(by=user))
    rows = [(p.key, gettext("sent back") if p.sent_back else gettext("waits")) for p in pending]
    for key, status in _unpublished(lambda by: by == user.pk):
        rows.append((key, status))
    return Panel(gettext("My drafts"), len(rows), _rows(rows))


@panel
def waiting_for_me(user):
    """What others have written and the user may approve or publish."""
    if not user.has_perm("editorial.publish_record"):
        return Panel(gettext("Waiting for my review"), 0, [])
    pending = PendingRevision.objects.filter(sent_back="").exclude(by=user)
    rows = [(p.key, gettext("a change")) for p in pending]
    for key, status in _unpublished(lambda by: by != user.pk, statuses=[Status.IN_REVIEW]):
        rows.append((key, status))
    return Panel(gettext("Waiting for my review"), len(rows), _rows(rows))


@panel
def outdated_translations(user):
    """Texts that the other language has left behind, a row a language."""
    address = reverse("admin:editorial_translation_changelist")
    counts = Translation.objects.filter(is_outdated=True).values("language")
    counts = counts.annotate(number=Count("pk")).order_by("language")
    rows = [
        Row(
            str(dict(settings.LANGUAGES)[count["language"]]),
            f"{address}?language={count['language']}",
            ngettext("%d text", "%d texts", count["number"]) % count["number"],
        )
        for count in counts
    ]
    number = sum(count["number"] for count in counts)
    return Panel(gettext("Translations out of date"), number, rows, address)


def _unpublished(condition, statuses=(Status.DRAFT, Status.IN_REVIEW)):
    """Yields (key, status) of unpublished records whose last change meets a condition."""
    standing = Revision.objects.filter(until=None, is_public=False, data__status__in=statuses)
    for kind, reference, by, status in standing.values_list(
        "kind", "reference", "by", "data__status"
    ):
        if condition(by):
            yield f"{kind}:{reference}", Status(status).label


def _rows(named):
    """Rows of (key, detail) pairs, the first few."""
    records = history.records_of([key for key, _detail in named[:ROWS]])
    return [
        Row(str(records[key]), change_url(records[key]), str(detail))
        for key, detail in named[:ROWS]
        if key in records
    ]
