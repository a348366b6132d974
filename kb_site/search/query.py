"""What people type, made safe and cut into terms. No query language: nothing is an operator."""

from dataclasses import dataclass

from kb_site.search import analysis

MAX_LENGTH = 200
MAX_TERMS = 32


@dataclass(frozen=True)
class Query:
    """A search in one language: terms to look for, or stop words when there is nothing else."""

    text: str
    language: str
    terms: tuple[str, ...]
    only_stop_words: bool = False

    def __bool__(self):
        return bool(self.terms)

    @classmethod
    def parse(cls, text, language):
        """Returns the query for what somebody typed, cut at 200 characters and 32 terms."""
        text = analysis.normalize(text[:MAX_LENGTH]).strip()
        found = list(analysis.tokens(text, language))
        terms = [token.term for token in found if not token.is_stop]
        only_stop_words = bool(found) and not terms
        if only_stop_words:
            terms = [token.term for token in found]
        return cls(text, language, tuple(dict.fromkeys(terms))[:MAX_TERMS], only_stop_words)
