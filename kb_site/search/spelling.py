"""The nearest word the index knows, for a word it does not."""

import math
from bisect import bisect_left

from rapidfuzz import process
from rapidfuzz.distance import OSA, JaroWinkler

from kb_site.search.analysis import stem


class Speller:
    """Corrects folded words against a vocabulary: {word: documents that hold it}."""

    def __init__(self, vocabulary, language, hidden=frozenset()):
        self.language = language
        self.words = {w: n for w, n in vocabulary.items() if stem(w, language) not in hidden}
        self.by_length = {}
        for word in self.words:
            self.by_length.setdefault(len(word), []).append(word)
        self.ordered = sorted(self.words)

    def correct(self, word):
        """Returns the nearest known word, or None when none is near enough.

        One slip (a letter more, less, changed or swapped) is allowed, two from 8 letters on;
        words of 3 letters and less, and words with digits, are left alone. Of words equally near
        the one most alike from its beginning and most frequent wins.
        """
        if len(word) < 4 or not word.isalpha():
            return None
        allowed = 2 if len(word) >= 8 else 1
        near = []
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            for found, distance, _index in process.extract(
                word,
                self.by_length.get(length, ()),
                scorer=OSA.distance,
                score_cutoff=allowed,
                limit=10,
            ):
                likeness = JaroWinkler.similarity(word, found)
                near.append((distance, -likeness - 0.02 * math.log1p(self.words[found]), found))
        return min(near)[-1] if near else None

    def completions(self, beginning, limit=8):
        """Returns the most frequent known words that begin so."""
        start = bisect_left(self.ordered, beginning)
        end = bisect_left(self.ordered, beginning + "\U0010ffff")
        return sorted(self.ordered[start:end], key=lambda w: (-self.words[w], w))[:limit]
