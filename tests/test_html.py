"""The HTML of every page is valid, in both languages: of the real content, and of every state.

html5lib parses as browsers do and reports what the HTML standard calls a parse error: a tag closed
that was never open, one never closed, an attribute given twice, a character that is none. It does
not know which element may stand in which nor what an attribute means, so that is written down here
as far as our pages use it. What ARIA allows, axe-core tells (`tests/browser/test_barriers.py`).
"""

import re
from collections import Counter

import html5lib
import pytest
from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from kb_site.templatetags import kb
from tests.pages import FRAGMENTS, LANGUAGES, Page, as_it_stands, get, pages, states

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

PHRASING = set(
    """a abbr b bdi bdo br button cite code data datalist del dfn em i img input ins kbd label mark
    meter noscript output picture progress q s samp select small span strong sub sup svg textarea
    time u var wbr script""".split()
)
FLOW = PHRASING | set(
    """address article aside blockquote details dialog div dl fieldset figure footer form
    h1 h2 h3 h4 h5 h6 header hgroup hr main menu nav ol p pre search section table ul""".split()
)
HOLDS_PHRASING = set(
    """abbr b bdi bdo button cite code data dfn em h1 h2 h3 h4 h5 h6 i kbd label mark meter output
    p pre progress q s samp small span strong sub summary sup time u var""".split()
)
HOLDS_FLOW = set(
    """address article aside blockquote body caption dd dialog div dt fieldset figcaption figure
    footer form header li main nav search section td th""".split()
)
# What an element may hold; `a`, `ins`, `del` and `noscript` hold what their parent may.
CONTENT = {
    **dict.fromkeys(HOLDS_PHRASING, PHRASING),
    **dict.fromkeys(HOLDS_FLOW, FLOW),
    "html": {"head", "body"},
    "head": {"meta", "title", "link", "script"},
    "title": set(),
    "script": set(),
    "textarea": set(),
    "option": set(),
    "ul": {"li", "script"},
    "ol": {"li", "script"},
    "menu": {"li", "script"},
    "dl": {"dt", "dd", "div", "script"},
    "table": {"caption", "colgroup", "thead", "tbody", "tfoot", "tr"},
    "colgroup": {"col"},
    "thead": {"tr"},
    "tbody": {"tr"},
    "tfoot": {"tr"},
    "tr": {"th", "td"},
    "select": {"option", "optgroup", "hr"},
    "optgroup": {"option"},
    "datalist": PHRASING | {"option"},
    "hgroup": {"h1", "h2", "h3", "h4", "h5", "h6", "p"},
    "details": FLOW | {"summary"},
    "picture": {"source", "img"},
    **{name: set() for name in "area br col hr img input link meta source wbr".split()},
}
CONTENT["fieldset"] = FLOW | {"legend"}
CONTENT["legend"] = PHRASING | {"h2", "h3", "h4"}
CONTENT["summary"] = PHRASING | {"h2", "h3", "h4"}
CONTENT["figure"] = FLOW | {"figcaption"}
CONTENT["div"] = FLOW | {"dt", "dd"}  # in a `dl`: see `misplaced`
CONTENT["search"] = CONTENT["article"]
TRANSPARENT = {"a", "ins", "del", "noscript"}
# What may hold no element that can be used: nested links do not work.
INTERACTIVE = {"a", "button", "details", "input", "label", "select", "textarea"}

GLOBAL = set(
    """class dir hidden id inert itemprop itemscope itemtype lang role spellcheck tabindex title
    translate""".split()
)
ATTRIBUTES = {
    "a": "download href hreflang rel target type",
    "button": "disabled form formaction formmethod name type value",
    "blockquote": "cite",
    "data": "value",
    "del": "cite datetime",
    "details": "name open",
    "fieldset": "disabled form name",
    "form": "accept-charset action autocomplete enctype method name novalidate rel",
    "html": "",
    "img": "alt height loading sizes src srcset width",
    "input": """autocomplete checked disabled form inputmode list max maxlength min minlength name
        pattern placeholder readonly required size step type value""",
    "ins": "cite datetime",
    "label": "for",
    "li": "value",
    "link": "as color crossorigin href hreflang integrity media rel sizes title type",
    "meta": "charset content http-equiv name property",
    "ol": "reversed start type",
    "optgroup": "disabled label",
    "option": "disabled label selected value",
    "output": "for form name",
    "script": "async crossorigin defer integrity src type",
    "select": "autocomplete disabled form multiple name required size",
    "td": "colspan headers rowspan",
    "textarea": """autocomplete cols disabled form maxlength minlength name placeholder readonly
        required rows wrap""",
    "th": "abbr colspan headers rowspan scope",
    "time": "datetime",
}
# The days and moments that our pages tell, as `datetime` writes them.
WHEN = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")
# Attributes that name other elements of the page by their id.
REFERENCES = """aria-activedescendant aria-controls aria-describedby aria-details aria-labelledby
    aria-owns for form headers list popovertarget""".split()

# A page around a part.
AROUND = (
    "<!doctype html><html lang=en><head><title>t</title></head><body><main><h1>t</h1>{}"
    "</main></body></html>"
)


class Node:
    """An element, where it stands, and whether it belongs to a drawing."""

    def __init__(self, element, above):
        namespace, _brace, self.name = element.tag.rpartition("}")
        self.attrs, self.above = element.attrib, above
        self.is_drawn = not namespace.endswith("xhtml")

    @property
    def parent(self):
        """What it stands in, past the elements that hold what their parent may."""
        return next(node for node in reversed(self.above) if node.name not in TRANSPARENT)


def walk(element, above=()):
    if isinstance(element.tag, str):  # a comment has a function there
        node = Node(element, above)
        yield node
        for child in element:
            yield from walk(child, (*above, node))


