"""How documents are weighed: one formula, computed when a document is indexed, for every engine.

A term's weight in a document is BM25's term-frequency part, summed over the fields with their
boosts. The inverse document frequency is joined when somebody searches, so that changing one
record touches no other. Average lengths are those of the last rebuild.

k1, b and the boosts were chosen on French and English FAQs with real judgements; the README says
what was measured.
"""

import contextlib
import functools
import itertools
import math
import pickle
import tempfile
from collections import Counter
from dataclasses import dataclass

from kb_site.search import analysis
from kb_site.search.results import readable

K1 = 1.2
# field: (boost, b). Of the ways to ask one need match, so their length together counts little.
FIELDS = {
    "title": (8.0, 0.75),
    "also_asked": (3.0, 0.4),
    "summary": (2.0, 0.6),
    "body": (1.5, 0.6),
    "asked_in": (1.3, 0.75),
}
# A question and the door to knock on come before a remote provision that matches as well.
KINDS = {
    "question": 1.5,
    "contact": 1.15,
    "act": 1.3,
    "provision": 0.75,
    "statement": 0.75,
    "event": 0.4,
    "term": 0.4,
}

# Terms that are not words of the text carry a mark no word can begin with.
STOP = "~"
REFERENCE = "="

# So many characters of a document's words in order are kept: what follows tells little, and a row
# of a database stays in its page.
SEQUENCE_LENGTH = 1800

# A legal reference or a phone number that is asked for comes first, whatever else matches.
REFERENCE_FACTOR = 1000.0

# Until the first rebuild has measured them.
DEFAULT_AVERAGES = {
    "title": 8.0,
    "also_asked": 30.0,
    "summary": 25.0,
    "body": 120.0,
    "asked_in": 100.0,
}


@dataclass(frozen=True)
class AnalyzedDocument:
    """A document's terms by field, its reference terms, its words, and its text as one sequence."""

    fields: dict
    stop_terms: frozenset
    references: tuple
    words: frozenset
    # The title and each other way to ask, a bar between them, then the text.
    sequence: str
    title_end: int


def analyze(document):
    """Returns the `AnalyzedDocument` of a `Document`."""
    fields, lines, stop_terms, words = {}, [], set(), set()
    for name in FIELDS:
        fields[name] = []
        for line in analysis.normalize_lines(getattr(document, name)):
            terms = []
            for token in analysis.tokens(line, document.language):
                if token.is_stop:
                    if name in ("title", "also_asked", "summary"):
                        stop_terms.add(token.term)
                else:
                    terms.append(token.term)
                    if token.word.isalpha() and 2 < len(token.word) < 30:
                        words.add(token.word)
            fields[name] += terms
            if name in ("title", "also_asked") and terms:
                lines.append(" ".join(terms))
    asked = f" {' | '.join(lines)} "
    text = f"| {' '.join(fields['summary'])} | {' '.join(fields['body'])} "
    return AnalyzedDocument(
        fields,
        frozenset(stop_terms),
        tuple(document.references),
        frozenset(words),
        asked + text,
        len(asked),
    )


def weights(analyzed, kind, averages):
    """Returns {term: weight} of a document, given the average length of each field."""
    found = Counter()
    factor = KINDS.get(kind, 1.0)
    for name, terms in analyzed.fields.items():
        boost, b = FIELDS[name]
        average = averages.get(name) or DEFAULT_AVERAGES[name]
        norm = K1 * (1 - b + b * len(terms) / average)
        for term, count in Counter(terms).items():
            found[term] += factor * boost * count * (K1 + 1) / (count + norm)
    for term in analyzed.stop_terms:
        found[STOP + term] = factor
    for reference in analyzed.references:
        found[REFERENCE + reference] = 1.0
    return found


