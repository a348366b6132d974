"""Finding: from what somebody typed to a page of results, whichever engine runs."""

import logging
import threading

from django.conf import settings
from django.db import connection
from django.db.models import Q

from kb_site.search import updates
from kb_site.search.documents import registry
from kb_site.search.engines import SearchUnavailable, get_engine
from kb_site.search.query import Query
from kb_site.search.results import Hit, Result, SearchResults, highlight

logger = logging.getLogger(__name__)

PAGE_SIZE = 10


def find(text, language, kinds=(), page=1):
    """Returns a page of `SearchResults` for what somebody typed.

    Takes any text (it is cut at 200 characters), a language code, the kinds of record to keep
    (all when empty) and a page number from 1. Never raises because of what was typed, nor because
    the index is missing or damaged: then the database answers, the results say so, and the index
    is built anew.
    """
    query = Query.parse(text, language)
    offset = (page - 1) * PAGE_SIZE
    if not query:
        return SearchResults(offset=offset)
    is_reduced = False
    try:
        hits, count = get_engine().search(query, kinds, offset, PAGE_SIZE)
    except SearchUnavailable as error:
        logger.warning("Search answers from the database: %s", error)
        heal()
        is_reduced = True
        hits, count = _search_database(query, kinds, offset)
    items = tuple(_result(hit, query) for hit in hits)
    return SearchResults(items, count, offset, is_reduced)


def _result(hit, query):
    kind, _separator, reference = hit.key.partition(":")
    return Result(
        kind=kind,
        reference=reference,
        language=query.language,
        title=highlight(hit.title, query.terms, query.language),
        url=hit.url,
        excerpt=highlight(hit.text, query.terms, query.language),
        score=hit.score,
    )


def _search_database(query, kinds, offset):
    """The reduced search: records whose title or summary holds one of the words as typed."""
    hits = []
    words = query.text.split()[:8]
    for index in registry.values():
        if kinds and index.kind not in kinds:
            continue
        condition = Q()
        for word in words:
            for name in index.plain_fields:
                condition |= Q(**{f"{name}_{query.language}__icontains": word})
        for record in index.queryset().filter(condition).distinct()[:50]:
            document = index.document(record, query.language)
            if document:
                text = f"{document.title} {document.summary} {document.body}".lower()
                score = sum(word.lower() in text for word in words)
                shown = f"{document.summary}\n{document.body}"
                hits.append(Hit(document.key, score, document.title, document.url, shown))
    hits.sort(key=lambda hit: -hit.score)
    return hits[offset : offset + PAGE_SIZE], len(hits)


_healing = threading.Lock()


def heal():
    """Rebuilds the index beside the request that found it unusable, once at a time."""
    if not _healing.acquire(blocking=False):
        return None
    thread = threading.Thread(target=_heal, name="search-heal", daemon=True)
    thread.start()
    return thread


def _heal():
    try:
        updates.rebuild()
        logger.info("The %s search index was rebuilt.", settings.SEARCH_ENGINE)
    except Exception:
        logger.exception("The search index could not be rebuilt.")
    finally:
        _healing.release()
        connection.close()
