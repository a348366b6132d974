"""What the whole site shares: public pages, home, pages about the site, and errors that help."""

import contextlib
import datetime
import sys

from django.apps import apps
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse, HttpResponseRedirect, HttpResponseServerError
from django.shortcuts import render
from django.template import loader
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_cache_control, patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, get_language_from_request, override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView, View

# Rows on a page of a list, and the most rows of a list inside a page.
PAGE_SIZE = 25
CITED_BY_SIZE = 50


@method_decorator(csrf_exempt, name="dispatch")
class PublicPage(View):
    """A page for readers: it answers GET and HEAD only, changes nothing and keeps nothing.

    `is_listed` says whether a page whose address takes no argument is one for the site map. Anybody
    may keep a page, to ask each time whether it is still the one, or to show it while the site does
    not answer, unless `is_kept` says no.
    """

    is_listed = True
    http_method_names = ["get", "head", "options"]
    is_kept = True

    def dispatch(self, request, *args, **kwargs):
        response = super().dispatch(request, *args, **kwargs)
        if not response.has_header("Cache-Control"):
            if self.is_kept and response.status_code in (200, 301, 410):
                patch_cache_control(
                    response,
                    public=True,
                    max_age=0,
                    stale_while_revalidate=1,
                    stale_if_error=86_400,
                )
            elif not self.is_kept:
                patch_cache_control(response, no_store=True)
        return response


def site(request):
    """Context of every page: its language, the site's own address, and the way out."""
    try:
        origin = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:  # the page that says so is being made
        origin = ""
    return {
        "language": get_language(),
        "origin": origin,
        "quick_exit_url": settings.QUICK_EXIT_URL,
    }


@csrf_exempt
@require_safe
def choose_language(request):
    """Sends `/` to the home page in the reader's language, as the browser asks for it."""
    with override(get_language_from_request(request)):
        response = HttpResponseRedirect(reverse("home"))
    patch_vary_headers(response, ["Accept-Language"])
    return response


class AboutView(PublicPage, TemplateView):
    template_name = "about.html"


class AccessibilityView(PublicPage, TemplateView):
    """The statement, made on a day: whoever tests anew and changes what it says sets the day."""

    template_name = "accessibility.html"
    extra_context = {"stated_on": datetime.date(2026, 11, 23)}


class LeavingView(PublicPage, TemplateView):
    """What quick exit does, and what it cannot do."""

    is_listed = False
    template_name = "leaving.html"


class PrivacyView(PublicPage, TemplateView):
    template_name = "privacy.html"

    def get_context_data(self, **kwargs):
        contacts = apps.get_model("articles", "Contact").objects.published()
        return super().get_context_data(
            # The authority that complaints about personal data go to.
            authority=contacts.filter(reference="ct-cnpd").first(),
            kept_days=apps.get_model("reports", "ErrorReport").KEPT_DAYS,
            **kwargs,
        )


def error_page(request, status, template, context=None):
    return render(request, template, context, status=status)


def bad_request(request, exception=None):
    return error_page(request, 400, "400.html")


def forbidden(request, exception=None):
    return error_page(request, 403, "403.html")


def page_not_found(request, exception=None):
    return error_page(request, 404, "404.html")


def method_not_allowed(request):
    return error_page(request, 405, "405.html")


def resting(request):
    """What the site says in the place of a page that needs the database, to readers and editors."""
    for_editors = request.path.startswith((reverse("admin:index"), "/accounts/"))
    response = render(request, "resting.html", {"for_editors": for_editors}, status=503)
    response["Retry-After"] = "30"
    add_never_cache_headers(response)
    return response


def too_large(request, most):
    response = error_page(request, 413, "413.html", {"size": filesizeformat(most)})
    response["Cache-Control"] = "no-store"
    return response


def server_error(request):
    """Needs nothing that may be broken: no database, no context processor.

    When it is the database that does not answer, a page in the reader's language says so, with 503.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        with contextlib.suppress(Exception):
            return resting(request)
    try:
        page = loader.get_template("500.html")
        return HttpResponseServerError(page.render({"quick_exit_url": settings.QUICK_EXIT_URL}))
    except Exception:
        return HttpResponse("Server error. In danger: 112, police 113.", status=500)
