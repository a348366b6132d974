"""Finding: from what somebody typed to a page of results, whichever engine runs."""

import functools
import logging
import threading
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import connection
from django.db.models import Q

from kb_site.search import analysis, ranking, rules, updates
from kb_site.search.documents import LANGUAGES, registry
from kb_site.search.engines import Facet, SearchUnavailable, Stored, get_engine
from kb_site.search.query import Query, reference_factor
from kb_site.search.results import Result, SearchResults, highlight
from kb_site.search.spelling import Speller

logger = logging.getLogger(__name__)

PAGE_SIZE = 10
# So many of the best are weighed again for the order of their words.
WINDOW = 40
# So many of each language are joined when a search needs both.
JOINED = 80
# So many postings are summed at the most, which bounds what a search costs.
POSTINGS = 12_000
# A synonym counts half as much as the word itself.
SYNONYM_FACTOR = 0.5


@dataclass(frozen=True)
class Filters:
    """What results are narrowed to: several of one kind mean any of them, several kinds all."""

    kinds: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()

    def __bool__(self):
        return bool(self.kinds or self.topics or self.jurisdictions)

    def keeps(self, facet):
        return (
            (not self.kinds or facet.kind in self.kinds)
            and (not self.topics or bool(set(self.topics) & set(facet.topics)))
            and (not self.jurisdictions or facet.jurisdiction in self.jurisdictions)
        )


def find(text, language, filters=None, page=1, engine=None):
    """Returns a page of `SearchResults` for what somebody typed.

    Takes any text (it is cut at 200 characters), a language code, `Filters` and a page number from
    1; an engine other than the site's for comparisons. Never raises because of what was typed, nor
    because the index is missing or damaged: then the database answers, the results say so, and the
    index is built anew.
    """
    filters = filters or Filters()
    query = Query.parse(text, language)
    offset = (page - 1) * PAGE_SIZE
    if not query:
        return SearchResults(offset=offset)
    try:
        return _Search(engine or get_engine(), query, filters).page(offset)
    except SearchUnavailable as error:
        logger.warning("Search answers from the database: %s", error)
        heal()
        return _search_database(query, filters, offset)


def complete(text, language, limit=6):
    """Returns (results, words) for a search still being typed, its last word perhaps unfinished.

    Nothing is returned for texts that hold a hidden word. Raises nothing; an index that rests
    gives nothing.
    """
    query = Query.parse(text, language)
    if not query or len(query.text) < 2:
        return (), ()
    hidden = rules.current().hidden[language]
    if any(token.term in hidden for token in query.tokens):
        return (), ()
    try:
        engine = get_engine()
        words = ()
        last = query.tokens[-1]
        if query.text[-1].isalnum() and last.end == len(query.text):
            words = speller(engine, language, hidden).completions(last.word)
        results = _Search(engine, query, Filters(), endings=words).page(0)
        return tuple(results)[:limit], tuple(words)
    except SearchUnavailable:
        return (), ()


_spellers = {}


def speller(engine, language, hidden=frozenset()):
    """Returns the `Speller` of a language, made anew when the vocabulary has changed."""
    vocabulary = engine.vocabulary(language)
    known = _spellers.get(language)
    if known is None or known[0] is not vocabulary or known[1] != hidden:
        known = _spellers[language] = (
            vocabulary,
            hidden,
            Speller(vocabulary, language, hidden),
        )
    return known[2]


