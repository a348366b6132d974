from modeltranslation.translator import TranslationOptions, register

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


@register(Topic)
class TopicTranslation(TranslationOptions):
    fields = ("slug", "title", "summary")


@register(Speaker)
class SpeakerTranslation(TranslationOptions):
    fields = ("office",)


@register(Source)
class SourceTranslation(TranslationOptions):
    fields = ("note",)


@register(Contact)
class ContactTranslation(TranslationOptions):
    fields = (
        "name",
        "also_asked",
        "summary",
        "handles",
        "does_not_handle",
        "how",
        "url",
        "hours",
        "note",
    )


@register(Advice)
class AdviceTranslation(TranslationOptions):
    fields = ("text",)


@register(Statement)
class StatementTranslation(TranslationOptions):
    fields = ("office", "title", "claim", "also_asked", "note")


@register(Question)
class QuestionTranslation(TranslationOptions):
    fields = ("slug", "title", "short_answer", "also_asked")


@register(Claim)
class ClaimTranslation(TranslationOptions):
    fields = ("text",)


@register(Event)
class EventTranslation(TranslationOptions):
    fields = ("title", "summary", "note", "also_asked", "source")


@register(Term)
class TermTranslation(TranslationOptions):
    fields = ("term", "other_forms", "definition")
