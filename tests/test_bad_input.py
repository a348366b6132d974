"""What nobody should type, and somebody will: each gets a page that says what is wrong.

`tests/fuzz` types anything at all.
"""

import re
from html import unescape
from unicodedata import normalize

import pytest
from django.test import Client, RequestFactory

from articles.models import Topic
from kb_site.editorial import sheets
from kb_site.handler import site as application
from tests.pages import ADMIN_URL

pytestmark = pytest.mark.django_db

PUBLIC = [
    "/fr/",
    "/en/about/",
    "/fr/accessibility/",
    "/en/leaving/",
    "/fr/privacy/",
    "/en/search/",
    "/fr/search/?q=deepfake",
    "/en/search/suggest/?q=deepf",
    "/fr/questions/",
    "/en/questions/creating-is-already-an-offence/",
    "/fr/statements/",
    "/en/statements/st-creation-is-offence/",
    "/fr/contacts/",
    "/en/contacts/ct-bee-secure-stopline/",
    "/en/help/ad-never-keep/",
    "/fr/laws/",
    "/en/laws/lu-code-penal/",
    "/fr/laws/lu-code-penal/lu-cp-383bis/",
    "/en/data/",
    "/fr/cite/q-school/",
    "/en/cite/q-school/1/",
]
PAGED = [
    "/fr/questions/",
    "/en/statements/",
    "/fr/contacts/",
    "/en/laws/",
    "/fr/laws/lu-code-penal/",
    "/en/search/?q=deepfake",
]


@pytest.fixture
def client():
    """A strict client: a failure is the answer 500 readers would get, not an exception."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def assert_is_page(response, status, language):
    """It is a whole page of the site, in its language, with a way on; never the server's own."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    html = response.content.decode()
    assert f'<html lang="{language}">' in html
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert f'action="/{language}/search/"' in html
    assert f'href="/{language}/contacts/"' in html
    assert 'href="tel:112"' in html
    assert not response.cookies


def box(response):
    """What the search box holds."""
    [value] = re.findall(r'<input type="search"[^>]* value="([^"]*)"', response.content.decode())
    return unescape(value)


def with_page(address, number):
    return f"{address}{'&' if '?' in address else '?'}page={number}"


# The search


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    "typed",
    [
        "deepfake " * 1111 + "!",
        "x" * 10_000,
        "é" * 201,
        "*",
        "((((",
        "?!",
        '"',
        "image\0volée",
        "\0",
        "🙂",
    ],
    ids=[
        "10000 in words",
        "10000",
        "201",
        "*",
        "((((",
        "?!",
        "quote",
        "NUL inside",
        "NUL",
        "smile",
    ],
)
def test_a_search_that_cannot_be_run_says_so_and_keeps_what_was_typed(client, typed, language):
    response = client.get(f"/{language}/search/", {"q": typed})
    assert_is_page(response, 400, language)
    [error] = re.findall(r'<p class="error" id="q-error">(.+?)</p>', response.content.decode())
    assert error
    assert re.search(
        r'<input [^>]*aria-invalid="true" aria-describedby="q-error"', response.content.decode()
    )
    assert box(response)[:150] == typed[:150]


def test_what_is_wrong_with_a_search_is_told_apart(client):
    errors = {
        re.findall(r'id="q-error">(.+?)</p>', client.get("/en/search/", {"q": q}).content.decode())[
            0
        ]
        for q in ("x" * 10_000, "*", "image\0volée")
    }
    assert len(errors) == 3
    assert any("200 characters" in error for error in errors)


@pytest.mark.parametrize(
    "typed",
    [
        "title:deepfake",
        "deepfake AND (NOT",
        "deepfake^99",
        "deepfake~ [a TO z]",
        "%deepfake_",
        "' OR 1=1 --",
        '<script>alert("deepfake")</script>',
        "{{ deepfake }} {% url %}",
        "a" * 200,
        "A\u0301\u0300 ﬁ ２０２６",
        "\u202edeepfake\u2066",
    ],
)
def test_signs_of_a_query_language_mean_nothing(client, typed):
    response = client.get("/fr/search/", {"q": typed})
    assert_is_page(response, 200, "fr")
    assert box(response) == normalize("NFC", typed)
    assert "<script>" not in response.content.decode()


