from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from kb_site.editorial import history
from kb_site.editorial.desk import change_url
from kb_site.reports.models import ErrorReport


@admin.register(ErrorReport)
class ErrorReportAdmin(admin.ModelAdmin):
    """What readers say is wrong. Only the mark "done" is the desk's."""

    list_display = ["__str__", "text_begins", "language", "is_done"]
    list_filter = ["is_done", "language", "reported_on"]
    search_fields = ["page", "text"]
    fields = ["reported_on", "page", "record", "language", "text", "is_done"]
    readonly_fields = ["reported_on", "page", "record", "language", "text"]
    actions = ["mark_done"]

    def get_queryset(self, request):
        return super().get_queryset(request).kept()

    def has_add_permission(self, request):
        return False

    @admin.display(description=_("what is wrong"))
    def text_begins(self, report):
        return begins(report)

    @admin.display(description=_("record"))
    def record(self, report):
        record = history.record_of(report.page)
        if record is None:
            return "–"
        return format_html('<a href="{}">{}</a>', change_url(record), record)

    @admin.action(description=_("Mark as done"), permissions=["change"])
    def mark_done(self, request, queryset):
        queryset.update(is_done=True)


def begins(report):
    """The first words of a report, on one line."""
    text = " ".join(report.text[:200].split())
    return text if len(text) <= 80 else f"{text[:79]}…"
