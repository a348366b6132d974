"""Review tasks: what must be read again, because what it rests on has changed or grown old.

`flag` opens them, exactly on what cites a record; an app says in its `history.py` what that is.
Only a person with the right to review closes one, with a word: saving does not.
"""

import datetime

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
        return [
            task
            for row, subject, language in targets
            if (task := _open(row, subject, language, reason, cause, changed_on, difference))
        ]


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


def _open(row, subject, language, reason, cause, changed_on, difference):
    name = {
        "target_type": ContentType.objects.get_for_model(row),
        "target_id": row.pk,
        "language": language,
        "reason": reason,
        "cause": cause,
    }
    changed_on = changed_on or clock.today()
    if reason in ReviewTask.DUE and (
        ReviewTask.objects.filter(**name, changed_on=changed_on).exists()
    ):
        return None
    task, is_new = ReviewTask.objects.select_for_update().get_or_create(
        **name,
        closed_at=None,
        defaults={
            "subject": subject,
            "changed_on": changed_on,
            "difference": list(difference),
        },
    )
    if is_new:
        return task
    task.difference += [line for line in difference if line not in task.difference]
    if changed_on > task.changed_on:
        # Another task goes on from here: what readers were told until now stays on record.
        ReviewTask.objects.filter(pk=task.pk).update(closed_at=timezone.now())
        task.pk, task.opened_at, task.changed_on = None, timezone.now(), changed_on
        task._state.adding = True
        task.save()
    else:
        task.save(update_fields=["difference"])
    return task


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
        row.open_tasks = _told_once(t for t in tasks if (t.target_type_id, t.target_id) == own)


def _told_once(tasks):
    return list({task.told_as: task for task in tasks}.values())
