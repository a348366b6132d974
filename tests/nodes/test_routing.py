"""Which database is asked, and for whom."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from articles.models import Contact, Question
from kb_site import routing
from kb_site.editorial.shelf import may_hold
from kb_site.pages import stamp
from kb_site.pages.models import Stamp
from kb_site.reports.models import ErrorReport
from kb_site.search import counts
from kb_site.search.models import Posting, SearchCount
from tests.pages import get, pages

pytestmark = pytest.mark.anywhere


@pytest.fixture
def on_replica(monkeypatch):
    monkeypatch.setattr(routing, "replicas", lambda: ["replica1"])
    monkeypatch.setattr(routing, "_resting", {})
    monkeypatch.setattr(routing, "_choose", lambda: ("replica1", False))
    token = routing._chosen.set("replica1")
    yield
    routing._chosen.reset(token)


def test_only_what_pages_show_is_read_on_a_replica(on_replica):
    router = routing.Router()
    for model in (Contact, Question, Question.topics.through, Posting):
        assert router.db_for_read(model) == "replica1"
    counted = cache.cache_model_class
    for model in (Session, counted, get_user_model(), Stamp, SearchCount, ErrorReport):
        assert router.db_for_read(model) == "default"
    assert router.db_for_write(Contact) == "default"
    assert not router.allow_migrate("replica1", "articles")


@pytest.mark.django_db
def test_a_transaction_is_read_where_it_is_written(on_replica):
    with transaction.atomic():
        assert routing.Router().db_for_read(Contact) == "default"


@pytest.mark.django_db
def test_every_page_can_be_made_of_a_replica_alone(monkeypatch):
    """Without the primary, readers see all there is; what is joined is read where the rest is."""
    # What people searched is written now and then, and nothing is lost to the reader when it fails.
    monkeypatch.setattr(counts, "note", lambda *args, **kwargs: None)
    tables = routing._shown_tables()
    for page in pages("en"):
        if page.address.startswith("/en/report/"):
            continue  # what is sent there is written
        with CaptureQueriesContext(connection) as captured:
            get(page.address)
        asked = " ".join(query["sql"] for query in captured.captured_queries)
        assert set(re.findall(r'FROM "?([a-z]+_\w+)', asked)) <= tables, page
        assert "SAVEPOINT" not in asked, page


def served_from(request):
    """Returns the databases that a request is served from."""
    asked = []

    def page(request):
        asked.append(routing._chosen.get())
        return HttpResponse()

    routing.ReplicaMiddleware(page)(request)
    return asked


def test_readers_are_served_from_a_replica_and_nobody_else(monkeypatch, rf):
    monkeypatch.setattr(routing, "replicas", lambda: ["replica1"])
    monkeypatch.setattr(routing, "_choose", lambda: ("replica1", False))
    assert served_from(rf.get("/en/")) == ["replica1"]
    assert served_from(rf.head("/en/")) == ["replica1"]
    assert served_from(rf.post("/en/help/")) == ["default"]
    signed_in = rf.get("/en/")
    signed_in.COOKIES["sessionid"] = "x"
    assert served_from(signed_in) == ["default"]
    assert routing._chosen.get() == "default"


@pytest.mark.parametrize("late", [False, True])
def test_what_a_late_replica_gives_is_kept_by_nobody(monkeypatch, rf, late):
    monkeypatch.setattr(routing, "replicas", lambda: ["replica1"])
    monkeypatch.setattr(routing, "_choose", lambda: ("replica1", late))
    held = []

    def page(request):
        held.append(may_hold())
        return HttpResponse(headers={"Cache-Control": "public"})

    response = routing.ReplicaMiddleware(page)(rf.get("/en/"))
    assert response["Cache-Control"] == ("no-store" if late else "public")
    assert held == [not late]
    assert may_hold()


@pytest.mark.parametrize("lost", [OperationalError, InterfaceError])
def test_a_page_whose_replica_is_lost_is_made_on_the_primary(on_replica, rf, lost):
    asked = []

    def page(request):
        asked.append(routing._chosen.get())
        return HttpResponse("made")

    middleware = routing.ReplicaMiddleware(page)
    assert middleware.process_exception(rf.get("/"), ValueError()) is None
    assert middleware.process_exception(rf.get("/"), lost()).content == b"made"
    assert asked == ["default"]
    # It is not asked again for a while, and then by one request.
    assert routing._stamp_of("replica1") is None
    # The primary's own failure is told.
    assert middleware.process_exception(rf.get("/"), lost()) is None


@pytest.mark.parametrize(
    ("known", "primary", "replicas", "chosen"),
    [
        ("7", 7, {"replica1": 7, "replica2": None}, "replica1"),
        ("7", 7, {"replica1": 6, "replica2": 8}, "replica2"),
        ("7", 7, {"replica1": 6, "replica2": None}, "default"),
        ("7", 7, {"replica1": None, "replica2": None}, "default"),
        ("7", None, {"replica1": 5, "replica2": 6}, "replica2"),
        ("7", None, {"replica1": None, "replica2": None}, "default"),
        ("garbled", 7, {"replica1": 7, "replica2": 7}, "default"),
    ],
)
def test_a_replica_serves_when_it_has_what_this_machine_knows_of(
    monkeypatch, settings, tmp_path, known, primary, replicas, chosen
):
    settings.PAGES_DIR = tmp_path
    stamp.file().write_text(known)
    monkeypatch.setattr(routing, "replicas", lambda: list(replicas))
    monkeypatch.setattr(routing, "_stamp_of", (replicas | {"default": primary}).get)
    assert routing._choose() == (chosen, primary is None and chosen != "default")
