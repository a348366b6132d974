"""How questions, statements, contacts and what they name leave the site."""

from typing import Literal

from django.db.models import Q

from articles.models import (
    Contact,
    Event,
    Question,
    Source,
    Speaker,
    Statement,
    Topic,
)
from kb_site.graph.linked import Node
from kb_site.graph.shapes import Reference, register


def topics():
    """Topics of something that readers can see."""
    return Topic.objects.filter(
        Q(pk__in=Question.objects.published().values("topics"))
        | Q(pk__in=Statement.objects.published().values("topics"))
        | Q(pk__in=Event.objects.published().values("topics"))
    )


def speakers():
    return Speaker.objects.filter(pk__in=Statement.objects.published().values("speaker"))


def sources():
    return Source.objects.filter(pk__in=Statement.objects.published().values("source"))


register(
    "topic",
    "topics",
    topics,
    linked=Node(("schema:DefinedTerm",), {"title": "schema:name", "summary": "schema:description"}),
)
register(
    "speaker",
    "speakers",
    speakers,
    linked=Node(
        ("schema:Person",),
        {"name": "schema:name", "office": "schema:jobTitle", "url": "schema:url"},
    ),
)
register(
    "source",
    "sources",
    sources,
    linked=Node(
        ("schema:CreativeWork",),
        {
            "publisher": "schema:publisher",
            "author": "schema:author",
            "title": "schema:name",
            "language": "schema:inLanguage",
            "published_on": "schema:datePublished",
            "url": "schema:url",
            "archived_url": "schema:archivedAt",
        },
    ),
)
register(
    "contact",
    "contacts",
    filters={"kind": (Literal[tuple(Contact.Kind.values)], "kind")},
    linked=Node(
        ("schema:ContactPoint",),
        {
            "kind": "schema:contactType",
            "name": "schema:name",
            "summary": "schema:description",
            "phone": "schema:telephone",
            "email": "schema:email",
            "url": "schema:url",
            "languages": "schema:availableLanguage",
            "verified_on": "schema:lastReviewed",
        },
    ),
)
register(
    "statement",
    "statements",
    filters={"topic": (Reference, "topics__reference")},
    linked=Node(
        ("schema:Claim",),
        {
            "title": "schema:name",
            "claim": "schema:text",
            # Whether the text is a paraphrase, a quotation or the translation of one.
            "wording": "schema:genre",
            "speaker": "schema:creator",
            "said_on": "schema:dateCreated",
            "source": "schema:isBasedOn",
            "topics": "schema:about",
            # Our reading, so no citation.
            "mapped_provisions": "schema:about",
            "verified_on": "schema:lastReviewed",
        },
    ),
)
register(
    "question",
    "questions",
    # When the desk means to read an answer again is its own business.
    private={"review_on"},
    filters={"topic": (Reference, "topics__reference")},
    linked=Node(
        ("schema:Question",),
        {
            "title": "schema:name",
            "short_answer": "schema:abstract",
            "topics": "schema:about",
            "related": "schema:mentions",
            "contacts": "schema:mentions",
            "verified_on": "schema:lastReviewed",
            "claims": "schema:hasPart",
        },
        parts={
            "claims": Node(
                ("schema:Claim",),
                {
                    "order": "schema:position",
                    # What it rests on: the law, a statement, or our advice.
                    "basis": "schema:genre",
                    "text": "schema:text",
                    "provisions": "schema:citation",
                    "statements": "schema:citation",
                    "contacts": "schema:citation",
                },
                address="/{}",
            )
        },
    ),
)
register(
    "advice",
    "advice",
    linked=Node(
        ("schema:HowToTip",),
        {
            "text": "schema:text",
            "kind": "schema:genre",
            "provisions": "schema:citation",
            "contacts": "schema:citation",
            "verified_on": "schema:lastReviewed",
        },
    ),
)
register(
    "event",
    "events",
    filters={"topic": (Reference, "topics__reference")},
    linked=Node(
        ("schema:Event",),
        # Without its date: of some only the month is known, which `precision` says elsewhere.
        {
            "title": "schema:name",
            "summary": "schema:description",
            "topics": "schema:about",
            "provisions": "schema:mentions",
            "statements": "schema:mentions",
            "url": "schema:url",
            "verified_on": "schema:lastReviewed",
        },
    ),
)
register(
    "term",
    "terms",
    linked=Node(
        ("schema:DefinedTerm",),
        {
            "term": "schema:name",
            "definition": "schema:description",
            "provisions": "schema:citation",
            "verified_on": "schema:lastReviewed",
        },
    ),
)
