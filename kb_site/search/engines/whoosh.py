"""The embedded engine: Whoosh, in one folder.

`SEARCH_INDEX_DIR/current` names the generation in use, a folder that holds one index a language
(so that each has its own word statistics). A rebuild writes a new generation beside it and
replaces `current` in one step; updates take a lock on the folder.

Whoosh never sees what people type: it is handed terms that `analysis` made, and an OR of them.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import threading
from pathlib import Path

from django.conf import settings
from whoosh import fields, index, query, scoring
from whoosh.analysis import SpaceSeparatedTokenizer
from whoosh.index import IndexError as WhooshIndexError

from kb_site.search import analysis
from kb_site.search.documents import LANGUAGES
from kb_site.search.engines import Engine, SearchUnavailable
from kb_site.search.results import Hit

logger = logging.getLogger(__name__)

# Measured best on French legal and English FAQs: the title and the ways a question is also asked
# weigh six times the rest; long bodies are held against a document less than long titles.
WEIGHTS = {"title": 6.0, "also_asked": 6.0, "summary": 1.0, "body": 1.0}
RANKING = {"K1": 1.2, "title_B": 0.75, "also_asked_B": 0.75, "summary_B": 0.5, "body_B": 0.5}

# Bump it when the schema or the analysis changes: an older index is then rebuilt.
VERSION = 1

_TERMS = SpaceSeparatedTokenizer()


def _schema():
    def text():
        return fields.TEXT(analyzer=_TERMS, phrase=False)

    return fields.Schema(
        key=fields.ID(unique=True, stored=True),
        kind=fields.ID(),
        title=text(),
        also_asked=text(),
        summary=text(),
        body=text(),
        stop_words=text(),
        display=fields.STORED(),
    )


class WhooshEngine(Engine):
    def __init__(self, folder=None):
        self._folder = Path(folder) if folder else None
        self._local = threading.local()

    @property
    def folder(self):
        return self._folder or Path(settings.SEARCH_INDEX_DIR)

    # Reading

    def search(self, query, kinds=(), offset=0, limit=10):
        # Another process may merge segments between two reads: open again, once.
        for attempt in (1, 2):
            try:
                return self._search(query, kinds, offset, limit)
            except SearchUnavailable:
                raise
            except Exception as error:
                self._local.__dict__.pop("searchers", None)
                if attempt == 2:
                    logger.exception("The search index in %s cannot be read.", self.folder)
                    raise SearchUnavailable(f"The index cannot be read: {error}") from error

    def _search(self, parsed, kinds, offset, limit):
        searcher = self._searcher(parsed.language)
        names = ["stop_words"] if parsed.only_stop_words else list(WEIGHTS)
        wanted = query.Or(
            [
                query.Term(name, term, boost=WEIGHTS.get(name, 1.0))
                for name in names
                for term in parsed.terms
            ]
        )
        only = query.Or([query.Term("kind", kind) for kind in kinds]) if kinds else None
        found = searcher.search(wanted, limit=offset + limit, filter=only)
        hits = [Hit(key=hit["key"], score=hit.score, **hit["display"]) for hit in found[offset:]]
        return hits, len(found)

    def _searcher(self, language):
        searchers = self._local.__dict__.setdefault("searchers", {})
        folder = self._generation() / language
        known = searchers.get(language)
        if known and known[0] == folder and known[1].up_to_date():
            return known[1]
        if known:
            known[1].close()
        searcher = index.open_dir(folder).searcher(weighting=scoring.BM25F(**RANKING))
        searchers[language] = (folder, searcher)
        return searcher

    def _generation(self):
        try:
            name = (self.folder / "current").read_text().strip()
        except FileNotFoundError:
            raise SearchUnavailable(
                "There is no search index yet. Run `manage.py rebuild_search_index`."
            ) from None
        if not name.endswith(f"-v{VERSION}"):
            raise SearchUnavailable(
                "The search index is of an older form. Run `manage.py rebuild_search_index`."
            )
        return self.folder / name

    def count(self):
        try:
            return sum(
                index.open_dir(self._generation() / language).doc_count() for language in LANGUAGES
            )
        except (WhooshIndexError, OSError) as error:
            raise SearchUnavailable(f"The index cannot be read: {error}") from error

    # Writing

    def replace(self, keys, documents):
        try:
            with self._rebuild_lock(fcntl.LOCK_SH | fcntl.LOCK_NB), self._write_lock():
                generation = self._generation()
                # Read only now: whoever holds the lock last has read last.
                documents = list(documents)
                for language in LANGUAGES:
                    self._write(
                        generation / language,
                        keys,
                        [d for d in documents if d.language == language],
                    )
        except BlockingIOError:
            raise SearchUnavailable("The index is being rebuilt; the change will follow.") from None
        except (WhooshIndexError, OSError) as error:
            raise SearchUnavailable(f"The index cannot be written: {error}") from error

    def _write(self, folder, keys, documents):
        writer = index.open_dir(folder).writer(timeout=20, delay=0.05)
        try:
            for key in keys:
                writer.delete_by_term("key", key)
            for document in documents:
                writer.add_document(**_fields(document))
        except BaseException:
            writer.cancel()
            raise
        writer.commit()

    def rebuild(self, documents):
        with self._rebuild_lock(fcntl.LOCK_EX):
            self._rebuild(documents)

    def _rebuild(self, documents):
        generation = Path(tempfile.mkdtemp(suffix=f"-v{VERSION}", dir=self.folder))
        try:
            writers = {}
            for language in LANGUAGES:
                (generation / language).mkdir()
                created = index.create_in(generation / language, _schema())
                writers[language] = created.writer(limitmb=128)
            for document in documents:
                writers[document.language].add_document(**_fields(document))
            for writer in writers.values():
                writer.commit(optimize=True)
            with self._write_lock():
                self._switch_to(generation)
        except BaseException:
            shutil.rmtree(generation, ignore_errors=True)
            raise

    def _switch_to(self, generation):
        pointer = self.folder / "current.new"
        with pointer.open("w") as file:
            file.write(generation.name)
            file.flush()
            os.fsync(file.fileno())
        pointer.replace(self.folder / "current")
        for other in self.folder.iterdir():
            if other.is_dir() and other != generation:
                shutil.rmtree(other, ignore_errors=True)

    def _rebuild_lock(self, mode):
        """Held by a rebuild; updates that meet it leave their work for the rebuild to finish."""
        return self._locked("rebuild.lock", mode)

    def _write_lock(self):
        return self._locked("write.lock", fcntl.LOCK_EX)

    @contextlib.contextmanager
    def _locked(self, name, mode):
        """Locks between processes; the system frees the lock when a process dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / name).open("w") as file:
            fcntl.flock(file, mode)
            yield


def _fields(document):
    texts = {name: analysis.terms(getattr(document, name), document.language) for name in WEIGHTS}
    stop_words = {
        term
        for name in WEIGHTS
        for term in analysis.stop_terms(getattr(document, name), document.language)
    }
    return {
        "key": document.key,
        "kind": document.kind,
        "stop_words": " ".join(sorted(stop_words)),
        "display": {
            "title": document.title,
            "url": document.url,
            "text": f"{document.summary}\n{document.body}".strip(),
        },
        **{name: " ".join(terms) for name, terms in texts.items()},
    }
