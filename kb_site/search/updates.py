"""Keeps the index in step with the records: after each commit, and by a whole rebuild."""

import contextlib
import contextvars
import logging

from django.db import transaction

from kb_site.search.documents import all_documents, count_records, registry
from kb_site.search.engines import SearchUnavailable, get_engine
from kb_site.search.models import PendingUpdate

logger = logging.getLogger(__name__)

_paused = contextvars.ContextVar("paused", default=False)
_gathered = contextvars.ContextVar("gathered", default=None)


@contextlib.contextmanager
def paused():
    """Changes inside are not noted: for a load of many records that a `rebuild` follows."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)


def is_paused():
    return _paused.get()


@contextlib.contextmanager
def together():
    """Marks what changes inside once, at the end: for whatever saves several records.

    Enter it inside the transaction, so that the marks belong to it. The `database` engine locks an
    entry until the transaction ends: marked one by one, two transactions that change the same
    entries in opposite order would wait for each other; marked together they take turns.
    """
    if _gathered.get() is not None:
        yield
        return
    token = _gathered.set(set())
    try:
        yield
        keys = _gathered.get()
    finally:
        _gathered.reset(token)
    if keys:
        mark(sorted(keys))


def mark(keys):
    """Notes that these records' entries are out of date, and updates them after the commit."""
    if _paused.get():
        return
    if (gathered := _gathered.get()) is not None:
        gathered.update(keys)
        return
    engine = get_engine()
    if engine.is_transactional:
        engine.replace(keys, _documents(keys))
        return
    PendingUpdate.objects.bulk_create([PendingUpdate(key=key) for key in keys])
    transaction.on_commit(_update_quietly)


def _update_quietly():
    """An index that cannot be written costs no editor a save: the note stays, and is logged."""
    if not PendingUpdate.objects.exists():
        return
    try:
        update()
    except SearchUnavailable as error:
        logger.warning("The search index could not be updated, it will be later: %s", error)


def update():
    """Brings every entry that is out of date up to date. Returns how many records that were.

    Raises `SearchUnavailable` when the index cannot be written; nothing is forgotten then.
    """
    pending = list(PendingUpdate.objects.values_list("pk", "key"))
    if not pending:
        return 0
    keys = {key for _pk, key in pending}
    get_engine().replace(keys, _documents(keys))
    PendingUpdate.objects.filter(pk__in=[pk for pk, _key in pending]).delete()
    return len(keys)


def _documents(keys):
    """Yields the documents of the published records among `keys`, reading when iterated."""
    for index in registry.values():
        prefix = f"{index.kind}:"
        references = [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
        if references:
            yield from index.documents(index.queryset().filter(reference__in=references))


def rebuild(progress=lambda documents, total: documents):
    """Builds the index anew. Takes a function that wraps the documents to show progress."""
    pending = list(PendingUpdate.objects.values_list("pk", flat=True))
    get_engine().rebuild(progress(all_documents(), count_records()))
    # What was noted before the rebuild began is in it; what came since is still to be done.
    PendingUpdate.objects.filter(pk__in=pending).delete()
    update()


def ensure():
    """Builds the index when it is missing, damaged or of an older form, else finishes updates.

    Returns whether it was built.
    """
    try:
        get_engine().check()
    except SearchUnavailable:
        rebuild()
        return True
    update()
    return False


def differences():
    """Compares the index with the records. Returns (missing, stale, surplus) sets of keys."""
    indexed = get_engine().fingerprints()
    expected = {(d.key, d.language): d.fingerprint for d in all_documents()}
    missing = {key for key, language in expected if (key, language) not in indexed}
    surplus = {key for key, language in indexed if (key, language) not in expected}
    stale = {
        key
        for (key, language), fingerprint in expected.items()
        if indexed.get((key, language), fingerprint) != fingerprint
    }
    return missing, stale, surplus


def repair(keys):
    """Brings the entries of these keys in step with their records."""
    keys = set(keys)
    if keys:
        get_engine().replace(keys, _documents(keys))
