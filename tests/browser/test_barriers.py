"""No page keeps anybody out: every page of both languages, in real Chromium.

axe-core tells of WCAG 2.2 AA, of its best practices, and of the contrast of AAA; the rest is what a
tool cannot know: whether a page scrolls sideways, where the keyboard goes, what a thumb can hit.
"""

import json

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import DESK, PHONE
from tests.pages import LANGUAGES

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # 7:1, and 4.5:1 for large text.
    "rules": {"color-contrast-enhanced": {"enabled": True}},
    "resultTypes": ["violations"],
}
# The rules that the width or the colours can make a difference to.
BY_SIGHT = {
    "runOnly": {
        "type": "rule",
        "values": [
            "color-contrast-enhanced",
            "link-in-text-block",
            "scrollable-region-focusable",
            "target-size",
        ],
    },
    "resultTypes": ["violations"],
}


def barriers(tab, options):
    """What axe-core finds on a page, as [rule: selector: why]."""
    results = tab.evaluate("options => axe.run(options)", options)
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in results["violations"]
        for node in rule["nodes"]
    ]


# What a page looks like, and what to ask of it then. In another language it looks the same.
LOOKS = [(PHONE, "light", RULES), (DESK, "dark", BY_SIGHT)]


@pytest.mark.parametrize(
    ("language", "looks"), [(LANGUAGES[0], LOOKS), *((code, LOOKS[:1]) for code in LANGUAGES[1:])]
)
def test_axe_finds_no_barrier(stranger, every_page, language, looks):
    tab = stranger(None, PHONE)
    found = {}
    for shown in every_page[language]:
        if shown.answer and language != LANGUAGES[0]:
            continue
        # What a state shows is coloured as everything else is.
        for number, (width, scheme, rules) in enumerate(looks[:1] if shown.answer else looks):
            tab.set_viewport_size({"width": width, "height": 800})
            tab.emulate_media(color_scheme=scheme)
            if number == 0:
                shown.open(tab)
                tab.evaluate(AXE_SCRIPT)
            if faults := barriers(tab, rules):
                found[f"{shown} ({width} px, {scheme})"] = faults
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


def test_axe_finds_no_barrier_where_scripts_do_not_run(stranger, every_page):
    """axe-core is a script itself: the browser runs it, and none of the site's."""
    tab = stranger(None, PHONE)
    tab.route("**/*.js", lambda route: route.fulfill(body=""))
    found = {}
    for shown in every_page["fr"]:
        if shown.answer:
            continue
        shown.open(tab)
        # Every page has the script of quick exit, which does nothing before it is used.
        if tab.locator("script[src]:not([src*='exit'])").count():
            tab.evaluate(AXE_SCRIPT)
            if faults := barriers(tab, RULES):
                found[str(shown)] = faults
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


def with_content(every_page, language):
    """The pages of the real content: a state is laid out as they are."""
    return [shown for shown in every_page[language] if not shown.answer]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_scrolls_sideways(stranger, every_page, language):
    """From a very small phone (or 1280 px at 400 %) to a very wide desk."""
    tab = stranger(None, 320)
    too_wide = []
    # Where one language's words fit into the narrowest page, the other's fit into wider ones.
    widths = (2560, DESK, 768, PHONE, 320) if language == LANGUAGES[0] else (320,)
    for shown in with_content(every_page, language):
        shown.open(tab)
        for width in widths:
            tab.set_viewport_size({"width": width, "height": 800})
            whole, seen = tab.evaluate(
                "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
            )
            if whole > seen:
                too_wide.append(f"{shown} is {whole} px wide at {width}")
    assert not too_wide, "\n".join(too_wide)


def test_pages_are_whole_without_scripts(stranger, every_page):
    """One main heading, one place to skip to, and no element that waits for a script."""
    tab = stranger(None, PHONE, java_script_enabled=False)
    for shown in every_page["fr"]:
        shown.open(tab)
        found = tab.evaluate(
            """() => ({
                headings: document.querySelectorAll("h1").length,
                mains: document.querySelectorAll("main").length,
                shown: document.querySelector("h1").checkVisibility(),
                dead: [...document.querySelectorAll("a:not([href]), button[type=button]")]
                    .filter(element => element.checkVisibility()).map(e => e.outerHTML),
            })"""
        )
        assert found == {"headings": 1, "mains": 1, "shown": True, "dead": []}, shown


# Notes where the keyboard goes, in `stops`.
FOLLOW = """() => {
    window.stops = [];
    document.addEventListener("focusin", () => {
        const element = document.activeElement, box = element.getBoundingClientRect();
        if (element.matches("main")) return;  // where the skip link leads
        const style = getComputedStyle(element), last = window.stops.at(-1)?.element;
        const after = !last || last.compareDocumentPosition(element) & 4;
        window.stops.push({
            element,
            name: element.outerHTML.slice(0, 80),
            outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
            seen: box.width > 0 && box.height > 0 && box.left >= -1 && box.right <= innerWidth + 1
                && box.top < innerHeight && box.bottom > 0,
            inOrder: Boolean(after),
            skips: element.matches("a.skip"),
        });
    });
}"""


@pytest.mark.parametrize(
    ("language", "width", "scheme"), [("fr", PHONE, "light"), ("en", DESK, "dark")]
)
def test_the_keyboard_goes_through_every_page_in_order(
    stranger, every_page, language, width, scheme
):
    tab = stranger(None, width, color_scheme=scheme)
    wrong = []
    for shown in with_content(every_page, language):
        if "embed" in shown.page.name:
            continue  # Framed in other pages, it has no header and nothing to skip.
        shown.open(tab)
        tab.evaluate(FOLLOW)
        # The header is alike on every page: its links are followed in `test_site`.
        for key in ("Tab", "Enter", *["Tab"] * 9):
            tab.keyboard.press(key)
        stops = tab.evaluate("stops.map(({element, ...told}) => told)")
        if len(stops) < 5:
            wrong.append(f"{shown}: only {len(stops)} stops")
        if stops and not stops[0]["skips"]:
            wrong.append(f"{shown}: the first stop is {stops[0]['name']}")
        for stop in stops:
            for what in ("seen", "outlined", "inOrder"):
                # After the last stop the browser begins anew.
                if not stop[what] and not (what == "inOrder" and stop["skips"]):
                    wrong.append(f"{shown}: not {what}: {stop['name']}")
        if backwards := tab.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count():
            wrong.append(f"{shown}: {backwards} with a tabindex of their own")
    assert not wrong, "\n".join(wrong)


# What a thumb has to hit and cannot: under 44 px high. Links in a sentence are as high as its line.
SMALL = """() => [...document.querySelectorAll(
        "nav a, button, summary, select, textarea, input:not([type=hidden], [type=checkbox],"
        + " [type=radio]), label:has(input[type=checkbox], input[type=radio]), a.phone, .doors a,"
        + " a[class*=exit]"
    )]
    .filter(element => element.checkVisibility() && !element.closest(".breadcrumb, .citations")
        && !element.matches(".visually-hidden"))
    .map(element => [element.getBoundingClientRect(), element])
    .filter(([box]) => box.width > 1 && (box.height < 43.5 || box.width < 24))
    .map(([box, element]) =>
        `${Math.round(box.width)}x${Math.round(box.height)} ${element.outerHTML.slice(0, 80)}`)"""


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_thumb_can_hit_what_is_there_to_be_hit(stranger, every_page, width):
    tab = stranger(None, width)
    found = {}
    for shown in with_content(every_page, "fr"):
        shown.open(tab)
        if small := tab.evaluate(SMALL):
            found[str(shown)] = small
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)
