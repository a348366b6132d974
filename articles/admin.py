from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from modeltranslation.admin import TranslationStackedInline

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
    missing_languages,
)
from kb_site.editorial.admin import PUBLICATION, VERIFICATION, ContentAdmin, RecordAdmin
from kb_site.editorial.exchange import ExchangeAdmin, resource
from kb_site.editorial.models import Status


class ClaimFormSet(forms.BaseInlineFormSet):
    """Claims of a question: what a published one lacks is said here, at the claim."""

    def add_fields(self, form, index):
        super().add_fields(form, index)
        if not form.instance.pk:
            # A new claim whose place is left empty comes last.
            form.fields["order"].required = False
            form.initial["order"] = None

    def clean(self):
        places = [form.cleaned_data.get("order") or 0 for form in self.forms if form.is_valid()]
        last = max(places, default=0)
        for form in self.forms:
            if form.is_valid() and form.has_changed() and not form.cleaned_data.get("order"):
                last += 1
                form.cleaned_data["order"] = form.instance.order = last
        super().clean()
        if self.instance.status != Status.PUBLISHED:
            return
        claims = [
            form
            for form in self.forms
            if form.has_changed() or form.instance.pk
            if not (self.can_delete and self._should_delete_form(form))
        ]
        if not claims:
            raise ValidationError(
                _(
                    "A published question needs at least one claim. Write its answer, or keep "
                    "it a draft."
                )
            )
        for form in claims:
            self.check_claim(form)

    def check_claim(self, form):
        data = getattr(form, "cleaned_data", {})
        basis = data.get("basis")
        cited = {
            Claim.Basis.LAW: "provisions",
            Claim.Basis.STATEMENT: "statements",
        }.get(basis)
        if cited and not data.get(cited):
            form.add_error(cited, Claim.citation_problem(data.get("order"), basis))
        for field, language in missing_languages(form.instance, "text"):
            form.add_error(
                f"{field}_{language}",
                _("Write this text: a published question has both languages."),
            )

    def save(self, commit=True):
        # Claims may swap places: set the moving ones aside first, so that no two share one.
        moving = [
            form.instance.pk
            for form in self.initial_forms
            if form.instance.pk and "order" in form.changed_data
        ]
        if commit and moving:
            last = self.instance.claims.aggregate(models.Max("order"))["order__max"]
            typed = max(form.cleaned_data.get("order") or 0 for form in self.initial_forms)
            for place, pk in enumerate(moving, start=max(last, typed) + 1):
                Claim.objects.filter(pk=pk).update(order=place)
        return super().save(commit)


class ClaimInline(TranslationStackedInline):
    model = Claim
    formset = ClaimFormSet
    extra = 0
    autocomplete_fields = ["provisions", "statements", "contacts"]
    fields = [("order", "basis"), "text", "provisions", "statements", "contacts"]


@admin.register(Question)
class QuestionAdmin(ExchangeAdmin, RecordAdmin):
    # Claims have no admin of their own, in which they would lose sight of their question.
    resource_classes = [
        resource(Question),
        resource(Claim, question="question__reference", order="order"),
    ]
    required_texts = ["title", "short_answer", "slug"]
    list_display = [
        "__str__",
        "short_reference",
        "order",
        "status",
        "confidence",
        "verified_on",
        "review_on",
        "has_both_languages",
    ]
    list_filter = ["status", "confidence", "topics", "review_on"]
    search_fields = [
        "reference",
        "title_fr",
        "title_en",
        "short_answer_fr",
        "short_answer_en",
        "also_asked_fr",
        "also_asked_en",
    ]
    autocomplete_fields = ["topics", "related", "contacts"]
    prepopulated_fields = {"slug": ["title"]}
    inlines = [ClaimInline]
    fieldsets = [
        (None, {"fields": ["title", "short_answer", "also_asked"]}),
        (_("Connections"), {"fields": ["topics", "related", "contacts"]}),
        PUBLICATION,
        VERIFICATION,
        (_("Identity"), {"fields": ["reference", "slug"]}),
        (
            _("Rarely changed"),
            {
                "fields": ["order", "review_on", "created_at", "updated_at"],
                "classes": ["collapse"],
            },
        ),
    ]

    def save_model(self, request, obj, form, change):
        # The claims are saved after their question, and publication looks at them: it comes last.
        self._publishes = obj.is_published and not (
            change and Question.objects.filter(pk=obj.pk, status=Status.PUBLISHED).exists()
        )
        if self._publishes:
            obj.status = form.initial.get("status") or Status.DRAFT
        super().save_model(request, obj, form, change)

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        if self._publishes:
            form.instance.status = Status.PUBLISHED
            try:
                form.instance.save()
            except ValidationError as error:
                # Somebody whose form does not show the claims could not see these beside them.
                form.instance.status = Status.DRAFT
                for problem in error.messages:
                    self.message_user(request, problem, messages.ERROR)


@admin.register(Statement)
class StatementAdmin(ExchangeAdmin, RecordAdmin):
    resource_classes = [resource(Statement)]
    required_texts = ["title", "claim"]
    list_display = [
        "__str__",
        "short_reference",
        "voice",
        "speaker",
        "said_on",
        "status",
        "verified_on",
        "has_both_languages",
    ]
    list_filter = ["status", "voice", "wording", "speaker", "topics"]
    list_select_related = ["speaker"]
    search_fields = ["reference", "title_fr", "title_en", "claim_fr", "claim_en"]
    autocomplete_fields = ["speaker", "source", "topics", "mapped_provisions", "contacts"]
    fieldsets = [
        (None, {"fields": ["title", "claim", "note", "also_asked"]}),
        (
            _("Who, when, where"),
            {
                "fields": [
                    "voice",
                    ("speaker", "said_on"),
                    "office",
                    "source",
                    ("wording", "original_language"),
                ]
            },
        ),
        (_("Our reading"), {"fields": ["mapped_provisions", "contacts", "topics"]}),
        PUBLICATION,
        VERIFICATION,
        (
            _("Rarely changed"),
            {
                "fields": ["reference", "order", "created_at", "updated_at"],
                "classes": ["collapse"],
            },
        ),
    ]


