"""The engine in the database: postings in a table, scores summed in SQL.

It runs on PostgreSQL and on SQLite without any extension. A record's postings are written in the
record's own transaction, so that every node and every replica has them when it has the record.

A term is kept as a number, a hash of its language and its letters: a posting is short, and writing
one looks nothing up. With a million different terms, the odds that any two share their number are
one in forty million; a search for one would then find the other too.
"""

import functools
import itertools
from collections import Counter
from dataclasses import astuple
from hashlib import blake2b

from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from kb_site.languages import LANGUAGES
from kb_site.routing import reading
from kb_site.search import ranking
from kb_site.search.engines import Engine, Facet, Matches, Outline, SearchUnavailable, Shown
from kb_site.search.models import (
    IndexedDocument,
    IndexedFacet,
    IndexedText,
    IndexState,
    Posting,
    TermCount,
    WordCount,
)

# Bump it when the analysis or the weights change: an older index is then rebuilt.
VERSION = 5

BATCH = 2000

# Every document holds this term: its frequency is the number of documents.
EVERY = ""

POSTING = ["term", "document", "facet", "weight"]


@functools.lru_cache(maxsize=200_000)
def number(language, term):
    """Returns the number of a term: a signed integer of 64 bits."""
    name = f"{language} {term}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big", signed=True)


