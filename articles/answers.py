"""Answers as readers see them: a question with its claims, what they cite, and its words.

One is put together once for a state of the site and a language, and pages are made of it.
"""

from django.db.models import Q
from django.utils.translation import get_language

from articles import glossary, sources
from articles.models import Claim, Question
from kb_site.editorial import reviews, translations
from kb_site.editorial.relations import fill
from kb_site.editorial.shelf import Shelf, link, with_parts
from kb_site.languages import LANGUAGES
from kb_site.markdown import Words
from kb_site.templatetags.kb import explained

_answers = Shelf(200)


def published(slug):
    """Returns the published question of a slug in either language, put together, or None."""
    key = slug, get_language()
    return _answers.get([key], _read).get(key)


def _read(keys):
    [(slug, language)] = keys
    found = list(Question.objects.published().filter(has_slug(slug))[: len(LANGUAGES)])
    if not found:
        return {}
    own = f"slug_{language}"
    question = next((q for q in found if getattr(q, own) == slug), found[0])
    claims = list(Claim.objects.filter(question=question.pk).order_by("order"))
    fill(question, "claims", claims)
    for claim in claims:
        claim.question = question
        with_parts(claim)
    link([question], claims)
    reviews.attach(question, claims, language)
    translations.attach(question, language)
    put_together(question)
    return {(slug, language): with_parts(question)}


def put_together(question, terms=None):
    """Sets what an answer's page shows beside its texts.

    Takes a question with all that it cites, and the terms it may use when not today's. Sets its
    `sources`, numbered, and its `words`; each claim's own `sources`, and its text, `explained`.
    """
    claims = question.claims.all()
    if terms is None:
        texts = (getattr(claim, f"text_{code}") for claim in claims for code in LANGUAGES)
        terms = glossary.used_in(filter(None, texts))
    question.sources = sources.number(claims)
    question.words = Words(terms)
    for claim in claims:
        claim.explained = explained(claim, "text", question.words)


def has_slug(slug, prefix=""):
    """The condition that a question has this slug in one of the languages."""
    condition = Q()
    for language in LANGUAGES:
        condition |= Q(**{f"{prefix}slug_{language}": slug})
    return condition
