"""The link check in tests: no pause, short patience, and this machine's servers may be asked."""

import faulthandler
import socket

import pytest

from tests import misbehaving


@pytest.fixture(autouse=True)
def hard_time_out():
    """A test that hangs is ended with the whole run, and says where it hung."""
    faulthandler.dump_traceback_later(60, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def no_names(monkeypatch):
    """Names lead nowhere: nobody outside is asked, not even for an address."""
    found = socket.getaddrinfo

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
        if host != "localhost":
            flags |= socket.AI_NUMERICHOST
        return found(host, port, family, type, proto, flags)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def server():
    with misbehaving.running() as server:
        yield server


@pytest.fixture(autouse=True)
def rules(settings):
    settings.LINK_CHECK = {
        "allow_loopback": True,
        "pause": 0,
        "timeout": 0.3,
        "deadline": 0.6,
        "retries": 1,
        "backoff": 0.01,
        "longest_wait": 5,
        "max_bytes": 100_000,
        "redirects": 5,
    }
    return settings.LINK_CHECK
