"""Review tasks: what must be read again, because what it rests on has changed or grown old.

`flag` opens them, exactly on what cites a record; an app says in its `history.py` what that is.
Only a person with the right to review closes one, with a word: saving does not.
"""

import datetime
import json
from collections import defaultdict

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from kb_site.editorial import clock, history
from kb_site.editorial.models import Record, ReviewTask, Status

_citing = []


def finds_citing(function):
    """Function decorator: tells how to find what cites a record.

    The function takes a record and yields (row, record the row belongs to, languages it has text
    in).
    """
    _citing.append(function)
    return function


def flag(record, reason, changed_on=None, difference=(), itself=False):
    """Opens a task on every text that rests on a record; returns the tasks.

    Takes the record that changed, a `ReviewTask.Reason`, the day the change took effect (today
    when it is not known), the difference as rows of {"label", "before", "after"}, and whether the
    record itself is to be read again too. A task that is open already for the same reason takes
    up the new difference, and the later of the two days.
    """
    cause = history.key_of(record)
    targets = [(record, cause, "")] if itself else []
    for function in _citing:
        for row, owner, languages in function(record):
            targets += [(row, history.key_of(owner), language) for language in languages]
    with transaction.atomic():
        return _open(targets, reason, cause, changed_on or clock.today(), list(difference))


def flag_change(record, reason, changes, changed_on=None):
    """Flags what cites a record for the changes of substance among `changes` (see `history`).

    A record that is no longer published is flagged as such, whatever else changed.
    """
    rows = [row for row in changes if not row["silent"] and row["field"] != "status"]
    if rows:
        flag(record, reason, changed_on, rows)
    left = any(r["field"] == "status" and r["before"] == Status.PUBLISHED for r in changes)
    if left:
        flag(record, ReviewTask.Reason.WITHDRAWN)


def _open(targets, reason, cause, changed_on, difference):
    """Opens a task on each (row, key of its record, language), with as few queries as for one.

    Nobody else saves meanwhile on SQLite: a query for each would keep them waiting.
    """
    subjects = {
        (ContentType.objects.get_for_model(row).pk, row.pk, language): subject
        for row, subject, language in targets
    }
    tasks = ReviewTask.objects.filter(
        target_type__in={target_type for target_type, _pk, _language in subjects},
        target_id__in={pk for _target_type, pk, _language in subjects},
        reason=reason,
        cause=cause,
    )
    if reason in ReviewTask.DUE:
        for task in tasks.filter(changed_on=changed_on):
            subjects.pop(task.about, None)

    def already_open():
        found = {task.about: task for task in tasks.open().select_for_update()}
        return {about: found[about] for about in subjects if about in found}

    found = already_open()
    missing = [
        ReviewTask(
            target_type_id=target_type,
            target_id=pk,
            language=language,
            reason=reason,
            cause=cause,
            subject=subject,
            changed_on=changed_on,
            difference=difference,
        )
        for (target_type, pk, language), subject in subjects.items()
        if (target_type, pk, language) not in found
    ]
    if missing:
        # Somebody else may open one of them meanwhile: theirs then takes up what is new in ours.
        ReviewTask.objects.bulk_create(missing, ignore_conflicts=True)
        found = already_open()

    grown, later = defaultdict(list), []
    for task in found.values():
        added = [line for line in difference if line not in task.difference]
        task.difference += added
        if changed_on > task.changed_on:
            later.append(task)
        elif added:
            grown[json.dumps(task.difference)].append(task)
    for alike in grown.values():
        ReviewTask.objects.filter(pk__in=[task.pk for task in alike]).update(
            difference=alike[0].difference
        )
    # Another task goes on from here: what readers were told until now stays on record.
    now = timezone.now()
    ReviewTask.objects.filter(pk__in=[task.pk for task in later]).update(closed_at=now)
    for task in later:
        task.pk, task.opened_at, task.changed_on = None, now, changed_on
    ReviewTask.objects.bulk_create(later)
    return list(found.values())


@history.listens
def close_removed(revision, change):
    """Closes the tasks of parts that are gone: nobody can read those again."""
    for row in revision.changes:
        if row["field"] or row["after"] is not None or not row["path"]:
            continue
        model = history.model_at(history.kinds[revision.kind], row["path"])
        ReviewTask.objects.open().filter(
            target_type=ContentType.objects.get_for_model(model),
            target_id=row["before"]["pk"],
        ).update(closed_at=timezone.now(), word=gettext("It was removed."))


def open_due():
    """Opens a task for each verification that has run out and each question due for review.

    Returns the tasks it opened. Safe to run every night: a date opens its tasks once.
    """
    today = clock.today()
    opened = []
    for kind in history.kinds.values():
        if not issubclass(kind.model, Record):
            continue
        records = kind.model.objects.published()
        if kind.model.verification_days is not None:
            last = today - datetime.timedelta(days=kind.model.verification_days)
            for record in records.filter(verified_on__lte=last):
                day = record.verification_expires_on
                opened += flag(record, ReviewTask.Reason.VERIFICATION_EXPIRED, day, itself=True)
        if hasattr(kind.model, "review_on"):
            for record in records.filter(review_on__lte=today):
                opened += flag(record, ReviewTask.Reason.REVIEW_DUE, record.review_on, itself=True)
    return opened


def attach(record, rows, language):
    """Sets `open_tasks` on a record and on rows of it: what readers of a language are told.

    Takes the record, those of its parts that may be flagged, and a language code. The record's
    are those of the whole page; tasks that read the same are told once.
    """
    tasks = ReviewTask.objects.filter(subject=history.key_of(record), language__in=["", language])
    tasks = list(tasks.open(clock.moment()))
    record.open_tasks = _told_once(tasks)
    for row in rows:
        own = ContentType.objects.get_for_model(row).pk, row.pk
        row.open_tasks = _told_once(task for task in tasks if task.about[:2] == own)


def _told_once(tasks):
    return list({task.told_as: task for task in tasks}.values())
