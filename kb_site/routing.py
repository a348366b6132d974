"""Which database is asked: what readers see is read from a replica, all else on the primary.

The primary is `default`; `DATABASE_REPLICA_URLS` names its replicas. A replica serves a request
only if it has the stamp that this machine knows of (`kb_site/pages/stamp.py`): it then has every
edit that readers may expect to see, however late it is otherwise. So a page is never made of an
older state than the one it is kept for.
"""

import contextlib
import contextvars
import functools
import random
import time

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections

from kb_site.pages import stamp

# A database that did not answer is not asked again for so long.
REST_SECONDS = 5

_chosen = contextvars.ContextVar("chosen", default=DEFAULT_DB_ALIAS)
_is_late = contextvars.ContextVar("is_late", default=False)
# {alias: when it is asked again}
_resting = {}


class Router:
    """The tables that pages are made of are read where the request is served from.

    The stamp vouches for no other table: sessions, rights, attempts to sign in, reports and counts
    are on the primary alone. So is everything in a transaction.
    """

    def db_for_read(self, model, **hints):
        is_shown = model._meta.db_table in _shown_tables()
        if is_shown and not connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return _chosen.get()
        return DEFAULT_DB_ALIAS

    def db_for_write(self, model, **hints):
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *args, **hints):
        return True

    def allow_migrate(self, db, *args, **hints):
        return db == DEFAULT_DB_ALIAS


class ReplicaMiddleware:
    """Serves readers from a replica, and whoever signs in or sends something from the primary."""

    def __init__(self, get_response):
        if not replicas():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request):
        is_reader = settings.SESSION_COOKIE_NAME not in request.COOKIES
        if not is_reader or request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        alias, late = _choose()
        tokens = _chosen.set(alias), _is_late.set(late)
        try:
            response = self.get_response(request)
            if late:
                # Nobody keeps it: with the primary comes what it lacks, and no stamp moves.
                response["Cache-Control"] = "no-store"
            return response
        finally:
            _chosen.reset(tokens[0])
            _is_late.reset(tokens[1])

    def process_exception(self, request, exception):
        """A replica that is lost while a page is made costs nobody the page."""
        alias = _chosen.get()
        if alias == DEFAULT_DB_ALIAS or not isinstance(
            exception, OperationalError | InterfaceError
        ):
            return None
        _rest(alias)
        _chosen.set(DEFAULT_DB_ALIAS)
        return self.get_response(request)


def replicas():
    """Returns the aliases of the replicas."""
    return [alias for alias in settings.DATABASES if alias != DEFAULT_DB_ALIAS]


def is_late():
    """Whether this request is served from an older state than this machine knows of."""
    return _is_late.get()


def reading(model):
    """Returns the connection that rows of a model are read on: for SQL beside the ORM."""
    return connections[Router().db_for_read(model)]


@functools.cache
def _shown_tables():
    from kb_site.pages.writes import shown_tables

    # What kinds of record there are changes with the version of the site alone.
    return shown_tables() | {"django_content_type"}


def _choose():
    """Returns the alias of the database that a reader is served from, and whether it is late.

    Without the primary an older replica is better than none.
    """
    try:
        expected = int(stamp.file().read_text())
    except (OSError, ValueError):
        expected = float("inf")
    late = []
    for alias in random.sample(replicas(), len(replicas())):
        value = _stamp_of(alias)
        if value is not None and value >= expected:
            return alias, False
        if value is not None:
            late.append((value, alias))
    if late and _stamp_of(DEFAULT_DB_ALIAS) is None:
        return max(late)[1], True
    return DEFAULT_DB_ALIAS, False


def _stamp_of(alias):
    """Returns the stamp that a database has; None when it does not answer, or did not just now."""
    from kb_site.pages.models import Stamp

    if alias in _resting:
        if time.monotonic() < _resting[alias]:
            return None
        # One request tries; others do not wait for it.
        _rest(alias)
    rows = Stamp.objects.using(alias).filter(pk=stamp.ROW)
    try:
        value = rows.values_list("value", flat=True).first()
    except Error:
        with contextlib.suppress(Error):
            connections[alias].close()
        _rest(alias)
        return None
    _resting.pop(alias, None)
    return value or 0


def _rest(alias):
    _resting[alias] = time.monotonic() + REST_SECONDS
