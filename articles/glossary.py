"""Which of the words explained an answer may use, found without reading them all."""

import functools
import re
from collections import defaultdict

from django.db import connection

from articles.models import Term
from kb_site.languages import LANGUAGES
from kb_site.pages import stamp

_WORD = re.compile(r"\w+")


def used_in(texts):
    """Returns the published terms of which some form may be in one of these texts."""
    terms, state = Term.objects.published(), _state()
    if state is None:
        return terms
    begins = _beginnings(state)
    words = {word for text in texts for word in _WORD.findall(text.lower())}
    return terms.filter(pk__in={key for word in words & begins.keys() for key in begins[word]})


def _state():
    """What changes with every edit that others see; None where nothing may be kept."""
    if connection.in_atomic_block:
        return None
    try:
        return stamp.current()
    except OSError:
        return None


@functools.lru_cache(maxsize=1)
def _beginnings(state):
    """{first word of a form, in small letters: keys of the terms}, in any language."""
    found = defaultdict(set)
    fields = [f"{name}_{code}" for name in ("term", "other_forms") for code in LANGUAGES]
    for key, *texts in Term.objects.published().values_list("pk", *fields):
        for form in "\n".join(text or "" for text in texts).splitlines():
            if word := _WORD.search(form.lower()):
                found[word[0]].add(key)
    return found
