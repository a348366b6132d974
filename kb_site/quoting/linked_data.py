"""What a page says in JSON-LD: schema.org's words and, for legislation, ELI's.

Each app says in its `linked_data.py` what its records are. Records name each other by permalink.
"""

import json

from django.urls import reverse
from django.utils.translation import get_language, gettext

from kb_site.editorial import history
from kb_site.quoting.citing import SITE
from kb_site.quoting.permalinks import permalink

CONTEXT = ["https://schema.org", {"eli": "http://data.europa.eu/eli/ontology#"}]
LICENCE = "https://creativecommons.org/licenses/by/4.0/"

# kind: (function from (record, origin) to its node, the pages above it: [(address name, title)])
_nodes = {}


def describes(kind, above=()):
    """Function decorator: (record, origin) to the node that a record of this kind is.

    `above` names the lists that lead to it, as (address name, title).
    """

    def decorator(function):
        _nodes[kind] = function, above
        return function

    return decorator


def named(record, origin):
    """A record, by its permalink."""
    return {"@id": origin + permalink(record)}


def known(node):
    """A node without what is not known."""
    return {name: value for name, value in node.items() if value not in (None, "", [], {}, ())}


def page(request, origin, record=None):
    """Returns what a page says as JSON-LD data, about itself and the record it shows."""
    address = origin + request.path
    web_page = {
        "@type": "WebPage",
        "@id": address,
        "inLanguage": get_language(),
        "isPartOf": {"@id": f"{origin}/"},
    }
    nodes = [web_page]
    if record is None:
        if request.path == reverse("home"):
            nodes.append(_site(origin))
        return {"@context": CONTEXT[0], "@graph": nodes}
    web_page |= {"license": LICENCE, "dateModified": record.updated_at.date().isoformat()}
    kind = history.kind_of(type(record)).name
    function, above = _nodes.get(kind, (None, ()))
    node = function(record, origin) if function else None
    if node is None:
        web_page["mainEntity"] = named(record, origin)
    elif node["@type"] == "Question":
        web_page |= {"@type": "FAQPage", "mainEntity": node}
    else:
        web_page["mainEntity"] = node
    title, _language = history.title_of(kind, vars(record), get_language())
    nodes.append(_breadcrumb(origin, above, title, address))
    uses_eli = "eli:" in json.dumps(nodes)
    return {"@context": CONTEXT if uses_eli else CONTEXT[0], "@graph": nodes}


def _site(origin):
    return {
        "@type": "WebSite",
        "@id": f"{origin}/",
        "name": SITE,
        "potentialAction": {
            "@type": "SearchAction",
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": f"{origin}{reverse('search:search')}?q={{search_term_string}}",
            },
            "query-input": "required name=search_term_string",
        },
    }


def _breadcrumb(origin, above, title, address):
    steps = [(gettext("Home"), reverse("home"))]
    steps += [(str(name), reverse(address_name)) for address_name, name in above]
    steps.append((title, address.removeprefix(origin)))
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": name, "item": origin + path}
            for n, (name, path) in enumerate(steps, 1)
        ],
    }


# As Django's json_script does: nothing in it ends the element or begins a comment.
_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def as_script(data):
    """Returns data as JSON that may stand in a script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
