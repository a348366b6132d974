from django.core.paginator import EmptyPage, PageNotAnInteger, Paginator
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kb_site.search import counts
from kb_site.search.documents import facets
from kb_site.search.find import PAGE_SIZE, complete, find
from kb_site.search.forms import SearchForm, kinds
from kb_site.search.limits import limited
from kb_site.views import PublicPage

# Nobody reads so far; what lies beyond is not looked for.
LAST_PAGE = 1000


@method_decorator(limited(), name="dispatch")
class SearchView(PublicPage):
    """`?q=` what to find, `kind`, `topic`, `jurisdiction`, `status` (several of each), `page`."""

    is_listed = False
    # What somebody searched stays in no cache.
    is_kept = False

    def get(self, request):
        if not request.GET.get("q", "").strip():
            return self.page(request, SearchForm())
        form = SearchForm(request.GET)
        if not form.is_valid():
            return self.page(request, form, status=400)
        number = self.page_number(request)
        results = find(form.cleaned_data["q"], get_language(), form.filters, number)
        try:
            page = Paginator(results, PAGE_SIZE).page(number)
        except (EmptyPage, PageNotAnInteger) as error:
            raise Http404(_("There is no such page of results.")) from error
        if number == 1 and not form.filters and not results.is_reduced:
            counts.note(form.cleaned_data["q"], get_language(), found=bool(results.count))
        return self.page(
            request,
            form,
            results=results,
            page_obj=page,
            facets=list(self.facets(results, form.filters)),
        )

    def page_number(self, request):
        number = request.GET.get("page", "1")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Http404(_("There is no such page of results."))
        if not 0 < int(number) <= LAST_PAGE:
            raise Http404(_("There is no such page of results."))
        return int(number)

    def facets(self, results, filters):
        """Yields (name, heading, choices) for the filters worth showing."""
        chosen = {
            "kind": filters.kinds,
            "topic": filters.topics,
            "jurisdiction": filters.jurisdictions,
            "status": filters.statuses,
        }
        headings = {
            "kind": _("Kind"),
            "topic": _("Topic"),
            "jurisdiction": _("Jurisdiction"),
            "status": _("Does it apply today?"),
        }
        for name, heading in headings.items():
            found = results.facets.get(name, {})
            values = set(found) | set(chosen[name])
            names = kinds() if name == "kind" else facets[name](values)
            choices = [
                {
                    "value": value,
                    "name": label,
                    "count": found.get(value, 0),
                    "checked": value in chosen[name],
                }
                for value, label in names.items()
                if value in values
            ]
            if len(choices) > 1 or chosen[name]:
                yield name, heading, choices

    def page(self, request, form, status=200, **context):
        if "results" in context:
            query = urlencode({**form.cleaned_data}, doseq=True)
            context["feed"] = f"{reverse('search:feed')}?{query}"
        context |= {"view": self, "form": form}
        return render(request, "search/search.html", context, status=status)


# A word of a few letters asks for several.
@method_decorator(limited(cost=0.25), name="dispatch")
class SuggestView(PublicPage):
    """What a search still being typed may find, as a fragment for the search box."""

    is_listed = False
    is_kept = False

    def get(self, request):
        form = SearchForm(request.GET)
        results = ()
        if form.is_valid():
            results, _words = complete(form.cleaned_data["q"], get_language())
        response = render(
            request,
            "search/_suggestions.html",
            {"results": results, "typed": bool(form.is_bound and form.is_valid())},
        )
        response["X-Robots-Tag"] = "noindex"
        return response
