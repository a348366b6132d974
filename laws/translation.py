from modeltranslation.translator import TranslationOptions, register

from laws.models import LegalAct, Penalty, Provision, ProvisionVersion


@register(LegalAct)
class LegalActTranslation(TranslationOptions):
    fields = ("title", "short_title", "summary", "url", "note")


@register(Provision)
class ProvisionTranslation(TranslationOptions):
    fields = ("label", "heading", "also_asked")


@register(ProvisionVersion)
class ProvisionVersionTranslation(TranslationOptions):
    fields = ("summary", "official_url", "note")


@register(Penalty)
class PenaltyTranslation(TranslationOptions):
    fields = ("label", "note")
