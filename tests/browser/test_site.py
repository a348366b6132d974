"""The site in a real browser: strangers on a phone and on a desk, then an editor."""

import re

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from kb_site.search import updates
from tests.browser.conftest import DESK, PHONE
from tests.pages import ADMIN_URL

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

QUESTION = {
    "fr": "/fr/questions/creer-est-deja-un-delit/",
    "en": "/en/questions/creating-is-already-an-offence/",
}
PROVISION = {
    "fr": "/fr/laws/lu-code-penal/lu-cp-383bis/",
    "en": "/en/laws/lu-code-penal/lu-cp-383bis/",
}


def expect_address(page, path):
    expect(page).to_have_url(re.compile(rf"{re.escape(path)}$"))


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

    page.goto(f"{ADMIN_URL}articles/question/")
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
        page.goto(f"{ADMIN_URL}laws/provision/?q=lu-cp-383bis")
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
