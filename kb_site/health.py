"""Whether the site lives, and whether it is ready to serve: for whatever watches it.

It tells states and days, never paths, names of machines or texts of errors: those are in the log.
"""

import contextlib
import datetime
import logging
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kb_site import metrics
from kb_site.search.engines import SearchUnavailable, get_engine

logger = logging.getLogger(__name__)

# What is done every night, and the days after which it is late.
JOBS = {"law_watch": 3, "link_check": 3, "reviews": 3, "backup": 3, "snapshot": 3}


@never_cache
@require_safe
def live(request):
    """The process answers. Asks nothing else."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@never_cache
@require_safe
def ready(request):
    """200 when pages can be made, else 503; both with what was seen, as JSON. Never raises.

    Only what keeps pages from being made is 503: the database, and migrations that wait. Pages that
    are kept, and those of the snapshot, are shown even then. Without its index the search answers
    all the same, less well, and a job that is late hurts nobody today: both are told by "ok" alone.
    """
    seen = {"database": _checked(_database)}
    is_ready = seen["database"]["ok"]
    if is_ready:
        seen["search"] = _checked(_search)
        for name, late_after in JOBS.items():
            seen[name] = _checked(_job, name, late_after)
    is_ok = all(check["ok"] for check in seen.values())
    answer = {"ready": is_ready, "ok": is_ok, "checks": seen}
    return JsonResponse(answer, status=200 if is_ready else 503)


def _checked(check, *arguments):
    try:
        is_well, saw = check(*arguments)
    except DatabaseError:
        is_well, saw = False, "The database does not answer. Start it, or check DATABASE_URL."
    except Exception:
        logger.exception("A check of the site's health failed.")
        is_well, saw = False, "This could not be checked. The log says why."
    return {"ok": is_well, "saw": saw}


def _database():
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        return False, f"Migrations that wait: {len(waiting)}. Run `manage.py migrate`."
    return True, connection.vendor


def _search():
    try:
        get_engine().check()
    except SearchUnavailable:
        return False, (
            "The index is missing or damaged. The next search builds it anew, or run "
            "`manage.py rebuild_search_index`."
        )
    return True, settings.SEARCH_ENGINE


def _job(name, late_after):
    """A job that was never done here is not late: on this machine nobody asked for it."""
    moment = last_done(name)
    if moment is None:
        return True, "never done here"
    days = max(0, (timezone.now() - moment).days)
    return days < late_after, f"done {days} days ago"


@metrics.gauge("job_age_seconds", "Since when what is done every night was last done.", "job")
def ages():
    """Returns {name: seconds} for the jobs that were ever done on this machine."""
    moments = {name: last_done(name) for name in JOBS}
    now = timezone.now()
    return {name: (now - moment).total_seconds() for name, moment in moments.items() if moment}


def note(name):
    """Notes that a job is done now, on this machine. On a full disk it only looks late.

    It is an empty file: most jobs change nothing in the database when all is as it was.
    """
    with contextlib.suppress(OSError):
        _file(name).parent.mkdir(parents=True, exist_ok=True)
        _file(name).touch()


def last_done(name):
    """Returns the moment a job was last done on this machine, or None."""
    try:
        return datetime.datetime.fromtimestamp(_file(name).stat().st_mtime, datetime.UTC)
    except OSError:
        return None


def _file(name):
    return Path(settings.DATA_DIR) / "done" / name
