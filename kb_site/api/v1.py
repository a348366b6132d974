"""The API, version 1: read-only JSON of what is published, with the meaning pages give that word.

Names and shapes are those of `openapi.json`, which a test compares with what is built here:
`manage.py openapi` writes it anew. A kind that an app declares in its `api.py` is served as the
others are.
"""

import datetime
from html import unescape
from typing import Annotated, Literal

from django.conf import settings
from django.db.models import CharField, Q, Value
from django.db.models.functions import Concat
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags
from ninja import NinjaAPI, Query, Schema
from ninja.errors import ValidationError
from ninja.renderers import JSONRenderer
from pydantic import BaseModel, Field, create_model

from kb_site.api import problems
from kb_site.api.parameters import Day, Key, Limit, Number, Numbered, Paged, whole
from kb_site.api.problems import Problem, Refused
from kb_site.editorial import clock, history
from kb_site.editorial.models import Record, Revision, RevisionCitation, Status
from kb_site.editorial.views import changes_of, describe
from kb_site.graph import package
from kb_site.graph.shapes import LANGUAGES, PRIVATE, Reference, Texts, registry
from kb_site.search import limits
from kb_site.search.documents import registry as searched
from kb_site.search.find import Filters, find
from kb_site.search.query import MAX_LENGTH
from kb_site.search.views import LAST_PAGE


class Renderer(JSONRenderer):
    json_dumps_params = {"ensure_ascii": False}


api = NinjaAPI(
    title="Repères",
    version="1",
    description=(
        "What the law of Luxembourg and of the European Union says about images manipulated by AI, "
        "what was said about it, and who can help: every record the site publishes, in all its "
        "languages. A translated field is an object with a text a language. Records name each "
        "other by reference. Texts of claims are Markdown. Answers may be kept for five minutes; "
        "ask again with If-None-Match. Errors are problem details (RFC 9457). Texts: CC BY 4.0. "
        "Not legal advice."
    ),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
    renderer=Renderer(),
)

Pages = create_model(
    "Pages",
    __doc__="The addresses of a record's page.",
    **dict.fromkeys(LANGUAGES, (str, ...)),
)


class RevisionInfo(BaseModel):
    """Which state of the record this is."""

    number: int
    at: datetime.datetime = Field(description="When it was recorded.")


class RevisionRow(RevisionInfo):
    """One state that readers have seen."""

    until: datetime.datetime | None = Field(description="When the next one took its place.")
    is_editorial: bool = Field(description="Only a slip of the pen was corrected.")
    reason: str = Field(description="Why it was changed, where readers are told.")
    url: str


class Entrance(BaseModel):
    """Where everything is."""

    records: dict[str, str] = Field(description="The list of each kind of record.")
    search: str
    changes: str
    citations: str
    openapi: str
    documentation: Pages
    licence: str


class SearchResult(BaseModel):
    """A record that was found. Title and excerpt are plain text."""

    kind: str
    reference: str
    lang: str
    title: str
    excerpt: str
    url: str
    score: float = Field(description="Higher is better; for comparison within one answer.")


class Found(BaseModel):
    """A page of ten results."""

    count: int = Field(description="How many there are in all.")
    results: list[SearchResult]
    suggestion: str | None = Field(
        description="What was searched instead, where nothing holds a word as it was typed."
    )


class Place(BaseModel):
    """Where in a record another one is named."""

    part: str = Field(description="claims/3, versions/1; empty for the record itself.")
    field: str


class Citation(BaseModel):
    """One record that names another. Keys are kind:reference."""

    citing: str
    cited: str
    places: list[Place]


class Citations(BaseModel):
    items: list[Citation]
    next: str | None


class ChangedField(BaseModel):
    """What differs: a field of the record or of a part; no field where a part came or went."""

    part: str
    field: str
    lang: str = Field(description="The language of the text, or empty.")
    before: str | float | bool | list[str] | None
    after: str | float | bool | list[str] | None


class ChangeRow(BaseModel):
    """A change that readers are told of."""

    key: str
    revision: int
    at: datetime.datetime
    event: Literal["published", "changed", "no longer published"]
    title: Texts | None = Field(description="None for what is no longer published.")
    reason: str
    changes: list[ChangedField]
    pages: Pages | None


