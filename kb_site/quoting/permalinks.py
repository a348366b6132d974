"""The address of a record that never changes: `/r/<reference>`, `?rev=` for one of its revisions.

A record's numbered parts have one too: `/r/q-school/3` is the third point of an answer.
"""

from django.urls import reverse

from kb_site.editorial import history
from kb_site.editorial.models import Revision
from kb_site.quoting.citing import citing_of


def permalink(record, point=None, revision=None):
    """Returns the path that names a record, one of its points, in one revision, for good."""
    name, args = "permalink", [record.reference]
    if point is not None:
        name, args = "permalink-point", [record.reference, point]
    path = reverse(f"quoting:{name}", args=args)
    return f"{path}?rev={revision}" if revision else path


def point_of(record, number):
    """Returns the row that is a record's point of this number, or None."""
    name = history.kind_of(type(record)).name
    points = citing_of(name).points
    if not points:
        return None
    label = history.kinds[name].parts[points].label
    return next(
        (row for row in getattr(record, points).all() if getattr(row, label) == number), None
    )


def public_revision(record, number):
    """Returns a record's revision of this number if readers had it, else None."""
    return _public_revisions(record).filter(number=number).first()


def holds(revision, number):
    """Whether a revision holds a point of this number."""
    points = citing_of(revision.kind).points
    if not points:
        return False
    label = history.kinds[revision.kind].parts[points].label
    return any(row[label] == number for row in revision.data.get(points, ()))


def last_held(record, number):
    """Returns the newest revision in which readers had a record's point of this number, or None."""
    revisions = _public_revisions(record).order_by("-number").iterator()
    return next((revision for revision in revisions if holds(revision, number)), None)


def _public_revisions(record):
    kind = history.kind_of(type(record)).name
    return Revision.objects.filter(kind=kind, reference=record.reference, is_public=True)


def withdrawal(reference):
    """Returns (kind, revision) of what took the record of a reference from its readers, or None."""
    for kind in history.record_kinds():
        if revision := history.withdrawal(kind.name, reference):
            return kind, revision
    return None
