"""What programs get: every record as its page has it, and nothing that has no page."""

import datetime
import json
import re
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from articles.models import Claim, Contact, Question, Statement
from kb_site.api import document
from kb_site.editorial import history
from kb_site.editorial.models import Record, Revision
from kb_site.graph.shapes import registry
from laws.models import LegalAct, Provision, ProvisionVersion
from tests.graph.test_round_trip import SECRET, secrets  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/"
COMMITTED = Path(site_settings.BASE_DIR) / "kb_site" / "api" / "openapi.json"


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def get(client, path, status=200, **query):
    response = client.get(f"{ROOT}{path}", query)
    assert response.status_code == status, response.content
    return response.json()


def walk(client, path, **query):
    """Every item of a list, page by page, as `next` leads."""
    address, found = f"{ROOT}{path}", []
    while address:
        answer = client.get(address, query).json()
        found += answer["items"]
        address, query = answer["next"], {}
    return found


def problem(client, path, status, **query):
    response = client.get(f"{ROOT}{path}", query)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    assert told["detail"]
    return told


# The document


def test_the_committed_document_is_what_is_served(client):
    text = COMMITTED.read_text(encoding="utf-8")
    assert text == document.text(), "Names or shapes changed: see `manage.py openapi --help`."
    assert client.get(f"{ROOT}openapi.json").json() == json.loads(text)


def test_the_documentation_is_a_page_of_ours_without_scripts(client):
    for language in ("fr", "en"):
        response = client.get(f"/{language}/api/")
        html = response.content.decode()
        assert response.status_code == 200
        scripts = re.findall("<script[^>]*>", html)
        assert all("exit.js" in tag or "ld+json" in tag for tag in scripts)
        assert html.count("<h1") == 1
        for path in document.build()["paths"]:
            assert path in html


# Records


@pytest.mark.parametrize("kind", registry)
def test_a_list_holds_every_published_record_once(client, kind):
    shape = registry[kind]
    found = [item["reference"] for item in walk(client, shape.plural, limit=7)]
    assert sorted(found) == sorted(shape.published().values_list("reference", flat=True))
    assert len(set(found)) == len(found) > 0


@pytest.mark.parametrize("kind", registry)
def test_a_record_is_the_same_alone_in_a_list_and_in_the_export(client, kind):
    shape = registry[kind]
    for record in list(shape.in_batches())[:3]:
        alone = get(client, f"{shape.plural}/{record.reference}")
        assert alone in walk(client, shape.plural, limit=100)
        row = json.loads(json.dumps(shape.row(record), default=datetime.date.isoformat))
        assert row.items() <= alone.items()
        assert alone["key"] == f"{kind}:{record.reference}"


def test_a_question_says_all_that_its_page_says(client):
    question = Question.objects.get(reference="q-school")
    told = get(client, "questions/q-school")
    assert told["title"] == {"fr": question.title_fr, "en": question.title_en}
    assert told["pages"]["en"].endswith(f"/en/questions/{question.slug_en}/")
    assert client.get(told["pages"]["fr"]).status_code == 200
    claims = list(question.claims.order_by("order"))
    assert [claim["text"]["fr"] for claim in told["claims"]] == [c.text_fr for c in claims]
    assert told["claims"][0]["provisions"] == sorted(
        claims[0].provisions.values_list("reference", flat=True)
    )
    assert told["revision"]["number"] == 1
    assert not {"status", "verified_by", "review_on", "pk", "id"} & told.keys()


def test_the_standing_of_the_law_is_of_the_day(client):
    provision = Provision.objects.get(reference="lu-cp-383bis")
    ProvisionVersion.objects.filter(provision=provision).delete()
    day = timezone.localdate()
    ProvisionVersion.objects.create(
        provision=provision,
        number=1,
        applies_until=day - datetime.timedelta(days=1),
        summary_fr="a",
        summary_en="a",
    )
    told = get(client, "provisions/lu-cp-383bis")
    assert told["legal_status"] == {"code": "no-longer-applicable", "date": day.isoformat()}
    assert told["current_version"] == 1


def test_lists_are_narrowed(client):
    found = walk(client, "provisions", act="lu-code-penal", limit=100)
    assert {item["act"] for item in found} == {"lu-code-penal"}
    found = walk(client, "questions", topic="tp-criminal-law", limit=100)
    assert found
    assert all("tp-criminal-law" in item["topics"] for item in found)
    assert {item["kind"] for item in walk(client, "contacts", kind="police")} == {"police"}
    assert walk(client, "questions", topic="tp-nowhere") == []