class Changes(BaseModel):
    items: list[ChangeRow]
    next: str | None


# Errors


@api.exception_handler(Refused)
def refused(request, error):
    response = problems.answer(error.status, error.detail)
    for name, value in error.headers.items():
        response[name] = value
    return response


@api.exception_handler(ValidationError)
def invalid(request, error):
    errors = [
        {
            "where": str(found["loc"][0]),
            "name": str(found["loc"][-1]),
            "message": found["msg"].removeprefix("Value error, "),
        }
        for found in error.errors
    ]
    return problems.answer(422, "A parameter is not as the API takes it: see errors.", errors)


MISSING = {404: Problem, 422: Problem}


# Records


def url_of(request, path):
    return request.build_absolute_uri(path)


def record_url(request, shape, reference):
    return url_of(request, f"{reverse('api:api-root')}{shape.plural}/{reference}")


def pages_of(request, record, shape):
    paths = shape.addresses(record)
    return {code: url_of(request, path) for code, path in paths.items()} or None


def page(request, items, after):
    """A page of a list; `after` is the cursor of the next one, None at the end."""
    address = None
    if after is not None:
        query = request.GET.copy()
        query["cursor"] = str(after)
        address = url_of(request, f"{request.path}?{query.urlencode()}")
    return {"items": items, "next": address}


def answered(request, shape, record, revision):
    """A record as the API answers it, for the day that `clock` says."""
    return (
        shape.row(record)
        | shape.facts_of(record)
        | {
            "key": f"{shape.name}:{record.reference}",
            "pages": pages_of(request, record, shape),
            "revision": revision and {"number": revision.number, "at": revision.at},
        }
    )


def find_record(shape, reference):
    """Returns the published record of a reference; raises `Refused`: it is none, or withdrawn."""
    record = shape.loaded().filter(reference=reference).first()
    if record is not None:
        return record
    revisions = Revision.objects.filter(kind=shape.name, reference=reference)
    last = revisions.filter(until=None, data__status=Status.WITHDRAWN).first()
    if last and revisions.filter(is_public=True).exists():
        since = timezone.localdate(last.at).isoformat()
        why = f" Why: {last.reason}" if last.reason else ""
        raise Refused(410, f"This {shape.name} was withdrawn on {since}.{why}")
    raise Refused(404, f"There is no {shape.name} “{reference}”. /{shape.plural} lists all.")


def past_record(shape, reference, moment):
    """Returns (record, revision) as they stood at an instant, or (None, None)."""
    record = history.Past(moment).get(shape.name, reference)
    if record is None:
        return None, None
    standing = Revision.objects.standing_at(moment)
    return record, standing.filter(kind=shape.name, reference=reference).first()


