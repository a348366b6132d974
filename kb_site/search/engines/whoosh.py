"""The embedded engine: Whoosh keeps the postings, in one folder.

`SEARCH_INDEX_DIR/current` names the generation in use, a folder that holds one index a language. A
rebuild writes a new generation beside it and replaces `current` in one step; updates take a lock.

Whoosh never sees what people type, and ranks nothing: a posting holds the weight that `ranking`
computed, and this engine sums weights over whole posting lists with NumPy, which is some fifty
times quicker than Whoosh's own collectors.
"""

import contextlib
import fcntl
import json
import logging
import os
import pickle
import shutil
import struct
import tempfile
import threading
import zlib
from pathlib import Path

import numpy
from django.conf import settings
from whoosh import columns, fields, formats, index
from whoosh.codec.whoosh3 import W3Codec
from whoosh.reading import TermNotFound

from kb_site.languages import LANGUAGES
from kb_site.search import ranking
from kb_site.search.engines import Engine, Facet, Matches, Outline, SearchUnavailable, Shown

logger = logging.getLogger(__name__)

# Bump it when the schema, the analysis or the weights change: an older index is then rebuilt.
VERSION = 5

# Errors by which Whoosh shows a file that is missing, truncated or garbage.
DAMAGE = (
    index.IndexError,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    MemoryError,
    OverflowError,
    ImportError,
    pickle.UnpicklingError,
    zlib.error,
    struct.error,
)


class WeightedTerms(fields.FieldType):
    """A field of terms that come with their weights: {term: weight}."""

    def __init__(self):
        self.format = formats.Existence()
        self.analyzer = None
        self.scorable = False
        self.stored = False
        self.unique = False
        self.vector = None
        self.spelling = False
        self.column_type = None

    def index(self, value, **kwargs):
        for term, weight in value.items():
            yield term.encode("utf-8", "replace"), 1, weight, b""


SCHEMA = fields.Schema(
    key=fields.ID(unique=True, stored=True),
    terms=WeightedTerms(),
    words=WeightedTerms(),
    facet=fields.COLUMN(columns.RefBytesColumn()),
    outline=fields.STORED(),
    shown=fields.STORED(),
    fingerprint=fields.STORED(),
)


class Segment:
    """One segment of an index, whose files never change: posting lists and facets, remembered."""

    def __init__(self, reader):
        self.reader = reader
        self.size = reader.doc_count_all()
        self.postings = {}
        values = reader.column_reader("facet")
        codes, self.facets = {}, []
        self.facet_codes = numpy.zeros(self.size, dtype=numpy.int32)
        for number in range(self.size):
            value = values[number]
            if value not in codes:
                codes[value] = len(codes)
                kind, jurisdiction, topics, standing = json.loads(value or b'["", "", [], ""]')
                self.facets.append(Facet(kind, jurisdiction, tuple(topics), standing))
            self.facet_codes[number] = codes[value]

    def posting(self, term):
        """Returns (document numbers, weights) of a term; empty arrays when no document has it."""
        found = self.postings.get(term)
        if found is None:
            if len(self.postings) > 20_000:
                self.postings.clear()
            found = self.postings[term] = self._read(term.encode("utf-8", "replace"))
        return found

    def _read(self, term):
        try:
            matcher = self.reader.postings("terms", term)
        except TermNotFound:
            return _EMPTY
        # Whoosh's leaf matcher holds whole blocks; a deletion filter wraps it, and deletions are
        # the caller's.
        leaf = getattr(matcher, "child", matcher)
        ids, weights = [], []
        if hasattr(leaf, "_read_ids"):
            while not leaf._atend:
                leaf._read_ids()
                leaf._read_weights()
                ids.extend(leaf._ids)
                weights.extend(leaf._weights)
                leaf._next_block()
        else:
            while leaf.is_active():
                ids.append(leaf.id())
                weights.append(leaf.weight())
                leaf.next()
        return (
            numpy.array(ids, dtype=numpy.int32),
            numpy.array(weights, dtype=numpy.float32),
        )

    def words(self):
        """Returns {word: documents that hold it}."""
        if not hasattr(self, "_words"):
            self._words = {
                word.decode("utf-8", "replace"): self.reader.doc_frequency("words", word)
                for word in self.reader.lexicon("words")
            }
        return self._words


_EMPTY = (numpy.zeros(0, dtype=numpy.int32), numpy.zeros(0, dtype=numpy.float32))


class Snapshot:
    """An index of one language as one commit left it: its segments and what they have deleted."""

    def __init__(self, folder, known_segments):
        self.folder = folder
        self.index = index.open_dir(folder)
        self.reader = self.index.reader()
        self.generation = self.index.latest_generation()
        self.parts = []
        for leaf, offset in self.reader.leaf_readers():
            if not leaf.doc_count_all():
                continue
            name = leaf.segment().segment_id()
            segment = known_segments.get(name)
            if segment is None:
                segment = Segment(leaf)
            deleted = numpy.array(sorted(leaf.segment().deleted_docs()), dtype=numpy.int32)
            self.parts.append((name, segment, leaf, offset, deleted))
        self.documents = self.reader.doc_count()

    @property
    def segments(self):
        return {name: segment for name, segment, *_rest in self.parts}

    def is_current(self):
        return self.index.latest_generation() == self.generation

    def close(self):
        self.reader.close()