@pytest.mark.parametrize("path", [*(s.plural for s in registry.values()), "citations", "changes"])
def test_a_page_of_a_list_costs_as_many_queries_however_long_it_is(client, path):
    def cost(limit):
        get(client, path, limit=limit)
        with CaptureQueriesContext(connection) as captured:
            get(client, path, limit=limit)
        return len(captured)

    assert cost(2) == cost(100) <= 14


# Days and states


@pytest.fixture
def changed():
    """A question that has changed since yesterday, and the day before which nobody had it."""
    now = timezone.now()
    Revision.objects.filter(reference="q-school").update(at=now - datetime.timedelta(days=9))
    Revision.objects.filter(kind__in=["topic", "provision", "act", "contact", "source"]).update(
        at=now - datetime.timedelta(days=9)
    )
    question = Question.objects.get(reference="q-school")
    before = question.title_en
    question.title_en = "Another title?"
    with history.change(reason="A better title"):
        question.save()
    return before


def test_a_record_is_shown_as_it_stood_on_a_day(client, changed):
    yesterday = timezone.localdate() - datetime.timedelta(days=1)
    assert get(client, "questions/q-school")["title"]["en"] == "Another title?"
    then = get(client, "questions/q-school", as_of=yesterday.isoformat())
    assert then["title"]["en"] == changed
    assert then["revision"]["number"] == 1
    assert any(claim["provisions"] for claim in then["claims"])
    long_ago = problem(client, "questions/q-school", 404, as_of="2001-01-01")
    assert "Readers had no question" in long_ago["detail"]
    tomorrow = timezone.localdate() + datetime.timedelta(days=2)
    assert (
        "yet to come"
        in problem(client, "questions/q-school", 404, as_of=tomorrow.isoformat())["detail"]
    )


def test_every_state_that_readers_saw_can_be_read(client, changed):
    states = walk(client, "questions/q-school/revisions", limit=1)
    assert [(s["number"], s["reason"]) for s in states] == [(2, "A better title"), (1, "")]
    assert client.get(states[1]["url"]).json()["title"]["en"] == changed
    assert client.get(states[0]["url"]).json()["title"]["en"] == "Another title?"
    problem(client, "questions/q-school/revisions/3", 404)


def test_a_state_of_before_the_publication_is_nobodys(client):
    question = Question.objects.get(reference="q-school")
    Revision.objects.filter(reference="q-school").update(is_public=False)
    question.title_en = "Published now?"
    question.save()
    assert [s["number"] for s in walk(client, "questions/q-school/revisions")] == [2]
    problem(client, "questions/q-school/revisions/1", 404)


def test_changes_are_told_with_their_reason(client, changed):
    [change] = walk(client, "changes", record="question:q-school")
    assert change["event"] == "changed"
    assert change["reason"] == "A better title"
    assert change["title"]["en"] == "Another title?"
    assert change["changes"] == [
        {"part": "", "field": "title", "lang": "en", "before": changed, "after": "Another title?"}
    ]
    assert walk(client, "changes", since=timezone.localdate().isoformat())
    later = timezone.localdate() + datetime.timedelta(days=1)
    assert walk(client, "changes", since=later.isoformat()) == []


def test_citations_are_told_both_ways(client):
    claim = Claim.objects.filter(question__reference="q-school", provisions__isnull=False).first()
    provision = claim.provisions.first()
    row = {
        "citing": "question:q-school",
        "cited": f"provision:{provision.reference}",
        "places": [{"part": f"claims/{claim.order}", "field": "provisions"}],
    }
    for query in ({"citing": row["citing"]}, {"cited": row["cited"]}):
        found = walk(client, "citations", **query)
        [own] = [f for f in found if f["citing"] == row["citing"] and f["cited"] == row["cited"]]
        assert row["places"][0] in own["places"]


# Search


