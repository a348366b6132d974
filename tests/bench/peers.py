"""Measures what one could pick instead: `python -m tests.bench.peers NAME FOLDER N SECONDS`.

Runs in the throwaway environment and knows nothing of the site. Every peer has one index a
language and is asked in the language of the page, one search at a time, for ten keys. Those that
know fields are told title, other ways to ask and text, with the boosts that suit them best.
"""

import os
import re
import sqlite3
import sys
from pathlib import Path

from tests.bench.measure import folder_size, measure

CODES = {"fr": "french", "en": "english"}
FIELDS = ("title", "also_asked", "text")


def record(document):
    """Returns key, language and the text of each field of a document."""
    text = "\n".join(filter(None, (document[name] for name in ("summary", "body", "asked_in"))))
    return {
        "key": f"{document['kind']}:{document['reference']}",
        "language": document["language"],
        "title": document["title"],
        "also_asked": document["also_asked"],
        "text": text,
    }


def words(text):
    """Words only, so that nothing typed is an operator of the peer's query language."""
    return re.findall(r"\w+", text.lower())


class Whoosh:
    """Whoosh as its quick start has it: `TEXT` fields, and a parser that wants every word."""

    def analyzer(self, language):
        from whoosh.analysis import StandardAnalyzer

        return StandardAnalyzer()

    def parser(self, schema):
        from whoosh.qparser import MultifieldParser

        return MultifieldParser(FIELDS, schema)

    def build(self, documents):
        from whoosh import fields, index

        indexes = {}
        for language in CODES:
            Path(language).mkdir()
            analyzer = self.analyzer(language)
            schema = fields.Schema(
                key=fields.ID(stored=True), **{name: fields.TEXT(analyzer) for name in FIELDS}
            )
            indexes[language] = index.create_in(language, schema)
        writers = {language: own.writer(limitmb=256) for language, own in indexes.items()}
        for document in map(record, documents):
            writers[document.pop("language")].add_document(**document)
        for writer in writers.values():
            writer.commit(optimize=True)
        self.searchers = {language: own.searcher() for language, own in indexes.items()}
        self.parsers = {language: self.parser(own.schema) for language, own in indexes.items()}

    def search(self, text, language):
        query = self.parsers[language].parse(text)
        return [hit["key"] for hit in self.searchers[language].search(query, limit=10)]

    def size(self):
        return sum(map(folder_size, CODES))


class WhooshTuned(Whoosh):
    """Whoosh at its best by its documentation: the language's analyzer, any word, boosts."""

    def analyzer(self, language):
        from whoosh.analysis import LanguageAnalyzer

        return LanguageAnalyzer(language)

    def parser(self, schema):
        from whoosh.qparser import MultifieldParser, OrGroup

        boosts = {"title": 6.0, "also_asked": 6.0}
        return MultifieldParser(FIELDS, schema, fieldboosts=boosts, group=OrGroup)

    def search(self, text, language):
        return super().search(" ".join(words(text)), language)


class Haystack:
    """django-haystack on Whoosh as its tutorial has it; one connection a language."""

    def build(self, documents):
        import django
        from django.conf import settings
        from django.db import models

        engine = "haystack.backends.whoosh_backend.WhooshEngine"
        connections = {code: {"ENGINE": engine, "PATH": f"haystack-{code}"} for code in CODES}
        settings.configure(
            INSTALLED_APPS=["haystack", "tests.bench"],
            HAYSTACK_CONNECTIONS=connections | {"default": connections["fr"]},
        )
        django.setup()
        from haystack import connections, indexes

        class Record(models.Model):  # noqa: DJ008
            key = models.CharField(max_length=200, primary_key=True)
            everything = models.TextField()

            class Meta:
                app_label = "bench"

        class RecordIndex(indexes.SearchIndex, indexes.Indexable):
            text = indexes.CharField(document=True, model_attr="everything")

            def get_model(self):
                return Record

        records = {language: [] for language in CODES}
        for document in map(record, documents):
            everything = "\n".join(document[name] for name in FIELDS)
            records[document["language"]].append(Record(key=document["key"], everything=everything))
        for language, own in records.items():
            index = RecordIndex()
            connections[language].get_unified_index().build(indexes=[index])
            connections[language].get_backend().update(index, own)

    def search(self, text, language):
        from haystack.query import SearchQuerySet

        return [hit.pk for hit in SearchQuerySet().using(language).auto_query(text)[:10]]

    def size(self):
        return sum(folder_size(f"haystack-{language}") for language in CODES)


