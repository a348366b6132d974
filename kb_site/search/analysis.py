"""How text becomes search terms, in French and in English, the same for every engine.

The chain, found best on real collections: NFC, lower case, French elision, accents folded, stop
words (question words among them) set aside, Snowball stem. Article numbers and the numbers of acts
stay whole: "383 bis" and "383-bis" become `383bis`, "2022/2065" stays `2022/2065`.
"""

import functools
import re
import threading
import unicodedata
from typing import NamedTuple

import Stemmer

STEMMERS = {"fr": "french", "en": "english"}

# Letters and digits, with inner apostrophes; numbers joined by hyphens or slashes stay whole.
_WORD = re.compile(r"\d+(?:[-/]\d+)+(?![^\W_])|[^\W_]+(?:['’ʼ][^\W_]+)*")
_APOSTROPHES = re.compile(r"['’ʼ]")
_ELISION = re.compile(
    r"^(?:l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|puisqu|quoiqu|quelqu|presqu)['’ʼ](?=.)", re.IGNORECASE
)
_NUMBER = re.compile(r"^\d+$")
ORDINAL_SUFFIXES = tuple("bis ter quater quinquies sexies septies octies nonies decies".split())
# Words of the field that people write in one piece or in two.
COMPOUNDS = {
    ("deep", "fake"): "deepfake",
    ("deep", "fakes"): "deepfakes",
    ("hyper", "trucage"): "hypertrucage",
    ("hyper", "trucages"): "hypertrucages",
    ("bee", "secure"): "beesecure",
    ("stop", "line"): "stopline",
    ("help", "line"): "helpline",
    ("chat", "bot"): "chatbot",
    ("sex", "tortion"): "sextortion",
    ("cyber", "harcelement"): "cyberharcelement",
    ("cyber", "bullying"): "cyberbullying",
    ("stop", "ncii"): "stopncii",
}

STOP_WORDS = {
    "fr": frozenset(
        """
        a afin ai aie ainsi alors apres art article articles as au aucun aucune aussi autre
        autres aux avaient avais avait avant avec avez avoir avons ayant car ce ceci cela
        celle celles celui ces cet cette ceux chaque chez ci combien comme comment d dans de
        depuis des dois doit donc dont du elle elles en encore entre est et etaient etais
        etait etant ete etes etre eu eux faire fait faut font il ils j je juste l la
        laquelle le lequel les lesquelles lesquels leur leurs lors lui m ma mais me meme
        memes mes mien moi mon n ne ni non nos notre nous on ont ou par parce pas pendant
        peut peuvent peux plus pour pourquoi pouvez puis puisque qu quand que quel quelle
        quelles quels qui quoi s sa sans se selon sera seront ses si sien soi soient sois
        soit sommes son sont sous suis sur t ta tandis te tel telle telles tels tes toi ton
        tous tout toute toutes tres tu un une va vais vers voici voila vont vos votre vous y
        """.split()
    ),
    "en": frozenset(
        """
        a about after again all also am an and any are art article articles arts as at be
        because been before being between both but by can cannot cant could couldnt d did
        didnt do does doesnt doing dont during each every few for from further get gets had
        hadnt has hasnt have havent having he her here hers him his how i id if ill im in
        into is isnt it its ive just let ll m may me might mine more most must my no nor not
        of off on once only or other our ours out over own re s same shall she should
        shouldnt so some such t than that the their theirs them then there these they this
        those through to too under until up us ve very was wasnt we were werent what when
        where which while who whom whose why will with wont would wouldnt you your yours
        """.split()
    ),
}


class Token(NamedTuple):
    """A term, the folded word it is made of, and the span of text it stands for."""

    term: str
    word: str
    start: int
    end: int
    is_stop: bool


_local = threading.local()


def _stemmer(language):
    # A PyStemmer object must not be shared between threads.
    stemmers = _local.__dict__.setdefault("stemmers", {})
    if language not in stemmers:
        stemmers[language] = Stemmer.Stemmer(STEMMERS[language], 0)
    return stemmers[language]


