"""Which of the words explained an answer may use, found without reading them all."""

import re
from collections import defaultdict

from articles.models import Term
from kb_site.editorial.relations import in_order
from kb_site.editorial.shelf import Shelf, linked, may_hold
from kb_site.languages import LANGUAGES

_WORD = re.compile(r"\w+")
_beginnings = Shelf(1)


def used_in(texts):
    """Returns the published terms of which some form may be in one of these texts."""
    if not may_hold():
        return Term.objects.published()
    begins = _beginnings.get(["all"], _read)["all"]
    words = {word for text in texts for word in _WORD.findall(text.lower())}
    keys = {key for word in words & begins.keys() for key in begins[word]}
    return in_order(Term, linked(Term, sorted(keys)).values())


def _read(keys):
    """{"all": {first word of a form, in small letters: keys of the terms}}, in any language."""
    found = defaultdict(set)
    fields = [f"{name}_{code}" for name in ("term", "other_forms") for code in LANGUAGES]
    for key, *texts in Term.objects.published().values_list("pk", *fields):
        for form in "\n".join(text or "" for text in texts).splitlines():
            if word := _WORD.search(form.lower()):
                found[word[0]].add(key)
    return {"all": found}
