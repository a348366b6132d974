"""Finding: from what somebody typed to a page of results, whichever engine runs."""

import functools
import logging
import math
import threading
from collections import Counter
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.db import connection
from django.db.models import Q

from kb_site import metrics
from kb_site.editorial import clock
from kb_site.languages import LANGUAGES
from kb_site.search import analysis, ranking, rules, standing, updates
from kb_site.search.documents import registry
from kb_site.search.engines import Facet, SearchUnavailable, get_engine
from kb_site.search.query import Query, reference_factor
from kb_site.search.results import Result, SearchResults, highlight
from kb_site.search.spelling import Speller

logger = logging.getLogger(__name__)

PAGE_SIZE = 10
# So many of the best are weighed again for the order of their words.
WINDOW = 25
# So many of each language are joined when a search needs both.
JOINED = 50
# Where the words asked for are in more than `POSTINGS` documents together, those postings are left
# aside that would add little to a score: less than LEAST times the square root of their number,
# which keeps some 3,000. Where this finds less than a page, a quarter of it is asked, then nothing.
POSTINGS, LEAST = 3_000, 0.04
# Of more words than this the rarest are sought, and of more unknown ones the first corrected: no
# question needs more, and a page of words costs little more than a question.
MOST = 10
MOST_CORRECTED = 4
# A synonym counts less than half as much as the word itself.
SYNONYM_FACTOR = 0.42
# Each of so many best results gives a share of its score to the records it links to.
LINKING = 5
LINK_SHARE = 0.1
# An answer that reaches this share of the score of a provision it cites comes before it, on top.
ANSWER_SHARE = 0.6


@dataclass(frozen=True)
class Filters:
    """What results are narrowed to: several of one kind mean any of them, several kinds all."""

    kinds: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()

    def __bool__(self):
        return bool(self.kinds or self.topics or self.jurisdictions or self.statuses)

    def keeps(self, facet, today):
        """Whether the documents of a facet are kept, wherever their texts stand today."""
        return (
            (not self.kinds or facet.kind in self.kinds)
            and (not self.topics or bool(set(self.topics) & set(facet.topics)))
            and (not self.jurisdictions or facet.jurisdiction in self.jurisdictions)
            and (not self.statuses or status_of(facet, today) in self.statuses)
        )


