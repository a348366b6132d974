"""What answers, statements and contacts are, in schema.org's words."""

from django.utils.translation import gettext_lazy as _

from articles.models import Contact, Statement
from kb_site import phones
from kb_site.quoting.citing import SITE, plain
from kb_site.quoting.linked_data import describes, known, named
from kb_site.templatetags.kb import translated

# Services of a State or of the Union; the others are anybody's.
GOVERNMENT = {
    Contact.Kind.EMERGENCY,
    Contact.Kind.POLICE,
    Contact.Kind.PROSECUTOR,
    Contact.Kind.AUTHORITY,
}


@describes("question", above=[("articles:question-list", _("Questions"))])
def question_node(question, origin):
    sources = {
        source.reference: source
        for claim in question.claims.all()
        for source in [*claim.provisions.all(), *claim.statements.all()]
    }
    answer = {
        "@type": "Answer",
        "text": plain(question, "short_answer"),
        "isBasedOn": [named(source, origin) for source in sources.values()],
    }
    return {
        "@type": "Question",
        **named(question, origin),
        "name": plain(question, "title"),
        "acceptedAnswer": known(answer),
    }


@describes("statement", above=[("articles:statement-list", _("Statements"))])
def statement_node(statement, origin):
    """A quotation where it is verbatim; else a claim, which is our reading of a text."""
    source = statement.source
    publisher = {"@type": "Organization", "name": source.publisher}
    author = publisher
    if statement.speaker:
        author = known(
            {
                "@type": "Person",
                "name": statement.speaker.name,
                "jobTitle": plain(statement, "office"),
            }
        )
    verbatim = statement.wording == Statement.Wording.VERBATIM
    return known(
        {
            "@type": "Quotation" if verbatim else "Claim",
            **named(statement, origin),
            "name": plain(statement, "title"),
            "text": plain(statement, "claim"),
            "author": author,
            "claimInterpreter": None if verbatim else {"@type": "Organization", "name": SITE},
            "dateCreated": statement.said_on and statement.said_on.isoformat(),
            "isBasedOn": known(
                {
                    "@type": "Article",
                    "name": source.title,
                    "url": source.url,
                    "inLanguage": source.language,
                    # A person or an agency: it is not recorded which.
                    "author": source.author and {"name": source.author},
                    "publisher": publisher,
                    "datePublished": source.published_on and source.published_on.isoformat(),
                }
            ),
            # Our reading: the source cites no article.
            "about": [named(p, origin) for p in statement.mapped_provisions.all()],
        }
    )


@describes("contact", above=[("articles:contact-list", _("Contacts"))])
def contact_node(contact, origin):
    point = known(
        {
            "@type": "ContactPoint",
            "telephone": [number for _shown, number in phones.split(contact.phone) if number],
            "email": contact.email,
            "url": translated(contact, "url")[0],
            "availableLanguage": list(contact.languages or ()),
        }
    )
    about = {"name": plain(contact, "name"), "description": plain(contact, "summary")}
    if contact.kind in GOVERNMENT:
        channel = {"@type": "ServiceChannel", "servicePhone": point}
        service = {"@type": "GovernmentService", **named(contact, origin), **about}
        return known(service | {"availableChannel": channel})
    return known({**point, **named(contact, origin), **about})
