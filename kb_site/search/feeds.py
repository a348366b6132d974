"""What a search finds, as an Atom feed: the best first, each with the day it changed last."""

from django.core.exceptions import BadRequest
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import strip_tags
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kb_site.editorial import history
from kb_site.editorial.views import printable
from kb_site.quoting.feeds import RecordFeed, dated
from kb_site.search.find import find
from kb_site.search.forms import SearchForm
from kb_site.search.limits import limited


@method_decorator(limited(), name="__call__")
class SearchFeed(RecordFeed):
    """`?q=` what to find, with the filters of the search page. What is asked is not counted."""

    def get_object(self, request):
        form = SearchForm(request.GET)
        if not form.is_valid():
            raise BadRequest
        return form

    def title(self, form):
        return printable(_("Repères: search for “%(text)s”") % {"text": form.cleaned_data["q"]})

    def link(self, form):
        names = ("q", "kind", "topic", "jurisdiction", "status")
        query = [(name, form.cleaned_data[name]) for name in names if form.cleaned_data[name]]
        return f"{reverse('search:search')}?{urlencode(query, doseq=True)}"

    def items(self, form):
        results = list(find(form.cleaned_data["q"], get_language(), form.filters))
        found = history.records_of([f"{r.kind}:{r.reference}" for r in results])
        records = []
        for result in results:
            record = found.get(f"{result.kind}:{result.reference}")
            # The index may lag behind what was withdrawn a moment ago.
            if record is not None and history.published(record.reference):
                record.result = result
                records.append(record)
        return dated(records)

    def item_title(self, record):
        return printable(strip_tags(record.result.title))

    def item_description(self, record):
        return printable(strip_tags(record.result.excerpt))

    def item_link(self, record):
        return record.result.url