class DatabaseEngine(Engine):
    is_transactional = True

    def __init__(self):
        self._facets = {}
        self._vocabularies = {}

    # Reading

    def frequencies(self, terms):
        sought = {number(lang, term) for lang, own in terms.items() for term in (EVERY, *own)}
        listed = ", ".join(map(str, sought))  # Of our own making, see `_scores`.
        try:
            found = dict(
                _rows(
                    "SELECT term, CAST(SUM(documents) AS integer) FROM search_termcount"  # noqa: S608
                    f" WHERE term IN ({listed}) GROUP BY term"
                )
            )
        except DatabaseError as error:
            raise SearchUnavailable(f"The search tables cannot be read: {error}") from error
        if not found:
            # Nothing was ever written here, or what was is gone: that is not "no results".
            self.check()
        return {
            language: (
                found.get(number(language, EVERY), 0),
                {term: max(0, found.get(number(language, term), 0)) for term in own},
            )
            for language, own in terms.items()
        }

    def match(self, language, groups, keep=None, limit=10):
        if not groups:
            return Matches([], 0, {})
        query = _scores(language, groups)
        for _attempt in (1, 2):
            only = ""
            if keep:
                kept = [str(pk) for pk, facet in self._facets.items() if keep(facet)]
                only = f"WHERE facet IN ({', '.join(kept) or 'NULL'})"
            rows = _rows(query.format(only=only, limit=int(limit)))
            counts = {facet: count for facet, count, *_rest in rows if facet is not None}
            if counts.keys() <= self._facets.keys():
                break
            # Documents of a facet that is new since the last search.
            self._facets = {row.pk: _facet_in(row) for row in IndexedFacet.objects.all()}
        facets = {self._facets.get(pk, Facet("")): count for pk, count in counts.items()}
        best = [
            (document, score, Outline(*outline))
            for facet, document, score, *outline in rows
            if facet is None
        ]
        best.sort(key=lambda match: (-match[1], match[0]))
        count = sum(n for facet, n in facets.items() if keep is None or keep(facet))
        return Matches(best, count, facets)

    def load(self, language, ids):
        rows = _rows(
            "SELECT document_id, title, url, text, standing FROM search_indexedtext"
            " WHERE document_id IN (listed)",
            listed=ids,
        )
        return {pk: Shown(*shown) for pk, *shown in rows}

    def load_keys(self, language, keys):
        rows = _rows(
            "SELECT key, title, url, text, standing FROM search_indexedtext"
            " JOIN search_indexeddocument ON id = document_id"
            " WHERE language = %s AND key IN (listed)",
            [language],
            listed=keys,
        )
        return {key: Shown(*shown) for key, *shown in rows}

    def vocabulary(self, language):
        [[mark]] = _rows("SELECT MAX(id) FROM search_wordcount")
        known = self._vocabularies.get(language)
        if known and known[0] == mark:
            return known[1]
        words = WordCount.objects.filter(language=language).values_list("word")
        found = dict(words.annotate(number=Sum("documents")).filter(number__gt=0))
        self._vocabularies[language] = (mark, found)
        return found

    def fingerprints(self):
        rows = IndexedDocument.objects.values_list("key", "language", "fingerprint")
        return {(key, language): fingerprint for key, language, fingerprint in rows.iterator()}

    def size(self):
        models = (IndexedDocument, IndexedText, IndexedFacet, TermCount, WordCount, Posting)
        tables = [model._meta.db_table for model in models]
        if connection.vendor == "postgresql":
            sql = "SELECT SUM(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) name"
            return int(_rows(sql, [tables])[0][0])
        sql = (
            "SELECT SUM(pgsize) FROM dbstat WHERE name IN"
            " (SELECT name FROM sqlite_master WHERE tbl_name IN (listed))"
        )
        return int(_rows(sql, listed=tables)[0][0])

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
            rows = IndexedDocument.objects.filter(key__in=keys).order_by("pk").select_for_update()
            rows = {(row.key, row.language): row for row in rows}
            wanted = {(document.key, document.language): document for document in documents}
            touched = {
                name: row
                for name, row in rows.items()
                if name not in wanted or row.fingerprint != wanted[name].fingerprint
            }
            state = IndexState.objects.first()
            averages = state.averages if state else {}
            # In order: two who each need what the other has just added would wait for ever.
            new = {_facet_of(wanted[name]) for name in touched if name in wanted}
            facets = {facet: _number_of(facet) for facet in sorted(new, key=astuple)}
            ids = [row.pk for row in touched.values()]
            before, words = _held(ids)
            words = Counter({word: -count for word, count in words.items()})
            after, gone = set(), []
            for name, row in touched.items():
                if name in wanted:
                    document = wanted[name]
                    analyzed = ranking.analyze(document)
                    _describe(row, document, analyzed, facets[_facet_of(document)]).save()
                    _text(row, document, analyzed).save(force_insert=True)
                    after.update(
                        _postings(row, document, analyzed, averages.get(document.language, {}))
                    )
                    words.update((row.language, word) for word in analyzed.words)
                else:
                    gone.append(row.pk)
            _exchange(before - after, after - before)
            _count_words(words)
            _delete(IndexedDocument.objects.filter(pk__in=gone))

    def rebuild(self, documents):
        with transaction.atomic(), ranking.analyzed_aside(documents) as (averages, analyzed):
            for model in (Posting, TermCount, WordCount, IndexedText, IndexedDocument):
                _delete(model.objects.all())
            # Postings are gathered first and written in the order of the index on them: several
            # times as quick as term after term at random.
            _run(
                "CREATE TEMPORARY TABLE gathered"
                " (term bigint, document int, facet int, weight float8)"
            )
            facets, words = {}, Counter()
            while batch := list(itertools.islice(analyzed, BATCH)):
                self._add(batch, averages, facets, words)
            _run(
                "INSERT INTO search_posting (term, document, facet, weight)"
                " SELECT term, document, facet, weight FROM gathered"
                " ORDER BY term, weight, document"
            )
            _run(
                "INSERT INTO search_termcount (term, documents)"
                " SELECT term, COUNT(*) FROM gathered GROUP BY term"
            )
            _run("DROP TABLE gathered")
            _count_words(words)
            IndexState.objects.all().delete()
            IndexState.objects.create(
                version=VERSION,
                averages={language: averages.of(language) for language in LANGUAGES},
            )
        if connection.vendor == "postgresql" and not connection.in_atomic_block:
            for table in ("posting", "termcount", "indexeddocument", "indexedtext"):
                # Index-only scans need the visibility map, the planner its statistics.
                _run(f"VACUUM ANALYZE search_{table}")

    def _add(self, batch, averages, facets, words):
        """Adds documents; takes (document, analyzed) pairs and notes their facets and words."""
        rows = []
        for document, analyzed in batch:
            facet = _facet_of(document)
            if facet not in facets:
                facets[facet] = _number_of(facet)
            row = IndexedDocument(key=document.key, language=document.language)
            rows.append(_describe(row, document, analyzed, facets[facet]))
            words.update((document.language, word) for word in analyzed.words)
        IndexedDocument.objects.bulk_create(rows, batch_size=BATCH)
        filled = [(row, *pair) for row, pair in zip(rows, batch, strict=True)]
        IndexedText.objects.bulk_create([_text(*each) for each in filled], batch_size=BATCH)
        postings = (_postings(*each, averages.of(each[0].language)) for each in filled)
        _insert("gathered", POSTING, itertools.chain.from_iterable(postings))


