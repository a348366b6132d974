"""The desk is there for the networks that ADMIN_ALLOWED names, and for nobody else."""

import ipaddress
import re

import pytest
from django.test import Client

from kb_site.accounts.roles import EDITOR
from tests.pages import ADMIN_URL

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

INSIDE = ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"]
OUTSIDE = ["198.51.100.7", "2001:db9::7", "::ffff:198.51.100.7", "", "unix:"]
DESK = [ADMIN_URL, f"{ADMIN_URL}login/", f"{ADMIN_URL}articles/topic/", "/accounts/login/"]
# Without its slash an address of the desk must not lead to it either.
DESK += [path.rstrip("/") for path in DESK]


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.ADMIN_ALLOWED = [
        ipaddress.ip_network("192.0.2.0/24"),
        ipaddress.ip_network("2001:db8::/32"),
    ]


@pytest.mark.parametrize("address", INSIDE)
def test_from_a_network_that_is_named_it_is_there(address):
    for path in DESK:
        assert Client(REMOTE_ADDR=address).get(path).status_code in (200, 301, 302)


@pytest.mark.parametrize("address", OUTSIDE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_to_anybody_else_it_does_not_exist(address, method):
    client = Client(REMOTE_ADDR=address, headers={"accept-language": "en"})
    nothing = plain(client.get("/no-such-page/"))
    for path in DESK:
        response = getattr(client, method)(path)
        assert response.status_code == 404
        assert plain(response) == nothing


def plain(page):
    """A page without the addresses that name it."""
    return re.sub(r'<link rel="alternate"[^>]*>|<a href="[^"]*" lang=', "", page.content.decode())


def test_not_even_to_somebody_who_is_signed_in(signed_in):
    client = signed_in("ada", EDITOR, factor=False)
    assert client.get(ADMIN_URL, REMOTE_ADDR=INSIDE[0]).status_code == 200
    assert client.get(ADMIN_URL, REMOTE_ADDR=OUTSIDE[0]).status_code == 404


def test_readers_have_every_other_page():
    client = Client(REMOTE_ADDR=OUTSIDE[0])
    for path in ("/en/", "/en/contacts/", "/api/v1/", "/robots.txt", "/administration/"):
        assert (client.get(path).status_code == 404) == (path == "/administration/")


def test_no_network_named_means_all(settings):
    settings.ADMIN_ALLOWED = []
    assert Client(REMOTE_ADDR=OUTSIDE[0]).get("/accounts/login/").status_code == 200


def test_behind_a_proxy_the_address_it_adds_counts_and_none_before_it(settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    client = Client(REMOTE_ADDR=INSIDE[0])

    def status(forwarded):
        return client.get("/accounts/login/", headers={"x-forwarded-for": forwarded}).status_code

    assert status(INSIDE[0]) == 200
    assert status(OUTSIDE[0]) == 404
    # What a stranger wrote comes before what the proxy adds.
    assert status(f"{INSIDE[0]}, {OUTSIDE[0]}") == 404
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    assert status(INSIDE[0]) == 404
