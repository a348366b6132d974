"""Every answer says what a browser may do with it: every address of the site is asked."""

import re

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver

from kb_site.headers import HEADERS
from tests.pages import ADMIN_URL, DESK, states
from tests.test_unpublished import PATTERN, routes

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

# What an address is called with, for each argument that is not just "1".
CALLED = {
    "reference": "q-school",
    "kind/reference": "question/q-school",
    "slug": "creating-is-already-an-offence",
    "act_reference": "lu-code-penal",
    "extension": "bib",
    "app_label": "articles",
}
# Which answers other sites may load, and which they may show in a frame.
OPEN = re.compile(r"/api/|/data/|/(fr|en)/embed/|.*/feed/")
FRAMED = re.compile(r"/(fr|en)/embed/")
POLICY = (
    "default-src 'none'; base-uri 'none'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; img-src 'self' data:; script-src 'self'; "
    "style-src 'self'"
)
ROUTES = sorted({*routes(get_resolver().url_patterns, left_out=())})


def address(route):
    """The address of a route, about a record there is where the argument's name tells which."""
    route = re.sub(r"^(fr|en)/", "en/", route)
    return "/" + PATTERN.sub(lambda found: CALLED.get(found[1] or found[2], "1"), route)


def policy_of(response):
    return "; ".join(sorted(response["Content-Security-Policy"].split("; "), key=order))


def order(directive):
    return directive.partition(" ")[0] != "default-src", directive


def faults(path, response):
    """What is wrong with the headers of an answer."""
    is_found = response.status_code < 400 or response.status_code == 410
    is_framed = FRAMED.match(path) and is_found
    is_open = OPEN.match(path) and (is_found or path.startswith("/api/"))
    expected = HEADERS | {
        "Content-Security-Policy": POLICY.replace("ancestors 'none'", "ancestors *")
        if is_framed
        else POLICY,
        "Cross-Origin-Resource-Policy": "cross-origin" if is_open else "same-origin",
        "Access-Control-Allow-Origin": "*" if is_open else None,
        "X-Frame-Options": None if is_framed else "DENY",
    }
    found = {name: response.get(name) for name in expected}
    found["Content-Security-Policy"] = policy_of(response)
    if not response.streaming and response.content:
        kind = response.get("Content-Type", "")
        expected["Content-Type"] = kind.replace('"', "") or "any"
        if kind.startswith("text/"):
            expected["Content-Type"] = kind.partition(";")[0] + "; charset=utf-8"
        found["Content-Type"] = kind.replace('"', "")
    if found["Referrer-Policy"] == "no-referrer":  # what is typed or signed says even less
        del expected["Referrer-Policy"]
    return {name: found[name] for name in expected if found[name] != expected[name]}


@pytest.mark.parametrize("method", ["get", "post", "options", "delete"])
def test_every_address_answers_with_every_header(method, editor_client):
    editor_client.raise_request_exception = False
    wrong, statuses = {}, set()
    for route in ROUTES:
        path = address(route)
        if path.endswith("/logout/"):
            continue
        response = getattr(editor_client, method)(path)
        statuses.add(response.status_code)
        if found := faults(path, response):
            wrong[path] = found
    assert wrong == {}
    assert len(ROUTES) > 200
    assert {"get": 200, "post": 405, "options": 204, "delete": 405}[method] in statuses


def test_pages_of_every_state_and_errors_have_them_too():
    seen = set()
    for _name, response in states("en"):
        path = response.request["PATH_INFO"]
        assert faults(path, response) == {}, path
        seen.add(response.status_code)
    assert {200, 400, 403, 404, 405, 410, 500} <= seen


def test_the_desk_and_the_pages_to_sign_in_are_among_those_asked():
    for start in DESK:
        assert any(route.startswith(start) for route in ROUTES)
    assert any(OPEN.match(address(route)) for route in ROUTES)
    assert any(FRAMED.match(address(route)) for route in ROUTES)


def test_nothing_is_allowed_that_is_unsafe_or_elsewhere():
    assert not re.search(r"unsafe|https?:|\*|strict-dynamic", POLICY)


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {}])
def test_a_host_that_is_not_ours_and_a_redirect_to_https_have_them(settings, headers):
    settings.SECURE_SSL_REDIRECT = True
    response = Client(headers=headers).get("/en/")
    assert response.status_code == (400 if headers else 301)
    assert faults("/en/", response) == {}


def test_files_have_them(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    response = Client().get("/static/icon.svg")
    assert b"<svg" in b"".join(response.streaming_content)
    assert faults("/static/icon.svg", response) == {}
    response.close()
    missing = Client().get("/static/none.svg")
    assert missing.status_code == 404
    assert faults("/static/none.svg", missing) == {}


def test_headers_do_not_depend_on_who_asks(editor_client):
    for path in ("/en/", "/en/contacts/", "/en/embed/ct-police/", "/api/v1/"):
        answers = [
            client.get(path, headers=headers)
            for client in (Client(), editor_client)
            for headers in ({}, {"user-agent": "curl", "accept-language": "fr", "cookie": "a=b"})
        ]
        for answer in answers:
            # The number of a request; a page that is kept bears none.
            del answer.headers["X-Request-ID"]
        assert len({str(sorted(a.headers.items())) for a in answers}) == 1, path


# Cookies


def test_cookies_are_closed_to_scripts_and_to_other_sites(settings):
    client = Client()
    page = client.get("/accounts/login/")
    cookie = page.cookies[settings.CSRF_COOKIE_NAME]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")


def test_no_script_reads_a_cookie():
    for folder in ("kb_site", "articles", "laws", "templates"):
        for path in (settings.BASE_DIR / folder).rglob("*.js"):
            assert "cookie" not in path.read_text(encoding="utf-8"), path


def test_a_message_makes_no_cookie_of_its_own(editor):
    data = {"action": "delete_selected", "index": "0"}  # and nothing is selected
    response = editor.post(f"{ADMIN_URL}articles/topic/", data)
    assert response.status_code == 302
    assert not response.cookies.keys() - {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}
    assert "Items must be selected" in editor.get(response["Location"]).text
