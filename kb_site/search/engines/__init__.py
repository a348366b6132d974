"""Search engines. Settings choose one by name; nothing else in the site knows which runs.

An engine's methods are those of `Engine`. Each passes the same contract tests.
"""

import functools

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

ENGINES = {"whoosh": "kb_site.search.engines.whoosh.WhooshEngine"}


class SearchUnavailable(Exception):
    """The index cannot answer, and says why; the caller answers from the database meanwhile."""


class Engine:
    """What every engine does. Documents are `kb_site.search.documents.Document`s."""

    def search(self, query, kinds=(), offset=0, limit=10):
        """Returns (hits, count): the page of `Hit`s, best first, and how many match in all.

        Takes a `Query` and the kinds to keep (all when empty). Raises `SearchUnavailable`.
        """
        raise NotImplementedError

    def replace(self, keys, documents):
        """Forgets every document of these keys, then adds `documents`, in one step."""
        raise NotImplementedError

    def rebuild(self, documents):
        """Builds the index anew from `documents` and puts it in the old one's place."""
        raise NotImplementedError

    def count(self):
        """Returns the number of documents. Raises `SearchUnavailable`."""
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
