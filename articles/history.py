"""Which records of answers keep a history, and what is read again when one of them changes."""

from articles.models import (
    Advice,
    Claim,
    Contact,
    Event,
    Question,
    Source,
    Speaker,
    Statement,
    Term,
    Topic,
)
from kb_site.editorial import history, reviews
from kb_site.editorial.history import Part
from kb_site.editorial.models import ReviewTask
from kb_site.languages import LANGUAGES
from laws.models import LegalAct, Provision

# How a record was checked, where it stands in lists and how it is found: kept, but no news.
SILENT = {
    "also_asked",
    "confidence",
    "order",
    "related",
    "review_on",
    "slug",
    "topics",
    "verified_by",
    "verified_on",
    "verified_url",
}


def statement_changed(statement, changes, revision):
    if statement:
        reviews.flag_change(statement, ReviewTask.Reason.STATEMENT_CORRECTED, changes)


def contact_changed(contact, changes, revision):
    if contact:
        reviews.flag_change(contact, ReviewTask.Reason.CONTACT_CHANGED, changes)


history.register(
    "question",
    Question,
    titles=["title"],
    parts={"claims": Part("question", "order", silent=frozenset({"order"}))},
    silent=SILENT,
)
history.register(
    "statement",
    Statement,
    titles=["title"],
    # What it is mapped to is our reading of it, not what was said.
    silent=SILENT | {"mapped_provisions", "contacts"},
    on_change=statement_changed,
)
history.register("contact", Contact, titles=["name"], silent=SILENT, on_change=contact_changed)
history.register(
    "event",
    Event,
    titles=["title"],
    # What it is put beside is our reading of it, not what happened.
    silent=SILENT | {"provisions", "statements"},
)
history.register("term", Term, titles=["term"], silent=SILENT | {"other_forms"})
history.register("advice", Advice, titles=["text"], silent=SILENT)
# Their own changes are no news, but what cites them shows them as they stood.
for name, model, title in [
    ("topic", Topic, "title"),
    ("speaker", Speaker, "name"),
    ("source", Source, "title"),
]:
    history.register(name, model, [title], silent=[field.name for field in model._meta.fields])


@reviews.finds_citing
def citing_claims(record):
    """The claims that cite a provision (or a provision of an act), a statement or a contact."""
    if isinstance(record, LegalAct):
        claims = Claim.objects.filter(provisions__act=record).distinct()
    elif isinstance(record, Provision | Statement | Contact):
        claims = Claim.objects.citing(record)
    else:
        return
    for claim in claims.select_related("question"):
        languages = [code for code in LANGUAGES if getattr(claim, f"text_{code}")]
        yield claim, claim.question, languages


@reviews.finds_citing
def citing_advice(record):
    """The pieces of advice that cite a provision (or a provision of an act) or a contact."""
    if isinstance(record, LegalAct):
        condition = {"provisions__act": record}
    elif isinstance(record, Provision):
        condition = {"provisions": record}
    elif isinstance(record, Contact):
        condition = {"contacts": record}
    else:
        return
    for advice in Advice.objects.filter(**condition).distinct():
        yield advice, advice, [code for code in LANGUAGES if getattr(advice, f"text_{code}")]
