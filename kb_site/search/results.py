"""What a search returns, and the passages it shows."""

import functools
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape

from django.utils.safestring import mark_safe

from kb_site.markdown import typography
from kb_site.search import analysis
from kb_site.search.standing import Standing

EXCERPT_LENGTH = 240
# Texts are read for a passage up to here, and up to so many matches.
EXCERPT_SOURCE = 6000
MATCHES = 80
_WORD = re.compile(r"\w+")
_SEVERAL = re.compile(r"\w+(?:[/-]\w+)*(?:\s\w+)?")
_BLANKS = re.compile(r"[ \n]+")


@dataclass(frozen=True)
class Result:
    """One found record, in the language it is shown in.

    `title` and `excerpt` are HTML: escaped text in which matches stand in `<mark>`.
    `matched_language` is the language of the text that matched; `status` is where a legal text
    stands today.
    """

    kind: str
    reference: str
    language: str
    title: str
    url: str
    excerpt: str
    score: float
    matched_language: str
    status: Standing | None = None


@dataclass(frozen=True)
class SearchResults:
    """One page of results, and how many there are in all, in a form Django's `Paginator` takes.

    `facets` maps kind, topic, jurisdiction and status to {value: count}. `corrected_text` is what
    was searched instead of what was typed, when nothing held a word of it. `is_reduced` says that
    the index could not answer and the database did, less well.
    """

    items: tuple[Result, ...] = ()
    count: int = 0
    offset: int = 0
    facets: dict = field(default_factory=dict)
    corrected_text: str = ""
    is_reduced: bool = False

    def __len__(self):
        return self.count

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, window):
        if window.start != self.offset:
            raise ValueError("These results hold one page only: ask for the page with `find`.")
        return self.items


def readable(text, language):
    """Returns a text as `highlight` takes it: cut, normalized, with the signs readers expect."""
    return typography(analysis.normalize(text[:EXCERPT_SOURCE]), language)


def highlight(text, terms, language, length=EXCERPT_LENGTH):
    """Returns the passage of a text that holds most of the terms, escaped, matches in `<mark>`.

    Takes a plain, `readable` text, search terms and the text's language; the only markup in what
    it returns is our own `<mark>`. Without a match the passage is the beginning.
    """
    spans = list(itertools.islice(_matches(text, frozenset(terms), language), MATCHES))
    start, end = _window(text, spans, length)
    pieces, position = [], start
    for first, last, _term in spans:
        if first >= position and last <= end:
            pieces += [escape(text[position:first]), "<mark>", escape(text[first:last]), "</mark>"]
            position = last
    pieces.append(escape(text[position:end]))
    before, after = "… " if start else "", " …" if end < len(text) else ""
    passage = _BLANKS.sub(" ", "".join(pieces)).strip()
    return mark_safe(f"{before}{passage}{after}")  # noqa: S308 - every piece was escaped above


@functools.lru_cache(maxsize=512)
def _beginnings(terms):
    """Returns {how a word of the text begins that may be one of the terms: what to read there}."""
    found = {}
    for term in filter(None, terms):
        if number := re.match(r"\d+(?=[a-z/-])", term):
            found[number[0]] = _SEVERAL
        else:
            found.setdefault(term[: max(3, len(term) - 1)], _WORD)
            for (first, _second), whole in analysis.COMPOUNDS.items():
                if whole.startswith(term[:6]):
                    found[first] = _SEVERAL
    shortest = []
    for beginning in sorted(found):
        if not shortest or not beginning.startswith(shortest[-1]):
            shortest.append(beginning)
        elif found[beginning] is _SEVERAL:
            found[shortest[-1]] = _SEVERAL
    return {beginning: found[beginning] for beginning in shortest}


def _matches(text, terms, language):
    """Yields (start, end, term) of every word of the text that is one of the terms, in order."""
    folded, places = analysis.fold_in_place(text), {}
    for beginning, extent in _beginnings(terms).items():
        # A pattern of all of them would be slower, and takes long to compile.
        start = folded.find(beginning)
        while start >= 0:
            before = folded[start - 1 : start]
            if not before.isalnum() and before != "_" and places.get(start) is not _SEVERAL:
                places[start] = extent
            start = folded.find(beginning, start + 1)
    for start in sorted(places):
        # What begins alike is analyzed for good; an elided article before it changes nothing.
        end = places[start].match(folded, start).end()
        token = next(iter(_tokens(text[start:end], language)), None)
        if token and token.term in terms:
            yield start + token.start, start + token.end, token.term


@functools.lru_cache(maxsize=50_000)
def _tokens(text, language):
    return tuple(analysis.tokens(text, language))


def _window(text, spans, length):
    """Returns where the passage with most different matches begins and ends, between words."""
    if len(text) <= length:
        return 0, len(text)
    best, best_score = 0, 0
    inside, following = Counter(), 0
    for number, (first, _last, term) in enumerate(spans):
        latest = first + length - 30
        # A word counts where it stands, however long it is.
        while following < len(spans) and (following == number or spans[following][1] <= latest):
            inside[spans[following][2]] += 1
            following += 1
        score = 10 * len(inside) + following - number
        if score > best_score:
            best, best_score = first, score
        inside[term] -= 1
        if not inside[term]:
            del inside[term]
    start = 0
    if best > 30:
        # Begin with the sentence when it begins close by, else a few words earlier.
        earlier = text[max(0, best - 60) : best]
        sentence = max(earlier.rfind(". "), earlier.rfind("\n"), earlier.rfind("? "))
        if sentence >= 0:
            start = best - len(earlier) + sentence + 2
        else:
            start = text.rfind(" ", 0, best - 25) + 1
    start = max(0, min(start, best))
    end = min(len(text), start + length)
    if end < len(text):
        end = max(text.rfind(" ", start, end), start + length // 2)
    return start, end
