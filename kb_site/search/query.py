"""What people type, made safe and cut into terms. No query language: nothing is an operator."""

import itertools
import re
from dataclasses import dataclass

from kb_site.search import analysis
from kb_site.search.ranking import REFERENCE_FACTOR

MAX_LENGTH = 200
MAX_TERMS = 32

_ELI = re.compile(r"\beli/[\w/.\-]+", re.ASCII)
_CELEX = re.compile(r"\b[0-9][12]\d{3}[a-z]{1,2}\d{4}\b")
_ACT_NUMBER = re.compile(r"\b(\d{4}/\d{1,4}|\d{1,4}/\d{4})\b")
_ARTICLE_WORDS = frozenset(["art", "arts", "article", "articles", "§", "paragraphe", "paragraph"])
_GLUED_ARTICLE = re.compile(r"\b(art|arts|article|articles)\.?(?=\d)", re.IGNORECASE)
_PHONE = re.compile(r"^[\s\d+()./-]{3,}$")
_MAX_NAME_WORDS = 5
_MAX_NUMBERS = 4
_SUFFIXES = list(analysis.ORDINAL_SUFFIXES)
_ELI_FORM = re.compile(r"/(?:fr|en|de|jo|oj|consolide|\d{8})$")


@dataclass(frozen=True)
class Query:
    """A search in one language.

    `tokens` are the words to look for, in order, each once (stop words only when there is nothing
    else); `references` are the legal references and phone numbers the text may name; `stop_words`
    counts the small words of the language in the text.
    """

    text: str
    language: str
    tokens: tuple = ()
    references: tuple[str, ...] = ()
    only_stop_words: bool = False
    stop_words: int = 0

    def __bool__(self):
        return bool(self.tokens)

    @property
    def terms(self):
        return tuple(token.term for token in self.tokens)

    @classmethod
    def parse(cls, text, language):
        """Returns the query for what somebody typed, cut at 200 characters and 32 terms."""
        text = analysis.normalize(text[:MAX_LENGTH]).strip()
        text = _GLUED_ARTICLE.sub(r"\1 ", text)
        found = list(analysis.tokens(text, language))
        wanted = [token for token in found if not token.is_stop]
        only_stop_words = bool(found) and not wanted
        if only_stop_words:
            wanted = found
        once = {token.term: token for token in reversed(wanted)}
        tokens = [token for token in wanted if once.get(token.term) is token][:MAX_TERMS]
        return cls(
            text,
            language,
            tuple(tokens),
            tuple(references_in(text, language)),
            only_stop_words,
            sum(token.is_stop for token in found),
        )

    def into(self, language):
        """Returns the query for the same text in another language."""
        return Query.parse(self.text, language)


def name_key(name):
    """Returns how a name of an act, or a number, is written in a reference: folded, no signs."""
    return " ".join(analysis.words(analysis.normalize(name), "fr"))


def article_numbers(label):
    """Returns the article numbers that a label such as "art. 372 à 372ter" or "5(1)(ba)" covers.

    Ranges of plain numbers are filled in: "art. 20 à 22" gives 20, 21 and 22.
    """
    numbers = []
    text = re.sub(r"\((?:\w|\s)+\)", " ", label)
    words = list(analysis.words(analysis.normalize(text), "fr"))
    for i, word in enumerate(words):
        if not word[0].isdigit():
            continue
        previous = words[i - 2] if i >= 2 and words[i - 1] in ("a", "to") else ""
        if previous.isdigit() and word.isdigit() and 0 < int(word) - int(previous) < 50:
            numbers += [str(n) for n in range(int(previous) + 1, int(word))]
        elif previous and word.startswith(previous) and word[len(previous) :] in _SUFFIXES:
            # "372 à 372ter" holds 372bis.
            last = _SUFFIXES.index(word[len(previous) :])
            numbers += [previous + suffix for suffix in _SUFFIXES[:last]]
        numbers.append(word)
    return list(dict.fromkeys(numbers))


def eli_key(address):
    """Returns an ELI without host, date and language, in lower case, or "" when it is none."""
    match = _ELI.search(address.lower())
    key = match.group().strip("/.") if match else ""
    while _ELI_FORM.search(key):
        # A dated, national or language form belongs to the same act or article.
        key = _ELI_FORM.sub("", key)
    return key


def phone_key(number):
    """Returns a phone number's digits, without Luxembourg's prefix."""
    digits = re.sub(r"\D", "", number)
    return re.sub(r"^(?:00)?352(?=\d{6,})", "", digits)


def references_in(text, language):
    """Lists the reference terms that a typed text may name, for the index to know or not.

    `art:383bis`, `art:16|dsa` (an article of a named act), `act:dsa`, `eli:…`, `tel:…`.
    """
    lower = text.lower()
    if eli := eli_key(lower):
        return [f"eli:{eli}"]
    found = []
    if _PHONE.match(lower) and (key := phone_key(lower)):
        found.append(f"tel:{key}")
    found += [f"act:{celex}" for celex in _CELEX.findall(lower)]
    numbers_of_acts = _ACT_NUMBER.findall(lower)
    if len(lower.split()) <= 6:
        found += [f"act:{number}" for number in numbers_of_acts]
    words = list(analysis.words(text, "fr"))
    found.append(f"act:{' '.join(words[:_MAX_NAME_WORDS])}")
    named_article = bool(_ARTICLE_WORDS & set(words)) or "§" in text
    numbers = (i for i, w in enumerate(words) if w[0].isdigit() and w not in numbers_of_acts)
    for i in itertools.islice(numbers, _MAX_NUMBERS):
        word = words[i]
        if named_article or not word.isdigit():
            found.append(f"art:{word}")
        rest = [w for j, w in enumerate(words) if j != i and w not in _ARTICLE_WORDS]
        found += [f"art:{word}|{name}" for name in _names(rest)]
    return list(dict.fromkeys(found))[:150]


def _names(words):
    """Every run of one to five words, in which the name of an act may be."""
    for size in range(1, min(_MAX_NAME_WORDS, len(words)) + 1):
        for start in range(len(words) - size + 1):
            yield " ".join(words[start : start + size])


def reference_factor(reference):
    """Returns how strongly a reference term counts: an article of a named act above a bare one."""
    return REFERENCE_FACTOR * (2.0 if "|" in reference or not reference.startswith("art:") else 1.0)
