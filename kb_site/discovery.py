"""What machines look for to find their way: robots.txt, the sitemap, search, security.txt."""

import datetime

from django.conf import settings
from django.contrib.sitemaps import views as sitemap_views
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from kb_site.sitemaps import sitemaps

# Days; RFC 9116 asks for less than a year.
SECURITY_GOOD_FOR = 180


@csrf_exempt
@require_safe
def robots(request):
    # The admin is not named: it may lie where nobody is to guess.
    lines = [
        "User-agent: *",
        "Disallow: /accounts/",
        f"Sitemap: {request.build_absolute_uri(reverse('sitemap'))}",
    ]
    return _plain(lines)


@csrf_exempt
@require_safe
def sitemap(request):
    return sitemap_views.sitemap(request, sitemaps=sitemaps())


@csrf_exempt
@require_safe
def security(request):
    """RFC 9116; only where somebody answers: see the setting SECURITY_CONTACT."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    expires = timezone.localdate() + datetime.timedelta(days=SECURITY_GOOD_FOR)
    languages = ", ".join(code for code, name in settings.LANGUAGES)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {expires.isoformat()}T00:00:00Z",
        f"Preferred-Languages: {languages}",
        f"Canonical: {request.build_absolute_uri(reverse('security'))}",
    ]
    return _plain(lines)


@csrf_exempt
@require_safe
def open_search(request):
    """Lets a browser that is asked to do so search here from its address bar."""
    media_type = "application/opensearchdescription+xml"
    return render(request, "opensearch.xml", content_type=media_type)


def _plain(lines):
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