class _Search:
    """One search, in the reader's language and, where that lacks words, in the other one too."""

    def __init__(self, engine, query, filters, endings=()):
        self.engine = engine
        self.query = query
        self.filters = filters
        self.endings = endings
        self.rules = rules.current()
        self.corrected = {}

    def page(self, offset):
        own, others = self.plan()
        if not others:
            matches = self.match(own, max(WINDOW, offset + PAGE_SIZE))
            entries = self.weigh(own, matches)
            count, facets = matches.count, matches.facets
        else:
            entries, facets = self.join(own, others)
            count = len(entries)
        entries, count = self.promote(entries, count)
        window = entries[offset : offset + PAGE_SIZE]
        return SearchResults(
            items=tuple(self.result(*entry) for entry in window),
            count=count,
            offset=offset,
            facets=self.count_facets(facets),
            corrected_text=self.corrected_text(),
        )

    # What to look for

    def plan(self):
        """Returns this language's part and the parts of others that know words this one lacks."""
        own = self.part(self.query)
        others = []
        unknown = own.unknown
        if unknown and not self.query.only_stop_words:
            for language in LANGUAGES:
                if language == self.query.language:
                    continue
                other = self.part(Query.parse(self.query.text, language))
                here = {token.word for token in unknown}
                known = {token.word for token in other.known}
                # A word that is no search word there, such as "who", is no slip of the finger.
                stops = {token.word for token in own.query.tokens} - {
                    token.word for token in other.query.tokens
                }
                if here & known:
                    others.append(other)
                unknown = [t for t in unknown if t.word not in known and t.word not in stops]
        if unknown:
            own = self.correct(own, unknown)
        return own, others

    def part(self, query):
        """Looks up which of a query's terms and synonyms a language's documents hold."""
        prefix = ranking.STOP if query.only_stop_words else ""
        groups = []
        for tokens, alternatives in self.alternatives(query):
            groups.append((tokens, [[prefix + term for term in terms] for terms in alternatives]))
        references = [ranking.REFERENCE + reference for reference in query.references]
        terms = {t for _tokens, group in groups for alternative in group for t in alternative}
        endings = [analysis.stem(word, query.language) for word in self.endings]
        documents, frequencies = self.engine.frequencies(
            query.language, [*terms, *references, *endings]
        )
        return _Part(query, groups, references, documents, frequencies, endings)

    def alternatives(self, query):
        """Yields (tokens, alternatives): a word, or a phrase that has synonyms, and what to seek.

        The longest phrase wins. An alternative is a list of terms; the first is what was typed.
        """
        tokens, phrases = query.tokens, self.rules.phrases[query.language]
        position = 0
        while position < len(tokens):
            for size in range(min(self.rules.longest, len(tokens) - position), 0, -1):
                typed = tokens[position : position + size]
                groups = phrases.get(tuple(token.term for token in typed))
                if groups or size == 1:
                    break
            found = [tuple(token.term for token in typed)]
            for group in groups or ():
                found += [terms for terms in group[query.language] if terms not in found]
            yield typed, found[:24]
            position += size

    def correct(self, part, unknown):
        """Puts the nearest known words in the place of words that nothing holds."""
        language = part.query.language
        hidden = self.rules.hidden[language]
        tokens, corrected = [], {}
        for token in part.query.tokens:
            if token in unknown:
                word = speller(self.engine, language, hidden).correct(token.word)
                if word:
                    corrected[token] = word
                    token = token._replace(term=analysis.stem(word, language), word=word)
            tokens.append(token)
        if not corrected:
            return part
        self.corrected = corrected
        return self.part(replace(part.query, tokens=tuple(tokens)))

    # Finding and weighing

    def match(self, part, limit):
        keep = self.filters.keeps if self.filters else None
        return self.engine.match(part.query.language, part.scored_groups(), keep, limit)

    def weigh(self, part, matches):
        """Returns (score, stored or its id, language) best first, the order of words counted in."""
        language = part.query.language
        window = matches.best[:WINDOW]
        stored = self.engine.load(language, [number for number, _score in window])
        wanted = part.wanted()
        entries = []
        for number, score in window:
            document = stored.get(number)
            if document is None:  # removed a moment ago
                continue
            if score < ranking.REFERENCE_FACTOR:
                score *= ranking.closeness(document.sequence, document.title_end, wanted)
            entries.append((score, document, part))
        entries.sort(key=lambda entry: -entry[0])
        rest = [(score, number, part) for number, score in matches.best[WINDOW:]]
        return entries + rest

    def join(self, own, others):
        """Returns the entries of every language, one a record, and the facets of all of them."""
        best, facets = {}, {}
        for part in [own, *others]:
            matches = self.match(part, JOINED)
            for facet, number in matches.facets.items():
                facets[facet] = max(number, facets.get(facet, 0))
            entries = self.weigh(part, matches)
            pending = [number for _score, number, _part in entries if not _is_stored(number)]
            stored = self.engine.load(part.query.language, pending)
            for score, document, _part in entries:
                document = document if _is_stored(document) else stored.get(document)
                if document is None:
                    continue
                known = best.get(document.key)
                if known is None or score > known[0]:
                    best[document.key] = (score, document, part)
        entries = sorted(best.values(), key=lambda entry: -entry[0])
        # Shown in the reader's language wherever the record has it.
        foreign = [d.key for _s, d, part in entries if part is not own]
        here = self.engine.load_keys(own.query.language, foreign) if foreign else {}
        return [(s, here.get(d.key, d), part) for s, d, part in entries], facets

    def promote(self, entries, count):
        """Puts what an editor promoted for these very words first."""
        terms = frozenset(token.term for token in self.query.tokens)
        keys = self.rules.promotions(self.query.language, terms)
        if not keys or self.filters:
            return entries, count
        stored = self.engine.load_keys(self.query.language, keys)
        part = _Part(self.query, [], [], 0, {}, [])
        first = [(float("inf"), stored[key], part) for key in keys if key in stored]
        rest = [e for e in entries if not (_is_stored(e[1]) and e[1].key in stored)]
        return first + rest, count + len(first) - (len(entries) - len(rest))

    # Showing

    def result(self, score, document, part):
        if not _is_stored(document):
            document = self.engine.load(part.query.language, [document]).get(document)
        kind, _separator, reference = document.key.partition(":")
        terms = part.shown_terms()
        own = document.language == part.query.language
        if not own:
            # Found by its text in another language: mark what matches in this one, if anything.
            terms = {token.term for token in self.query.tokens}
        return Result(
            kind=kind,
            reference=reference,
            language=document.language,
            title=highlight(document.title, terms, document.language),
            url=document.url,
            excerpt=highlight(document.text, terms, document.language),
            score=score,
            matched_language=part.query.language,
        )

    def count_facets(self, facets):
        """Returns {"kind": {value: count}, …}: each as it would be without its own filter."""
        counts = {"kind": {}, "topic": {}, "jurisdiction": {}}
        without = {
            "kind": replace(self.filters, kinds=()),
            "topic": replace(self.filters, topics=()),
            "jurisdiction": replace(self.filters, jurisdictions=()),
        }
        for facet, number in facets.items():
            for name, values in (
                ("kind", (facet.kind,)),
                ("topic", facet.topics),
                ("jurisdiction", (facet.jurisdiction,)),
            ):
                if without[name].keeps(facet):
                    for value in filter(None, values):
                        counts[name][value] = counts[name].get(value, 0) + number
        return counts

    def corrected_text(self):
        """Returns what was typed with its unknown words corrected, or "" when nothing was."""
        text, pieces, position = self.query.text, [], 0
        for token, word in sorted(self.corrected.items(), key=lambda pair: pair[0].start):
            pieces += [text[position : token.start], word]
            position = token.end
        return "".join([*pieces, text[position:]]) if pieces else ""


