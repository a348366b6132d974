"""What editors write becomes safe, well-set HTML; whatever else it holds stays text.

`tests/fuzz/test_markdown.py` writes what no editor would.
"""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from kb_site import markdown

pytestmark = pytest.mark.anywhere

FIXED = profile(derandomize=True, max_examples=150, deadline=None, database=None)

NARROW = "\u202f"
NO_BREAK = "\u00a0"


class Elements(HTMLParser):
    """The elements a browser would make of a text."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.found.append(("comment", {}))

    def handle_decl(self, decl):
        self.found.append(("declaration", {}))

    handle_pi = unknown_decl = handle_decl


def tags(html):
    return [tag for tag, _attrs in Elements(html).found]


def shown(text, language="fr"):
    """What readers see of a text of Markdown."""
    return Elements(markdown.render(text, language)).text.strip()


def scheme(address):
    """The scheme a browser sees: it skips spaces and control characters."""
    return urlsplit(re.sub(r"[\x00-\x20\x7f-\x9f\u200b\u2028\u2029]", "", address)).scheme.lower()


def assert_is_safe(html):
    for tag, attrs in Elements(html).found:
        assert tag in {"p", "br", "strong", "em", "ul", "ol", "li", "a", "blockquote", "code"}
        if tag != "a":
            # The number a list begins with, at most.
            assert set(attrs) <= {"start"}
            continue
        assert set(attrs) <= {"href", "hreflang", "rel", "title"}
        if "href" in attrs:
            assert attrs["rel"] == "noopener noreferrer"
            assert scheme(attrs["href"]) in ("", "http", "https", "mailto", "tel")


# Hostile text

SCRIPTS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)' onclick=alert(1)>x</a>",
    "<b onmouseover=alert(1)>x</b>",
    "<style>body{display:none}</style>",
    "<!-- x --><!doctype x><?php x ?><![CDATA[x]]>",
    "<form action=//evil.example><input name=x></form>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "`<script>alert(1)</script>`",
    "**<img src=x onerror=alert(1)>**",
    "    <script>alert(1)</script>",
    "```\n<script>alert(1)</script>\n```",
]


@pytest.mark.parametrize("text", SCRIPTS)
@pytest.mark.parametrize("around", ["{}", "avant {} après", "- {}", "> {}", "[{}](https://x.lu)"])
def test_html_stays_text(text, around):
    html = markdown.render(around.format(text), "fr")
    assert_is_safe(html)
    allowed = {"p", "ul", "li", "strong", "code", "blockquote", "a"}
    assert set(tags(html)) <= allowed
    for _tag, attrs in Elements(html).found:
        assert attrs.get("href") in (None, "https://x.lu")


def test_html_is_shown_as_it_was_typed():
    assert shown("a <b>b</b> <script>c</script>") == "a <b>b</b> <script>c</script>"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "javascript&colon;alert(1)",
        "&#106;avascript:alert(1)",
        "&#x6A;&#x61;vascript:alert(1)",
        "java&Tab;script:alert(1)",
        "java&NewLine;script:alert(1)",
        "&#1;javascript:alert(1)",
        "<javascript:alert(1)>",
        "<java\tscript:alert(1)>",
        "vbscript:msgbox(1)",
        "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
        "data:image/svg+xml,<svg/onload=alert(1)>",
        "file:///etc/passwd",
        "blob:https://x.lu/1",
        "ftp://x.lu/",
    ],
)
@pytest.mark.parametrize(
    "link", ["[lien]({})", "[lien]({} 'titre')", "[lien][1]\n\n[1]: {}", "<{}>", "![lien]({})"]
)
def test_links_run_nothing(address, link):
    html = markdown.render(link.format(address), "fr")
    assert_is_safe(html)
    # At most an address inside the site, that leads nowhere.
    assert not [attrs for _tag, attrs in Elements(html).found if scheme(attrs.get("href", ""))]


def test_an_image_is_not_loaded():
    html = markdown.render("![une image](https://evil.example/x.png)", "fr")
    assert "img" not in tags(html)
    assert "src" not in html


def test_a_title_cannot_break_out_of_a_link():
    html = markdown.render('[x](https://x.lu/"onclick="alert(1) "a\\"onclick=alert(1)")', "fr")
    assert_is_safe(html)
    assert_is_safe(markdown.render('[x](<https://x.lu/"onmouseover="alert(1)>)', "fr"))


# What is allowed


def test_paragraphs_emphasis_and_lists_are_set():
    html = markdown.render("Un **mot** et *un autre*.\n\n- a\n- b\n\n1. c\n2. d", "fr")
    assert tags(html) == ["p", "strong", "em", "ul", "li", "li", "ol", "li", "li"]
    assert "<strong>mot</strong>" in html
    assert "<em>un autre</em>" in html
    assert "<li>b</li>" in html


@pytest.mark.parametrize(
    "address",
    ["https://x.lu/a?b=c#d", "http://x.lu/", "mailto:a@x.lu", "tel:116111", "/fr/contacts/"],
)
def test_links_are_set(address):
    [(_p, _), (tag, attrs)] = Elements(markdown.render(f"[un lien]({address})", "fr")).found
    assert (tag, attrs["href"]) == ("a", address)
    assert attrs["rel"] == "noopener noreferrer"


@pytest.mark.parametrize(
    "text", ["# Titre", "###### Titre", "Titre\n=====", "Titre\n---", "<h1>Titre</h1>", "- # Titre"]
)
def test_headings_are_not_set(text):
    html = markdown.render(text, "fr")
    assert not [tag for tag in tags(html) if re.fullmatch(r"h[1-6]|hr", tag)]
    assert "Titre" in html


def test_tables_rules_and_blocks_of_code_are_not_set():
    html = markdown.render(
        "a\n\n***\n\n    b\n\n~~~\nc\n~~~\n\n| d | e |\n|---|---|\n| f | g |", "fr"
    )
    assert not {"hr", "pre", "table"} & set(tags(html))
    for letter in "abcdefg":
        assert letter in html


def test_one_line_is_one_paragraph_whatever_its_line_ends():
    assert tags(markdown.render("un\ndeux\r\ntrois", "fr")) == ["p"]
    assert markdown.render("", "fr") == ""


# Typography


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Que faire ?", f"Que faire{NARROW}?"),
        ("Vite !", f"Vite{NARROW}!"),
        ("un ; deux", f"un{NARROW}; deux"),
        ("ceci : cela", f"ceci{NO_BREAK}: cela"),
        ("« oui »", f"«{NARROW}oui{NARROW}»"),
        ("« oui » ?", f"«{NARROW}oui{NARROW}»{NARROW}?"),
        (f"Que faire{NO_BREAK}?", f"Que faire{NARROW}?"),
        ("75 000 euros", f"75{NARROW}000 euros"),
        ("1 234 567 euros", f"1{NARROW}234{NARROW}567 euros"),
        ("75 000 €", f"75{NARROW}000{NARROW}€"),
        ("7 % du chiffre", f"7{NARROW}% du chiffre"),
        ("l'image qu'on a", "l’image qu’on a"),
        ("aujourd'hui", "aujourd’hui"),
        ("l'État", "l’État"),
    ],
)
def test_french_is_well_set(typed, expected):
    assert markdown.typography(typed, "fr") == expected
    assert shown(typed) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://x.lu/a?b=c;d!e:f",
        "12:30",
        "art. 383bis, 5 ans",
        "du 22 août 2023 au 19 décembre 2025",
        "Vraiment?",
        "5 1234",
        "le 1 20",
        "a b c",
    ],
)
def test_french_is_left_alone_where_nothing_is_to_be_set(text):
    assert markdown.typography(text, "fr") == text


def test_typography_is_set_across_emphasis_and_links():
    assert shown("« **oui** » : *non* ?") == (f"«{NARROW}oui{NARROW}»{NO_BREAK}: non{NARROW}?")
    assert shown("« [oui](https://x.lu) » !") == f"«{NARROW}oui{NARROW}»{NARROW}!"


def test_an_apostrophe_before_emphasis_or_a_link_is_curly_too():
    assert shown("l'**article** et d'[abord](https://x.lu)") == "l’article et d’abord"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("it's a child's face", "it’s a child’s face"),
        ("five years' imprisonment", "five years’ imprisonment"),
        ("Really ?", "Really ?"),
        ("75 000", "75 000"),
        ("this : that", "this : that"),
        ("€75,000", "€75,000"),
    ],
)
def test_english_has_curly_apostrophes_and_no_french_spaces(typed, expected):
    assert markdown.typography(typed, "en") == expected
    assert shown(typed, "en") == expected


def test_typography_leaves_addresses_and_code_alone():
    html = markdown.render("[l'aide](https://x.lu/l'aide?a=b'c) `l'aide ?`", "fr")
    [attrs] = [attrs for tag, attrs in Elements(html).found if tag == "a"]
    assert attrs["href"] == "https://x.lu/l'aide?a=b'c"
    assert Elements(html).text.strip() == "l’aide l'aide ?"


@FIXED
@given(text=st.text(alphabet="ab é'’0123456789 :;?!«»€%,.-\u00a0\n", max_size=40))
def test_typography_changes_no_letter_no_digit_and_happens_once(text):
    once = markdown.typography(text, "fr")

    def kept(value):
        return re.sub(r"[\s'’]", "", value)

    assert kept(once) == kept(text)
    assert len(once) == len(text)
    assert markdown.typography(once, "fr") == once


# Plain text


def test_plain_text_holds_the_words_and_no_mark():
    text = "Un **mot**, *un* [lien](https://x.lu/secret) :\n\n- a\n- `b`\n\n1. c <b>d</b>"
    assert markdown.plain(text) == "Un mot, un lien : a b c <b>d</b>"


def test_plain_text_joins_no_words():
    assert markdown.plain("un\ndeux\n\ntrois\n- quatre") == "un deux trois quatre"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.django_db
def test_the_real_content_holds_no_mark_that_readers_would_see(language):
    from articles.models import Claim

    seen = 0
    for claim in Claim.objects.all():
        html = markdown.render(getattr(claim, f"text_{language}"), language)
        assert_is_safe(html)
        assert not re.search(r"\*\*|\]\(|^#|&lt;|&amp;[a-z]+;", html, re.MULTILINE), claim
        if language == "fr":
            assert not re.search(r" [;!?»]|« ", Elements(html).text), claim
        seen += "<strong>" in html
    assert seen > 20
