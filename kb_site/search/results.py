"""What a search returns."""

from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import mark_safe

from kb_site.search import analysis

EXCERPT_WORDS = 36


@dataclass(frozen=True)
class Hit:
    """A document an engine found: its key ("kind:reference"), its score and what to show of it."""

    key: str
    score: float
    title: str
    url: str
    text: str


@dataclass(frozen=True)
class Result:
    """One found record, in the language it is shown in."""

    kind: str
    reference: str
    language: str
    title: str
    url: str
    excerpt: str
    score: float


@dataclass(frozen=True)
class SearchResults:
    """One page of results, and how many there are in all, in a form Django's `Paginator` takes.

    `is_reduced` says that the index could not answer and the database did, less well.
    """

    items: tuple[Result, ...] = ()
    count: int = 0
    offset: int = 0
    is_reduced: bool = False

    def __len__(self):
        return self.count

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, window):
        if window.start != self.offset:
            raise ValueError("These results hold one page only: ask for the page with `find`.")
        return self.items


def highlight(text, terms, language, words=EXCERPT_WORDS):
    """Returns the passage of a text that holds most of the terms, escaped, matches in `<mark>`.

    Takes plain text; the only markup in what it returns is our own `<mark>`. Without a match the
    passage is the beginning.
    """
    text = analysis.normalize(text)
    found = list(analysis.tokens(text, language))
    if not found:
        return ""
    wanted = set(terms)
    hits = [i for i, token in enumerate(found) if token.term in wanted]
    first = _best_window(found, hits, words)
    last = min(first + words, len(found))
    # Start at the sentence when it begins close by.
    start = found[first].start if first else 0
    end = found[last - 1].end if last < len(found) else len(text)
    pieces, position = [], start
    for i in hits:
        if first <= i < last:
            token = found[i]
            pieces += [
                escape(text[position : token.start]),
                "<mark>",
                escape(text[token.start : token.end]),
                "</mark>",
            ]
            position = token.end
    pieces.append(escape(text[position:end]))
    before, after = "… " if first else "", " …" if end < len(text) else ""
    return mark_safe(before + "".join(pieces).strip() + after)  # noqa: S308 - escaped above


def _best_window(found, hits, words):
    """Returns the index of the token where the window with most distinct matches begins."""
    if not hits or len(found) <= words:
        return 0
    best, best_score = 0, -1
    for i in hits:
        first = max(0, min(i - 4, len(found) - words))
        inside = [j for j in hits if first <= j < first + words]
        score = len({found[j].term for j in inside}) * 10 + len(inside)
        if score > best_score:
            best, best_score = first, score
    return best