@pytest.mark.parametrize("typed", ["", "%20%20", "%09%0A", "%C2%A0", "%E3%80%80"])
def test_an_empty_search_shows_the_box_and_no_error(client, typed):
    response = client.get(f"/en/search/?q={typed}")
    assert_is_page(response, 200, "en")
    assert b"q-error" not in response.content


@pytest.mark.parametrize(
    "query",
    [
        "q=%ED%A0%80",
        "q=%ED%BF%BF%ED%A0%80",
        "q=%FF%FE",
        "q=%C3",
        "q=deepfake&kind=nothing",
        "q=deepfake&kind=question&kind=%00",
        "q=deepfake&kind=%FF",
        "q=deepfake&kind=" + "x" * 5000,
        "&".join(f"q{number}=x" for number in range(3200)),
    ],
    ids=lambda query: query[:40],
)
def test_a_request_that_cannot_be_understood_is_a_bad_request(client, query):
    assert_is_page(client.get(f"/fr/search/?{query}"), 400, "fr")


@pytest.mark.parametrize(
    "filters", ["kind=nothing", "topic=%00", "jurisdiction=<b>", "topic=" + "x" * 5000]
)
def test_a_filter_that_is_none_says_so_and_keeps_what_was_typed(client, filters):
    response = client.get(f"/en/search/?q=deepfake&{filters}")
    assert_is_page(response, 400, "en")
    assert box(response) == "deepfake"
    assert b'id="q-error">There is no such filter' in response.content


def test_a_filter_that_nothing_has_finds_nothing(client):
    response = client.get("/en/search/?q=deepfake&topic=tp-nothing&jurisdiction=xx")
    assert_is_page(response, 200, "en")
    assert b'<ol class="results"' not in response.content


@pytest.mark.parametrize("q", ["", "*", "((((", "%00", "%FF", "%ED%A0%80", "x" * 10_000, "<b>x"])
def test_a_search_still_being_typed_is_never_an_error(client, q):
    response = client.get(f"/fr/search/suggest/?q={q}")
    assert response.status_code == 200
    assert not response.cookies
    # A piece for the search box, not a page.
    assert b"<html" not in response.content
    assert b"<b>" not in response.content


def test_what_was_typed_twice_or_beside_broken_bytes_is_still_searched(client):
    for query in ("q=a&q=deepfake", "q=deepfake+%FF", "q=deepfake&%FF=%FE&&=&", "q=deepfake;x"):
        assert_is_page(client.get(f"/en/search/?{query}"), 200, "en")


# Pages of a list


@pytest.mark.parametrize("address", PAGED)
@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-1",
        "99",
        "2147483648",
        "9" * 30,
        "9" * 5000,
        "000000001" + "9" * 30,
        "000000001" + "9" * 5000,
        "1e3",
        "1.5",
        "two",
        "%00",
        "1%00",
        "%FF",
        "%ED%A0%80",
        "%C2%B2",
        "%D9%A9%D9%A9",
        "<b>",
        "None",
    ],
    ids=lambda number: number[:14],
)
def test_a_page_that_does_not_exist_is_not_found(client, address, number):
    assert_is_page(client.get(with_page(address, number)), 404, address[1:3])


@pytest.mark.parametrize("address", PAGED)
def test_the_first_page_is_there(client, address):
    assert client.get(with_page(address, 1)).status_code == 200