def serve(shape):
    """Adds the endpoints of a kind."""
    model = create_model(
        shape.type_name,
        __base__=shape.schema,
        __doc__=shape.schema.__doc__,
        key=(Key, Field(description="kind:reference.")),
        pages=(Pages | None, ...),
        revision=(RevisionInfo | None, ...),
        **{name: (kind, ...) for name, (kind, _function) in shape.facts.items()},
    )
    many = create_model(f"{shape.type_name}List", items=(list[model], ...), next=(str | None, ...))
    asked = create_model(
        f"{shape.type_name}Query",
        __base__=Paged,
        **{name: (kind | None, None) for name, (kind, _lookup) in shape.filters.items()},
    )
    tags = [shape.plural]

    @api.get(
        f"/{shape.plural}",
        response={200: many, 422: Problem},
        operation_id=f"list_{shape.plural}",
        summary=f"All {shape.plural}, a page at a time",
        tags=tags,
    )
    def list_records(request, query: Query[asked]):
        records = shape.loaded().order_by("reference")
        for name, (_type, lookup) in shape.filters.items():
            if value := getattr(query, name):
                records = records.filter(**{lookup: value})
        if query.cursor:
            records = records.filter(reference__gt=query.cursor)
        records = list(records[: query.limit + 1])
        shown = records[: query.limit]
        revisions = {
            revision.reference: revision
            for revision in Revision.objects.filter(
                kind=shape.name, until=None, reference__in=[r.reference for r in shown]
            ).only("reference", "number", "at")
        }
        items = [answered(request, shape, r, revisions.get(r.reference)) for r in shown]
        return page(request, items, shown[-1].reference if len(records) > len(shown) else None)

    if not issubclass(shape.model, Record):

        @api.get(
            f"/{shape.plural}/{{reference}}",
            response={200: model, **MISSING},
            operation_id=f"get_{shape.name}",
            summary=f"One of the {shape.plural}",
            tags=tags,
        )
        def get_plain(request, reference: Reference):
            record = find_record(shape, reference)
            return answered(request, shape, record, history.standing(history.key_of(record)))

        return

    dated = create_model(
        f"{shape.type_name}AsOf",
        __base__=Schema,
        as_of=(
            Day | None,
            Field(None, description="The record as it stood at the end of that day in Luxembourg."),
        ),
    )

    @api.get(
        f"/{shape.plural}/{{reference}}",
        response={200: model, 410: Problem, **MISSING},
        operation_id=f"get_{shape.name}",
        summary=f"One of the {shape.plural}, today or as it stood on a day",
        tags=tags,
    )
    def get_record(request, reference: Reference, query: Query[dated]):
        record = find_record(shape, reference)
        day = query.as_of
        if day is None:
            return answered(request, shape, record, history.standing(history.key_of(record)))
        if day > timezone.localdate():
            raise Refused(404, "This day is yet to come: ask for today or a day before.")
        with clock.as_of(day):
            record, revision = past_record(shape, reference, clock.moment())
            if record is None:
                raise Refused(
                    404,
                    f"Readers had no {shape.name} “{reference}” on {day.isoformat()}. "
                    f"/{shape.plural}/{reference}/revisions lists its states.",
                )
            return answered(request, shape, record, revision)

    rows = create_model(
        f"{shape.type_name}Revisions", items=(list[RevisionRow], ...), next=(str | None, ...)
    )

    @api.get(
        f"/{shape.plural}/{{reference}}/revisions",
        response={200: rows, 410: Problem, **MISSING},
        operation_id=f"list_{shape.name}_revisions",
        summary=f"The states of one of the {shape.plural}, newest first",
        tags=tags,
    )
    def list_revisions(request, reference: Reference, query: Query[Numbered]):
        find_record(shape, reference)
        found = Revision.objects.filter(kind=shape.name, reference=reference, is_public=True)
        if query.cursor:
            found = found.filter(number__lt=query.cursor)
        found = list(found.order_by("-number").defer("data", "changes")[: query.limit + 1])
        shown = found[: query.limit]
        items = [
            {
                "number": revision.number,
                "at": revision.at,
                "until": revision.until,
                "is_editorial": revision.is_editorial,
                "reason": revision.reason if revision.is_told else "",
                "url": f"{record_url(request, shape, reference)}/revisions/{revision.number}",
            }
            for revision in shown
        ]
        return page(request, items, shown[-1].number if len(found) > len(shown) else None)

    @api.get(
        f"/{shape.plural}/{{reference}}/revisions/{{number}}",
        response={200: model, 410: Problem, **MISSING},
        operation_id=f"get_{shape.name}_revision",
        summary=f"One state of one of the {shape.plural}, as it last stood",
        tags=tags,
    )
    def get_revision(request, reference: Reference, number: Number):
        find_record(shape, reference)
        revision = Revision.objects.filter(
            kind=shape.name, reference=reference, number=min(number, 2**31 - 1), is_public=True
        ).first()
        record = None
        if revision is not None:
            last = revision.until and revision.until - datetime.timedelta(microseconds=1)
            moment = last or timezone.now()
            with clock.as_of(timezone.localdate(moment)):
                record, _revision = past_record(shape, reference, moment)
                if record is not None:
                    return answered(request, shape, record, revision)
        raise Refused(
            404,
            f"Readers have seen no such state: /{shape.plural}/{reference}/revisions lists all.",
        )