@dataclass(frozen=True)
class _Part:
    """A query in one language with what that language's documents know of it."""

    query: Query
    groups: list
    references: list
    documents: int
    frequencies: dict
    endings: list

    @functools.cached_property
    def known(self):
        return [t for t in self.query.tokens if t not in self.unknown]

    @functools.cached_property
    def unknown(self):
        """Tokens for which no document has the term nor a synonym of it."""
        return [
            token
            for tokens, alternatives in self.groups
            for token in tokens
            if not any(self.frequencies.get(t) for terms in alternatives for t in terms)
        ]

    def idf(self, term):
        return ranking.idf(self.documents, self.frequencies.get(term, 0))

    @functools.cached_property
    def sought(self):
        """Returns [(token, {term: factor})]: each word, and what counts in its place.

        The synonyms of a phrase stand beside its rarest word; a synonym of several words is sought
        by its own rarest one, and only where the index knows them all.
        """
        sought = []
        for number, (tokens, (typed, *synonyms)) in enumerate(self.groups):
            others = [
                max(terms, key=self.idf)
                for terms in synonyms
                if all(self.frequencies.get(term) for term in terms)
            ]
            if number == len(self.groups) - 1:
                others += [term for term in self.endings if self.frequencies.get(term)]
            host = max(typed, key=self.idf)
            for token, term in zip(tokens, typed, strict=True):
                terms = {term: 1.0} if self.frequencies.get(term) else {}
                if term == host:
                    terms = dict.fromkeys(others, SYNONYM_FACTOR) | terms
                if terms:
                    sought.append((token, terms))
        return sought

    def scored_groups(self):
        """Returns the groups as an engine takes them: known terms with their factors.

        In a large collection the commonest terms, which tell documents apart the least, are left
        to `closeness`: the rarest are summed, as many as hold `POSTINGS` postings together, the
        two rarest words whatever they hold.
        """
        known = {term for _token, terms in self.sought for term in terms}
        typed = {token.term for token, _terms in self.sought} & known
        kept = set(sorted(typed, key=self.frequencies.get)[:2])
        postings = sum(map(self.frequencies.get, kept))
        for term in sorted(known - kept, key=self.frequencies.get):
            postings += self.frequencies[term]
            if postings > POSTINGS:
                break
            kept.add(term)
        groups = [
            [(term, factor * self.idf(term)) for term, factor in terms.items() if term in kept]
            for _token, terms in self.sought
        ]
        scored = [group for group in groups if group]
        for reference in self.references:
            if self.frequencies.get(reference):
                factor = reference_factor(reference.removeprefix(ranking.REFERENCE))
                scored.append([(reference, factor)])
        return scored

    def wanted(self):
        """Returns [(terms, weight)]: each word with what stands for it, for `closeness`."""
        return [
            ((token.term, *terms), max(self.idf(term) for term in terms))
            for token, terms in self.sought
        ]

    def shown_terms(self):
        """The terms to mark in what is shown."""
        terms = {t for _tokens, group in self.groups for terms in group for t in terms}
        return {t.removeprefix(ranking.STOP) for t in [*terms, *self.endings]}


