from django import forms
from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from modeltranslation.admin import (
    TranslationStackedInline,
)

from kb_site.editorial.admin import PUBLICATION, VERIFICATION, ContentAdmin, RecordAdmin
from kb_site.editorial.exchange import ExchangeAdmin, resource
from laws.models import (
    LegalAct,
    OfficialText,
    Penalty,
    Provision,
    ProvisionVersion,
    Publication,
)


class StandingColumn:
    """Shows where a text stands today, worked out from its dates."""

    @admin.display(description=_("today"))
    def legal_standing(self, record):
        return render_to_string("laws/_status.html", {"status": record.legal_status})


@admin.register(LegalAct)
class LegalActAdmin(ExchangeAdmin, StandingColumn, RecordAdmin):
    resource_classes = [resource(LegalAct)]
    required_texts = ["short_title", "title"]
    list_display = [
        "__str__",
        "short_reference",
        "jurisdiction",
        "kind",
        "legal_standing",
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
            {
                "fields": [
                    "reference",
                    ("jurisdiction", "kind"),
                    "aliases",
                    "number",
                    "celex",
                    "eli",
                    "url",
                ]
            },
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


class ProvisionVersionFormSet(forms.BaseInlineFormSet):
    """Versions of a provision, compared with each other as they are typed."""

    def _construct_form(self, i, **kwargs):
        form = super()._construct_form(i, **kwargs)
        # Compared with each other below, not one by one with what the database still holds.
        form.instance.checked_together = True
        return form

    def clean(self):
        super().clean()
        versions = [
            form.instance
            for form in self.forms
            if (form.has_changed() or form.instance.pk) and form.is_valid()
            if not (self.can_delete and self._should_delete_form(form))
        ]
        ProvisionVersion.check_together(versions)


class ProvisionVersionInline(TranslationStackedInline):
    model = ProvisionVersion
    formset = ProvisionVersionFormSet
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
class ProvisionAdmin(ExchangeAdmin, StandingColumn, RecordAdmin):
    resource_classes = [resource(Provision)]
    required_texts = ["label", "heading"]
    list_display = [
        "__str__",
        "act",
        "short_reference",
        "legal_standing",
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

    def get_queryset(self, request):
        return super().get_queryset(request).with_versions()

    def view_on_site(self, provision):
        return provision.get_absolute_url() if provision.is_reachable else None

    fieldsets = [
        (
            None,
            {
                "fields": ["act", "label", "heading", "also_asked"],
                "description": _(
                    "Penalties belong to a version: save it, then follow its “Change” link below."
                ),
            },
        ),
        PUBLICATION,
        VERIFICATION,
        (_("Identity"), {"fields": ["reference", "eli", "watched"]}),
        (
            _("Rarely changed"),
            {"fields": ["order", "created_at", "updated_at"], "classes": ["collapse"]},
        ),
    ]


class PenaltyInline(TranslationStackedInline):
    model = Penalty
    extra = 0
    fields = [
        ("order", "custody", "alternative"),
        "label",
        ("custody_min", "custody_max"),
        ("fine_min", "fine_max", "turnover_percent"),
        "note",
    ]


@admin.register(ProvisionVersion)
class ProvisionVersionAdmin(ExchangeAdmin, StandingColumn, ContentAdmin):
    resource_classes = [
        resource(ProvisionVersion, provision="provision__reference", number="number"),
        resource(
            Penalty,
            provision="version__provision__reference",
            version="version__number",
            order="order",
        ),
    ]
    list_display = ["provision", "number", "legal_standing", "consolidated_on"]
    list_filter = ["provision__act"]
    list_select_related = ["provision"]
    search_fields = ["provision__reference", "provision__label_fr", "provision__heading_fr"]
    autocomplete_fields = ["provision", "amended_by"]
    inlines = [PenaltyInline]

    def view_on_site(self, version):
        provision = version.provision
        return provision.get_absolute_url() if provision.is_reachable else None


class WatchAdmin(admin.ModelAdmin):
    """What the law watch read: shown to editors, written by `watch_laws` alone."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Publication)
class PublicationAdmin(WatchAdmin):
    list_display = ["act", "language", "consolidated_on", "retrieved_at", "address"]
    search_fields = ["act__reference", "address"]
    list_filter = ["language"]
    list_select_related = ["act"]


@admin.register(OfficialText)
class OfficialTextAdmin(WatchAdmin):
    list_display = ["provision", "label", "part", "language", "starts_on", "consolidated_on"]
    list_filter = ["language", "provision__act"]
    list_select_related = ["provision"]
    search_fields = ["part", "provision__reference"]
