"""How statements, questions and their points are cited."""

from django.utils.translation import gettext as _

from articles.models import Claim, Statement
from kb_site.quoting.citing import Citing, plain, register
from kb_site.templatetags.kb import translated


def wording_of(statement):
    """Returns sentences that say whose words a statement is in, and how they were changed."""
    notes = []
    if statement.wording == Statement.Wording.PARAPHRASE:
        notes.append(_("Paraphrase in our words, not a quotation."))
    elif statement.wording == Statement.Wording.TRANSLATION:
        notes.append(_("Translation of a quotation, not the words themselves."))
    else:
        notes.append(_("Verbatim quotation."))
    if statement.voice == Statement.Voice.SPEAKER:
        speaker = statement.speaker.name
        if office := translated(statement, "office")[0]:
            speaker = f"{speaker} ({office})"
        notes.append(_("Said by %(speaker)s, as the source reports it.") % {"speaker": speaker})
    else:
        notes.append(_("The source says this in its own voice: nobody's words but its own."))
    return notes


@register
class StatementCiting(Citing):
    """By its source: whoever wrote the article, where, and when if that is known."""

    kind = "statement"
    summary = "claim"

    def fields(self, statement, language, point=None):
        source = statement.source
        notes = wording_of(statement)
        if statement.voice == Statement.Voice.SPEAKER and statement.said_on is None:
            notes.append(_("The day it was said is not known."))
        return {
            "title": source.title,
            "title_language": source.language,
            "text": self.description(statement),
            "authors": (source.author,) if source.author else (),
            "publisher": source.publisher,
            "issued": source.published_on,
            "url": source.url,
            "wording": statement.get_wording_display(),
            "is_verbatim": statement.wording == Statement.Wording.VERBATIM,
            "notes": notes,
        }


@register
class QuestionCiting(Citing):
    kind = "question"
    points = "claims"
    anchor = "claim"
    summary = "short_answer"

    def fields(self, question, language, point=None):
        if point is None:
            return {
                "text": self.description(question),
                "notes": [_("Answer of an independent site, not legal advice.")],
            }
        statements = list(point.statements.published().select_related("speaker"))
        fields = {"text": plain(point, "text"), "notes": self.notes(point, statements)}
        wordings = {statement.get_wording_display() for statement in statements}
        if point.basis == Claim.Basis.STATEMENT and wordings:
            fields["wording"] = ", ".join(sorted(wordings))
        return fields

    def notes(self, claim, statements):
        if claim.basis == Claim.Basis.LAW:
            provisions = claim.provisions.published().select_related("act")
            named = " · ".join(
                f"{translated(p, 'label')[0]}, {translated(p.act, 'short_title')[0]}"
                for p in provisions
            )
            yield _("What the law says, in our words.")
            if named:
                yield _("It rests on: %(provisions)s.") % {"provisions": named}
        elif claim.basis == Claim.Basis.STATEMENT:
            yield _("What was reported, in our words.")
            # Whose words they are is said as often as it differs.
            yield from dict.fromkeys(note for s in statements for note in wording_of(s))
            for source in dict.fromkeys(s.source for s in statements):
                when = source.published_on.isoformat() if source.published_on else _("n.d.")
                yield f"{source}, {when}".rstrip(".") + f". {source.url}"
        else:
            yield _("Our advice or our reading, not the law and not what was said.")


@register
class ContactCiting(Citing):
    kind = "contact"
    summary = "summary"