def status_of(facet, today):
    """The code of where a facet's legal texts stand today, "" for everything else."""
    return standing.on(facet.standing, today).code if facet.standing else ""


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
        with metrics.searches.labels(settings.SEARCH_ENGINE).time():
            return _Search(engine or get_engine(), query, filters).page(offset)
    except SearchUnavailable as error:
        # Not in its own words: a database may quote in them what was searched.
        logger.warning("Search answers from the database: %s", type(error.__cause__ or error))
        heal()
        with metrics.searches.labels("records").time():
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
    """One search, in the reader's language or another, or in both where one lacks words."""

    def __init__(self, engine, query, filters, endings=()):
        self.engine = engine
        self.query = query
        self.filters = filters
        self.endings = endings
        self.rules = rules.current()
        self.today = clock.today()
        self.corrected = {}

    def page(self, offset):
        first, *others = self.plan()
        if others:
            entries, facets = self.join(first, others)
            count = len(entries)
        else:
            matches = self.match(first, max(WINDOW, offset + PAGE_SIZE))
            entries = self.weigh(first, matches)
            count, facets = matches.count, matches.facets
        entries, count = self.promote(entries, count)
        return SearchResults(
            items=tuple(self.results(entries[offset : offset + PAGE_SIZE])),
            count=count,
            offset=offset,
            facets=self.count_facets(facets),
            corrected_text=self.corrected_text(),
        )

    # What to look for

    def plan(self):
        """Returns the parts to search: first the language that was typed, whatever the page's.

        That is the page's own unless another knows more of the words. Other parts follow where
        they know words that this one lacks.
        """
        languages = [self.query.language, *(c for c in LANGUAGES if c != self.query.language)]
        own, *rest = self.parts([self.query, *(self.query.into(code) for code in languages[1:])])
        typed = max([own, *(part for part in rest if part.known)], key=lambda part: part.held)
        if own.known_references:
            typed = own
        others, unknown = [], typed.unknown
        for other in [own, *rest]:
            if not unknown or other is typed or typed.query.only_stop_words:
                continue
            here = {token.word for token in unknown}
            known = {token.word for token in other.known}
            # A word that is no search word there, such as "who", is no slip of the finger.
            stops = {token.word for token in typed.query.tokens} - {
                token.word for token in other.query.tokens
            }
            if typed is own and here & known:
                others.append(other)
            unknown = [t for t in unknown if t.word not in known and t.word not in stops]
        if unknown:
            typed = self.correct(typed, unknown)
        return [typed, *others]

    def parts(self, queries):
        """Returns a `_Part` a query, all looked up at once: what documents know of its words."""
        parts = []
        for query in queries:
            prefix = ranking.STOP if query.only_stop_words else ""
            groups = [
                (tokens, [[prefix + term for term in terms] for terms in alternatives])
                for tokens, alternatives in self.alternatives(query)
            ]
            references = [ranking.REFERENCE + reference for reference in query.references]
            endings = [analysis.stem(word, query.language) for word in self.endings]
            parts.append(_Part(query, groups, references, endings))
        known = self.engine.frequencies({part.query.language: part.terms for part in parts})
        return [
            replace(part, documents=documents, frequencies=frequencies)
            for part in parts
            for documents, frequencies in [known[part.query.language]]
        ]

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
        nearest = speller(self.engine, language, self.rules.hidden[language])
        tokens, corrected = [], {}
        for token in part.query.tokens:
            if token in unknown[:MOST_CORRECTED]:
                word = nearest.correct(token.word)
                if word:
                    corrected[token] = word
                    token = token._replace(term=analysis.stem(word, language), word=word)
            tokens.append(token)
        if not corrected:
            return part
        self.corrected = corrected
        [part] = self.parts([replace(part.query, tokens=tuple(tokens))])
        return part

    # Finding and weighing

    def match(self, part, limit):
        keep = functools.partial(self.filters.keeps, today=self.today) if self.filters else None
        # Small words weigh the same everywhere.
        many = part.postings > POSTINGS and not part.query.only_stop_words
        for share in (1, 0.25, 0) if many else (0,):
            groups = part.scored_groups(share * LEAST * math.sqrt(part.postings))
            matches = self.engine.match(part.query.language, groups, keep, limit)
            if matches.count >= PAGE_SIZE:
                break
        return matches

    def weigh(self, part, matches):
        """Returns `_Entry`s best first, the first of them weighed again for order and links."""
        wanted = part.wanted()
        entries = []
        for place, (number, score, outline) in enumerate(matches.best):
            if place < WINDOW and score < ranking.REFERENCE_FACTOR:
                score *= wanted.closeness(outline.sequence, outline.title_end)
            entries.append(_Entry(score, part, outline.key, number, outline.links))
        return [*raise_linked(entries[:WINDOW]), *entries[WINDOW:]]

    def join(self, own, others):
        """Returns the entries of every language, one a record, and the facets of all of them."""
        best, facets = {}, {}
        for part in [own, *others]:
            matches = self.match(part, JOINED)
            for facet, number in matches.facets.items():
                facets[facet] = max(number, facets.get(facet, 0))
            for entry in self.weigh(part, matches):
                if entry.key not in best or entry.score > best[entry.key].score:
                    best[entry.key] = entry
        return sorted(best.values(), key=_best_first), facets

    def promote(self, entries, count):
        """Puts what an editor promoted for these very words first."""
        terms = frozenset(token.term for token in self.query.tokens)
        keys = self.rules.promotions(self.query.language, terms)
        if not keys or self.filters:
            return entries, count
        known = self.engine.load_keys(self.query.language, keys)
        part = _Part(self.query, [], [], [])
        first = [_Entry(float("inf"), part, key) for key in keys if key in known]
        rest = [entry for entry in entries if entry.key not in known]
        return first + rest, count + len(first) - (len(entries) - len(rest))

    # Showing

    def results(self, entries):
        """Yields the `Result` of each entry, in the reader's language where that has the record."""
        language, numbers = self.query.language, {}
        keys = [e.key for e in entries if e.number is None or e.language != language]
        here = self.engine.load_keys(language, keys) if keys else {}
        for entry in entries:
            if entry.number is not None and entry.key not in here:
                numbers.setdefault(entry.language, []).append(entry.number)
        loaded = {code: self.engine.load(code, own) for code, own in numbers.items()}
        for entry in entries:
            if entry.key in here:
                yield self.result(entry, here[entry.key], language)
            elif shown := loaded.get(entry.language, {}).get(entry.number):
                yield self.result(entry, shown, entry.language)
            # else it was removed a moment ago

    def result(self, entry, shown, language):
        """Returns the `Result` of an entry that is shown in a language."""
        kind, _separator, reference = entry.key.partition(":")
        terms = entry.part.shown_terms
        if language != entry.language:
            # Found by its text in another language: mark what matches in this one, if anything.
            terms = frozenset(self.query.terms)
        return Result(
            kind=kind,
            reference=reference,
            language=language,
            title=highlight(shown.title, terms, language),
            url=shown.url,
            excerpt=highlight(shown.text, terms, language),
            score=entry.score,
            matched_language=entry.language,
            status=standing.on(shown.standing, self.today),
        )

    def count_facets(self, facets):
        """Returns {"kind": {value: count}, …}: each as it would be without its own filter."""
        counts = {"kind": {}, "topic": {}, "jurisdiction": {}, "status": {}}
        without = {
            "kind": replace(self.filters, kinds=()),
            "topic": replace(self.filters, topics=()),
            "jurisdiction": replace(self.filters, jurisdictions=()),
            "status": replace(self.filters, statuses=()),
        }
        for facet, number in facets.items():
            for name, values in (
                ("kind", (facet.kind,)),
                ("topic", facet.topics),
                ("jurisdiction", (facet.jurisdiction,)),
                ("status", (status_of(facet, self.today),)),
            ):
                if not self.filters or without[name].keeps(facet, self.today):
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


