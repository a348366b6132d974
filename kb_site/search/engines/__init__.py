"""Search engines. A setting chooses one by name; nothing else in the site knows which runs.

An engine stores weighed terms and sums them; what a query means, what is shown and in which order
equal parts come is decided above it, in `find`, so that both engines find the same things. Each
passes the same contract tests.
"""

import functools
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

ENGINES = {
    "whoosh": "kb_site.search.engines.whoosh.WhooshEngine",
    "database": "kb_site.search.engines.database.DatabaseEngine",
}


class SearchUnavailable(Exception):
    """The index cannot answer, and says why; the caller answers from the database meanwhile."""


@dataclass(frozen=True)
class Facet:
    """What documents are filtered by. Documents that share a facet are counted together."""

    kind: str
    jurisdiction: str = ""
    topics: tuple[str, ...] = ()
    standing: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """What the index keeps of a document to weigh it again: the order of its words, its links.

    `sequence` and `title_end` are those of `ranking.AnalyzedDocument`; `links` are the keys of the
    records it leads to, a space between them.
    """

    key: str
    sequence: str
    title_end: int
    links: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What the index keeps of a document to show it."""

    title: str
    url: str
    text: str
    standing: str = ""


@dataclass(frozen=True)
class Matches:
    """The best matches as (document id, score, `Outline`), and how many match in each facet.

    `facets` counts every match, before the filter; `count` those the filter keeps. A document id
    is good for `load` within the same search only.
    """

    best: list
    count: int
    facets: dict = field(default_factory=dict)


class Engine:
    """What every engine does."""

    # Whether a change is written in the record's own transaction, or noted and written after it.
    is_transactional = False

    def frequencies(self, terms):
        """Returns {language: (number of documents, {term: documents that hold it})}.

        Takes {language: terms}: all a search asks, at once.
        """
        raise NotImplementedError

    def match(self, language, groups, keep=None, limit=10):
        """Returns the `Matches` of a query, best first.

        `groups` is a list of groups, summed; a group a list of (term, factor, least), of which a
        document's best counts: a term counts its weight times the factor, in documents where it
        weighs `least` or more. `keep` takes a `Facet` and says whether its documents may be
        returned.
        """
        raise NotImplementedError

    def load(self, language, ids):
        """Returns {id: `Shown`} for ids that `match` gave."""
        raise NotImplementedError

    def load_keys(self, language, keys):
        """Returns {key: `Shown`} for the records among `keys` that the language has."""
        raise NotImplementedError

    def vocabulary(self, language):
        """Returns {word: documents that hold it}, folded but not stemmed, and may remember it."""
        raise NotImplementedError

    def replace(self, keys, documents):
        """Forgets every document of these keys, then adds `documents`, in one step."""
        raise NotImplementedError

    def rebuild(self, documents):
        """Builds the index anew from `documents` and puts it in the old one's place."""
        raise NotImplementedError

    def fingerprints(self):
        """Returns {(key, language): a hash of what is indexed}, to compare with the records."""
        raise NotImplementedError

    def size(self):
        """Returns the bytes the index takes."""
        raise NotImplementedError

    def check(self):
        """Raises `SearchUnavailable` when the index is missing, damaged or of an older form."""
        raise NotImplementedError


@functools.cache
def _engine(name):
    try:
        return import_string(ENGINES[name])()
    except KeyError:
        raise ImproperlyConfigured(
            f"SEARCH_ENGINE is {name!r}. Set it to one of: {', '.join(sorted(ENGINES))}."
        ) from None


def get_engine():
    """Returns the engine that `SEARCH_ENGINE` names."""
    return _engine(settings.SEARCH_ENGINE)
