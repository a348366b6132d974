"""What the search holds of questions, statements and contacts."""

from articles.models import Claim, Contact, Question, Statement
from kb_site import markdown
from kb_site.search.documents import Document, SearchIndex, register


def texts(record, language, *fields):
    """Joins a record's texts in a language, one a line."""
    return "\n".join(filter(None, (getattr(record, f"{name}_{language}") for name in fields)))


@register
class QuestionIndex(SearchIndex):
    kind = "question"
    model = Question
    plain_fields = ("title", "short_answer", "also_asked")
    related = {Claim: lambda claim: [claim.question]}

    def queryset(self):
        return Question.objects.published().prefetch_related("claims", "topics")

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
        )


@register
class StatementIndex(SearchIndex):
    kind = "statement"
    model = Statement
    plain_fields = ("title", "claim")

    def queryset(self):
        return (
            Statement.objects.published()
            .select_related("speaker", "source")
            .prefetch_related("topics")
        )

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
            summary=getattr(statement, f"claim_{language}") or "",
            body=f"{speaker} {texts(statement, language, 'office', 'note')}".strip(),
            topics=tuple(topic.reference for topic in statement.topics.all()),
        )


@register
class ContactIndex(SearchIndex):
    kind = "contact"
    model = Contact
    plain_fields = ("name", "summary", "handles")

    def queryset(self):
        return Contact.objects.published()

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
            summary=getattr(contact, f"summary_{language}") or "",
            body=f"{texts(contact, language, 'handles', 'does_not_handle', 'how')} "
            f"{contact.phone} {contact.address}".strip(),
        )
