"""What the search holds of questions, statements, contacts, events and words explained."""

from articles.models import (
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
from kb_site import markdown, phones
from kb_site.search.documents import (
    Document,
    SearchIndex,
    asked_in,
    register,
    register_facet,
    registry,
)
from kb_site.search.query import phone_key
from laws.models import Provision

# What a claim cites, by the names of its fields.
CITED = ("provisions", "statements", "contacts")


def texts(record, language, *fields):
    """Joins a record's texts in a language, one a line."""
    return "\n".join(filter(None, (getattr(record, f"{name}_{language}") for name in fields)))


@register
class QuestionIndex(SearchIndex):
    kind = "question"
    model = Question
    plain_fields = ("title", "short_answer", "also_asked")

    def get_related(self):
        return {Claim: lambda claim: [claim.question]}

    def queryset(self):
        cited = [f"claims__{name}" for name in CITED]
        return Question.objects.published().prefetch_related(
            "topics", "contacts", "related", "claims", *cited
        )

    def document(self, question, language):
        title = getattr(question, f"title_{language}")
        if not title:
            return None
        return Document(
            kind=self.kind,
            reference=question.reference,
            language=language,
            title=title,
            url=self.url(question, language),
            also_asked=getattr(question, f"also_asked_{language}") or "",
            summary=getattr(question, f"short_answer_{language}") or "",
            body="\n".join(
                markdown.plain(getattr(claim, f"text_{language}") or "")
                for claim in question.claims.all()
            ),
            topics=tuple(topic.reference for topic in question.topics.all()),
            links=tuple(self.links(question)),
        )

    def links(self, question):
        """The keys of all it cites, sends to and leads on to, each once."""
        records = [
            *question.contacts.all(),
            *question.related.all(),
            *(
                r
                for claim in question.claims.all()
                for name in CITED
                for r in getattr(claim, name).all()
            ),
        ]
        return sorted({registry[type(record)].key(record) for record in records})


@register
class StatementIndex(SearchIndex):
    kind = "statement"
    model = Statement
    plain_fields = ("title", "claim")

    def get_related(self):
        return {
            Speaker: lambda speaker: speaker.statements.all(),
            Source: lambda source: source.statements.all(),
            Claim: lambda claim: claim.statements.all(),
            Question: lambda question: Statement.objects.filter(claims__question=question),
        }

    def queryset(self):
        statements = Statement.objects.published().select_related("speaker", "source")
        return statements.prefetch_related("topics", "claims__question")

    def document(self, statement, language):
        title = getattr(statement, f"title_{language}")
        if not title:
            return None
        speaker = statement.speaker.name if statement.speaker else ""
        return Document(
            kind=self.kind,
            reference=statement.reference,
            language=language,
            title=title,
            url=self.url(statement, language),
            also_asked=getattr(statement, f"also_asked_{language}") or "",
            asked_in=asked_in((c.question for c in statement.claims.all()), language),
            summary=getattr(statement, f"claim_{language}") or "",
            # People ask for "the RTL article" as much as for what it says.
            body=f"{speaker} {statement.source.publisher} {statement.source.author} "
            f"{texts(statement, language, 'office', 'note')}".strip(),
            topics=tuple(topic.reference for topic in statement.topics.all()),
        )


@register
class ContactIndex(SearchIndex):
    kind = "contact"
    model = Contact
    plain_fields = ("name", "summary", "handles")

    def get_related(self):
        return {
            Claim: lambda claim: claim.contacts.all(),
            Question: lambda question: {
                *question.contacts.all(),
                *Contact.objects.filter(claims__question=question),
            },
        }

    def queryset(self):
        return Contact.objects.published().prefetch_related("questions", "claims__question")

    def document(self, contact, language):
        name = getattr(contact, f"name_{language}")
        if not name:
            return None
        return Document(
            kind=self.kind,
            reference=contact.reference,
            language=language,
            title=name,
            url=self.url(contact, language),
            also_asked=getattr(contact, f"also_asked_{language}") or "",
            asked_in=asked_in(
                [*contact.questions.all(), *(c.question for c in contact.claims.all())], language
            ),
            summary=getattr(contact, f"summary_{language}") or "",
            body=f"{texts(contact, language, 'handles', 'does_not_handle', 'how')} "
            f"{contact.phone} {contact.address}".strip(),
            references=tuple(f"tel:{phone_key(n)}" for _s, n in phones.split(contact.phone) if n),
        )


@register
class EventIndex(SearchIndex):
    kind = "event"
    model = Event
    plain_fields = ("title", "summary")

    def queryset(self):
        return Event.objects.published().prefetch_related("topics")

    def document(self, event, language):
        title = getattr(event, f"title_{language}")
        if not title:
            return None
        return Document(
            kind=self.kind,
            reference=event.reference,
            language=language,
            title=title,
            url=self.url(event, language),
            also_asked=getattr(event, f"also_asked_{language}") or "",
            summary=getattr(event, f"summary_{language}") or "",
            body=texts(event, language, "note", "source"),
            topics=tuple(topic.reference for topic in event.topics.all()),
        )


@register
class TermIndex(SearchIndex):
    kind = "term"
    model = Term
    plain_fields = ("term", "other_forms", "definition")

    def queryset(self):
        return Term.objects.published()

    def document(self, term, language):
        title = getattr(term, f"term_{language}")
        if not title:
            return None
        return Document(
            kind=self.kind,
            reference=term.reference,
            language=language,
            title=title,
            url=self.url(term, language),
            summary=markdown.plain(getattr(term, f"definition_{language}") or ""),
            # Not ways to ask: they are the very words that the answers are sought by.
            body=getattr(term, f"other_forms_{language}") or "",
        )


# What the law's entries hold of the answers that cite them changes with these.
registry[Provision].related |= {
    Claim: lambda claim: claim.provisions.all(),
    Question: lambda question: Provision.objects.filter(claims__question=question),
}


@register_facet("topic")
def topic_names(references):
    """Names topics, in their order."""
    topics = Topic.objects.filter(reference__in=references)
    return {topic.reference: topic.title or topic.title_fr for topic in topics}