for _shape in registry.values():
    serve(_shape)


# Search


class SearchQuery(Schema):
    q: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_LENGTH,
            pattern=r"^[^\x00]*$",
            description="What to find, as people type it.",
        ),
    ]
    lang: Literal[tuple(LANGUAGES)] = settings.LANGUAGE_CODE
    kind: Literal[tuple(index.kind for index in searched.values())] | None = Field(
        None, description="Only records of this kind."
    )
    page: whole(1, LAST_PAGE) = 1


@api.get(
    "/search",
    response={200: Found, 422: Problem, 429: Problem},
    summary="Find records, ten a page",
    operation_id="search",
    tags=["search"],
)
def search(request, query: Query[SearchQuery]):
    if seconds := limits.wait(request):
        detail = f"Too many searches came from this address: ask again in {seconds} seconds."
        raise Refused(429, detail, limits.headers(seconds))
    filters = Filters(kinds=(query.kind,) if query.kind else ())
    results = find(query.q, query.lang, filters, query.page)
    finite = [r.score for r in results if r.score != float("inf")]
    # What an editor put first has no score of its own.
    first = max(finite, default=0.0) + 1.0
    return {
        "count": results.count,
        "results": [
            {
                "kind": result.kind,
                "reference": result.reference,
                "lang": result.language,
                "title": _plain(result.title),
                "excerpt": _plain(result.excerpt),
                "url": url_of(request, result.url),
                "score": min(result.score, first),
            }
            for result in results
        ],
        "suggestion": results.corrected_text or None,
    }


def _plain(html):
    return unescape(strip_tags(html))


# Citations


class CitationQuery(Numbered):
    citing: Key | None = Field(None, description="Only what this record names: kind:reference.")
    cited: Key | None = Field(None, description="Only what names this record: kind:reference.")


@api.get(
    "/citations",
    response={200: Citations, 422: Problem},
    summary="Which record names which, and where",
    operation_id="list_citations",
    tags=["citations"],
)
def list_citations(request, query: Query[CitationQuery]):
    found = RevisionCitation.objects.filter(revision__until=None).filter(_public_citations())
    if query.citing:
        kind, _separator, reference = query.citing.partition(":")
        found = found.filter(revision__kind=kind, revision__reference=reference)
    if query.cited:
        found = found.filter(key=query.cited)
    if query.cursor:
        found = found.filter(pk__gt=query.cursor)
    found = list(found.select_related("revision").order_by("pk")[: query.limit + 1])
    shown = found[: query.limit]
    items = [
        {
            "citing": citation.revision.key,
            "cited": citation.key,
            "places": list(_places(citation.revision, citation.key)),
        }
        for citation in shown
    ]
    return page(request, items, shown[-1].pk if len(found) > len(shown) else None)


def _public_citations():
    """The condition that readers may see both sides of a citation."""
    citing, cited = Q(), Q()
    for shape in registry.values():
        rows = shape.published().order_by()
        citing |= Q(revision__kind=shape.name, revision__reference__in=rows.values("reference"))
        keys = rows.annotate(
            cited_key=Concat(Value(f"{shape.name}:"), "reference", output_field=CharField())
        )
        cited |= Q(key__in=keys.values("cited_key"))
    return citing & cited


def _places(revision, key):
    kind = history.kinds[revision.kind]
    private = PRIVATE | registry[revision.kind].private
    yield from _places_in(revision.data, kind.model, kind.parts, key, private, "")


def _places_in(data, model, parts, key, private, part):
    columns = [c.name for c in history.columns(model) if c.is_relation and c.name in data]
    many = [c.name for c in model._meta.many_to_many if c.name in data]
    for name in columns:
        if data[name] == key and name not in private:
            yield {"part": part, "field": name}
    for name in many:
        if key in data[name] and name not in private:
            yield {"part": part, "field": name}
    for name, inner in parts.items():
        inner_model = model._meta.get_field(name).related_model
        for row in data.get(name, ()):
            place = f"{part}/{name}/{row[inner.label]}".strip("/")
            yield from _places_in(row, inner_model, inner.parts, key, private, place)


# Changes


