from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from kb_site.search.documents import registry
from kb_site.search.find import find
from kb_site.search.models import HiddenWord, PromotedResult, SearchCount, SynonymGroup


@admin.register(SynonymGroup)
class SynonymGroupAdmin(admin.ModelAdmin):
    list_display = ["__str__", "note"]
    search_fields = ["french", "english", "note"]


@admin.register(PromotedResult)
class PromotedResultAdmin(admin.ModelAdmin):
    list_display = ["key", "language", "searches", "order"]
    list_filter = ["language"]
    search_fields = ["key", "searches"]


@admin.register(HiddenWord)
class HiddenWordAdmin(admin.ModelAdmin):
    search_fields = ["word"]


@admin.register(SearchCount)
class SearchCountAdmin(admin.ModelAdmin):
    """What people searched at least five times, and whether they found something."""

    list_display = ["text", "language", "without_result", "searches", "last_day", "another_way"]
    list_filter = ["language", "last_day"]
    search_fields = ["text"]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(searches__gte=SearchCount.THRESHOLD)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    @admin.display(description=_("another way to ask"))
    def another_way(self, count):
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:search_searchcount_another_way", args=[count.pk]),
            _("Add as another way to ask"),
        )

    def get_urls(self):
        return [
            path(
                "<int:pk>/another-way/",
                self.admin_site.admin_view(self.another_way_view),
                name="search_searchcount_another_way",
            ),
            *super().get_urls(),
        ]

    def another_way_view(self, request, pk):
        """Lists the records the search may have meant; a button adds it to one of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        count = get_object_or_404(self.get_queryset(request), pk=pk)
        records = self.candidates(count)
        if request.method == "POST":
            record = records.get(request.POST.get("key", ""))
            if record is None:
                messages.error(request, _("Choose one of the records."))
            elif not request.user.has_perm(
                f"{record._meta.app_label}.change_{record._meta.model_name}"
            ):
                raise PermissionDenied
            else:
                self.add(record, count)
                messages.success(
                    request,
                    _("“%(text)s” now leads to “%(record)s”.")
                    % {"text": count.text, "record": record},
                )
                return HttpResponseRedirect(reverse("admin:search_searchcount_changelist"))
        return render(
            request,
            "admin/search/another_way.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Add as another way to ask"),
                "count": count,
                "records": records,
                "opts": self.opts,
            },
        )

    def candidates(self, count):
        """{key: record}: what the search finds now, then every other record that can be asked."""
        records = {}
        found = [f"{r.kind}:{r.reference}" for r in find(count.text, count.language)]
        for index in registry.values():
            if hasattr(index.model, "also_asked"):
                for record in index.queryset()[:500]:
                    records[index.key(record)] = record
        ordered = [key for key in found if key in records]
        return {key: records[key] for key in [*ordered, *(k for k in records if k not in ordered)]}

    def add(self, record, count):
        name = f"also_asked_{count.language}"
        lines = [*(getattr(record, name) or "").splitlines(), count.text]
        setattr(record, name, "\n".join(dict.fromkeys(filter(None, lines))))
        record.save()
