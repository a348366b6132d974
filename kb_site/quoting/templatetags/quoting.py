"""What every page says of itself in its head, to machines."""

from django import template
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.text import Truncator

from kb_site.editorial import history
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
    record = record if isinstance(record, Record) else None
    found = {"is_public": True, "origin": origin, "feed": context.get("feed")}
    query = [(name, request.GET[name]) for name in TELLING if request.GET.get(name)]
    if record:
        kind = history.kind_of(type(record)).name
        found["description"] = Truncator(citing_of(kind).description(record)).chars(200)
        found["permalink"] = permalink(record)
        found["feed"] = f"{reverse('editorial:change-feed')}?record={kind}:{record.reference}"
        query = [(name, value) for name, value in query if name == "page"]
    elif request.path == reverse("home"):
        found["permalink"] = "/"
        found["feed"] = reverse("editorial:change-feed")
    found["canonical"] = request.path + ("?" + urlencode(query) if query else "")
    data = linked_data.page(request, origin, record)
    found["data"] = mark_safe(linked_data.as_script(data))  # noqa: S308 - escaped there
    return found
