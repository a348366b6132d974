from django.core.paginator import EmptyPage, PageNotAnInteger, Paginator
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kb_site.search.find import PAGE_SIZE, find
from kb_site.search.forms import SearchForm
from kb_site.views import PublicPage


class SearchView(PublicPage):
    """`?q=` what to find, `&kind=` (several) what to keep, `&page=`."""

    def get(self, request):
        if not request.GET.get("q", "").strip():
            return self.page(request, SearchForm())
        form = SearchForm(request.GET)
        if not form.is_valid():
            return self.page(request, form, status=400)
        results = find(
            form.cleaned_data["q"],
            get_language(),
            kinds=tuple(form.cleaned_data["kind"]),
            page=self.page_number(request),
        )
        try:
            page = Paginator(results, PAGE_SIZE).page(request.GET.get("page", 1))
        except (EmptyPage, PageNotAnInteger) as error:
            raise Http404(_("There is no such page of results.")) from error
        return self.page(request, form, results=results, page_obj=page)

    def page_number(self, request):
        number = request.GET.get("page", "1")
        if not (number.isascii() and number.isdigit() and 0 < int(number[:9]) <= 10_000):
            raise Http404(_("There is no such page of results."))
        return int(number)

    def page(self, request, form, status=200, **context):
        return render(request, "search/search.html", {"form": form, **context}, status=status)
