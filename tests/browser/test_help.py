"""The help page in a real browser, as somebody on a phone uses it, with and without scripts."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

WORDS = {
    "fr": {
        "help": "Aide",
        "title": "Aide – Repères",
        "show": "Voir qui peut aider",
        "minor": "Un enfant ou un adolescent",
        "image": "Il y a une image intime",
        "remove": "Faire retirer",
        "switch": "Read this answer in English",
    },
    "en": {
        "help": "Help",
        "title": "Help – Repères",
        "show": "Show who can help",
        "minor": "A child or teenager",
        "image": "There is an intimate",
        "remove": "To have it removed",
        "switch": "Lire cette réponse en français",
    },
}


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_stranger_answers_changes_and_switches_language(stranger, language, scripts):
    words, other = WORDS[language], {"fr": "en", "en": "fr"}[language]
    page = stranger(f"/{language}/", PHONE, java_script_enabled=scripts)
    page.get_by_role("link", name=words["help"], exact=True).first.click()
    expect(page).to_have_title(words["title"])
    page.get_by_label(words["minor"]).check()
    page.get_by_label(words["image"]).check()
    page.get_by_label(words["remove"]).check()
    page.get_by_role("button", name=words["show"]).click()

    expect(page).to_have_url(re.compile(rf"/{language}/help/$"))
    expect(page).to_have_title(words["title"])
    contacts = page.locator(".help-contacts h3")
    expect(contacts.nth(0)).to_contain_text("112")
    expect(contacts.nth(1)).to_contain_text("113")
    expect(page.locator(".help-contacts")).to_contain_text("Take It Down")
    expect(page.locator(".help-contacts h3", has_text="StopNCII")).to_have_count(0)
    expect(page.get_by_label(words["minor"])).to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE

    page.locator("input[value=adult][type=radio]").check()
    page.locator("input[value=no-danger][type=radio]").check()
    page.get_by_role("button", name=words["show"]).click()
    expect(contacts.nth(0)).to_contain_text("StopNCII")
    expect(page.locator(".help-contacts h3", has_text="Take It Down")).to_have_count(0)

    page.get_by_role("button", name=words["switch"]).click()
    expect(page).to_have_url(re.compile(rf"/{other}/help/$"))
    expect(page.locator("html")).to_have_attribute("lang", other)
    expect(contacts.nth(0)).to_contain_text("StopNCII")
    expect(page.locator("input[value=adult][type=radio]")).to_be_checked()


@pytest.mark.parametrize("width", [320, DESK])
def test_a_door_of_the_home_page_leads_to_an_answer_at_once(stranger, width):
    page = stranger("/fr/", width)
    page.locator(".doors button[name=danger]").click()
    expect(page).to_have_url(re.compile("/fr/help/$"))
    expect(page.locator(".help-contacts h3").first).to_contain_text("112")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_tapped_is_large_enough(stranger):
    page = stranger("/en/help/", 320)
    page.locator("input[value=talk]").check()
    page.locator(".help-form button").click()
    targets = page.locator(
        ".help-form label, main button, .help-contacts summary, .help-contacts .phone, .tap, .why"
    )
    expect(targets.first).to_be_visible()
    sizes = targets.evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert len(sizes) > 25
    assert min(sizes) >= 44


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_contacts_are_printed_on_one_page(stranger, language):
    page = stranger(f"/{language}/contacts/")
    sheet = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