@pytest.mark.parametrize("number", ["10000", "000010000", "9999"])
def test_a_page_of_results_far_beyond_the_last_costs_little(client, number):
    assert_is_page(client.get(f"/fr/search/?q=image&page={number}"), 404, "fr")


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "/fr/nowhere/",
        "/en/questions/no-such-question/",
        "/fr/statements/st-nothing/",
        "/en/contacts/ct-nothing/",
        "/fr/laws/no-such-act/",
        "/en/laws/no-such-act/lu-cp-383bis/",
        "/fr/laws/lu-code-penal/nothing/",
        # A provision under an act that is not its own.
        "/en/laws/eu-dsa/lu-cp-383bis/",
        "/fr/laws/lu-cp-383bis/lu-cp-383bis/",
        "/fr/laws/lu-code-penal/lu-cp-383bis/1/",
        "/en/questions/?topic=nothing",
        "/fr/questions/?topic=%00",
        "/fr/questions/?topic=%FF%FE",
        "/fr/questions/?topic=%ED%A0%80",
        "/en/questions/?topic=" + "x" * 10_000,
        "/en/questions/?topic=tp-criminal-law'--",
        "/fr/questions/a b/",
        "/fr/questions/%00/",
        "/en/questions/creating-is-already-an-offence%00/",
        "/en/contacts/%FF%FE/",
        "/fr/statements/%ED%A0%80/",
        "/en/laws/%C3/%28/",
        "/fr/laws/" + "x" * 8000 + "/",
        "/fr/questions/../../etc/passwd/",
        "/en/%2e%2e/%2e%2e/",
        "/en/questions/%5B/",
        "/fr//%5B/",
        "/en/laws/LU-CODE-PENAL/",
        "/fr/questions/{{ x }}/",
    ],
    ids=lambda address: address[:44],
)
def test_an_address_that_leads_nowhere_is_not_found(client, address):
    assert_is_page(client.get(address), 404, address[1:3])


@pytest.mark.parametrize(
    ("address", "accepted", "language"),
    [
        ("/de/", "", "fr"),
        ("/de/", "de", "fr"),
        ("/de/", "en", "en"),
        ("/lb/questions/", "fr,en;q=0.5", "fr"),
        ("/xx/contacts/", "en", "en"),
        ("/zh-hans/", "en", "en"),
        ("/%FF/", "en", "en"),
        ("/%00/", "fr", "fr"),
        ("/%2Fexample.org/", "en", "en"),
        ("/" + "x" * 600 + "/", "x" * 600, "fr"),
    ],
    ids=lambda value: value[:20],
)
def test_a_language_that_the_site_does_not_have_is_not_found(client, address, accepted, language):
    response = client.get(address, headers={"accept-language": accepted})
    assert_is_page(response, 404, language)
    assert "Accept-Language" in response["Vary"]


@pytest.mark.parametrize("address", ["/FR/", "/fr-lu/", "/en-GB/questions/"])
def test_a_variant_of_a_language_leads_to_a_page_of_the_site(client, address):
    response = client.get(address, follow=True)
    assert response.status_code in (200, 404)
    assert_is_page(response, response.status_code, address[1:3].lower())


def test_an_address_without_its_language_leads_to_the_page(client):
    response = client.get("/contacts/?page=1", headers={"accept-language": "en"})
    assert (response.status_code, response["Location"]) == (302, "/en/contacts/?page=1")
    assert "Accept-Language" in response["Vary"]


def test_the_error_page_says_nothing_of_what_was_asked(client):
    """Nothing typed into an address comes back as text, nor does anything of our own code."""
    html = client.get("/fr/zyzzyva/?x=zyzzyva").content.decode()
    visible = re.sub(r"<[^>]*>", " ", html)
    assert "zyzzyva" not in visible
    assert "Traceback" not in html
    assert "urlpatterns" not in html


@pytest.mark.parametrize("host", ["evil.example", "testserver:x", "[::1", "a b", "localhost,evil"])
def test_a_host_that_the_site_does_not_answer_to_is_a_bad_request(client, host):
    response = client.get("/fr/questions/", headers={"host": host})
    assert response.status_code == 400
    assert "evil.example" not in response.content.decode()
    assert_is_page(response, 400, "fr")


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("encoding", ["charset=rot13", "Charset=idna", "charset*=x''rot13"])
@pytest.mark.parametrize(
    ("query", "status"), [("q=deepfake", "200 OK"), ("q=x&" * 3200, "400 Bad Request")]
)
def test_what_comes_is_read_as_utf_8_whatever_it_says(kind, encoding, query, status):
    environ = RequestFactory().get(f"/en/search/?{query}", headers={"host": "localhost"}).environ
    environ["CONTENT_TYPE"] = f"{kind}; {encoding}"
    answered = []
    response = application(environ, lambda status, headers, *_rest: answered.append(status))
    assert b"<h1" in b"".join(response)
    assert answered == [status]