def _is_stored(document):
    return isinstance(document, Stored)


def _search_database(query, filters, offset):
    """The reduced search: records whose title or summary holds one of the words as typed."""
    found = []
    words = query.text.lower().split()[:8]
    for index in registry.values():
        if filters.kinds and index.kind not in filters.kinds:
            continue
        condition = Q()
        for word in words:
            for name in index.plain_fields:
                condition |= Q(**{f"{name}_{query.language}__icontains": word})
        for record in index.queryset().filter(condition).distinct()[:50]:
            document = index.document(record, query.language)
            facet = document and Facet(document.kind, document.jurisdiction, document.topics)
            if document and filters.keeps(facet):
                text = f"{document.title} {document.also_asked} {document.summary}".lower()
                found.append((sum(word in text for word in words), document))
    found.sort(key=lambda pair: -pair[0])
    terms = set(query.terms)
    items = tuple(
        Result(
            kind=document.kind,
            reference=document.reference,
            language=document.language,
            title=highlight(document.title, terms, document.language),
            url=document.url,
            excerpt=highlight(f"{document.summary}\n{document.body}", terms, document.language),
            score=float(score),
            matched_language=document.language,
        )
        for score, document in found[offset : offset + PAGE_SIZE]
    )
    return SearchResults(items, len(found), offset, is_reduced=True)


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
        updates.ensure()
        logger.info("The %s search index was built anew.", settings.SEARCH_ENGINE)
    except Exception:
        logger.exception("The search index could not be built anew.")
    finally:
        _healing.release()
        connection.close()