class PostgreSQL:
    """PostgreSQL's configuration of the language, any word, `ts_rank` as it is."""

    # 1 divides by the length's logarithm: better on some collections, worse on others.
    normalization = 0

    def build(self, documents):
        import psycopg

        self.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        for language, name in CODES.items():
            self.connection.execute(
                f"CREATE TABLE peer_{language} (key text, title text, also_asked text, text text,"
                f" vector tsvector GENERATED ALWAYS AS (setweight(to_tsvector('{name}', title),"
                f" 'A') || setweight(to_tsvector('{name}', also_asked), 'A')"
                f" || to_tsvector('{name}', text)) STORED)"
            )
        rows = {language: [] for language in CODES}
        for document in map(record, documents):
            rows[document["language"]].append([document[name] for name in ("key", *FIELDS)])
        for language, own in rows.items():
            copying = f"COPY peer_{language} (key, title, also_asked, text) FROM STDIN"
            with self.connection.cursor() as cursor, cursor.copy(copying) as copy:
                for row in own:
                    copy.write_row(row)
            self.connection.execute(f"CREATE INDEX ON peer_{language} USING gin (vector)")
            self.connection.execute(f"VACUUM ANALYZE peer_{language}")

    def search(self, text, language):
        rows = self.connection.execute(
            f"SELECT key FROM peer_{language}, CAST(replace(CAST(plainto_tsquery("  # noqa: S608
            f"'{CODES[language]}', %s) AS text), '&', '|') AS tsquery) AS query"
            " WHERE vector @@ query ORDER BY ts_rank(vector, query, %s) DESC LIMIT 10",
            [text, self.normalization],
        )
        return [key for (key,) in rows]

    def size(self):
        sizes = "SELECT pg_total_relation_size('peer_fr') + pg_total_relation_size('peer_en')"
        return int(self.connection.execute(sizes).fetchone()[0])


class PostgreSQLByLength(PostgreSQL):
    """The same, with long texts held back."""

    normalization = 1


class FTS5:
    """SQLite's own full-text search: accents folded, English stemmed, any word, its BM25."""

    def build(self, documents):
        self.connection = sqlite3.connect("fts5.sqlite3")
        for language in CODES:
            stemmer = "porter " if language == "en" else ""
            self.connection.execute(
                f"CREATE VIRTUAL TABLE peer_{language} USING fts5(title, also_asked, text,"
                f" key UNINDEXED, tokenize = '{stemmer}unicode61 remove_diacritics 2')"
            )
        for row in map(record, documents):
            self.connection.execute(
                f"INSERT INTO peer_{row.pop('language')} (key, title, also_asked, text)"  # noqa: S608
                " VALUES (:key, :title, :also_asked, :text)",
                row,
            )
        self.connection.commit()

    def search(self, text, language):
        query = " OR ".join(f'"{word}"' for word in words(text))
        rows = self.connection.execute(
            f"SELECT key FROM peer_{language} WHERE peer_{language} MATCH ?"  # noqa: S608
            f" ORDER BY bm25(peer_{language}, 6, 6, 1) LIMIT 10",
            [query],
        )
        return [key for (key,) in rows]

    def size(self):
        return os.stat("fts5.sqlite3").st_size


class Tantivy:
    """tantivy with the language's stemmer, any word, its BM25, title boosted."""

    BOOSTS = {"title": 6.0, "also_asked": 6.0}

    def build(self, documents):
        import tantivy

        self.indexes, writers = {}, {}
        for language, name in CODES.items():
            schema = tantivy.SchemaBuilder().add_text_field("key", stored=True)
            for field in FIELDS:
                schema = schema.add_text_field(field, tokenizer_name="stemmed")
            Path(f"tantivy-{language}").mkdir()
            index = tantivy.Index(schema.build(), path=f"tantivy-{language}")
            analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            for step in (
                tantivy.Filter.remove_long(40),
                tantivy.Filter.lowercase(),
                tantivy.Filter.stopword(name),
                tantivy.Filter.stemmer(name),
            ):
                analyzer = analyzer.filter(step)
            index.register_tokenizer("stemmed", analyzer.build())
            self.indexes[language] = index
            writers[language] = index.writer(heap_size=200_000_000, num_threads=1)
        for document in map(record, documents):
            writers[document.pop("language")].add_document(tantivy.Document(**document))
        for language, writer in writers.items():
            writer.commit()
            writer.wait_merging_threads()
            self.indexes[language].reload()
        self.searchers = {code: index.searcher() for code, index in self.indexes.items()}

    def search(self, text, language):
        query = self.indexes[language].parse_query(
            " ".join(words(text)), list(FIELDS), field_boosts=self.BOOSTS
        )
        searcher = self.searchers[language]
        hits = searcher.search(query, 10, count=False).hits
        return [searcher.doc(address)["key"][0] for _score, address in hits]

    def size(self):
        return sum(folder_size(f"tantivy-{language}") for language in CODES)


if __name__ == "__main__":
    peer, collection, searches, seconds = sys.argv[1:]
    measure(globals()[peer](), collection, int(searches), int(seconds))
