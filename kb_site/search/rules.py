"""What editors decide: synonyms, promoted results, hidden words. In force from the next search on.

Each process keeps them in memory and compares one number, the `SearchStamp`, at every search.
"""

import threading
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F

from kb_site.languages import LANGUAGES
from kb_site.routing import reading
from kb_site.search import analysis
from kb_site.search.models import HiddenWord, PromotedResult, SearchStamp, SynonymGroup


@dataclass
class Rules:
    """The rules of one stamp.

    `phrases[language]` maps the terms of a phrase, analyzed in that language, to the groups it is
    in; a group maps a language to its phrases as tuples of terms. `promoted` maps (language,
    terms) to keys. `hidden[language]` holds stems.
    """

    version: int
    phrases: dict = field(default_factory=dict)
    longest: int = 1
    promoted: dict = field(default_factory=dict)
    hidden: dict = field(default_factory=dict)

    def promotions(self, language, terms):
        """Returns the keys promoted for a search that is these terms.

        A promoted phrase of two words or more also counts inside a longer search.
        """
        keys = list(self.promoted.get((language, terms), ()))
        for (other, phrase), promoted in self.promoted.items():
            if other == language and len(phrase) > 1 and phrase < terms:
                keys += promoted
        return list(dict.fromkeys(keys))


_lock = threading.Lock()
_current = None


def current():
    """Returns the rules in force, read anew when somebody has changed one."""
    global _current
    with reading(SearchStamp).cursor() as cursor:
        # Asked at every search: without the time the ORM takes to say so.
        cursor.execute("SELECT MAX(version) FROM search_searchstamp")
        version = cursor.fetchone()[0] or 0
    rules = _current
    if rules is None or rules.version != version:
        with _lock:
            rules = _current = _read(version)
    return rules


def changed():
    """Tells every process that a rule has changed, with the transaction that changes it."""
    with transaction.atomic():
        if not SearchStamp.objects.update(version=F("version") + 1):
            SearchStamp.objects.create(version=1)


def forget():
    """Forgets what this process remembers: for tests, whose changes are rolled back."""
    global _current
    _current = None


def _read(version):
    rules = Rules(version, {language: {} for language in LANGUAGES})
    for group in SynonymGroup.objects.all():
        phrases = {
            language: tuple(
                dict.fromkeys(
                    terms
                    for phrase in group.phrases(language)
                    if (terms := tuple(analysis.terms(phrase, language)))
                )
            )
            for language in LANGUAGES
        }
        # A phrase of either language may be typed on a page of the other: analyze it as typed.
        for language in LANGUAGES:
            typed = {
                tuple(analysis.terms(phrase, language))
                for other in LANGUAGES
                for phrase in group.phrases(other)
            }
            for terms in typed - {()}:
                rules.phrases[language].setdefault(terms, []).append(phrases)
                rules.longest = max(rules.longest, len(terms))
    for promoted in PromotedResult.objects.order_by("order", "pk"):
        for search in promoted.searches.splitlines():
            terms = frozenset(analysis.terms(search, promoted.language))
            if terms:
                rules.promoted.setdefault((promoted.language, terms), []).append(promoted.key)
    for language in LANGUAGES:
        rules.hidden[language] = frozenset(
            analysis.stem(analysis.fold(word), language)
            for word in HiddenWord.objects.values_list("word", flat=True)
        )
    return rules
