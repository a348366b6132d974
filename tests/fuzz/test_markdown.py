"""No HTML and no script gets through the one place where text becomes HTML, whatever is written."""

import re
from dataclasses import dataclass

import html5lib
from django.utils.safestring import SafeString
from hypothesis import example, given, note
from hypothesis import strategies as st

from kb_site import markdown
from tests.fuzz import hostile
from tests.fuzz.plan import marks, tries

pytestmark = marks

ALLOWED = {
    **{tag: set() for tag in ("p", "br", "strong", "em", "ul", "ol", "li", "blockquote", "code")},
    "a": {"href", "rel", "title"},
    # A word of the glossary, if the page explains any.
    "a term": {"class", "href", "id", "rel"},
}
SCHEMES = {"http", "https", "mailto", "tel"}


@dataclass(frozen=True)
class Term:
    anchor: str
    words: tuple

    def forms(self, language):
        return self.words


def elements(html, inside):
    """The elements that a browser makes of a piece of HTML inside of another element."""
    tree = html5lib.parseFragment(html, container=inside, namespaceHTMLElements=False)
    return [element for element in tree.iter() if element.tag != "DOCUMENT_FRAGMENT"]


def scheme(address):
    """The scheme that a browser reads: it trims, and leaves out tabs and line ends."""
    address = re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(33)))))
    found = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", address)
    return found[1].lower() if found else None


def assert_is_harmless(html, terms=()):
    for inside in ("div", "li", "td", "dd"):
        for element in elements(html, inside):
            # A comment has a function for a tag.
            assert isinstance(element.tag, str), "It holds a comment."
            kind = "a term" if element.get("class") else element.tag
            assert element.tag in ALLOWED, element.tag
            assert set(element.keys()) <= ALLOWED[kind], (element.tag, element.keys())
            if element.tag != "a":
                continue
            assert element.get("rel") == "noopener noreferrer"
            assert scheme(element.get("href", "")) in (None, *SCHEMES), element.get("href")
            if kind == "a term":
                assert element.get("class") == "term"
                assert element.get("href").removeprefix("#") in terms
                assert element.get("id").removeprefix("in-") in terms


# A grammar of hostile text: HTML, Markdown, and each inside of the other.

SPACES = ["", " ", "\t", "\n", "\r", "\f", "\v", "\0", "\u00a0", "\u2028", "\u200b", "/", "\ufeff"]
spaces = st.sampled_from(SPACES)
TAGS = (
    "script img svg iframe a b style form input math mtext mglyph table td textarea title noscript "
    "xmp template select option object embed base meta link body html plaintext foreignObject "
    "desc annotation-xml p li code br video audio details marquee SCRIPT ScRiPt x:script ? ! /"
).split()
NAMES = (
    "onerror onload onclick href src style srcdoc xlink:href formaction id class rel action "
    "http-equiv"
).split()
SCRIPTS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "java&Tab;script:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A;&#0000097vascript:alert(1)",
    "\x01javascript:alert(1)",
    "\u00a0javascript:alert(1)",
    "ｊavascript:alert(1)",
    "java\\script:alert(1)",
    "%6Aavascript:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:image/svg+xml,<svg/onload=alert(1)>",
    "blob:https://x.lu/1",
    "file:///etc/passwd",
    "https://x.lu/\"onclick=alert(1)//",
    "https://x.lu/' onclick='alert(1)",
    "//evil.example",
    "https://x.lu",
    "mailto:a@x.lu?subject=<script>",
    "tel:113",
    "feed:javascript:alert(1)",
    "view-source:javascript:alert(1)",
    "?",
    "#x",
]  # fmt: skip
words = st.one_of(
    st.sampled_from(["image", "l'image", "« oui » ?", "75 000 €", "deepfake", "a", "1", "é", "\\"]),
    hostile.pieces,
    st.text(max_size=8),
)
addresses = st.one_of(
    st.sampled_from(SCRIPTS),
    st.builds("{}{}{}".format, spaces, st.sampled_from(SCRIPTS), words),
    st.builds(
        lambda one, at, space: one[:at] + space + one[at:],
        st.sampled_from(SCRIPTS),
        st.integers(0, 12),
        spaces,
    ),
)


