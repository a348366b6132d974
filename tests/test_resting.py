"""What the site says while the database does not answer."""

import contextlib
import json

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]


@contextlib.contextmanager
def gone(error=OperationalError):
    def refuse(*args):
        raise error("the server at db.internal closed the connection")

    with connection.execute_wrapper(refuse):
        yield


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/fr/questions/", "Cette partie du site se repose"),
        ("/en/contacts/", "This part of the site is resting"),
        ("/en/search/?q=police", "This part of the site is resting"),
    ],
)
def test_readers_are_told_and_shown_whom_to_call(client, path, words, error):
    with gone(error):
        page = client.get(path)
    html = page.content.decode()
    assert page.status_code == 503
    assert words in html
    assert 'href="tel:112"' in html
    assert f'href="{path[:4]}contacts/"' in html
    assert "db.internal" not in html
    assert page["Retry-After"] == "30"
    assert "no-store" in page["Cache-Control"]


def test_editors_are_told_that_nothing_was_saved(client, admin_user):
    client.force_login(admin_user)
    headers = {"accept-language": "en"}
    with gone():
        pages = [
            client.get("/admin/", headers=headers),
            client.post("/admin/articles/contact/add/", {}, headers=headers),
        ]
    for page in pages:
        assert page.status_code == 503
        assert b"nothing of what you sent has been saved" in page.content


def test_the_api_says_so_as_a_problem(client):
    with gone():
        answer = client.get("/api/v1/questions")
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "30"
    assert "database" in json.loads(answer.content)["detail"]


def test_pages_that_need_no_database_are_there(client):
    with gone():
        assert client.get("/en/leaving/").status_code == 200


def test_when_the_database_is_back_so_is_the_site(client):
    with gone():
        assert client.get("/en/contacts/").status_code == 503
    assert client.get("/en/contacts/").status_code == 200
