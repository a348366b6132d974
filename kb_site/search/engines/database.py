"""The engine in the database: postings in a table, scores summed in SQL.

It runs on PostgreSQL and on SQLite without any extension. A record's postings are written in the
record's own transaction, so that every node and every replica has them when it has the record.
"""

import itertools
from collections import Counter

from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from kb_site.search import ranking
from kb_site.search.documents import LANGUAGES
from kb_site.search.engines import Engine, Facet, Matches, SearchUnavailable, Stored
from kb_site.search.models import (
    IndexedDocument,
    IndexedFacet,
    IndexedTerm,
    IndexState,
    Posting,
)

# Bump it when the analysis or the weights change: an older index is then rebuilt.
VERSION = 3

BATCH = 2000


class DatabaseEngine(Engine):
    is_transactional = True

    def __init__(self):
        self._facets = {}
        self._vocabularies = {}

    # Reading

    def frequencies(self, language, terms):
        names = {_name(language, term): term for term in terms}
        rows = (
            IndexedTerm.objects.filter(term__in=[*names, _name(language, "")])
            .values_list("term")
            .annotate(Sum("documents"))
        )
        try:
            found = dict(rows)
        except DatabaseError as error:
            raise SearchUnavailable(f"The search tables cannot be read: {error}") from error
        documents = found.pop(_name(language, ""), 0)
        return documents, {term: max(0, found.get(name, 0)) for name, term in names.items()}

    def match(self, language, groups, keep=None, limit=10):
        alone = [group[0] for group in groups if len(group) == 1]
        together = [(part, *pair) for part, g in enumerate(groups) if len(g) > 1 for pair in g]
        if not alone and not together:
            return Matches([], 0, {})
        scores = _scores(len(alone), len(together))
        parameters = []
        for term, factor in alone:
            parameters += [_name(language, term), factor]
        for part, term, factor in together:
            parameters += [part, _name(language, term), factor]
        with connection.cursor() as cursor:
            cursor.execute(
                f"{scores} SELECT facet_id, COUNT(*), NULL FROM scores GROUP BY facet_id"  # noqa: S608
                if keep
                else f"{scores}, top AS (SELECT document_id, score FROM scores"  # noqa: S608
                f" ORDER BY score DESC, document_id LIMIT {int(limit)})"
                " SELECT facet_id, COUNT(*), NULL FROM scores GROUP BY facet_id"
                " UNION ALL SELECT NULL, document_id, score FROM top",
                parameters,
            )
            rows = cursor.fetchall()
            facets = {self._facet(facet): n for facet, n, _score in rows if facet is not None}
            best = [(document, score) for facet, document, score in rows if facet is None]
            count = sum(facets.values())
            if keep:
                kept = [f for f, _n, _score in rows if keep(self._facet(f))]
                count = sum(facets[self._facet(f)] for f in kept)
                if kept:
                    cursor.execute(
                        f"{scores} SELECT document_id, score FROM scores"  # noqa: S608
                        f" WHERE facet_id IN ({', '.join(str(int(f)) for f in kept)})"
                        f" ORDER BY score DESC, document_id LIMIT {int(limit)}",
                        parameters,
                    )
                    best = cursor.fetchall()
        best.sort(key=lambda pair: (-pair[1], pair[0]))
        return Matches(best, count, facets)

    def _facet(self, pk):
        if pk not in self._facets:
            self._facets = {facet.pk: _facet_of(facet) for facet in IndexedFacet.objects.all()}
        return self._facets.get(pk) or Facet("")

    def load(self, language, ids):
        documents = IndexedDocument.objects.filter(pk__in=ids).defer("words")
        return {document.pk: _stored(document) for document in documents}

    def load_keys(self, language, keys):
        documents = IndexedDocument.objects.filter(language=language, key__in=keys).defer("words")
        return {document.key: _stored(document) for document in documents}

    def vocabulary(self, language):
        prefix = _name(language, "'")
        words = IndexedTerm.objects.filter(term__gte=prefix, term__lt=_name(language, "("))
        mark = IndexedTerm.objects.order_by("-pk").values_list("pk", flat=True).first()
        known = self._vocabularies.get(language)
        if known and known[0] == mark:
            return known[1]
        found = {
            name.removeprefix(prefix): documents
            for name, documents in words.values_list("term").annotate(Sum("documents"))
            if documents > 0
        }
        self._vocabularies[language] = (mark, found)
        return found

    def fingerprints(self):
        rows = IndexedDocument.objects.values_list("key", "language", "fingerprint")
        return {(key, language): fingerprint for key, language, fingerprint in rows.iterator()}

    def size(self):
        tables = [
            model._meta.db_table for model in (IndexedDocument, IndexedTerm, IndexedFacet, Posting)
        ]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT SUM(pg_total_relation_size(name::regclass))"
                    " FROM unnest(%s::text[]) AS name",
                    [tables],
                )
            else:
                cursor.execute(
                    "SELECT SUM(pgsize) FROM dbstat WHERE name IN"
                    " (SELECT name FROM sqlite_master WHERE tbl_name IN (%s, %s, %s, %s))",
                    tables,
                )
            return int(cursor.fetchone()[0] or 0)

    def check(self):
        try:
            state = IndexState.objects.first()
        except DatabaseError as error:
            raise SearchUnavailable(f"The search tables cannot be read: {error}") from error
        if state is None or state.version != VERSION:
            raise SearchUnavailable(
                "There is no search index of this form yet. Run `manage.py rebuild_search_index`."
            )

    # Writing

    def replace(self, keys, documents):
        with transaction.atomic():
            # The row is the lock: whoever holds it last reads the record last.
            stubs = [
                IndexedDocument(key=key, language=language)
                for key in sorted(keys)
                for language in LANGUAGES
            ]
            IndexedDocument.objects.bulk_create(
                stubs,
                update_conflicts=True,
                unique_fields=["key", "language"],
                update_fields=["language"],
            )
            rows = {
                (row.key, row.language): row
                for row in IndexedDocument.objects.filter(key__in=keys).select_for_update()
            }
            wanted = {(document.key, document.language): document for document in documents}
            touched = [
                row
                for name, row in rows.items()
                if name not in wanted or row.fingerprint != wanted[name].fingerprint
            ]
            self._count([row.pk for row in touched], -1)
            Posting.objects.filter(document__in=touched).delete()
            state = IndexState.objects.first()
            averages = state.averages if state else {}
            for row in touched:
                document = wanted.get((row.key, row.language))
                if document:
                    self._write(row, document, averages.get(document.language, {}))
                else:
                    row.delete()

    def _write(self, row, document, averages):
        facet, _created = IndexedFacet.objects.get_or_create(**_facet_fields(document))
        weights = _fill(row, document, ranking.analyze(document), facet.pk, averages)
        row.save()
        Posting.objects.bulk_create(
            [
                Posting(term=term, document=row, facet_id=facet.pk, weight=weight)
                for term, weight in weights.items()
            ],
            batch_size=BATCH,
        )
        IndexedTerm.objects.bulk_create(
            [IndexedTerm(term=term, documents=1) for term in _counted(row, weights)],
            batch_size=BATCH,
        )

    def _count(self, documents, sign):
        """Adds rows that count these documents, their terms and their words once more or less."""
        terms = {}
        postings = Posting.objects.filter(document__in=documents).values_list("document", "term")
        for document, term in postings.iterator():
            terms.setdefault(document, []).append(term)
        counts = Counter()
        for row in IndexedDocument.objects.filter(pk__in=terms):
            counts.update(_counted(row, terms[row.pk]))
        IndexedTerm.objects.bulk_create(
            [IndexedTerm(term=term, documents=n * sign) for term, n in counts.items()],
            batch_size=BATCH,
        )

    def rebuild(self, documents):
        with transaction.atomic(), ranking.analyzed_aside(documents) as (averages, analyzed):
            for model in (Posting, IndexedTerm, IndexedDocument):
                model.objects.all()._raw_delete(model.objects.db)
            facets, counts = {}, Counter()
            while batch := list(itertools.islice(analyzed, BATCH)):
                self._insert(batch, averages, facets, counts)
            _insert_rows("search_indexedterm", ["term", "documents"], counts.items())
            IndexState.objects.all().delete()
            IndexState.objects.create(
                version=VERSION,
                averages={language: averages.of(language) for language in LANGUAGES},
            )
        if connection.vendor == "postgresql" and not connection.in_atomic_block:
            with connection.cursor() as cursor:
                # Index-only scans need the visibility map, the planner its statistics.
                cursor.execute("VACUUM ANALYZE search_posting")
                cursor.execute("VACUUM ANALYZE search_indexedterm")
                cursor.execute("ANALYZE search_indexeddocument")

    def _insert(self, batch, averages, facets, counts):
        rows, weights = [], []
        for document, analyzed in batch:
            fields = _facet_fields(document)
            name = tuple(fields.values())
            if name not in facets:
                facets[name] = IndexedFacet.objects.get_or_create(**fields)[0].pk
            row = IndexedDocument(key=document.key, language=document.language)
            own = averages.of(document.language)
            weights.append(_fill(row, document, analyzed, facets[name], own))
            rows.append(row)
        IndexedDocument.objects.bulk_create(rows, batch_size=BATCH)
        for row, own in zip(rows, weights, strict=True):
            counts.update(_counted(row, own))
        _insert_rows(
            "search_posting",
            ["term", "document_id", "facet_id", "weight"],
            (
                (term, row.pk, row.facet_id, weight)
                for row, own in zip(rows, weights, strict=True)
                for term, weight in own.items()
            ),
        )


