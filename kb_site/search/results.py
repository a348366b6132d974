"""What a search returns, and the passages it shows."""

import functools
import itertools
import re
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
    passage = re.sub(r"[ \n]+", " ", "".join(pieces)).strip()
    return mark_safe(f"{before}{passage}{after}")  # noqa: S308 - every piece was escaped above


@functools.lru_cache(maxsize=512)
def _pattern(terms):
    """A quick first look: words that begin as a term does, its last letters aside."""
    beginnings = set()
    for term in terms:
        if match := re.match(r"^(\d+)([a-z]+)$", term):
            beginnings.add(rf"{match[1]}[\s-]?{match[2]}")
        else:
            beginnings.add(re.escape(term[: max(3, len(term) - 1)]))
            beginnings.update(
                rf"{re.escape(first)}[\s-]?{re.escape(second)}"
                for (first, second), whole in analysis.COMPOUNDS.items()
                if whole.startswith(term[:6])
            )
    if not beginnings:
        return None
    # By first letter: twice as quick as one long choice.
    choices = [
        f"{letter}(?:{'|'.join(beginning[1:] for beginning in group)})"
        for letter, group in itertools.groupby(sorted(beginnings), key=lambda b: b[0])
    ]
    return re.compile(rf"\b(?:{'|'.join(choices)})\w*")


def _matches(text, terms, language):
    """Yields (start, end, term) of every word of the text that is one of the terms."""
    pattern = _pattern(terms)
    if pattern is None:
        return
    for found in pattern.finditer(analysis.fold_in_place(text)):
        # What begins alike is analyzed for good; an elided article before it changes nothing.
        for token in _tokens(text[found.start() : found.end()], language):
            if token.term in terms:
                yield found.start() + token.start, found.start() + token.end, token.term


@functools.lru_cache(maxsize=50_000)
def _tokens(text, language):
    return tuple(analysis.tokens(text, language))


def _window(text, spans, length):
    """Returns where the passage with most different matches begins and ends, between words."""
    if len(text) <= length:
        return 0, len(text)
    best, best_score = 0, 0
    for i, (first, _last, _term) in enumerate(spans):
        inside = [span for span in spans[i : i + 40] if span[1] <= first + length - 30]
        score = 10 * len({term for *_span, term in inside}) + len(inside)
        if score > best_score:
            best, best_score = first, score
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