def _scores(language, groups):
    """Returns SQL that gives facets as (facet, count, …) and the best matches as (NULL, document,
    score, outline …). It has places for `{only}`, a condition, and `{limit}`.

    The values in it are numbers of our own making, written out: a driver takes longer to fill
    them in than the database to use them.
    """
    float8 = "::float8" if connection.vendor == "postgresql" else ""
    alone = [(0, *group[0]) for group in groups if len(group) == 1]
    several = [
        (part, *sought) for part, group in enumerate(groups) if len(group) > 1 for sought in group
    ]
    tables, parts = [], []
    for name, score, grouped, rows in (
        ("alone", "posting.weight * sought.factor", "", alone),
        (
            "several",
            "MAX(posting.weight * sought.factor)",
            " GROUP BY posting.document, posting.facet, sought.part",
            several,
        ),
    ):
        if rows:
            values = ", ".join(
                f"({part}, {number(language, term)}, {float(factor)!r}{float8},"
                f" {float(least)!r}{float8})"
                for part, term, factor, least in rows
            )
            tables.append(f"{name}(part, term, factor, least) AS (VALUES {values})")
            parts.append(
                f"SELECT posting.document, posting.facet, {score} AS score"  # noqa: S608
                f" FROM {name} AS sought JOIN search_posting AS posting"
                f" ON posting.term = sought.term AND posting.weight >= sought.least{grouped}"
            )
    scores = " UNION ALL ".join(parts)
    if len(groups) > 1:
        scores = (
            f"SELECT document, facet, SUM(score) AS score FROM ({scores}) AS parts"  # noqa: S608
            " GROUP BY document, facet"
        )
    return (
        f"WITH {', '.join(tables)}, scores AS MATERIALIZED ({scores}),"  # noqa: S608
        " best AS (SELECT document, score FROM scores {only}"
        " ORDER BY score DESC, document LIMIT {limit})"
        " SELECT facet, COUNT(*), NULL, NULL, NULL, NULL, NULL FROM scores GROUP BY facet"
        " UNION ALL SELECT NULL, document, score, key, sequence, title_end, links"
        " FROM best JOIN search_indexeddocument ON id = document"
    )


def _facet_in(row):
    return Facet(row.kind, row.jurisdiction, tuple(row.topics.split()), row.standing)


def _facet_of(document):
    topics = tuple(sorted(document.topics))
    return Facet(document.kind, document.jurisdiction, topics, document.standing)


def _number_of(facet):
    """Returns the number of a facet, made when it is new."""
    row, _created = IndexedFacet.objects.get_or_create(
        kind=facet.kind,
        jurisdiction=facet.jurisdiction,
        topics=" ".join(facet.topics),
        standing=facet.standing,
    )
    return row.pk


def _describe(row, document, analyzed, facet):
    row.facet_id = facet
    row.fingerprint = document.fingerprint
    for name, value in ranking.outline(document, analyzed).items():
        setattr(row, name, value)
    return row


def _text(row, document, analyzed):
    words = " ".join(sorted(analyzed.words))
    return IndexedText(document=row, words=words, **ranking.shown(document))


def _postings(row, document, analyzed, averages):
    weights = ranking.weights(analyzed, document.kind, averages) | {EVERY: 0.0}
    for term, weight in weights.items():
        yield number(row.language, term), row.pk, row.facet_id, weight


def _held(ids):
    """Takes the texts of documents out; returns the (set of postings, words counted) of them."""
    texts = IndexedText.objects.filter(pk__in=ids)
    words = Counter()
    for language, text in texts.values_list("document__language", "words"):
        words.update((language, word) for word in text.split())
    _delete(texts)
    columns = ", ".join(POSTING)
    held = f"SELECT {columns} FROM search_posting WHERE document IN (listed)"  # noqa: S608
    return set(_rows(held, listed=ids)), words


def _exchange(old, new):
    """Puts postings in the place of others: what a change leaves as it is costs nothing."""
    terms = {}
    for term, document, _facet, _weight in old:
        terms.setdefault(document, []).append(str(term))
    for document, own in terms.items():
        _run(
            f"DELETE FROM search_posting WHERE document = {document}"  # noqa: S608
            f" AND term IN ({', '.join(own)})"
        )
    _insert("search_posting", POSTING, new)
    counts = Counter(term for term, *_rest in new)
    counts.subtract(term for term, *_rest in old)
    _insert("search_termcount", ["term", "documents"], _changed(counts))


def _count_words(counts):
    """Adds {(language, word): documents} to the counts."""
    columns = ["language", "word", "documents"]
    _insert("search_wordcount", columns, ((*word, count) for word, count in _changed(counts)))


def _changed(counts):
    return [(name, count) for name, count in counts.items() if count]


def _delete(rows):
    """Deletes rows without the signals of each, which nobody needs of an index."""
    rows._raw_delete(rows.db)


def _rows(sql, parameters=(), listed=()):
    """Returns the rows of a query; "(listed)" in it becomes as many places as are `listed`."""
    with reading(Posting).cursor() as cursor:
        cursor.execute(sql.replace("(listed)", f"({_marks(listed)})"), [*parameters, *listed])
        return cursor.fetchall()


def _run(sql, parameters=(), listed=()):
    """Runs a statement, in which "(listed)" means what it means in `_rows`."""
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("(listed)", f"({_marks(listed)})"), [*parameters, *listed])


def _marks(values):
    return ", ".join(["%s"] * len(values)) or "NULL"


def _insert(table, columns, rows):
    """Inserts many rows the quickest way the database has."""
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({_marks(columns)})",  # noqa: S608
                rows,
            )
