"""Nothing that is not published reaches readers: every address of the site is asked, none is named.

The addresses are those of the URL resolver, with every argument it knows. An argument it does not
know fails: say in `ARGUMENTS` what it takes.
"""

import json
import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, resolve
from django.utils import timezone

from kb_site.editorial import history
from kb_site.editorial.models import PendingRevision, Record, Revision
from kb_site.search import updates
from tests.pages import DESK

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

STATUSES = ("draft", "in_review", "withdrawn")
# A word of each state that no reader may see, as the search, too, takes it for one word.
PENDING = "zzpending"
MARKERS = [f"zz{status.replace('_', '')}" for status in STATUSES] + [PENDING]


def mark(record, marker):
    """Puts a marker into every text of a record and of its parts; returns the rows changed."""
    rows = [row for _name, row in history.rows_of(record)]
    for row in rows:
        for name, (base, _language) in history.base_names(type(row)).items():
            column = row._meta.get_field(name)
            if isinstance(column, models.SlugField):
                setattr(row, name, f"{marker}-{record.pk}")
            elif isinstance(column, models.URLField):
                setattr(row, name, f"https://example.org/{marker}")
            elif isinstance(column, models.CharField | models.TextField) and base:
                setattr(row, name, f"{marker} {marker}"[: column.max_length or 400])
    return rows


def save(rows):
    for row in rows:
        row.save()


@pytest.fixture(scope="module")
def hidden(django_db_setup, django_db_blocker, tmp_path_factory):
    """Records of every kind that no reader may see, or not as they are: {key: marker}.

    Drafts and records in review were never published; a withdrawn one was, with the same words; of
    a published one a change waits for approval.
    """
    found = {}
    with (
        pytest.MonkeyPatch.context() as patch,
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        patch.setattr(settings, "SEARCH_INDEX_DIR", tmp_path_factory.mktemp("search"))
        for kind in history.record_kinds():
            records = list(kind.model.objects.published().order_by("-pk")[: len(STATUSES) + 1])
            for status, record in zip(STATUSES, records, strict=False):
                marker = f"zz{status.replace('_', '')}"
                key = f"{kind.name}:{record.reference}"
                if status == "withdrawn":
                    save(mark(record, marker))
                else:
                    Revision.objects.filter(kind=kind.name, reference=record.reference).delete()
                record = kind.model._base_manager.get(pk=record.pk)
                record.status = status
                if status == "withdrawn":
                    record.save()
                else:
                    with history.change(), history.paused():
                        save(mark(record, marker))
                    history.begin()
                found[key] = marker
            # What waits for approval.
            if len(records) > len(STATUSES):
                waiting = records[-1]
                data = json.loads(
                    re.sub(
                        r'("[a-z_]+_(?:fr|en)": )"[^"\\]+"',
                        rf'\1"{PENDING}"',
                        json.dumps(history.state_of(waiting)),
                    )
                )
                PendingRevision.objects.create(
                    kind=kind.name,
                    reference=waiting.reference,
                    base=1,
                    data=data,
                    at=timezone.now(),
                    reason=PENDING,
                )
        updates.rebuild()
        yield found
        transaction.set_rollback(True)


def references(hidden):
    return [key.partition(":")[2] for key in hidden]


def slugs():
    """Every slug that a record has or had."""
    found = set()
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.SlugField):
                found |= set(model._base_manager.values_list(field.name, flat=True))
    return sorted(filter(None, found))


def acts_of(hidden):
    """(act, provision) of the hidden records that have an address below another's."""
    from laws.models import Provision

    rows = Provision.objects.filter(reference__in=references(hidden))
    return list(rows.values_list("act__reference", "reference"))