class WhooshEngine(Engine):
    def __init__(self, folder=None):
        self._folder = Path(folder) if folder else None
        # Whoosh's readers keep a position in their file: one thread at a time reads. What is read
        # is remembered once for all threads; a search waits for the processor anyway.
        self._lock = threading.Lock()
        # {language: the snapshot to read}
        self._snapshots = {}
        # {language: (what it is of, {word: documents that hold it})}
        self._vocabularies = {}

    @property
    def folder(self):
        return self._folder or Path(settings.SEARCH_INDEX_DIR)

    # Reading

    def _reading(self, work, language):
        """Does `work(snapshot)`, opening again once: a writer may merge files between two reads."""
        for attempt in (1, 2, 3):
            try:
                with self._lock:
                    return work(self._snapshot(language))
            except SearchUnavailable:
                raise
            except DAMAGE as error:
                self._forget(language)
                if attempt == 3:
                    raise SearchUnavailable(
                        f"The search index in {self.folder} cannot be read ({error!r})."
                    ) from error

    def _snapshot(self, language):
        folder = self._generation() / language
        known = self._snapshots.get(language)
        if known and known.folder == folder and known.is_current():
            return known
        segments = known.segments if known and known.folder == folder else {}
        snapshot = Snapshot(folder, segments)
        if known and known.folder != folder:
            known.close()
        self._snapshots[language] = snapshot
        return snapshot

    def _forget(self, language):
        self._snapshots.pop(language, None)

    def _generation(self):
        try:
            name = (self.folder / "current").read_text().strip()
        except (FileNotFoundError, NotADirectoryError):
            raise SearchUnavailable(
                "There is no search index yet. Run `manage.py rebuild_search_index`."
            ) from None
        except (OSError, ValueError) as error:
            raise SearchUnavailable(f"The search index cannot be read ({error!r}).") from error
        if not name.endswith(f"-v{VERSION}"):
            raise SearchUnavailable(
                "The search index is of an older form. Run `manage.py rebuild_search_index`."
            )
        return self.folder / name

    def frequencies(self, terms):
        def work(snapshot):
            found = {}
            for term in terms[language]:
                found[term] = sum(
                    len(segment.posting(term)[0]) for _name, segment, *_rest in snapshot.parts
                )
            return snapshot.documents, found

        found = {}
        for language in terms:
            found[language] = self._reading(work, language)
        return found

    def match(self, language, groups, keep=None, limit=10):
        def work(snapshot):
            best, count, facets = [], 0, {}
            for _name, segment, _leaf, offset, deleted in snapshot.parts:
                scores = _sum(segment, groups)
                scores[deleted] = 0
                matched = numpy.flatnonzero(scores)
                if not len(matched):
                    continue
                codes = segment.facet_codes[matched]
                for code, number in enumerate(
                    numpy.bincount(codes, minlength=len(segment.facets)).tolist()
                ):
                    if number:
                        facet = segment.facets[code]
                        facets[facet] = facets.get(facet, 0) + number
                if keep:
                    kept = numpy.array([keep(facet) for facet in segment.facets], dtype=bool)
                    matched = matched[kept[codes]]
                count += len(matched)
                values = scores[matched]
                if len(matched) > limit:
                    top = numpy.argpartition(-values, limit)[:limit]
                    matched, values = matched[top], values[top]
                best += [
                    (number + offset, value)
                    for number, value in zip(matched.tolist(), values.tolist(), strict=True)
                ]
            best.sort(key=lambda pair: (-pair[1], pair[0]))
            outlined = []
            for number, score in best[:limit]:
                values = snapshot.reader.stored_fields(number)
                outlined.append((number, score, Outline(values["key"], **values["outline"])))
            return Matches(outlined, count, facets)

        return self._reading(work, language)

    def load(self, language, ids):
        def work(snapshot):
            return {
                number: Shown(**snapshot.reader.stored_fields(number)["shown"]) for number in ids
            }

        return self._reading(work, language)

    def load_keys(self, language, keys):
        def work(snapshot):
            found = {}
            for key in keys:
                for leaf, _offset in snapshot.reader.leaf_readers():
                    try:
                        matcher = leaf.postings("key", key)
                    except TermNotFound:
                        continue
                    if matcher.is_active():
                        found[key] = Shown(**leaf.stored_fields(matcher.id())["shown"])
            return found

        return self._reading(work, language)

    def vocabulary(self, language):
        def work(snapshot):
            known = self._vocabularies.get(language)
            mark = (snapshot.folder, snapshot.generation)
            if known and known[0] == mark:
                return known[1]
            words = {}
            for _name, segment, *_rest in snapshot.parts:
                for word, count in segment.words().items():
                    words[word] = words.get(word, 0) + count
            self._vocabularies[language] = (mark, words)
            return words

        return self._reading(work, language)

    def fingerprints(self):
        found = {}
        for language in LANGUAGES:

            def work(snapshot, language=language):
                for values in snapshot.reader.all_stored_fields():
                    found[values["key"], language] = values["fingerprint"]

            self._reading(work, language)
        return found

    def size(self):
        return sum(path.stat().st_size for path in self._generation().rglob("*") if path.is_file())

    def check(self):
        for language in LANGUAGES:
            self._forget(language)

            def work(snapshot):
                # Reads every file from end to end.
                for _name, segment, leaf, *_rest in snapshot.parts:
                    for _terminfo in leaf.all_terms():
                        pass
                    segment.words()
                for _values in snapshot.reader.all_stored_fields():
                    pass
                if not (snapshot.folder.parent / "averages.json").is_file():
                    raise OSError("averages.json is missing")

            self._reading(work, language)

    # Writing

    def replace(self, keys, documents):
        try:
            with self._rebuild_lock(fcntl.LOCK_SH | fcntl.LOCK_NB), self._write_lock():
                generation = self._generation()
                averages = json.loads((generation / "averages.json").read_text())
                # Read only now: whoever holds the lock last has read last.
                documents = list(documents)
                for language in LANGUAGES:
                    own = [d for d in documents if d.language == language]
                    self._write(generation / language, keys, own, averages.get(language, {}))
        except BlockingIOError:
            raise SearchUnavailable("The index is being rebuilt; the change will follow.") from None
        except SearchUnavailable:
            raise
        except DAMAGE as error:
            raise SearchUnavailable(
                f"The search index in {self.folder} cannot be written ({error!r})."
            ) from error

    def _write(self, folder, keys, documents, averages):
        # Whoosh's own lock would outlive a failure, and ours is held.
        writer = index.open_dir(folder).writer(_lk=False, codec=_codec())
        try:
            for key in keys:
                writer.delete_by_term("key", key)
            for document in documents:
                writer.add_document(**_fields(document, ranking.analyze(document), averages))
            writer.commit()
        except BaseException:
            # Giving up writes too, and may fail like what went before.
            with contextlib.suppress(Exception):
                writer.cancel()
            shutil.rmtree(folder / "MAIN.tmp", ignore_errors=True)
            raise

    def rebuild(self, documents):
        with self._rebuild_lock(fcntl.LOCK_EX):
            generation = Path(tempfile.mkdtemp(suffix=f"-v{VERSION}", dir=self.folder))
            try:
                self._build(generation, documents)
                with self._write_lock():
                    self._switch_to(generation)
            except BaseException:
                shutil.rmtree(generation, ignore_errors=True)
                raise

    def _build(self, generation, documents):
        with ranking.analyzed_aside(documents, generation) as (averages, analyzed_documents):
            writers = {}
            try:
                for language in LANGUAGES:
                    (generation / language).mkdir()
                    created = index.create_in(generation / language, SCHEMA)
                    writers[language] = created.writer(limitmb=256, codec=_codec())
                for document, analyzed in analyzed_documents:
                    writers[document.language].add_document(
                        **_fields(document, analyzed, averages.of(document.language))
                    )
            except BaseException:
                for writer in writers.values():
                    with contextlib.suppress(Exception):
                        writer.cancel()
                raise
            for writer in writers.values():
                writer.commit(optimize=True)
        (generation / "averages.json").write_text(
            json.dumps({language: averages.of(language) for language in LANGUAGES})
        )

    def _switch_to(self, generation):
        # Whoosh never flushes to the disk: after a power cut a committed index may be gone, and
        # the pointer to it must not outlive it.
        for path in generation.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
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


