"""A reader's browser: a server of the real content, and strangers who leave no trace."""

from typing import NamedTuple

import pytest
from django.db import transaction
from django.test import override_settings
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.pages import LANGUAGES, Page, pages, states

PHONE, DESK = 390, 1280
# A machine that runs other tests besides may take its time.
PATIENCE = 20_000  # milliseconds
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def site(browser, django_db_setup):
    """The address of a server for readers, who change nothing.

    It shows the content that every test starts from, as committed. `live_server` would have it
    loaded anew for each test, which takes longer than these tests.
    """
    server = LiveServer("localhost")
    with override_settings(ALLOWED_HOSTS=["localhost", "testserver"]):
        yield server.url
    server.stop()


@pytest.fixture
def watch():
    """Follows a page: lists what it logs, what fails, and what it asks of other sites."""
    noise, visited = [], set()

    def watch(page, address):
        page.set_default_timeout(PATIENCE)
        page.on("console", logged)
        page.on("pageerror", lambda error: noise.append(f"script: {error}"))
        page.on("requestfailed", failed)
        page.on("request", lambda request: asked(request, address))
        return page

    def logged(message):
        # A page that answers with an error, as it should, is logged by the browser itself.
        address = message.location["url"]
        if not (message.text.startswith("Failed to load resource") and address in visited):
            noise.append(f"console: {message.text} {address}")

    def asked(request, address):
        if not request.url.startswith(f"{address}/"):
            noise.append(f"elsewhere: {request.url}")
        if request.is_navigation_request():
            visited.add(request.url)

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
        if path:
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


class Shown(NamedTuple):
    """A page to open; `answer` is its whole answer where no server can give it."""

    page: Page
    answer: dict | None = None

    def __str__(self):
        return str(self.page)

    def open(self, tab):
        """Opens the page in a browser's tab, and checks that it is the one."""
        if self.answer:
            tab.route(f"**{self.page.address}", lambda route: route.fulfill(**self.answer))
        answer = tab.goto(self.page.address)
        assert answer.status == self.page.status, self


EMPTY = {"empty-home", "empty-articles:question-list", "empty-articles:contact-list"}


def shown(language):
    """Every page of `tests/pages.py`: of the real content by address, each state as it stands."""
    found = [Shown(page) for page in pages(language)]
    for name, response in states(language):
        if name.startswith("empty-") and name not in EMPTY:
            continue  # Their HTML is checked elsewhere; they look like these.
        page = Page(name, f"/{language}/state/{name}/", response.status_code)
        answer = {
            "status": response.status_code,
            "headers": dict(response.headers.items()),
            "body": response.content,
        }
        found.append(Shown(page, answer))
    return found


@pytest.fixture(scope="package")
def every_page(django_db_setup, django_db_blocker):
    """{language: every page to show}; nothing that was made for it stays."""
    with django_db_blocker.unblock(), transaction.atomic():
        found = {language: shown(language) for language in LANGUAGES}
        transaction.set_rollback(True)
    return found