def _scores(alone, together):
    """The common part of a query: every document's score.

    Takes how many terms stand alone, and how many stand in groups of which the best counts.
    """
    number, whole = ("::float8", "::int") if connection.vendor == "postgresql" else ("", "")
    tables, parts = [], []
    if alone:
        values = ", ".join([f"(%s, %s{number})"] * alone)
        tables.append(f"alone(term, factor) AS (VALUES {values})")
        parts.append(
            "SELECT posting.document_id, posting.facet_id, posting.weight * alone.factor AS score"
            " FROM alone JOIN search_posting AS posting ON posting.term = alone.term"
        )
    if together:
        values = ", ".join([f"(%s{whole}, %s, %s{number})"] * together)
        tables.append(f"grouped(part, term, factor) AS (VALUES {values})")
        parts.append(
            "SELECT posting.document_id, posting.facet_id,"
            " MAX(posting.weight * grouped.factor) AS score"
            " FROM grouped JOIN search_posting AS posting ON posting.term = grouped.term"
            " GROUP BY posting.document_id, posting.facet_id, grouped.part"
        )
    return (
        f"WITH {', '.join(tables)}, parts AS ({' UNION ALL '.join(parts)}),"  # noqa: S608
        " scores AS MATERIALIZED (SELECT document_id, facet_id, SUM(score) AS score"
        " FROM parts GROUP BY document_id, facet_id)"
    )


