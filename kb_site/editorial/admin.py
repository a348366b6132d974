"""What the admin of every record shares."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from modeltranslation.admin import TabbedTranslationAdmin

from kb_site.search import updates

PUBLICATION = (_("Publication"), {"fields": ["status"]})
VERIFICATION = (
    _("Verification"),
    {"fields": [("confidence", "verified_on"), ("verified_by", "verified_url")]},
)


class ContentAdmin(TabbedTranslationAdmin):
    """Saves a record with its inlines and citations as one change of the search index."""

    def _changeform_view(self, *args, **kwargs):
        # Django calls it inside the transaction that saves the form.
        with updates.together():
            return super()._changeform_view(*args, **kwargs)


class RecordAdmin(ContentAdmin):
    """Daily fields first, then publication and verification."""

    list_per_page = 50
    save_on_top = True
    readonly_fields = ["created_at", "updated_at"]

    def get_readonly_fields(self, request, obj=None):
        fields = super().get_readonly_fields(request, obj)
        # A reference never changes once readers may have it.
        return [*fields, "reference"] if obj else fields

    def view_on_site(self, record):
        """Only published records have a page."""
        return record.get_absolute_url() if record.is_published else None

    @admin.display(description=_("reference"), ordering="reference")
    def short_reference(self, record):
        return format_html("<code>{}</code>", record.reference)

    @admin.display(description=_("both languages"), boolean=True)
    def has_both_languages(self, record):
        return all(
            getattr(record, f"{name}_{language}")
            for name in self.required_texts
            for language in ("fr", "en")
        )

    required_texts = []