class Averages:
    """Average lengths of each field, by language, of the documents added."""

    def __init__(self):
        self.totals = {}

    def add(self, language, analyzed):
        totals = self.totals.setdefault(language, {name: [0, 0] for name in FIELDS})
        for name, terms in analyzed.fields.items():
            if terms:
                totals[name][0] += 1
                totals[name][1] += len(terms)

    def of(self, language):
        """Returns {field: average number of terms} of the documents that have the field."""
        return {
            name: total / count if count else DEFAULT_AVERAGES[name]
            for name, (count, total) in self.totals.get(
                language, dict.fromkeys(FIELDS, (0, 0))
            ).items()
        }


@contextlib.contextmanager
def analyzed_aside(documents, folder=None):
    """Analyzes documents and keeps them in a temporary file until their averages are known.

    Takes an iterable of documents and the folder for the file. Yields (averages, iterator of
    (document, analyzed)).
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        averages, count = Averages(), 0
        for document in documents:
            analyzed = analyze(document)
            averages.add(document.language, analyzed)
            pickle.dump((document, analyzed), file, pickle.HIGHEST_PROTOCOL)
            count += 1
        file.seek(0)
        # Our own file of a moment ago, seen by nobody else.
        yield averages, (pickle.load(file) for _number in range(count))  # noqa: S301


def outline(document, analyzed):
    """Returns what an index stores of a document to weigh it again: see `engines.Outline`."""
    return {
        "sequence": analyzed.sequence[: max(SEQUENCE_LENGTH, analyzed.title_end)],
        "title_end": analyzed.title_end,
        "links": " ".join(document.links),
    }


def shown(document):
    """Returns what an index stores of a document to show it: see `engines.Stored`."""
    return {
        "title": readable(document.title, document.language),
        "url": document.url,
        "text": readable(f"{document.summary}\n{document.body}".strip(), document.language),
        "standing": document.standing,
    }


@functools.lru_cache(maxsize=50_000)
def idf(documents, frequency):
    """BM25's inverse document frequency, never negative."""
    return math.log(1 + max(0.0, documents - frequency + 0.5) / (frequency + 0.5))


# How much the order of words, the likeness to one way of asking, and the share of the search that
# a document holds add to its score.
PHRASE = 0.08
LIKENESS = 1.0
COVERAGE = 0.6


class Wanted:
    """The words of a search, ready to be looked for in many documents.

    Takes the words in order, each as (its term, the terms that stand for it, its inverse document
    frequency).
    """

    def __init__(self, words):
        self.total = sum(weight for _typed, _terms, weight in words)
        self.words = [(frozenset([typed, *terms]), weight) for typed, terms, weight in words]
        self.terms = frozenset().union(*(terms for terms, _weight in self.words))
        self.pairs = [
            f" {first} {second} "
            for (first, *_first), (second, *_second) in itertools.pairwise(words)
        ]

    def closeness(self, sequence, title_end):
        """Returns what a document's score is multiplied by for how it holds the words.

        Takes the document's term sequence and where its title and other ways to ask end in it.
        """
        if not self.total:
            return 1.0
        factor = 1.0
        if self.pairs:
            together = sum(pair in sequence for pair in self.pairs)
            factor += PHRASE * together / len(self.pairs)
        found = self.terms.intersection(sequence.split())
        asked, covered, lines = sequence[:title_end], 0.0, {}
        for terms, weight in self.words:
            if held := terms & found:
                covered += weight
                for line in {line for term in held for line in _lines(asked, term)}:
                    lines.setdefault(line, []).append(weight)
        factor *= 1 - COVERAGE + COVERAGE * covered / self.total
        if not lines:
            return factor
        texts = asked.split("|")
        best = max(
            sum(matched) / self.total * min(1.0, len(matched) / (texts[line].count(" ") - 1))
            for line, matched in lines.items()
        )
        return factor * (1 + LIKENESS * best)


def _lines(asked, term):
    """Yields the number of each line, a bar between them, that holds a term, maybe repeatedly."""
    found = asked.find(f" {term} ")
    while found >= 0:
        yield asked.count("|", 0, found)
        found = asked.find(f" {term} ", found + len(term))
