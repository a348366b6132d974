from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from modeltranslation.admin import (
    TabbedTranslationAdmin,
    TranslationStackedInline,
    TranslationTabularInline,
)

from kb_site.editorial.admin import PUBLICATION, VERIFICATION, LocalAssets, RecordAdmin
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion


@admin.register(LegalAct)
class LegalActAdmin(RecordAdmin):
    required_texts = ["short_title", "title"]
    list_display = [
        "__str__",
        "short_reference",
        "jurisdiction",
        "kind",
        "in_force_from",
        "status",
        "confidence",
        "verified_on",
        "has_both_languages",
    ]
    list_filter = ["status", "jurisdiction", "kind", "confidence"]
    search_fields = [
        "reference",
        "short_title_fr",
        "short_title_en",
        "title_fr",
        "title_en",
        "number",
        "celex",
    ]
    fieldsets = [
        (None, {"fields": ["short_title", "title", "summary", "note"]}),
        (
            _("Identity"),
            {"fields": ["reference", ("jurisdiction", "kind"), "number", "celex", "eli", "url"]},
        ),
        (
            _("Dates"),
            {"fields": ["adopted_on", "in_force_from", "repealed_on", "transpose_by"]},
        ),
        PUBLICATION,
        VERIFICATION,
        (
            _("Rarely changed"),
            {
                "fields": ["order", "authentic_languages", "created_at", "updated_at"],
                "classes": ["collapse"],
            },
        ),
    ]


class ProvisionVersionInline(TranslationStackedInline):
    model = ProvisionVersion
    extra = 0
    ordering = ["-number"]
    autocomplete_fields = ["amended_by"]
    show_change_link = True
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "number",
                    ("applies_from", "applies_until", "transpose_by"),
                    "summary",
                    "note",
                    "official_url",
                    ("consolidated_on", "amended_by"),
                ]
            },
        ),
    ]


@admin.register(Provision)
class ProvisionAdmin(RecordAdmin):
    required_texts = ["label", "heading"]
    list_display = [
        "__str__",
        "act",
        "short_reference",
        "status",
        "confidence",
        "verified_on",
        "has_both_languages",
    ]
    list_filter = ["status", "confidence", "act"]
    list_select_related = ["act"]
    search_fields = [
        "reference",
        "label_fr",
        "label_en",
        "heading_fr",
        "heading_en",
        "act__short_title_fr",
        "act__short_title_en",
    ]
    autocomplete_fields = ["act"]
    inlines = [ProvisionVersionInline]
    fieldsets = [
        (None, {"fields": ["act", "label", "heading"]}),
        PUBLICATION,
        VERIFICATION,
        (_("Identity"), {"fields": ["reference", "eli"]}),
        (
            _("Rarely changed"),
            {"fields": ["order", "created_at", "updated_at"], "classes": ["collapse"]},
        ),
    ]


class PenaltyInline(TranslationTabularInline):
    model = Penalty
    extra = 0


@admin.register(ProvisionVersion)
class ProvisionVersionAdmin(LocalAssets, TabbedTranslationAdmin):
    list_display = ["provision", "number", "applies_from", "applies_until", "consolidated_on"]
    list_filter = ["provision__act"]
    list_select_related = ["provision"]
    search_fields = ["provision__reference", "provision__label_fr", "provision__heading_fr"]
    autocomplete_fields = ["provision", "amended_by"]
    inlines = [PenaltyInline]

    def view_on_site(self, version):
        return version.provision.get_absolute_url()
