from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from kb_site.editorial import history
from kb_site.editorial.desk import change_url
from kb_site.links.models import LinkCheck
from kb_site.links.places import words

# A list names so many places of a link; its own page names them all.
PLACES = 3


@admin.register(LinkCheck)
class LinkCheckAdmin(admin.ModelAdmin):
    """What the link check found, what needs care first. `manage.py check_links` writes it."""

    list_display = ["short_url", "status", "detail", "first_places", "checked_at"]
    list_filter = ["status", "checked_at", "first_failed_at"]
    list_per_page = 50
    search_fields = ["url", "final_url"]
    fields = [
        "address",
        "status",
        "detail",
        "code",
        "target",
        "all_places",
        "checked_at",
        "first_failed_at",
        "failures",
    ]
    readonly_fields = fields

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_changelist_instance(self, request):
        changelist = super().get_changelist_instance(request)
        changelist.result_list = checks = list(changelist.result_list)
        _attach(checks, PLACES)
        return changelist

    def get_object(self, request, object_id, from_field=None):
        check = super().get_object(request, object_id, from_field)
        _attach([check] if check else [])
        return check

    @admin.display(description=_("address"), ordering="url")
    def short_url(self, check):
        return str(check)

    @admin.display(description=_("address"))
    def address(self, check):
        return _outside(check.url)

    @admin.display(description=_("leads to"))
    def target(self, check):
        return _outside(check.final_url)

    @admin.display(description=_("what was found"))
    def detail(self, check):
        return check.detail

    @admin.display(description=_("where it stands"))
    def first_places(self, check):
        left = len(check.places) - PLACES
        more = ngettext("and %d more", "and %d more", left) % left if left > 0 else ""
        return format_html("{}{}", _listed(check), more)

    @admin.display(description=_("where it stands"))
    def all_places(self, check):
        return _listed(check)


def _attach(checks, number=None):
    """Sets `stands` on checks: (record or None, place) of the first so many places, or of all."""
    shown = {check.pk: check.places[:number] for check in checks}
    records = history.records_of({place[0] for places in shown.values() for place in places})
    for check in checks:
        check.stands = [(records.get(place[0]), place) for place in shown[check.pk]]


def _listed(check):
    """The places of a check that `_attach` has seen, each with a link to its record's form."""
    rows = [
        (
            format_html('<a href="{}">{}</a>', change_url(record), record)
            if record is not None
            else place[0],
            words(place),
        )
        for record, place in check.stands
    ]
    return format_html_join(mark_safe("<br>"), "{}: {}", rows)


def _outside(url):
    """An address as a link; those that are none stay text."""
    if not url.lower().startswith(("https://", "http://")):
        return url
    return format_html('<a href="{}" rel="noopener noreferrer">{}</a>', url, url)