class ChangeQuery(Schema):
    record: Key | None = Field(None, description="Only of this record: kind:reference.")
    since: Day | None = Field(None, description="Only from this day on.")
    cursor: Number | None = Field(None, description="As next has it; none for the first page.")
    limit: Limit = 25


@api.get(
    "/changes",
    response={200: Changes, **MISSING},
    summary="What changed, newest first; slips of the pen are left out",
    operation_id="list_changes",
    tags=["changes"],
)
def list_changes(request, query: Query[ChangeQuery]):
    record = None
    if query.record:
        name, _separator, reference = query.record.partition(":")
        shape = registry.get(name)
        if shape is None or not issubclass(shape.model, Record):
            raise Refused(404, f"There is no kind of record “{name}” that has a log of changes.")
        record = shape.published().filter(reference=reference).first()
        if record is None:
            raise Refused(404, f"There is no {name} “{reference}”.")
    found = changes_of(record).filter(kind__in=registry)
    if query.since:
        start = datetime.datetime.combine(query.since, datetime.time.min)
        found = found.filter(at__gte=start.replace(tzinfo=timezone.get_current_timezone()))
    if query.cursor:
        found = found.filter(pk__lt=query.cursor)
    found = list(found.order_by("-pk")[: query.limit + 1])
    shown = found[: query.limit]
    # What happened is named in the words of the API's own language.
    with translation.override("en"):
        describe(shown)
    public = _PublicKeys()
    items = [
        {
            "key": revision.key,
            "revision": revision.number,
            "at": revision.at,
            "event": revision.event,
            "title": _titles(revision),
            "reason": revision.reason,
            "changes": list(_changed_fields(revision, public)),
            "pages": pages_of(request, revision.record, registry[revision.kind])
            if revision.url
            else None,
        }
        for revision in shown
    ]
    return page(request, items, shown[-1].pk if len(found) > len(shown) else None)


def _titles(revision):
    if not revision.url:
        return None
    data = revision.data if revision.is_public else vars(revision.record)
    return {code: history.title_of(revision.kind, data, code)[0] for code in LANGUAGES}


class _PublicKeys:
    """Which keys name what readers may see, asked once a kind."""

    def __init__(self):
        self.known = {}

    def __call__(self, key):
        name, _separator, reference = key.partition(":")
        if name not in self.known:
            shape = registry.get(name)
            rows = shape.published().values_list("reference", flat=True) if shape else ()
            self.known[name] = set(rows)
        return reference in self.known[name]


def _changed_fields(revision, public):
    private = PRIVATE | registry[revision.kind].private
    for row in revision.told_changes:
        if row["silent"] or row["field"] in private:
            continue
        model = history.model_at(history.kinds[revision.kind], row["path"])
        base, language = history.base_names(model).get(row["field"], (row["field"], ""))
        part = "/".join(f"{name}/{label}" for name, label in row["path"])
        before, after = row["before"], row["after"]
        if not base:
            # A part that came or went: which, and no more.
            before, after = (None if side is None else part for side in (before, after))
        elif model._meta.get_field(base).is_relation:
            before, after = (_public_part(side, public) for side in (before, after))
        yield {"part": part, "field": base, "lang": language, "before": before, "after": after}


def _public_part(value, public):
    """What a relation held, without what readers may not see."""
    if isinstance(value, list):
        return [key for key in value if public(key)]
    return value if value and public(value) else None


# The entrance


@api.get(
    "/",
    response={200: Entrance},
    summary="Where everything is",
    operation_id="entrance",
    tags=["entrance"],
)
def entrance(request):
    here = request.path
    documentation = {}
    for code in LANGUAGES:
        with translation.override(code):
            documentation[code] = url_of(request, reverse("api-docs"))
    return {
        "records": {s.plural: url_of(request, f"{here}{s.plural}") for s in registry.values()},
        "search": url_of(request, f"{here}search"),
        "changes": url_of(request, f"{here}changes"),
        "citations": url_of(request, f"{here}citations"),
        "openapi": url_of(request, f"{here}openapi.json"),
        "documentation": documentation,
        "licence": package.LICENCE["path"],
    }