@admin.register(Contact)
class ContactAdmin(ExchangeAdmin, RecordAdmin):
    resource_classes = [resource(Contact)]
    required_texts = ["name", "summary"]
    list_display = [
        "__str__",
        "short_reference",
        "kind",
        "phone",
        "for_minors",
        "for_adults",
        "status",
        "verified_on",
        "has_both_languages",
    ]
    list_filter = ["status", "kind", "confidence", "for_minors", "for_adults", "emergency"]
    search_fields = ["reference", "name_fr", "name_en", "summary_fr", "summary_en", "phone"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "kind",
                    "summary",
                    "handles",
                    "does_not_handle",
                    "how",
                    "also_asked",
                ]
            },
        ),
        (
            _("How to reach it"),
            {"fields": ["phone", "email", "address", "url", "hours", "languages", "note"]},
        ),
        (
            _("For whom and for what"),
            {
                "fields": [
                    ("for_minors", "for_adults"),
                    ("anonymous", "free"),
                    ("emergency", "takes_complaints"),
                    ("removes_content", "supports_victims"),
                ]
            },
        ),
        (_("On the help page"), {"fields": ["needs", "excludes"]}),
        PUBLICATION,
        VERIFICATION,
        (
            _("Rarely changed"),
            {
                "fields": ["reference", "order", "created_at", "updated_at"],
                "classes": ["collapse"],
            },
        ),
    ]


@admin.register(Advice)
class AdviceAdmin(ExchangeAdmin, RecordAdmin):
    resource_classes = [resource(Advice)]
    required_texts = ["text"]
    list_display = [
        "__str__",
        "short_reference",
        "kind",
        "order",
        "status",
        "verified_on",
        "has_both_languages",
    ]
    list_filter = ["status", "kind"]
    search_fields = ["reference", "text_fr", "text_en"]
    autocomplete_fields = ["provisions", "contacts"]
    fieldsets = [
        (None, {"fields": ["kind", "text", "only_for", "provisions", "contacts"]}),
        PUBLICATION,
        VERIFICATION,
        (
            _("Rarely changed"),
            {
                "fields": ["reference", "order", "created_at", "updated_at"],
                "classes": ["collapse"],
            },
        ),
    ]


@admin.register(Event)
class EventAdmin(ExchangeAdmin, RecordAdmin):
    resource_classes = [resource(Event)]
    required_texts = ["title", "summary", "source"]
    list_display = [
        "__str__",
        "short_reference",
        "happened_on",
        "confidence",
        "status",
        "verified_on",
        "has_both_languages",
    ]
    list_filter = ["status", "confidence", "topics"]
    search_fields = ["reference", "title_fr", "title_en", "summary_fr", "summary_en"]
    autocomplete_fields = ["topics", "provisions", "statements"]
    fieldsets = [
        (None, {"fields": ["title", "summary", "note", "also_asked"]}),
        (_("When"), {"fields": [("happened_on", "precision", "ended_on")]}),
        (_("Source"), {"fields": ["source", "url"]}),
        (_("Our reading"), {"fields": ["provisions", "statements", "topics"]}),
        PUBLICATION,
        VERIFICATION,
        (
            _("Rarely changed"),
            {"fields": ["reference", "created_at", "updated_at"], "classes": ["collapse"]},
        ),
    ]


@admin.register(Term)
class TermAdmin(ExchangeAdmin, RecordAdmin):
    resource_classes = [resource(Term)]
    required_texts = ["term", "definition"]
    list_display = [
        "__str__",
        "short_reference",
        "status",
        "verified_on",
        "has_both_languages",
    ]
    list_filter = ["status", "confidence"]
    search_fields = ["reference", "term_fr", "term_en", "other_forms_fr", "other_forms_en"]
    autocomplete_fields = ["provisions"]
    fieldsets = [
        (None, {"fields": ["term", "other_forms", "definition", "provisions"]}),
        PUBLICATION,
        VERIFICATION,
        (
            _("Rarely changed"),
            {"fields": ["reference", "created_at", "updated_at"], "classes": ["collapse"]},
        ),
    ]


class PlainAdmin(ExchangeAdmin, ContentAdmin):
    """For the small helpers of the records."""

    search_fields = ["reference"]


@admin.register(Topic)
class TopicAdmin(PlainAdmin):
    resource_classes = [resource(Topic)]
    list_display = ["__str__", "reference", "order"]
    search_fields = ["reference", "title_fr", "title_en"]
    prepopulated_fields = {"slug": ["title"]}


@admin.register(Speaker)
class SpeakerAdmin(PlainAdmin):
    resource_classes = [resource(Speaker)]
    list_display = ["name", "reference", "office_fr"]
    search_fields = ["reference", "name"]


@admin.register(Source)
class SourceAdmin(PlainAdmin):
    resource_classes = [resource(Source)]
    list_display = ["title", "publisher", "published_on", "accessed_on"]
    search_fields = ["reference", "title", "publisher", "author"]
