"""How a change reaches readers: written by one person, read and approved by another.

What readers see of a published record stays until the change is approved: it waits as a
`PendingRevision`, the whole state the record would have. The admin's forms save it as they save
anything; the save is rolled back and its outcome set aside.
"""

import contextlib

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from kb_site.editorial import clock, history
from kb_site.editorial.models import PendingRevision, Revision
from kb_site.search import updates


class Stale(ValidationError):
    """Somebody else has changed the record meanwhile."""


def may_publish(user):
    return user.has_perm("editorial.publish_record")


def refusal(user, author):
    """Returns why a user may not publish or approve a change by `author`, or ""."""
    if not may_publish(user):
        return _("Publishing needs the rights of a reviewer.")
    if settings.FOUR_EYES and author is not None and author == user:
        return _("Somebody else must read what you changed last before readers see it.")
    return ""


def goes_straight(user):
    """Whether what a user saves reaches readers at once: a desk of one person."""
    return not settings.FOUR_EYES and may_publish(user)


def pending_of(record):
    """Returns the record's pending revision, or None."""
    return PendingRevision.objects.of(history.key_of(record)).select_related("by").first()


@contextlib.contextmanager
def quietly():
    """Inside, nothing is recorded nor indexed: for changes that will be rolled back."""
    with history.paused(), updates.paused():
        yield


def set_aside(record, data, user, reason="", is_editorial=False, by_machine=False):
    """Keeps the state a record would have until it is approved; returns the pending revision.

    Returns None, and forgets what waited, when the state is the one that readers see.
    """
    kind = history.kind_of(type(record))
    standing = history.standing(history.key_of(record))
    name = {"kind": kind.name, "reference": record.reference}
    if not history.differences(standing.data, data, kind):
        PendingRevision.objects.filter(**name).delete()
        return None
    pending, is_new = PendingRevision.objects.select_for_update().get_or_create(
        **name, defaults={"base": standing.number, "data": data, "by": user}
    )
    pending.base = standing.number
    pending.data = data
    pending.by = user
    pending.at = timezone.now()
    pending.reason = reason or pending.reason
    pending.is_editorial = is_editorial
    pending.by_machine = by_machine
    pending.sent_back = ""
    pending.version += not is_new
    pending.save()
    return pending


def changes_of(pending):
    """Returns what a pending revision changes of what readers see, as `history.differences`."""
    standing = history.standing(pending.key)
    return history.differences(standing.data, pending.data, history.kinds[pending.kind])


@transaction.atomic
def approve(record, user):
    """Shows readers what waited. Raises `PermissionDenied`, `Stale` or `ValidationError`."""
    pending = PendingRevision.objects.select_for_update().of(history.key_of(record)).first()
    if pending is None:
        raise ValidationError(_("Nothing waits for approval here."))
    if problem := refusal(user, pending.by):
        raise PermissionDenied(problem)
    standing = Revision.objects.select_for_update().of(pending.key).get(until=None)
    if standing.number != pending.base:
        raise Stale(
            _("The record has changed since this was written. Open it, compare, and save it again.")
        )
    with (
        updates.together(),
        history.change(
            user=pending.by,
            reason=pending.reason,
            is_editorial=pending.is_editorial,
            by_machine=pending.by_machine,
            approved_by=user,
        ),
    ):
        record = bring_in(pending)
        problems = getattr(record, "publication_problems", list)() if record.is_published else []
        if problems:
            raise ValidationError(problems)
        pending.delete()


def send_back(record, user, word):
    """Gives what waits back to its author with a word. Raises `PermissionDenied`."""
    if not may_publish(user):
        raise PermissionDenied(_("Publishing needs the rights of a reviewer."))
    if not word.strip():
        raise ValidationError(_("Say in a word what has to change."))
    PendingRevision.objects.of(history.key_of(record)).update(sent_back=word.strip())


def bring_in(pending):
    """Gives the record what waits for it, as `restore` does; returns the record."""
    record = history.record_of(pending.key)
    restore(record, pending.data)
    return record


def restore(record, data):
    """Gives a record and its parts the state that `data` holds.

    Enter `history.change` around it. The parts are made anew with the keys they had, so that
    places and dates may be exchanged without two of them sharing one on the way.
    """
    kind = history.kind_of(type(record))
    cited = history.records_of(history.cited(data, kind.model, kind.parts))
    _restore_parts(record, data, kind.parts, cited)
    _restore_row(record, data, cited)


def _restore_row(row, data, cited, parent=None):
    for column in history.columns(type(row)):
        if column.name == parent or column.name not in data:
            continue
        value = data[column.name]
        if column.is_relation:
            setattr(row, column.name, cited.get(value))
        else:
            setattr(row, column.name, None if value is None else column.to_python(value))
    row.save()
    for column in row._meta.many_to_many:
        if column.name in data:
            getattr(row, column.name).set([cited[key] for key in data[column.name] if key in cited])


def _restore_parts(row, data, parts, cited):
    for name, part in parts.items():
        model = row._meta.get_field(name).related_model
        model._base_manager.filter(**{part.parent: row.pk}).delete()
        taken = set(
            model._base_manager.filter(pk__in=[item["pk"] for item in data[name]]).values_list(
                "pk", flat=True
            )
        )
        for item in data[name]:
            # Another record's row may have taken the key while this state waited.
            new = model(pk=None if item["pk"] in taken else item["pk"])
            setattr(new, part.parent, row)
            _restore_row(new, item, cited, part.parent)
            _restore_parts(new, item, part.parts, cited)


def discard(record, user):
    """Forgets what waits for approval. Raises `PermissionDenied` unless it is one's own."""
    pending = pending_of(record)
    if pending and pending.by != user and not may_publish(user):
        raise PermissionDenied(_("Only its author or a reviewer may discard this."))
    if pending:
        pending.delete()


@transaction.atomic
def verify(record, user, url):
    """Records that somebody compared the record with its source today.

    Takes the page it was compared with, or "" to keep the one recorded. What the record says does
    not change, so nobody has to approve it.
    """
    with updates.together(), history.change(user=user, reason=_("Verified")):
        record.verified_on = clock.today()
        record.verified_by = user.get_full_name() or user.get_username()
        record.verified_url = url.strip() or record.verified_url
        record.clean_fields(exclude=_all_but(record, "verified_by", "verified_url"))
        record.save()


def restore_revision(record, number, user):
    """Gives a record an earlier state again, as a new revision; a published one's waits."""
    key = history.key_of(record)
    # A number as it came from a form: the database refuses what is none, or too long.
    number = int(number) if number.isdecimal() and len(number) < 9 else 0
    revision = Revision.objects.of(key).filter(number=number).first()
    if revision is None or revision.data is None:
        raise ValidationError(_("There is no such revision."))
    reason = _("Revision %(number)s restored") % {"number": revision.number}
    data = revision.data | {"status": record.status} if "status" in revision.data else revision.data
    if history.standing(key).is_public and not goes_straight(user):
        set_aside(record, data, user, reason)
        return
    with transaction.atomic(), updates.together(), history.change(user=user, reason=reason):
        restore(record, data)


def _all_but(record, *names):
    return [field.name for field in record._meta.fields if field.name not in names]
