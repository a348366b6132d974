"""Quick exit in a real browser: the page is gone at once, and does not come back."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.test_site import QUESTION, expect_address

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NEUTRAL = "https://www.meteolux.lu/"
WEATHER = "<!doctype html><title>Weather</title><h1>Sunny</h1>"
ADDRESSES = {"fr": ("/fr/", QUESTION["fr"]), "en": ("/en/", QUESTION["en"])}


@pytest.fixture
def reader(browser, site):
    """Opens pages as somebody new; the neutral page is served here, without a network."""
    contexts = []

    def reader(*paths, width=DESK, **options):
        context = browser.new_context(
            base_url=site, viewport={"width": width, "height": 800}, **options
        )
        contexts.append(context)
        context.asked = []

        def weather(route):
            context.asked.append(route.request.all_headers())
            route.fulfill(body=WEATHER, content_type="text/html")

        context.route(f"{NEUTRAL}**", weather)
        page = context.new_page()
        page.set_default_timeout(20_000)
        for path in paths:
            page.goto(path)
        return page

    yield reader
    cookies = [cookie for context in contexts for cookie in context.cookies()]
    for context in contexts:
        context.close()
    assert not cookies


def expect_neutral(page):
    expect(page).to_have_url(NEUTRAL)
    expect(page.locator("h1")).to_have_text("Sunny")


def go_back_in_vain(page):
    """Presses "Back": the page that comes leaves again at once."""
    with page.expect_request(f"{NEUTRAL}**"):
        page.evaluate("history.back()")
    expect_neutral(page)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_click_leaves_and_back_shows_no_page_of_the_site(reader, language, width):
    page = reader("about:blank", *ADDRESSES[language], width=width)
    page.locator("a.exit").click()
    expect_neutral(page)
    [headers] = page.context.asked
    assert "referer" not in headers
    # Neither the page left nor the one before it, which the browser may have kept whole.
    go_back_in_vain(page)


def test_back_shows_nothing_even_after_a_jump_within_the_page(reader):
    page = reader(QUESTION["en"])
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    expect_address(page, "#content")
    page.locator("a.exit").click()
    expect_neutral(page)
    go_back_in_vain(page)


def test_the_page_is_blank_before_the_neutral_one_arrives(reader):
    page = reader(QUESTION["en"])
    page.context.unroute(f"{NEUTRAL}**")
    # An answer without a page leaves the browser where it is, as a slow network does for a while.
    page.context.route(f"{NEUTRAL}**", lambda route: route.fulfill(status=204))
    page.locator("a.exit").click()
    expect(page.locator("h1")).to_be_hidden()
    expect(page).to_have_title("…")
    assert not page.evaluate("document.body.checkVisibility()")
    expect_address(page, QUESTION["en"])


def test_a_page_that_the_browser_kept_whole_is_kept_blank(reader):
    """Chromium keeps no page whole when it is driven: the events it would send are sent here."""
    page = reader(QUESTION["en"])
    opacity = "getComputedStyle(document.documentElement).opacity"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert page.evaluate(opacity) == "0"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert page.evaluate(opacity) == "1"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    # Meanwhile the reader has left from the next page of the same tab.
    page.evaluate("sessionStorage.setItem('left', '1')")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect_neutral(page)


def test_whoever_comes_back_by_the_address_reads_on(reader):
    page = reader("/en/", QUESTION["en"])
    page.locator("a.exit").click()
    expect_neutral(page)
    page.goto(QUESTION["en"])
    expect(page.locator("h1")).to_be_visible()
    page.goto("/en/contacts/")
    page.go_back()
    expect_address(page, QUESTION["en"])
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_nothing_is_kept_while_somebody_only_reads(reader):
    page = reader(*ADDRESSES["en"], "/en/search/?q=police")
    page.go_back()
    expect_address(page, QUESTION["en"])
    page.go_back()
    expect_address(page, "/en/")
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).opacity") == "1"
    assert page.evaluate("[sessionStorage.length, localStorage.length]") == [0, 0]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_without_scripts_it_is_a_link(reader, language):
    page = reader(QUESTION[language], java_script_enabled=False)
    page.locator("a.exit").click()
    expect_neutral(page)
    [headers] = page.context.asked
    assert "referer" not in headers


def test_where_nothing_may_be_stored_it_leaves_all_the_same(reader):
    page = reader()
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('no'); }})"
    )
    page.goto(QUESTION["en"])
    expect(page.locator("h1")).to_be_visible()
    page.locator("a.exit").click()
    expect_neutral(page)


# Shift


@pytest.mark.parametrize("path", ["/fr/", QUESTION["en"], "/en/report/", "/en/no-such-page/"])
def test_shift_three_times_leaves(reader, path):
    page = reader(path)
    for _ in range(3):
        page.keyboard.press("Shift")
    expect_neutral(page)


def test_shift_three_times_leaves_from_a_box_too(reader):
    page = reader("/en/report/")
    page.locator("#text").press_sequentially("Half a sen")
    for _ in range(3):
        page.keyboard.press("Shift")
    expect_neutral(page)


def shift_and(page, act):
    page.keyboard.down("Shift")
    act()
    page.keyboard.up("Shift")


OTHER_USES = {
    "capitals": lambda page: [
        shift_and(page, lambda letter=letter: page.keyboard.press(letter)) for letter in "ABCD"
    ],
    "a key in between": lambda page: [
        page.keyboard.press(key) for key in ("Shift", "Shift", "a", "Shift", "Shift")
    ],
    "a capital as the third": lambda page: [
        page.keyboard.press("Shift"),
        page.keyboard.press("Shift"),
        shift_and(page, lambda: page.keyboard.press("A")),
    ],
    "selecting with the mouse": lambda page: [
        shift_and(page, lambda: page.locator("#text").click()) for _ in range(4)
    ],
    "another way to type": lambda page: [page.keyboard.press("Alt+Shift") for _ in range(4)],
    "backwards with Tab": lambda page: [page.keyboard.press("Shift+Tab") for _ in range(4)],
    "held down": lambda page: [
        *(page.keyboard.down("Shift") for _ in range(5)),
        page.keyboard.up("Shift"),
    ],
    "twice": lambda page: [page.keyboard.press("Shift") for _ in range(2)],
}


def test_whoever_uses_shift_for_something_else_stays(reader):
    page = reader()
    for name, use in OTHER_USES.items():
        page.goto("/en/report/")
        page.locator("#text").click()
        use(page)
        page.wait_for_timeout(300)
        expect_address(page, "/en/report/")
        expect(page.locator("h1")).to_be_visible()
        assert not page.context.asked, name


def test_three_presses_far_apart_do_not_count(reader):
    page = reader("/en/report/")
    page.clock.install()
    page.reload()
    for _ in range(4):
        page.evaluate(
            """() => {
                // The instant of an event is the browser's own: a press long after the last.
                window.late = (window.late ?? 0) + 5000;
                for (const type of ["keydown", "keyup"]) {
                    const event = new KeyboardEvent(type, {key: "Shift", bubbles: true});
                    const instant = event.timeStamp + window.late;
                    Object.defineProperty(event, "timeStamp", {value: instant});
                    document.body.dispatchEvent(event);
                }
            }"""
        )
    expect_address(page, "/en/report/")
    assert not page.context.asked


# With the keyboard, a thumb, a screen reader


@pytest.mark.parametrize(
    ("language", "twin", "shown"),
    [
        ("fr", "Quitter ce site vite", "Quitter vite"),
        ("en", "Leave this site quickly", "Quick exit"),
    ],
)
def test_the_second_skip_link_leaves(reader, language, twin, shown):
    page = reader(f"/{language}/", width=PHONE)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name=twin, exact=True)
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport(ratio=1)
    # What is seen of the other one begins what a screen reader says of it.
    visible = page.locator("a.exit")
    expect(visible).to_have_accessible_name(re.compile(f"^{shown} ?: {twin}$", re.IGNORECASE))
    page.keyboard.press("Enter")
    expect_neutral(page)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_it_is_at_hand_however_far_one_has_read(reader, language):
    page = reader(QUESTION[language])
    link = page.locator("a.exit")
    for width in (320, PHONE, DESK):
        page.set_viewport_size({"width": width, "height": 800})
        for place in ("0", "document.body.scrollHeight"):
            page.evaluate(f"scrollTo(0, {place})")
            expect(link).to_be_in_viewport(ratio=1)
            box = link.bounding_box()
            assert min(box["width"], box["height"]) >= 44, width
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_has_the_focus_is_not_under_it(reader):
    page = reader(QUESTION["en"], width=PHONE, reduced_motion="reduce")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    bar = page.locator(".exit-bar").bounding_box()["height"]
    page.locator("footer a").last.focus()
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        top = page.evaluate(
            "document.activeElement.closest('main, footer')"
            " ? document.activeElement.getBoundingClientRect().top : 999"
        )
        assert top >= bar


def test_a_page_enlarged_four_times_is_not_covered(reader):
    page = reader(QUESTION["en"], width=320)
    page.set_viewport_size({"width": 320, "height": 200})
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("a.exit")).not_to_be_in_viewport()


def test_it_is_not_printed(reader):
    page = reader(QUESTION["en"])
    page.emulate_media(media="print")
    expect(page.locator("a.exit")).to_be_hidden()


# Reporting an error, in a browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_report_that_is_refused_comes_back_with_its_text(reader, scripts):
    page = reader(QUESTION["fr"], width=PHONE, java_script_enabled=scripts)
    page.get_by_role("link", name="Signaler une erreur ici").click()
    expect_address(page, "/fr/report/question/q-creation-offence/")
    expect(page.locator("#website")).to_be_hidden()
    box = page.get_by_label("Qu'est-ce qui est faux")
    box.fill("x" * 2001)
    page.get_by_role("button", name="Envoyer le signalement").click()
    expect(page.get_by_role("alert")).to_contain_text("2001")
    expect(box).to_have_value("x" * 2001)
    expect(box).to_have_attribute("aria-invalid", "true")
