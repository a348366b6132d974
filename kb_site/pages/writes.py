"""Moves the stamp when a transaction has changed a table that pages are made of.

It reads the statements themselves, so that an `update()` of many rows is seen like a save.
"""

import functools
import re

from django.apps import apps
from django.db import transaction
from django.db.backends.signals import connection_created

from kb_site.pages import stamp

# Tables of which no page shows anything, by app or by table.
SILENT_APPS = {
    "admin",
    "auth",
    "contenttypes",
    "sessions",
    "account",
    "mfa",
    "accounts",
    "links",
    "pages",
    "reports",
}
SILENT_TABLES = {
    "search_searchcount",
    "search_pendingupdate",
    "django_migrations",
    "accounts_cache",
}

_WRITE = re.compile(
    r'\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE)\s+"?(\w+)', re.IGNORECASE
)


def watch():
    connection_created.connect(_listen, dispatch_uid="kb_site.pages")


@functools.cache
def shown_tables():
    """The tables that pages are made of: all but those named as silent."""
    tables = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label not in SILENT_APPS
    }
    return frozenset(tables - SILENT_TABLES)


def _listen(sender, connection, **kwargs):
    # A connection that is opened anew keeps its wrappers.
    if _notice not in connection.execute_wrappers:
        connection.execute_wrappers.append(_notice)


def _notice(execute, sql, params, many, context):
    result = execute(sql, params, many, context)
    written = _WRITE.match(sql) if isinstance(sql, str) else None
    if written and written[1] in shown_tables():
        _after_commit(context["connection"])
    return result


def _after_commit(connection):
    """Moves the stamp once the transaction is committed, once for many statements in a row."""
    waiting = connection.run_on_commit
    if waiting and waiting[-1][1] is stamp.move and waiting[-1][0] == set(connection.savepoint_ids):
        return
    transaction.on_commit(stamp.move, using=connection.alias)