def escaped(text):
    """All signs, or each, as entities, that a browser reads as the signs themselves."""
    return st.sampled_from(
        [
            "".join(f"&#{ord(sign)};" for sign in text),
            "".join(f"&#x{ord(sign):X}" for sign in text),
            text.replace("<", "&lt;").replace(">", "&gt;").replace(":", "&colon;"),
            text.replace("<", "&LT").replace("<", "＜").replace('"', "&quot;"),
            text.replace("<", "\\<").replace("]", "\\]"),
        ]
    )


@st.composite
def tag(draw, inner):
    name, quote = draw(st.sampled_from(TAGS)), draw(st.sampled_from(['"', "'", "", "`"]))
    attributes = ""
    for _number in range(draw(st.integers(0, 2))):
        value = draw(addresses | inner | words)
        attributes += f"{draw(spaces)} {draw(st.sampled_from(NAMES))}={quote}{value}{quote}"
    end = draw(st.sampled_from([">", "/>", " >", "", "<", "//>", "\n>"]))
    close = draw(st.sampled_from(["", f"</{name}>", f"</{name} x>", f"</{name}", "-->"]))
    return f"<{draw(spaces)}{name}{attributes}{end}{draw(inner)}{close}"


def inlines(inner):
    def put(shape, *strategies):
        return st.builds(shape.format, *strategies)

    titles = st.sampled_from(["", ' "{}"', " '{}'", " ({})"])
    return st.one_of(
        tag(inner),
        put("{}{}", inner, inner),
        put("**{}**", inner),
        put("*{}_", inner),
        put("`{}`", inner),
        put("``{}`", inner),
        put("<{}>", addresses),
        put("[{}]({})", inner, addresses),
        put("[{}](<{}>)", inner, addresses),
        st.builds(
            lambda text, to, title, named: f"[{text}]({to}{title.format(named)})",
            inner,
            addresses,
            titles,
            inner,
        ),
        put("![{}]({})", inner, addresses),
        put("[{}][1]\n\n[1]: {} '{}'\n", inner, addresses, inner),
        put("[{}]\n\n[{}]: {}", inner, inner, addresses),
        put("<!--{}-->", inner),
        put("<![CDATA[{}]]>", inner),
        put("<?{}?>", inner),
        put("&{};", words),
        put("{}\\\n{}", inner, inner),
        inner.flatmap(escaped),
    )


inline = st.recursive(words | st.sampled_from(SCRIPTS), inlines, max_leaves=8)
BLOCKS = [
    *[
        "{}\n\n",
        "- {}\n",
        "1. {}\n",
        "7) {}\n",
        "> {}\n",
        ">> - {}\n",
        "    {}\n",
        "\t{}\n",
        "# {}\n",
    ],
    *[
        "```\n{}\n```\n",
        "~~~ {}\nx\n~~~\n",
        "{}\n===\n",
        "{}\n---\n",
        "| {} |\n|---|\n| x |\n",
        "***\n{}",
    ],
    *[
        "<div>\n{}\n</div>\n",
        "<script>\n{}\n",
        "<!--\n{}\n",
        "[1]: {}\n",
        "{}  \n",
        "{}\r\n",
        "\f{}\u2028",
    ],
]
texts = st.lists(st.builds(str.format, st.sampled_from(BLOCKS), inline), max_size=5).map("".join)
DEEP = [
    "> " * 3000,
    "- " * 3000,
    "[" * 5000,
    "**a" * 2000,
    "*_" * 3000,
    "<a " * 3000,
    "![" * 3000 + "](" * 3000,
]


@tries(0.3)
@given(texts | hostile.texts, st.sampled_from(["fr", "en"]), st.lists(words | inline, max_size=4))
@example("[x](\x01javascript:alert(1))", "fr", [])
@example("<https://x.lu/'onclick='>", "en", [])
@example("<image>", "en", ["<image>", "image", "im"])
def test_nothing_but_harmless_html_comes_out(text, language, glossary):
    note(repr((text, language, glossary)))
    terms = [Term(f"t-{number}", (form,)) for number, form in enumerate(glossary) if form.strip()]
    html = markdown.render(text, language, markdown.Words(terms))
    assert isinstance(html, SafeString)
    assert_is_harmless(html, [term.anchor for term in terms])
    assert_is_harmless(markdown.render(text, language))
    assert isinstance(markdown.plain(text), str)


def test_no_depth_breaks_it():
    for text in DEEP:
        assert_is_harmless(markdown.render(text, "fr"))
        markdown.plain(text)