def misplaced(node):
    """Says what is wrong with where an element stands; "" where it may."""
    if node.name == "html" or node.is_drawn:
        return ""
    if node.name not in CONTENT and node.name not in TRANSPARENT | FLOW:
        return f"<{node.name}> is no element we know"
    parent, names = node.parent, [above.name for above in node.above]
    if node.name in TRANSPARENT:
        # What it holds is judged as its parent's, itself as a piece of a sentence.
        if not CONTENT[parent.name] & PHRASING - {"script"}:
            return f"<{node.name}> may not stand in <{parent.name}>"
    elif node.name not in CONTENT[parent.name]:
        return f"<{node.name}> may not stand in <{parent.name}>"
    if node.name in ("dt", "dd") and parent.name == "div" and parent.parent.name != "dl":
        return f"<{node.name}> stands in no <dl>"
    if node.name in INTERACTIVE and {"a", "button"} & set(names):
        return f"<{node.name}> may not stand in a link or a button"
    if node.name in ("form", "label", "main") and node.name in names:
        return f"<{node.name}> may not stand in another"
    return ""


def wrong_attributes(node):
    if node.is_drawn:
        return
    allowed = GLOBAL | set(ATTRIBUTES.get(node.name, "").split())
    for name in node.attrs:
        if name not in allowed and not name.startswith(("aria-", "data-")):
            yield f"<{node.name}> has no attribute {name}"
    if node.name == "time" and not WHEN.fullmatch(node.attrs.get("datetime", "")):
        yield f"<time> has no moment {node.attrs.get('datetime')!r}"
    if node.name == "img" and "alt" not in node.attrs:
        yield "<img> lacks its alt"


def faults(html):
    """Returns what is wrong with a page, in words."""
    parser = html5lib.HTMLParser()
    document = parser.parse(html)
    found = [f"line {place and place[0]}: {code} {more}" for place, code, more in parser.errors]
    nodes = list(walk(document))
    ids = Counter(node.attrs["id"] for node in nodes if "id" in node.attrs)
    found += [f"the id {name!r} stands {n} times" for name, n in ids.items() if n > 1]
    found += [f"{name!r} is no id" for name in ids if not name or re.search(r"\s", name)]
    for node in nodes:
        found += filter(None, [misplaced(node)])
        found += wrong_attributes(node)
        for name in REFERENCES:
            for target in (node.attrs.get(name) or "").split():
                if target not in ids:
                    found.append(f"<{node.name} {name}> names {target!r}, which is not there")
    names = Counter(node.name for node in nodes if not node.is_drawn)
    for name in ("html", "head", "title", "body", "main", "h1"):
        if names[name] != 1:
            found.append(f"there are {names[name]} <{name}>")
    return found


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("<p><div>text</div></p>", "unexpected-end-tag"),
        ("<section><p>text</section></p>", "unexpected-end-tag"),
        ("<p id=a id=b>text</p>", "duplicate-attribute"),
        ("<p>text &copy 2026 &nothing;</p>", "named-entity"),
        ("<div>text<div/></div>", "trailing-solidus"),
        ("<b>text", "end-tag"),
        ("<span><div>text</div></span>", "<div> may not stand in <span>"),
        ("<ul><p>text</p></ul>", "<p> may not stand in <ul>"),
        ("<h2><p>text</p></h2>", "<p> may not stand in <h2>"),
        ("<p><a href='/'><button>text</button></a></p>", "may not stand in a link or a button"),
        ("<ul><a href='/'>text</a></ul>", "<a> may not stand in <ul>"),
        ("<p id=a></p><p id=a></p>", "the id 'a' stands 2 times"),
        ("<p align=center>text</p>", "<p> has no attribute align"),
        ("<p onclick=go()>text</p>", "<p> has no attribute onclick"),
        ("<center>text</center>", "<center> is no element we know"),
        ("<label for=q>text</label>", "names 'q', which is not there"),
        ("<p><time datetime='1 May'>text</time></p>", "<time> has no moment '1 May'"),
        ("<h1>text</h1>", "there are 2 <h1>"),
        ("<div><dt>text</dt></div>", "<dt> stands in no <dl>"),
        ("<label><label>text</label></label>", "<label> may not stand in another"),
    ],
)
def test_what_is_wrong_is_found(wrong, fault):
    assert faults(AROUND.format("<p>right</p>")) == []
    found = faults(AROUND.format(wrong))
    assert any(fault in line for line in found), found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_valid_and_every_template_was_seen(language, monkeypatch):
    wrong, templates = {}, set()

    def read(page, response):
        templates.update(template.name for template in response.templates if template.name)
        assert response.status_code == page.status, page
        if found := faults(response.content.decode()):
            wrong[str(page)] = found

    for page in pages(language):
        read(page, as_it_stands(page.address))
    # What is the same on every page was made before the first of them, maybe.
    monkeypatch.setattr(kb, "_made", {})
    read(page, get(page.address))
    for name, asked in FRAGMENTS.items():
        with override(language):
            response = get(reverse(name) + asked)
        templates.update(template.name for template in response.templates)
        if found := faults(AROUND.format(response.content.decode())):
            wrong[name] = found
    for name, response in states(language):
        read(Page(name, response.request["PATH_INFO"], response.status_code), response)
    assert wrong == {}

    # The desk's are not readers'.
    desk = ("admin/", "account/", "allauth/", "mfa/", "429.html")
    folder = settings.BASE_DIR / "templates"
    ours = {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
    unseen = {name for name in ours if not name.startswith(desk)} - templates
    assert not unseen, f"No page shows {unseen}: add one to MORE or a state to tests/pages.py."