def raise_linked(entries):
    """Returns the `_Entry`s in order: what the best of them link to rises.

    A record that several good answers cite is likelier what is sought. Nobody gains by a legal
    reference, which says itself which record is meant.
    """
    entries = sorted(entries, key=_best_first)
    gains = Counter()
    for entry in entries[:LINKING]:
        if entry.score < ranking.REFERENCE_FACTOR:
            for key in entry.links.split():
                gains[key] += LINK_SHARE * entry.score
    raised = [replace(e, score=e.score + gains[e.key]) if e.key in gains else e for e in entries]
    return answer_first(sorted(raised, key=_best_first))


def answer_first(entries):
    """Puts the answer that cites a provision before it where the provision would be first.

    It must match well itself. Somebody who names an article is led to the article.
    """
    for first in entries[:1]:
        if first.key.startswith("provision:") and first.score < ranking.REFERENCE_FACTOR:
            for place, entry in enumerate(entries):
                if entry.score >= ANSWER_SHARE * first.score and first.key in entry.links.split():
                    entry = replace(entry, score=first.score)
                    return [entry, *entries[:place], *entries[place + 1 :]]
    return entries


@dataclass(frozen=True, slots=True)
class _Entry:
    """A match on its way to be shown; without a number where an editor, no engine, put it."""

    score: float
    part: "_Part"
    key: str
    number: int | None = None
    links: str = ""

    @property
    def language(self):
        return self.part.query.language


def _best_first(entry):
    return -entry.score


@dataclass(frozen=True)
class _Part:
    """A query in one language with what that language's documents know of it."""

    query: Query
    groups: list
    references: list
    endings: list
    documents: int = 0
    frequencies: dict = field(default_factory=dict)

    @property
    def terms(self):
        """Every term that the index is asked about."""
        own = {t for _tokens, group in self.groups for terms in group for t in terms}
        return [*own, *self.references, *self.endings]

    @functools.cached_property
    def held(self):
        """How many of the typed words are this language's: its stop words, and those it holds."""
        return self.query.stop_words + sum(
            bool(self.frequencies.get(token.term)) for token in self.query.tokens
        )

    @property
    def known_references(self):
        return [reference for reference in self.references if self.frequencies.get(reference)]

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
        by_rarity = sorted(sought, key=lambda word: max(map(self.idf, word[1])), reverse=True)
        rarest = {token for token, _terms in by_rarity[:MOST]}
        return [(token, terms) for token, terms in sought if token in rarest]

    @functools.cached_property
    def postings(self):
        """In how many documents the terms sought are, together."""
        known = {term for _token, terms in self.sought for term in terms}
        return sum(map(self.frequencies.get, known))

    def scored_groups(self, least=0.0):
        """Returns the groups as an engine takes them: known terms, factors, least weights.

        Takes what a term must add to a score at least to count.
        """
        groups = []
        for _token, terms in self.sought:
            factors = {term: factor * self.idf(term) for term, factor in terms.items()}
            groups.append([(term, f, least / f if f else 0.0) for term, f in factors.items()])
        for reference in self.known_references:
            factor = reference_factor(reference.removeprefix(ranking.REFERENCE))
            groups.append([(reference, factor, 0.0)])
        return groups

    def wanted(self):
        """Returns the `ranking.Wanted` of the words sought."""
        return ranking.Wanted(
            [
                (token.term, terms, max(self.idf(term) for term in terms))
                for token, terms in self.sought
            ]
        )

    @functools.cached_property
    def shown_terms(self):
        """The terms to mark in what is shown."""
        sought = {token for token, _terms in self.sought}
        terms = {
            term
            for tokens, alternatives in self.groups
            if not sought.isdisjoint(tokens)
            for terms in alternatives
            for term in terms
            if self.frequencies.get(term)
        }
        return frozenset(t.removeprefix(ranking.STOP) for t in [*terms, *self.endings])


def _facet_of(document):
    return Facet(document.kind, document.jurisdiction, document.topics, document.standing)


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
            facet = document and _facet_of(document)
            if document and filters.keeps(facet, clock.today()):
                text = f"{document.title} {document.also_asked} {document.summary}".lower()
                found.append((sum(word in text for word in words), document))
    found.sort(key=lambda pair: -pair[0])
    terms = set(query.terms)
    items = tuple(
        Result(
            kind=document.kind,
            reference=document.reference,
            language=document.language,
            title=highlight(shown["title"], terms, document.language),
            url=document.url,
            excerpt=highlight(shown["text"], terms, document.language),
            score=float(score),
            matched_language=document.language,
            status=standing.on(document.standing, clock.today()),
        )
        for score, document in found[offset : offset + PAGE_SIZE]
        for shown in [ranking.shown(document)]
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
