"""Whom the site's robots may ask: nobody but the public internet."""

import socket

import pytest

from kb_site import fetch
from kb_site.fetch import FalteredError, Limits, RefusedError, Web

pytestmark = pytest.mark.anywhere

QUICK = {"timeout": 0.3, "deadline": 0.6, "pause": 0}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "scheme"),
        ("example.org", "scheme"),
        ("//example.org/", "scheme"),
        ("ftp://example.org/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("gopher://example.org:80/", "scheme"),
        ("http:/example.org", "scheme"),
        ("http://", "address"),
        ("http:///path", "address"),
        ("http://[::1", "address"),
        ("http://exa mple.org/", "address"),
        ("http://example.org/\r\nHost: other", "address"),
        ("http://example.org/\0", "address"),
        ("http://example.org:99999/", "address"),
        (f"http://{'é' * 70}.lu/", "address"),
        ("http://user@example.org/", "password"),
        ("http://user:password@example.org/", "password"),
        ("http://example.org@127.0.0.1/", "password"),
        ("http://example.org:8080/", "port"),
        ("https://example.org:22/", "port"),
        ("http://2130706433/", "number"),
        ("http://0x7f000001/", "number"),
        ("http://0x7f.0.0.1/", "number"),
        ("http://017700000001/", "number"),
        ("http://0177.0.0.1/", "number"),
        ("http://127.1/", "number"),
        ("http://127.0.0.01/", "number"),
        ("http://127.0.0.1./", "number"),
        ("http://example.0x10/", "number"),
        ("http://１２７.1/", "number"),
    ],
)
def test_refuses_an_address_before_anybody_is_asked(address, why):
    with pytest.raises(RefusedError) as refusal:
        fetch.public_address(address)
    assert refusal.value.why == why


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("https://example.org/a?b=c#d", "https://example.org/a?b=c"),
        ("HTTP://Example.org:80/", "HTTP://Example.org:80/"),
        ("https://example.org:443", "https://example.org:443"),
        ("https://exämple.lu/é", "https://xn--exmple-cua.lu/é"),
        ("https://454545.lu/", "https://454545.lu/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://１.1.1.1/", "http://1.1.1.1/"),
        ("https://example.org/a b", "https://example.org/a b"),
        ("https://example.org/@user", "https://example.org/@user"),
    ],
)
def test_asks_for_an_address_of_the_web(address, asked):
    assert fetch.public_address(address) == asked


@pytest.mark.parametrize(
    "machine",
    """
    0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 192.0.2.1
    192.168.1.1 198.18.0.1 224.0.0.1 239.1.2.3 240.0.0.1 255.255.255.255 :: ::1 fc00::1 fd12::1
    fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::127.0.0.1
    2002:7f00:1:: 2001:0:1:: 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001:db8::1
    """.split(),
)
def test_knows_what_is_not_on_the_public_internet(machine):
    assert not fetch.is_public(machine)


@pytest.mark.parametrize("machine", ["8.8.8.8", "158.64.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_knows_what_is(machine):
    assert fetch.is_public(machine)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_does_not_even_knock_at_a_machine_in_here(server, host, monkeypatch):
    knocks = []
    monkeypatch.setattr(socket.socket, "connect", lambda *args: knocks.append(args))
    web = Web(Limits(**QUICK), "test")
    with (
        pytest.raises(RefusedError) as refusal,
        web.ask("GET", f"http://{host}:{server.server_port}/", {}),
    ):
        pass
    assert refusal.value.why == "private"
    assert knocks == []


def test_a_name_that_changes_its_address_gains_nothing(server, monkeypatch):
    """The first look-up says a public machine, the second, which connects, one in here."""
    found = socket.getaddrinfo
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))]]

    def getaddrinfo(host, port, *args, **kwargs):
        return answers.pop() if answers else found("127.0.0.1", server.server_port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    web = Web(Limits(**QUICK), "test")
    with pytest.raises(RefusedError, match=r"127\.0\.0\.1"), web.ask("GET", "http://a.lu/", {}):
        pass
    assert server.requests == []


def test_hangs_up_on_a_greeting_that_never_ends(server):
    """A TLS handshake sent byte by byte never runs into a time-out."""

    def trickle(sock, address):
        sock.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
        while not server.released.wait(0.05):
            sock.sendall(b"\x03")

    server.finish_request = trickle
    web = Web(Limits(**QUICK, allow_loopback=True), "test")
    address = server.address.replace("http:", "https:")
    with pytest.raises(FalteredError), web.ask("GET", address, {}):
        pass