def _name(language, term):
    return f"{language} {term[:200]}"


def _facet_of(row):
    return Facet(row.kind, row.jurisdiction, tuple(row.topics.split()))


def _stored(document):
    return Stored(
        key=document.key,
        language=document.language,
        title=document.title,
        url=document.url,
        text=document.text,
        sequence=document.sequence,
        title_end=document.title_end,
    )


def _facet_fields(document):
    return {
        "kind": document.kind,
        "jurisdiction": document.jurisdiction,
        "topics": " ".join(sorted(document.topics)),
    }


def _fill(row, document, analyzed, facet, averages):
    """Fills a row from its document; returns {name of term: weight} of its postings."""
    row.facet_id = facet
    row.fingerprint = document.fingerprint
    row.words = " ".join(sorted(analyzed.words))
    for name, value in ranking.shown(document, analyzed).items():
        setattr(row, name, value)
    weights = Counter()
    for term, weight in ranking.weights(analyzed, document.kind, averages).items():
        weights[_name(document.language, term)] += weight
    return weights


def _counted(row, terms):
    """Every name that a document adds one to: itself, its terms and its words."""
    return [
        _name(row.language, ""),
        *terms,
        *(_name(row.language, "'" + word) for word in row.words.split()),
    ]


def _insert_rows(table, columns, rows):
    """Inserts many rows the quickest way the database has."""
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
                rows,
            )
