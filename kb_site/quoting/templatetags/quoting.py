"""What every page says of itself in its head, to machines."""

from django import template
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.text import Truncator

from kb_site.editorial import history, shelf
from kb_site.editorial.models import Record
from kb_site.quoting import linked_data
from kb_site.quoting.citing import citing_of
from kb_site.quoting.permalinks import permalink

register = template.Library()

# What tells one page of a list from another.
TELLING = ("topic", "page")


@register.inclusion_tag("quoting/_head.html", takes_context=True)
def head(context):
    """Canonical address, description, feed, and JSON-LD of a page that is what readers have today.

    Errors, previews and pages of the past say nothing: they are no pages to find or to quote.
    """
    request, origin = context.get("request"), context.get("origin")
    is_passing = context.get("as_of") or context.get("preview_addresses")
    if request is None or not origin or is_passing or "view" not in context:
        return {"is_public": False}
    record = context.get("object")
    if not isinstance(record, Record):
        return _of_list(request, origin, context.get("feed"))
    found = shelf.part(record, (origin, request.path), lambda: _of_record(request, origin, record))
    page = request.GET.get("page")
    if page:
        found = found | {"canonical": f"{request.path}?{urlencode({'page': page})}"}
    return found


def _of_record(request, origin, record):
    kind = history.kind_of(type(record)).name
    return {
        **_of_page(request, origin, record),
        "canonical": request.path,
        "description": Truncator(citing_of(kind).description(record)).chars(200),
        "permalink": permalink(record),
        "feed": f"{reverse('editorial:change-feed')}?record={kind}:{record.reference}",
    }


def _of_list(request, origin, feed):
    query = [(name, request.GET[name]) for name in TELLING if request.GET.get(name)]
    found = {
        **_of_page(request, origin),
        "canonical": request.path + ("?" + urlencode(query) if query else ""),
        "feed": feed,
    }
    if request.path == reverse("home"):
        found |= {"permalink": "/", "feed": reverse("editorial:change-feed")}
    return found


def _of_page(request, origin, record=None):
    data = linked_data.as_script(linked_data.page(request, origin, record))
    # Escaped there.
    return {"is_public": True, "origin": origin, "data": mark_safe(data)}  # noqa: S308