def test_a_search_answers_in_the_shape_that_is_promised(client):
    answer = get(client, "search", q="deepfake", lang="en")
    assert set(answer) == {"count", "results", "suggestion"}
    assert answer["count"] > 10 == len(answer["results"])
    for result in answer["results"]:
        assert set(result) == {"kind", "reference", "lang", "title", "excerpt", "url", "score"}
        assert "<" not in result["title"] + result["excerpt"]
        assert "&" not in result["title"]
    second = get(client, "search", q="deepfake", lang="en", page=2)["results"]
    first = {(r["kind"], r["reference"]) for r in answer["results"]}
    assert first.isdisjoint((r["kind"], r["reference"]) for r in second)
    assert get(client, "search", q="deepfake", page=1000)["results"] == []


def test_a_search_finds_in_a_language_and_a_kind_and_suggests(client):
    found = get(client, "search", q="police", lang="fr", kind="contact")["results"]
    assert {result["kind"] for result in found} == {"contact"}
    assert "/fr/contacts/" in found[0]["url"]
    assert get(client, "search", q="deepfkae", lang="en")["suggestion"] == "deepfake"
    assert get(client, "search", q="deepfake")["suggestion"] is None


@pytest.mark.parametrize("q", ["***", "🙂", "' OR 1=1 --", "title:x AND (", "%ED%A0%80"])
def test_any_text_can_be_searched(client, q):
    assert client.get(f"{ROOT}search?q={q}").status_code == 200


# Errors


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("questions/q-nobody-wrote", 404),
        ("nothing", 404),
        ("questions/q-school/nothing", 404),
        ("questions/Q SCHOOL", 422),
        ("questions/%00", 422),
        ("questions/%ED%A0%80", 422),
        (f"questions/{'a' * 5000}", 422),
        ("questions?limit=0", 422),
        ("questions?limit=1e3", 422),
        ("questions?limit=" + "9" * 5000, 422),
        ("questions?cursor=%00", 422),
        ("questions/q-school?as_of=2026-02-30", 422),
        ("questions/q-school?as_of=1", 422),
        ("questions/q-school?as_of=0001-01-01", 404),
        ("questions/q-school?as_of=9999-12-31", 404),
        ("questions/q-school/revisions/99999999999999999999", 422),
        ("questions/q-school/revisions/9223372036854775807", 404),
        ("citations?cursor=9223372036854775808", 422),
        ("citations?cited=%00", 422),
        ("changes?record=question:nobody", 404),
        ("changes?record=penalty:x", 404),
        ("changes?record=topic:tp-criminal-law", 404),
        ("search", 422),
        ("search?q=", 422),
        ("search?q=%00", 422),
        (f"search?q={'x' * 201}", 422),
        ("search?q=x&lang=de", 422),
        ("search?q=x&kind=nothing", 422),
        ("search?q=x&page=1001", 422),
    ],
)
def test_what_cannot_be_answered_is_told_as_a_problem(client, path, status):
    response = client.get(f"{ROOT}{path}")
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    assert told["type"] == "about:blank"
    assert told["title"]
    assert (status == 422) == bool(told.get("errors"))


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace"])
@pytest.mark.parametrize("path", ["questions", "openapi.json", "nothing", ""])
def test_the_api_is_for_reading(client, method, path):
    response = getattr(client, method)(f"{ROOT}{path}")
    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"
    assert response["Allow"] == "GET, HEAD, OPTIONS"


def test_a_request_to_an_unknown_host_gets_a_problem(client):
    response = client.get(ROOT, headers={"Host": "elsewhere.example"})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_a_fault_of_ours_is_a_problem_without_details(client, monkeypatch):
    monkeypatch.setattr("kb_site.api.v1.find", lambda *args: 1 / 0)
    told = problem(client, "search", 500, q="x")
    assert "division" not in json.dumps(told)


# How it travels


