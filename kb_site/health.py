"""Whether the site lives, and whether it is ready to serve: for whatever watches it."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kb_site.search.engines import SearchUnavailable, get_engine

checks = {}


def register(check):
    """Adds a check that an app makes by itself: a function that returns (is well, what it saw).

    What is not well says so; only the database and its migrations keep the site from being ready.
    """
    checks[check.__name__] = check
    return check


@never_cache
@require_safe
def live(request):
    """The process answers. Asks nothing else."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@never_cache
@require_safe
def ready(request):
    """200 when pages can be made, else 503; both with what was seen, as JSON."""
    seen = {"database": _database()}
    if seen["database"]["ok"]:
        seen["search"] = _search()
        for name, check in checks.items():
            is_well, saw = check()
            seen[name] = {"ok": is_well, "saw": saw}
    is_ready = seen["database"]["ok"]
    return JsonResponse({"ready": is_ready, "checks": seen}, status=200 if is_ready else 503)


def _database():
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return {"ok": False, "saw": "The database does not answer."}
    if waiting:
        return {"ok": False, "saw": f"{len(waiting)} migrations wait: run `manage.py migrate`."}
    return {"ok": True, "saw": connection.vendor}


def _search():
    try:
        get_engine().check()
    except SearchUnavailable as error:
        return {"ok": False, "saw": str(error)}
    except DatabaseError:
        return {"ok": False, "saw": "The database does not answer."}
    return {"ok": True, "saw": type(get_engine()).__name__}
