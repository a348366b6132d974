"""The site in a real browser: strangers on a phone and on a desk, then an editor."""

import re

import pytest
from django.contrib.auth.models import Group
from django.test import override_settings
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from kb_site.search import updates

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

PHONE, DESK = 390, 1280
# A machine that runs other tests besides may take its time.
PATIENCE = 20_000  # milliseconds
expect.set_options(timeout=PATIENCE)

QUESTION = {
    "fr": "/fr/questions/creer-est-deja-un-delit/",
    "en": "/en/questions/creating-is-already-an-offence/",
}
PROVISION = {
    "fr": "/fr/laws/lu-code-penal/lu-cp-383bis/",
    "en": "/en/laws/lu-code-penal/lu-cp-383bis/",
}
# A page of every template that readers see, and of some templates their longest words.
PAGES = """
    / /about/ /search/ /search/?q=image /search/?q=qwertyuiop
    /questions/ /questions/?topic=tp-criminal-law /statements/ /contacts/ /laws/
    /questions/creer-est-deja-un-delit/ /statements/st-creation-is-offence/ /contacts/ct-police/
    /laws/lu-code-penal/ /laws/lu-code-penal/lu-cp-383bis/ /laws/eu-aiact/
""".split()
WRONG_PAGES = {"/no-such-page/": 404, "/search/?q=%3F": 400}


@pytest.fixture(scope="module")
def site(browser):
    """The address of a server for readers, who change nothing.

    It shows the content that every test starts from, as committed. `live_server` would have it
    loaded anew for each test, which takes longer than these tests.
    """
    server = LiveServer("localhost")
    with override_settings(ALLOWED_HOSTS=["localhost"]):
        yield server.url
    server.stop()


def expect_address(page, path):
    expect(page).to_have_url(re.compile(rf"{re.escape(path)}$"))


@pytest.fixture
def watch():
    """Follows a page: lists what it logs, what fails, and what it asks of other sites."""
    noise = []

    def watch(page, address):
        page.set_default_timeout(PATIENCE)
        page.on(
            "console",
            lambda message: noise.append(f"console: {message.text} {message.location['url']}"),
        )
        page.on("pageerror", lambda error: noise.append(f"script: {error}"))
        page.on("requestfailed", failed)
        page.on(
            "request",
            lambda request: (
                request.url.startswith(f"{address}/") or noise.append(f"elsewhere: {request.url}")
            ),
        )
        return page

    def failed(request):
        # Leaving a page ends what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            noise.append(f"failed: {request.url} {request.failure}")

    watch.noise = noise
    return watch


@pytest.fixture
def stranger(browser, site, watch):
    """Opens a page as somebody new. Whatever they do must stay silent, local and cookieless."""
    contexts = []

    def stranger(path="/", width=DESK, **options):
        context = browser.new_context(
            base_url=site, viewport={"width": width, "height": 800}, **options
        )
        contexts.append(context)
        page = watch(context.new_page(), site)
        page.goto(path)
        return page

    yield stranger
    cookies = [cookie for context in contexts for cookie in context.cookies()]
    # What a page keeps without a cookie.
    stored = [entry for context in contexts for entry in context.storage_state()["origins"]]
    for context in contexts:
        context.close()
    assert not watch.noise
    assert not cookies
    assert not stored


# Strangers


@pytest.mark.parametrize(
    ("language", "width", "scripts"),
    [
        ("fr", PHONE, True),
        ("fr", DESK, True),
        ("en", PHONE, True),
        ("en", DESK, True),
        ("fr", PHONE, False),
    ],
)
def test_a_stranger_reads_an_answer_and_the_law_behind_it(stranger, language, width, scripts):
    other, switch, words = {
        "fr": ("en", "English", "La loi dit"),
        "en": ("fr", "Français", "The law says"),
    }[language]
    page = stranger("/", width, locale=f"{language}-LU", java_script_enabled=scripts)
    expect_address(page, f"/{language}/")
    expect(page.locator("html")).to_have_attribute("lang", language)

    page.locator(f"main a[href='{QUESTION[language]}']").click()
    expect_address(page, QUESTION[language])
    law = page.locator(".claim-law").first
    expect(law).to_contain_text(words)

    law.locator(".citations a").first.click()
    expect_address(page, PROVISION[language])
    expect(page.locator("h1")).to_contain_text("383bis")
    expect(page.locator(f"main a[href='{QUESTION[language]}']")).to_be_visible()
    page.get_by_role("link", name=switch, exact=True).click()
    expect_address(page, PROVISION[other])
    expect(page.locator("html")).to_have_attribute("lang", other)

    page.go_back()
    expect_address(page, PROVISION[language])
    page.go_back()
    expect_address(page, QUESTION[language])
    page.get_by_role("link", name=switch, exact=True).click()
    expect_address(page, QUESTION[other])
    expect(page.locator(".claim-law").first).not_to_contain_text(words)