# Words of the field that the stemmers, which see no accents here, would take for one another or
# tear apart: délit and délai, regulator and regulation, the several forms of "nu".
STEMS = {
    "fr": {
        "delit": "delit",
        "delits": "delit",
        "delai": "delai",
        "delais": "delai",
        "nus": "nu",
        "nue": "nu",
        "nues": "nu",
        "acte": "acte",
        "actes": "acte",
        "pedophile": "pedo",
        "pedophiles": "pedo",
        "pedophilie": "pedo",
        "pedo": "pedo",
        "pedos": "pedo",
    },
    "en": {
        "regulator": "regulator",
        "regulators": "regulator",
        "paedophile": "pedo",
        "pedophile": "pedo",
        "paedophiles": "pedo",
        "pedophiles": "pedo",
        "paedo": "pedo",
        "pedo": "pedo",
    },
}


@functools.lru_cache(maxsize=100_000)
def stem(word, language):
    """Returns the stem of one folded, lower-case word; words that hold a digit stay whole."""
    if word in STEMS[language]:
        return STEMS[language][word]
    if any(character.isdigit() for character in word):
        return word
    return _stemmer(language).stemWord(word)


@functools.lru_cache(maxsize=100_000)
def fold(word):
    """Lower-cases a word and takes its accents off: "Œuvre" becomes "oeuvre"."""
    word = word.lower().replace("œ", "oe").replace("æ", "ae").replace("ß", "ss")
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


# One byte for one letter, so that looking costs no more than copying.
_LATIN = bytes(
    ord(folded) if len(folded := fold(chr(number))) == 1 and ord(folded) < 256 else number
    for number in range(256)
)


def fold_in_place(text):
    """Lower-cases and takes accents off without changing the length: for looking, not for terms.

    Letters beyond Latin-1 become question marks.
    """
    return text.replace("’", "'").encode("latin-1", "replace").translate(_LATIN).decode("latin-1")


def normalize(text):
    """Puts text in NFC and blanks what no search can use: controls and lone surrogates."""
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text)
    for character in set(text):
        if not character.isprintable() and unicodedata.category(character) in ("Cc", "Cs", "Cn"):
            text = text.replace(character, " ")
    return text


def _words(text, language):
    """Yields (folded word, start, end), elision removed, article numbers and compounds joined."""
    pending = None
    for match in _WORD.finditer(text):
        word, before, after = _bare(match.group(), language)
        if not word:
            continue
        start, end = match.start() + before, match.end() - after
        if pending:
            joined = _join(pending[0], word) if start - pending[2] <= 2 else None
            if joined:
                yield joined, pending[1], end
                pending = None
                continue
            yield pending
        pending = (word, start, end)
    if pending:
        yield pending


@functools.lru_cache(maxsize=100_000)
def _bare(raw, language):
    """Returns a word folded, and how long the elided article before and the "'s" after it were."""
    before = after = 0
    if language == "fr" and (elision := _ELISION.match(raw)):
        before = elision.end()
    elif language == "en" and raw[-2:] in ("'s", "’s"):
        after = 2
    return fold(_APOSTROPHES.sub("", raw[before : len(raw) - after])), before, after


def _join(first, second):
    if second in ORDINAL_SUFFIXES and _NUMBER.match(first):
        return first + second
    return COMPOUNDS.get((first, second))


def normalize_lines(text):
    """Yields the lines of a text that hold something, normalized."""
    return (normalize(line) for line in text.splitlines() if line.strip())


def words(text, language):
    """Yields the folded words of a normalized text, not stemmed, stop words among them."""
    return (word for word, _start, _end in _words(text, language))


def tokens(text, language):
    """Yields the `Token`s of a text, stop words among them and marked.

    Takes text already normalized (see `normalize`) and a language code, "fr" or "en"; offsets
    count characters of that text.
    """
    stop_words = STOP_WORDS[language]
    for word, start, end in _words(text, language):
        yield Token(stem(word, language), word, start, end, word in stop_words)


def terms(text, language):
    """Returns the search terms of a text, in order, without its stop words."""
    return [token.term for token in tokens(normalize(text), language) if not token.is_stop]