# argument: what it takes, from the hidden records.
ARGUMENTS = {
    "reference": references,
    "record": references,
    "key": list,
    "slug": lambda hidden: [s for s in slugs() if s.startswith("zz")],
    "point": lambda hidden: ["1"],
    "number": lambda hidden: ["1"],
    "revision": lambda hidden: ["1"],
    "extension": lambda hidden: ["bib", "ris", "json"],
    "format": lambda hidden: ["bib", "ris", "json"],
    "kind/reference": lambda hidden: [key.replace(":", "/") for key in hidden],
    "kind": lambda hidden: [kind.name for kind in history.record_kinds()],
    "lang": lambda hidden: ["fr", "en"],
    "language": lambda hidden: ["fr", "en"],
    "token": lambda hidden: ["forged"],
    "act_reference": lambda hidden: sorted({act for act, _provision in acts_of(hidden)}),
    "path": lambda hidden: ["nothing"],
    "name": lambda hidden: ["nothing"],
    "url": lambda hidden: ["nothing"],
}
PATTERN = re.compile(r"<(?:\w+:)?([\w/]+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


def routes(patterns, before="", left_out=DESK):
    """Yields the route of every address that readers can ask for, as it is written."""
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if str(pattern.pattern) in left_out:
            continue
        if isinstance(pattern, URLPattern):
            route = route.replace("<slug:kind>/<slug:reference>", "<kind/reference>")
            yield route.replace("\\.", ".").replace("/?", "/").replace("$", "")
        else:
            yield from routes(pattern.url_patterns, route, left_out)


def addresses(route, hidden):
    """Yields every address that a route stands for with the arguments of hidden records."""
    found = PATTERN.search(route)
    if found is None:
        yield f"/{route}"
        return
    name = found[1] or found[2]
    assert name in ARGUMENTS, f"ARGUMENTS does not say what {name!r} of {route!r} takes."
    for value in ARGUMENTS[name](hidden):
        yield from addresses(f"{route[: found.start()]}{value}{route[found.end() :]}", hidden)


def queries(route):
    """What an address may be asked besides: of a record its states, of a list its searches."""
    today = timezone.localdate().isoformat()
    yield ""
    if "<extension>" in route:
        return  # A file has no states.
    yield from ("?rev=1", f"?as_of={today}")
    if not PATTERN.search(route):
        yield from ("?rev=2", "?page=1", "?lang=fr")
        for marker in MARKERS:
            yield f"?q={marker}"


def leaks(address):
    """The markers in what an address answers, and its status."""
    response = Client(raise_request_exception=False).get(address)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    assert response.status_code < 500, address
    shown = body.decode("utf-8", "replace") + " ".join(f"{k} {v}" for k, v in response.items())
    # What was asked may be repeated: the search box, the link to this page.
    for word in re.split(r"[^a-z0-9]+", address):
        if word in MARKERS:
            shown = shown.replace(word, "")
    return [marker for marker in MARKERS if marker in shown.lower()]


def test_there_is_something_to_hide(hidden):
    assert len(hidden) == len(STATUSES) * len(history.record_kinds())
    for key, marker in hidden.items():
        kind, _separator, reference = key.partition(":")
        model = history.kinds[kind].model
        record = model._base_manager.get(reference=reference)
        assert record not in model.objects.published()
        assert marker in json.dumps(history.state_of(record))
        readers = Revision.objects.filter(kind=kind, reference=reference, is_public=True)
        assert readers.exists() == (record.status == "withdrawn")
    assert PendingRevision.objects.count() == len(history.record_kinds())
    assert all(PENDING in json.dumps(p.data) for p in PendingRevision.objects.all())


def test_the_words_are_found_where_they_are_public(hidden):
    """The test can fail: the same words of a published record are found."""
    kind = history.kinds["contact"]
    record = kind.model.objects.published().first()
    save(mark(record, "zzpublic"))
    response = Client().get(f"/en/contacts/{record.reference}/")
    assert b"zzpublic" in response.content


@pytest.mark.parametrize("route", sorted({*routes(get_resolver().url_patterns)}) or ["none"])
def test_no_address_shows_what_is_not_published(route, hidden):
    asked = 0
    # Who may see a record does not depend on the language, but its slug does.
    both = not PATTERN.search(route) or "<slug:slug>" in route
    for language in ("fr", "en") if both else ["fr"]:
        for address in addresses(re.sub(r"^(fr|en)/", f"{language}/", route), hidden):
            for query in queries(route):
                assert leaks(address + query) == [], address + query
                asked += 1
        if not re.match(r"^(fr|en)/", route):
            break
    assert asked or "<" in route or "(?P" in route


def test_records_are_asked_for_by_name_where_an_address_takes_one(hidden):
    for key in hidden:
        reference = key.partition(":")[2]
        for path in (
            f"/en/changes/?record={key}",
            f"/en/changes/feed/?record={key}",
            f"/en/search/?q={reference}",
            f"/en/search/feed/?q={reference}",
            f"/en/questions/?topic={reference}",
            f"/r/{reference}/1?rev=1",
        ):
            assert leaks(path) == [], path


def test_what_is_published_does_not_show_what_it_cites(hidden):
    citing = Revision.objects.filter(until=None, is_public=True, citations__key__in=list(hidden))
    records = history.records_of({revision.key for revision in citing})
    assert len(records) > 10
    for record in records.values():
        cite = f"/en/cite/{record.reference}"
        points = re.findall(rf'"({cite}/\d+)/"', Client().get(f"{cite}/").content.decode())
        pages = [record.get_absolute_url(), f"/en/embed/{record.reference}/"]
        for path in (*pages, f"{cite}/", f"{cite}.ris", *(f"{point}.json" for point in points)):
            assert leaks(path) == [], path


def test_lists_and_maps_do_not_even_name_them(hidden):
    [key.partition(":")[2] for key, marker in hidden.items()]
    for path in (
        "/sitemap.xml",
        "/en/statements/feed/",
        "/en/questions/feed/",
        "/en/changes/feed/",
    ):
        text = Client().get(path).content.decode()
        for reference in references(hidden):
            assert not re.search(rf"{reference}(?![a-z0-9-])", text), (path, reference)


def test_every_address_for_readers_is_among_those_asked():
    """A new room of the site is walked by itself; a new argument has to be explained."""
    found = {*routes(get_resolver().url_patterns)}
    for path in ("r/(?P<reference>", "sitemap.xml", "embed/(?P<reference>"):
        assert any(path in route for route in found), path
    assert issubclass(history.record_kinds()[0].model, Record)
    assert resolve("/sitemap.xml")