@pytest.mark.parametrize(
    ("language", "typed", "send", "scripts", "found"),
    [
        ("fr", "hypertrucage", "Enter", True, ["/fr/questions/"]),
        ("fr", "hypertrucage", "Enter", False, ["/fr/questions/"]),
        ("fr", "383bis", "button", True, [PROVISION["fr"]]),
        ("en", "who do I call", "Enter", True, ["/en/contacts/", "/en/questions/"]),
    ],
)
def test_a_stranger_types_a_search(stranger, language, typed, send, scripts, found):
    page = stranger(f"/{language}/", PHONE, java_script_enabled=scripts)
    page.locator("#q").fill(typed)
    if send == "button":
        page.locator(".search-form button").click()
    else:
        page.keyboard.press(send)
    expect(page).to_have_url(re.compile(f"/{language}/search/"))
    expect(page.locator("#q")).to_have_value(typed)
    for address in found:
        expect(page.locator(f".results a[href^='{address}']").first).to_be_visible()
    page.locator(".results a").first.click()
    expect(page.locator("main h1")).to_be_visible()
    expect(page).not_to_have_url(re.compile("/search/"))


def test_suggestions_are_reached_left_and_opened_with_the_keyboard(stranger):
    page = stranger("/fr/", PHONE)
    box, options = page.locator("#q"), page.locator("#suggestions li")
    box.press_sequentially("harcel")
    expect(options.first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_be_focused()

    box.press_sequentially("e")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    address = options.first.locator("a").get_attribute("href")
    page.keyboard.press("Enter")
    expect_address(page, address)


def test_the_language_switch_of_a_search_keeps_what_was_typed(stranger):
    page = stranger("/fr/search/?q=deepfake&kind=question")
    page.get_by_role("link", name="English", exact=True).click()
    assert page.url.endswith("/en/search/?q=deepfake&kind=question")
    expect(page.locator(".results a[href^='/en/questions/']").first).to_be_visible()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_page_scrolls_sideways_on_a_very_small_phone(stranger, watch, language):
    page = stranger(f"/{language}/", 320)
    too_wide = []
    for path in [*PAGES, *WRONG_PAGES]:
        answer = page.goto(f"/{language}{path}")
        assert answer.status == WRONG_PAGES.get(path, 200), answer.url
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            too_wide.append((answer.url, width))
    assert not too_wide
    # The browser logs the errors asked for; the rest stays in the list, which must be empty.
    for status in WRONG_PAGES.values():
        assert f" {status} " in watch.noise.pop(0)


def test_the_keyboard_reaches_the_content_at_once(stranger):
    page = stranger("/en/")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whoever_uses_the_keyboard_sees_where_they_are(stranger, scheme):
    page = stranger(QUESTION["en"], PHONE, color_scheme=scheme)
    stops = []
    for _ in range(15):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
                const style = getComputedStyle(document.activeElement);
                const box = document.activeElement.getBoundingClientRect();
                return {
                    name: document.activeElement.textContent.trim(),
                    outline: style.outlineStyle !== "none" ? parseFloat(style.outlineWidth) : 0,
                    seen: box.width > 0 && box.left >= 0 && box.right <= innerWidth
                        && box.top < innerHeight && box.bottom > 0,
                };
            }"""
        )
        assert focus["outline"] >= 2, focus
        assert focus["seen"], focus
        stops.append(focus["name"])
    assert len(set(stops)) > 10


# Every text of the page whose contrast with what is behind it is under 4.5 (WCAG 2.2, 1.4.3).
WEAK_TEXTS = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const luminance = colour => numbers(colour).slice(0, 3)
        .map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (numbers(colour)[3] !== 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const weak = [];
    for (const element of document.body.querySelectorAll("*")) {
        const text = [...element.childNodes].filter(n => n.nodeType === 3)
            .map(n => n.data).join("").trim();
        if (!text || !element.checkVisibility()) continue;
        const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))]
            .sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) weak.push(`${contrast.toFixed(2)} ${text.slice(0, 40)}`);
    }
    return weak;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(stranger, scheme):
    page = stranger("/fr/", color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, *_ = map(int, re.findall(r"\d+", ground))
    assert (red < 128) is (scheme == "dark"), ground
    for path in (
        "/fr/",
        QUESTION["fr"],
        PROVISION["fr"],
        "/fr/laws/eu-aiact/",
        "/fr/contacts/",
        "/fr/search/?q=image",
    ):
        page.goto(path)
        assert page.evaluate(WEAK_TEXTS) == [], path


def test_a_phone_number_is_a_link_that_a_thumb_can_hit(stranger):
    page = stranger("/fr/", PHONE, has_touch=True, is_mobile=True)
    for number in ("112", "113"):
        link = page.locator(f"main a[href='tel:{number}']").first
        expect(link).to_be_in_viewport()
        box = link.bounding_box()
        assert min(box["width"], box["height"]) >= 44


# An editor


def test_an_editor_corrects_an_answer_and_readers_see_it(
    browser, live_server, live_content, watch, django_user_model
):
    django_user_model.objects.create_superuser("editor", password="a-long-password")
    updates.ensure()
    context = browser.new_context(base_url=live_server.url, locale="fr-LU")
    page = watch(context.new_page(), live_server.url)

    page.goto("/admin/articles/question/")
    page.locator("#id_login").fill("editor")
    page.locator("#id_password").fill("a-long-password")
    page.keyboard.press("Enter")
    page.locator("#searchbar").fill("q-creation-offence")
    page.keyboard.press("Enter")
    page.locator("#result_list tbody th a").click()

    # The language tabs show one language at a time, in the claims too.
    french, english = page.locator("#id_short_answer_fr"), page.locator("#id_short_answer_en")
    expect(french).to_be_visible()
    expect(english).to_be_hidden()
    page.locator("a[href='#tab_id_short_answer_en']").click()
    expect(english).to_be_visible()
    expect(french).to_be_hidden()
    english.fill("Yes: this answer was corrected by a platypus.")

    # A citation is found as one types its number.
    cited = page.locator("#claims-1 .field-provisions")
    expect(cited).not_to_contain_text("383bis")
    cited.locator(".select2-search__field").press_sequentially("383bis")
    page.locator(".select2-results__option", has_text="383bis").click()
    expect(cited).to_contain_text("383bis")

    # A new claim has its language tabs too.
    page.locator(".add-row a").click()
    page.locator("#id_claims-6-order").fill("7")
    page.locator("#id_claims-6-basis").select_option("advice")
    for language, words in (("fr", "Un nouveau conseil."), ("en", "A new piece of advice.")):
        page.locator(f"a[href='#tab_id_claims-6-text_{language}']").click()
        page.locator(f"#id_claims-6-text_{language}").fill(words)

    page.locator("#id_change_reason").fill("Corrected after a reader wrote.")
    page.locator("[name=_continue]").first.click()
    expect(page.locator(".messagelist .success")).to_be_visible()

    page.goto(QUESTION["en"])
    expect(page.locator("main")).to_contain_text("Yes: this answer was corrected by a platypus.")
    expect(page.locator("#claim-2 .citations")).to_contain_text("383bis")
    expect(page.locator("#claim-7")).to_contain_text("A new piece of advice.")
    page.goto(QUESTION["fr"])
    expect(page.locator("#claim-7")).to_contain_text("Un nouveau conseil.")
    page.goto("/en/search/?q=platypus")
    expect(page.locator(f".results a[href='{QUESTION['en']}']")).to_be_visible()
    context.close()
    assert not watch.noise


def test_a_day_at_the_desk(browser, live_server, live_content, watch, django_user_model, settings):
    """An editor changes an article, a reviewer reads and approves it, readers are told."""
    settings.FOUR_EYES = True
    for name, role in (("ada", "Editor"), ("rosa", "Reviewer")):
        user = django_user_model.objects.create_user(
            name, f"{name}@example.org", "a-long-password", is_staff=True
        )
        user.groups.add(Group.objects.get(name=role))

    def signed_in(name):
        context = browser.new_context(base_url=live_server.url, locale="en-GB")
        page = watch(context.new_page(), live_server.url)
        page.goto("/admin/laws/provision/?q=lu-cp-383bis")
        page.locator("#id_login").fill(name)
        page.locator("#id_password").fill("a-long-password")
        page.keyboard.press("Enter")
        page.locator("#result_list tbody th a").first.click()
        return page

    def save(page, field, words, reason):
        page.locator(f"a[href='#tab_{field}']").click()
        page.locator(f"#{field}").fill(words)
        page.locator("#id_change_reason").fill(reason)
        page.locator("[name=_continue]").first.click()

    editor = signed_in("ada")
    french = "id_versions-0-summary_fr"
    save(editor, french, "Un résumé tout neuf, écrit ce matin.", "The summary was unclear.")
    expect(editor.locator(".messagelist")).to_contain_text("once somebody else has approved")
    editor.locator(".desk-panel button", has_text="Discard").wait_for()

    reader = watch(browser.new_context(base_url=live_server.url).new_page(), live_server.url)
    reader.goto(PROVISION["fr"])
    expect(reader.locator("main")).not_to_contain_text("tout neuf")

    reviewer = signed_in("rosa")
    expect(reviewer.locator(".differences ins").first).to_contain_text("tout neuf")
    reviewer.locator("button", has_text="Approve").click()
    expect(reviewer.locator(".messagelist")).to_contain_text("readers see it now")

    reader.goto(PROVISION["fr"])
    expect(reader.locator("main")).to_contain_text("Un résumé tout neuf, écrit ce matin.")
    reader.goto(PROVISION["en"])
    expect(reader.locator(".translation").first).to_be_visible()
    reader.goto("/en/changes/")
    expect(reader.locator(".changes li").first).to_contain_text("The summary was unclear.")
    reader.goto(QUESTION["en"])
    expect(reader.locator(".checking-banner")).to_contain_text("We are checking this answer.")

    save(reviewer, french, "Ma propre correction.", "My own correction.")
    expect(reviewer.locator("#pending")).to_be_visible()
    expect(reviewer.locator("button", has_text="Approve")).to_have_count(0)
    expect(reviewer.locator(".desk-actions").first).to_contain_text("Somebody else must read")
    for page in (editor, reviewer, reader):
        page.context.close()
    assert not watch.noise
