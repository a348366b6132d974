"""No page keeps anybody out: every page of both languages, in real Chromium.

axe-core tells of WCAG 2.2 AA, of its best practices, and of the contrast of AAA; the rest is what a
tool cannot know: whether a page scrolls sideways, where the keyboard goes, what a thumb can hit.
"""

import json
import re
from itertools import groupby
from operator import itemgetter

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import DESK, PHONE
from tests.pages import LANGUAGES, as_it_stands

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

# What is in order is not told, which takes axe-core long.
ONLY_WRONG = {"resultTypes": ["violations"], "reporter": "no-passes"}
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # 7:1, and 4.5:1 for large text; of what has less than AA asks for, AA's own rule tells.
    "rules": {"color-contrast-enhanced": {"enabled": True}},
    **ONLY_WRONG,
}
# The rules that the width or the colours can make a difference to.
BY_SIGHT = {
    "runOnly": {
        "type": "rule",
        "values": [
            "color-contrast",
            "color-contrast-enhanced",
            "link-in-text-block",
            "scrollable-region-focusable",
            "target-size",
        ],
    },
    **ONLY_WRONG,
}


def barriers(tab, options=RULES):
    """What axe-core finds on a page, as [rule: selector: why]."""
    results = tab.evaluate("options => axe.run(options)", options)
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {why(node)}"
        for rule in results["violations"]
        for node in rule["nodes"]
    ]


def why(node):
    return " ".join(fix["message"] for fix in node["any"] + node["all"] + node["none"])


def barriers_to_sight(tab):
    return barriers(tab, BY_SIGHT)


def too_wide(tab):
    """What there is to say of a page that scrolls sideways, in a list."""
    whole, seen = tab.evaluate(
        "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
    )
    return [f"{whole} px wide"] if whole > seen else []


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


def too_small(tab):
    return tab.evaluate(SMALL)


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


def out_of_order(tab):
    """What is wrong with where the keyboard goes, in a list."""
    if "/embed/" in tab.url:
        return []  # Framed in other pages, it has no header and nothing to skip.
    tab.evaluate(FOLLOW)
    # The header is alike on every page: its links are followed in `test_site`.
    for key in ("Tab", "Enter", *["Tab"] * 9):
        tab.keyboard.press(key)
    stops = tab.evaluate("stops.map(({element, ...told}) => told)")
    wrong = []
    if len(stops) < 5:
        wrong.append(f"only {len(stops)} stops")
    if stops and not stops[0]["skips"]:
        wrong.append(f"the first stop is {stops[0]['name']}")
    for stop in stops:
        for what in ("seen", "outlined", "inOrder"):
            # After the last stop the browser begins anew.
            if not stop[what] and not (what == "inOrder" and stop["skips"]):
                wrong.append(f"not {what}: {stop['name']}")
    if backwards := tab.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count():
        wrong.append(f"{backwards} with a tabindex of their own")
    return wrong


# What is asked of each page, one after the other: (width, scheme, question). The narrowest is a
# very small phone, or 1280 px at 400 %. The keyboard comes last, as it moves the page.
ASKED = {
    "fr": [
        (PHONE, "light", barriers),
        (PHONE, "light", too_small),
        (PHONE, "light", too_wide),
        (DESK, "dark", barriers_to_sight),
        (DESK, "dark", too_small),
        (DESK, "dark", too_wide),
        (2560, "light", too_wide),
        (768, "light", too_wide),
        (320, "light", too_wide),
        (PHONE, "light", out_of_order),
    ],
    # In another language a page looks the same; where one's words fit into the narrowest page, the
    # other's fit into wider ones.
    "en": [
        (PHONE, "light", barriers),
        (320, "light", too_wide),
        (DESK, "dark", out_of_order),
    ],
}
# What a state shows is laid out and coloured as everything else is.
OF_A_STATE = {"fr": ASKED["fr"][:1], "en": []}


def look(tab, width, scheme):
    tab.set_viewport_size({"width": width, "height": 800})
    tab.emulate_media(color_scheme=scheme)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_barrier_whatever_one_reads_it_with(stranger, every_page, language):
    """Each page is opened once for all that is asked of it, as opening it takes the longest."""
    tab = stranger(None, PHONE)
    tab.add_init_script(AXE_SCRIPT)
    found = {}
    for shown in every_page[language]:
        every = OF_A_STATE[language] if shown.answer else ASKED[language]
        if every:
            look(tab, PHONE, "light")
            shown.open(tab)
        for (width, scheme), questions in groupby(every, key=itemgetter(0, 1)):
            look(tab, width, scheme)
            for *_look, asked in questions:
                if faults := asked(tab):
                    found[f"{shown} ({asked.__name__}, {width} px, {scheme})"] = faults
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


def has_a_script(html):
    """Whether scripts make a page another; quick exit's, on every page, does nothing unasked."""
    return any("exit" not in address for address in re.findall(r'<script[^>]* src="([^"]+)"', html))


def test_axe_finds_no_barrier_where_scripts_do_not_run(stranger, every_page):
    """axe-core is a script itself: the browser runs it, and none of the site's."""
    tab = stranger(None, PHONE)
    tab.route("**/*.js", lambda route: route.fulfill(body=""))
    tab.add_init_script(AXE_SCRIPT)
    scripted = [
        shown
        for shown in with_content(every_page, "fr")
        if has_a_script(as_it_stands(shown.page.address).text)
    ]
    assert scripted
    found = {}
    for shown in scripted:
        shown.open(tab)
        if faults := barriers(tab):
            found[str(shown)] = faults
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


def with_content(every_page, language):
    """The pages of the real content: a state is laid out as they are."""
    return [shown for shown in every_page[language] if not shown.answer]


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