def test_answers_are_open_cached_and_conditional(client):
    response = client.get(f"{ROOT}questions")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response
    assert response["Cache-Control"] == "public, max-age=300"
    assert response.get("Vary", "Accept-Encoding") == "Accept-Encoding"
    assert not response.cookies
    again = client.get(f"{ROOT}questions", headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["Access-Control-Allow-Origin"] == "*"
    other = client.get(f"{ROOT}questions", headers={"If-Match": '"x"'})
    assert (other.status_code, other["Content-Type"]) == (412, "application/problem+json")
    small = client.get(f"{ROOT}questions", headers={"Accept-Encoding": "gzip"})
    known = {"Accept-Encoding": "gzip", "If-None-Match": small["ETag"]}
    assert client.get(f"{ROOT}questions", headers=known).status_code == 304
    Contact.objects.filter(reference="ct-police").update(order=77)
    assert client.get(f"{ROOT}questions")["ETag"] == response["ETag"]
    assert client.get(f"{ROOT}contacts")["ETag"] != response["ETag"]


def test_answers_do_not_depend_on_who_asks(client, editor_client):
    for path in ("questions", "nothing", "search"):
        mine = editor_client.get(f"{ROOT}{path}", headers={"Accept-Language": "fr"})
        theirs = client.get(f"{ROOT}{path}", headers={"Accept-Language": "en"})
        assert mine.content == theirs.content
        assert "Content-Language" not in mine


def test_head_and_preflight_are_answered(client):
    response = client.head(f"{ROOT}questions")
    assert (response.status_code, response.content) == (200, b"")
    assert response["ETag"]
    response = client.options(f"{ROOT}questions", headers={"Origin": "https://example.org"})
    assert response.status_code == 204
    assert response["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"


# What nobody may read


@pytest.mark.usefixtures("secrets")
def test_drafts_tasks_and_people_are_nowhere(client):
    # Their numbers and what was typed of them are not told either.
    paths = [ROOT, f"{ROOT}search?q={SECRET}", f"{ROOT}openapi.json"]
    for shape in registry.values():
        paths.append(f"{ROOT}{shape.plural}?limit=100")
        references = shape.model._base_manager.values_list("reference", flat=True)
        for reference in references:
            if SECRET in reference or reference in ("q-school", "ct-police"):
                path = f"{ROOT}{shape.plural}/{reference}"
                paths += [path, f"{path}/revisions", f"{path}/revisions/1", f"{path}/revisions/2"]
    paths += [f"{ROOT}changes?limit=100", f"{ROOT}citations?limit=100"]
    read = 0
    while paths:
        response = client.get(paths.pop())
        text = response.content.decode()
        if response.status_code == 200:
            assert SECRET not in text.replace(f"q={SECRET}", "")
            read += 1
            if (after := json.loads(text).get("next")) and read < 60:
                paths.append(after)
        else:
            assert response.status_code in (404, 410, 422)
    assert read > 15


@pytest.mark.parametrize("kind", [k for k, s in registry.items() if issubclass(s.model, Record)])
def test_what_is_not_published_is_not_answered(client, kind):
    shape = registry[kind]
    statuses = ("draft", "in_review", "withdrawn")
    hidden = dict(zip(shape.published()[: len(statuses)], statuses, strict=True))
    for record, status in hidden.items():
        record.status = status
        record.save()
    listed = {i["reference"] for i in walk(client, shape.plural, limit=100)}
    everything = json.dumps([walk(client, s.plural, limit=100) for s in registry.values()])
    for record, status in hidden.items():
        gone = 410 if status == "withdrawn" else 404
        for path in ("", "/revisions", "/revisions/1", "?as_of=2026-11-23"):
            problem(client, f"{shape.plural}/{record.reference}{path}", gone)
        assert record.reference not in listed
        key = f"{kind}:{record.reference}"
        assert walk(client, "citations", cited=key) == walk(client, "citations", citing=key) == []
        problem(client, "changes", 404, record=key)
        assert f'"{record.reference}"' not in everything


def test_a_withdrawn_record_says_since_when_and_why(client):
    contact = Contact.objects.get(reference="ct-police")
    contact.status = "withdrawn"
    with history.change(reason="The number is no longer served"):
        contact.save()
    told = problem(client, "contacts/ct-police", 410)
    assert "withdrawn on" in told["detail"]
    assert "The number is no longer served" in told["detail"]
    [change] = [c for c in walk(client, "changes") if c["key"] == "contact:ct-police"]
    assert (change["event"], change["title"], change["changes"]) == (
        "no longer published",
        None,
        [],
    )


def test_a_provision_of_an_act_that_is_not_published_is_not_answered(client):
    act = LegalAct.objects.get(reference="lu-code-penal")
    act.status = "draft"
    act.save()
    problem(client, "provisions/lu-cp-383bis", 404)
    assert walk(client, "provisions", act="lu-code-penal") == []
    told = json.dumps(walk(client, "questions", limit=100))
    assert "lu-cp-383bis" not in told


def test_a_source_of_no_published_statement_is_not_answered(client):
    source = Statement.objects.published().first().source
    get(client, f"sources/{source.reference}")
    source.statements.update(status="draft")
    problem(client, f"sources/{source.reference}", 404)