# Methods


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("address", PUBLIC)
def test_public_pages_only_answer_reading(client, address, method):
    response = getattr(client, method)(address, headers={"accept-language": "de"})
    assert_is_page(response, 405, address[1:3])
    allowed = {name.strip() for name in response["Allow"].split(",")}
    assert {"GET", "HEAD"} <= allowed
    assert not allowed & {"POST", "PUT", "DELETE", "PATCH"}


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_address_without_a_language_only_answers_reading(client, method, language):
    response = getattr(client, method)("/", headers={"accept-language": language})
    assert_is_page(response, 405, language)
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("address", PUBLIC)
def test_head_answers_as_get_does_without_the_page(client, address):
    get, head = client.get(address), client.head(address)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head["Content-Type"] == get["Content-Type"]


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_a_record_that_does_not_exist_is_not_there_for_any_method(client, method):
    response = getattr(client, method)("/fr/nowhere/at/all/", headers={"accept-language": "en"})
    assert_is_page(response, 404, "fr")


# Too much


@pytest.mark.parametrize("address", ["/en/report/", "/en/help/", "/accounts/login/", "/en/"])
def test_what_is_too_large_is_refused_before_it_is_read(client, address, settings):
    body = Unread(settings.MAX_BODY + 1)
    response = client.generic("POST", address, headers={"accept-language": "en"}, **body.sent)
    assert_is_page(response, 413, "en")
    assert "at most 200.0\xa0KB" in response.content.decode()
    assert not body.was_read


def test_the_api_refuses_it_as_a_problem(client, settings):
    response = client.generic("POST", "/api/v1/", **Unread(settings.MAX_BODY + 1).sent)
    assert (response.status_code, response.json()["status"]) == (413, 413)


def test_the_desk_takes_as_much_as_an_import_holds_and_no_more(client, settings):
    assert sheets.MAX_BYTES + settings.MAX_BODY < settings.MAX_BODY_OF_ADMIN
    body = Unread(settings.MAX_BODY_OF_ADMIN + 1)
    response = client.generic("POST", f"{ADMIN_URL}articles/topic/import/", **body.sent)
    assert response.status_code == 413
    assert not body.was_read


@pytest.mark.parametrize("length", ["", "x", "-1", "1e9", "²"])
def test_a_length_that_is_no_number_breaks_nothing(client, length):
    response = client.generic("POST", "/en/report/", CONTENT_LENGTH=length)
    assert response.status_code == 400
    assert "Report an error" in response.content.decode()


class Unread:
    """A body that notes whether anybody read it."""

    was_read = False

    def __init__(self, length):
        self.sent = {"CONTENT_LENGTH": str(length), "wsgi.input": self}

    def read(self, *args):
        self.was_read = True
        return b""

    readline = read


# The desk


@pytest.mark.parametrize(
    "path",
    ["question/export/?nothing=1", "topic/{}/change/?_to_field=", "topic/{}/delete/?_to_field="],
)
def test_an_address_of_the_desk_that_names_no_field_is_a_bad_request(editor, path):
    pk = Topic.objects.first().pk
    editor.raise_request_exception = False
    response = editor.get(f"{ADMIN_URL}articles/{path.format(pk)}")
    assert response.status_code == 400
    assert b"<h1" in response.content


def test_a_filter_of_the_desk_that_is_no_range_does_not_break_it(editor):
    editor.raise_request_exception = False
    response = editor.get("/admin/laws/legalact/?title_en__range=contact")
    # SQLite finds nothing instead.
    assert response.status_code in (200, 302, 400)
    assert b"<h1" in response.content or response.status_code == 302


def test_a_filter_of_the_desk_that_is_asked_for_a_thousand_times_is_a_bad_request(editor):
    answer = editor.get("/admin/laws/legalact/?" + "title_en__icontains=x&" * 1100)
    assert answer.status_code in (200, 400)  # PostgreSQL may bear it.
