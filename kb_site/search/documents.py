"""What is searched: one document a record and language, described by each app's `search.py`."""

from dataclasses import dataclass, field

from django.conf import settings
from django.utils import translation

LANGUAGES = [code for code, name in settings.LANGUAGES]


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
    topics: tuple[str, ...] = field(default=())
    jurisdiction: str = ""

    @property
    def key(self):
        """Names the record in every language."""
        return f"{self.kind}:{self.reference}"


class SearchIndex:
    """Says how the records of one model become documents. Subclass and `register` it.

    `related` maps other models to a function that returns the records of `model` whose document
    changes with an instance of it.
    """

    kind = ""
    model = None
    related = {}
    # Translated fields the reduced search looks in while the index is away.
    plain_fields = ()

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


registry = {}


def register(index):
    """Class decorator: adds a `SearchIndex` to what is searched."""
    registry[index.model] = index()
    return index


def all_documents():
    """Yields every document of every published record."""
    for index in registry.values():
        yield from index.documents(index.queryset().iterator(chunk_size=500))


def count_records():
    """Returns how many published records there are to index."""
    return sum(index.queryset().count() for index in registry.values())