def _codec():
    # Large plain blocks: posting lists are read whole, and pickle reads them at C speed.
    codec = W3Codec(blocklimit=4096, compression=0, inlinelimit=1)
    # The weights hold the lengths already. Whoosh would look for a file of them for every posting.
    codec.length_stats = False
    return codec


def _sum(segment, groups):
    """Returns every document's score: groups summed, of each the best term."""
    scores = numpy.zeros(segment.size, dtype=numpy.float32)
    for group in groups:
        best = scores if len(group) == 1 else numpy.zeros_like(scores)
        for term, factor, least in group:
            numbers, weights = segment.posting(term)
            if least:
                enough = weights >= least
                numbers, weights = numbers[enough], weights[enough]
            # A term's numbers are distinct, so plain indexing reaches each once.
            own = weights * numpy.float32(factor)
            if best is scores:
                scores[numbers] += own
            else:
                best[numbers] = numpy.maximum(best[numbers], own)
        if best is not scores:
            scores += best
    return scores


def _fields(document, analyzed, averages):
    return {
        "key": document.key,
        "terms": ranking.weights(analyzed, document.kind, averages),
        "words": dict.fromkeys(analyzed.words, 1.0),
        "facet": json.dumps(
            [document.kind, document.jurisdiction, sorted(document.topics), document.standing]
        ).encode(),
        "outline": ranking.outline(document, analyzed),
        "shown": ranking.shown(document),
        "fingerprint": document.fingerprint,
    }
