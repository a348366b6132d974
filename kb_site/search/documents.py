"""What is searched: one document a record and language, described by each app's `search.py`."""

import hashlib
from dataclasses import dataclass

from django.utils import translation

from kb_site.languages import LANGUAGES


@dataclass(frozen=True)
class Document:
    """A record in one language, as the search sees it. Texts are plain, for terms and excerpts."""

    kind: str
    reference: str
    language: str
    title: str
    url: str
    also_asked: str = ""
    summary: str = ""
    body: str = ""
    # The questions whose answers cite the record, as people ask them.
    asked_in: str = ""
    topics: tuple[str, ...] = ()
    jurisdiction: str = ""
    # Where a legal text stands as days go by: see `standing.py`. Empty for everything else.
    standing: str = ""
    # Names, numbers, ELIs and phones that lead straight here: see `query.references_in`.
    references: tuple[str, ...] = ()
    # Keys of the records it cites or leads on to: they rise with it.
    links: tuple[str, ...] = ()

    @property
    def key(self):
        """Names the record in every language."""
        return f"{self.kind}:{self.reference}"

    @property
    def fingerprint(self):
        """A short hash of all it holds."""
        return hashlib.blake2b(repr(self).encode("utf-8", "replace"), digest_size=8).hexdigest()


class SearchIndex:
    """Says how the records of one model become documents. Subclass and `register` it.

    `related` maps other models to a function that returns the records of `model` whose document
    changes with an instance of it; another app may add to it.
    """

    kind = ""
    model = None
    # Translated fields the reduced search looks in while the index is away.
    plain_fields = ()

    def __init__(self):
        self.related = self.get_related()

    def get_related(self):
        return {}

    def queryset(self):
        """Returns the published records, with all that `document` reads already loaded."""
        raise NotImplementedError

    def document(self, record, language):
        """Returns the record's `Document` in a language, or None when it has no text there."""
        raise NotImplementedError

    def key(self, record):
        return f"{self.kind}:{record.reference}"

    def url(self, record, language):
        """Returns the record's address in a language."""
        with translation.override(language):
            return record.get_absolute_url()

    def documents(self, records):
        """Yields the documents of records in every language."""
        for record in records:
            for language in LANGUAGES:
                document = self.document(record, language)
                if document:
                    yield document


def asked_in(questions, language):
    """Returns the published questions' titles and other ways to ask, a line each, each once.

    Takes any records with `is_published`, a title and `also_asked`.
    """
    texts = {
        question.pk: "\n".join(
            filter(None, (getattr(question, f"{n}_{language}") for n in ("title", "also_asked")))
        )
        for question in questions
        if question.is_published
    }
    return "\n".join(texts.values())


registry = {}


def register(index):
    """Class decorator: adds a `SearchIndex` to what is searched."""
    registry[index.model] = index()
    return index


# name of a facet: function from its values to {value: name for readers}, in the order to show.
facets = {}


def register_facet(name):
    """Function decorator: says how a facet's values are called."""

    def decorator(function):
        facets[name] = function
        return function

    return decorator


def all_documents():
    """Yields every document of every published record."""
    for index in registry.values():
        yield from index.documents(index.queryset().iterator(chunk_size=500))


def count_records():
    """Returns how many published records there are to index."""
    return sum(index.queryset().count() for index in registry.values())


def find_record(key):
    """Returns the published record that a key ("kind:reference") names, or None."""
    kind, _separator, reference = key.partition(":")
    for index in registry.values():
        if index.kind == kind:
            return index.queryset().filter(reference=reference).first()
    return None
