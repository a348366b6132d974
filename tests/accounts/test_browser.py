"""Security keys in a real browser, under the site's own policy: nothing inline, no other host."""

import re

import pytest
from playwright.sync_api import expect

from tests.accounts.conftest import PASSWORD
from tests.pages import ADMIN_URL

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def page(browser, live_server):
    """A page with a key built into the machine; what it logs must stay empty."""
    context = browser.new_context(base_url=live_server.url, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(5_000)
    noise = []
    page.on(
        "console",
        lambda message: message.type in ("error", "warning") and noise.append(message.text),
    )
    page.on("pageerror", lambda error: noise.append(str(error)))
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True}
    options |= {"automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    context.close()
    assert not noise


def test_a_key_is_the_second_factor_or_both(page, person):
    def type_password():
        page.get_by_label("Login").fill("rosa")
        page.get_by_label("Password:").fill(PASSWORD)
        page.keyboard.press("Enter")

    person("rosa", "Reviewer", factor=False)
    page.goto(ADMIN_URL)
    type_password()
    expect(page.locator(".messagelist .warning")).to_contain_text("second factor")

    page.locator("a[href='/accounts/2fa/webauthn/add/']").click()
    page.get_by_label("Password:").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#recovery_codes")).to_have_value(re.compile(r"^(\d{8}\s?){10}$"))
    page.goto("/accounts/2fa/webauthn/")
    expect(page.locator("main")).to_contain_text("My laptop")

    for with_password in (False, True):
        page.goto("/accounts/2fa/")
        page.get_by_role("button", name="Sign Out").click()
        if not with_password:
            page.get_by_role("button", name="Sign in with a passkey").click()
        else:
            type_password()
            page.get_by_role("button", name="Use a security key").click()
        expect(page).to_have_url(re.compile(f"{ADMIN_URL}$"))
        expect(page.locator("#user-tools")).to_contain_text("rosa")
