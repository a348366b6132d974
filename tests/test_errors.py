"""Errors told to a Sentry: none unless asked, and then nothing of a request in them."""

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import brotli
import pytest
from django.core.exceptions import ImproperlyConfigured

from kb_site import errors

pytestmark = pytest.mark.anywhere

ROOT = Path(__file__).resolve().parent.parent
MARK = "somebody"

# A request that is full of marks fails; so does a command after it.
FAIL = f"""
import logging, sys
import django
django.setup()
from django.conf import settings
from django.test import Client
settings.ROOT_URLCONF = "tests.test_logs"
client = Client(raise_request_exception=False)
client.cookies["sessionid"] = "{MARK}-cookie"
headers = {{"host": "localhost", "user-agent": "{MARK}-agent", "referer": "http://x/?{MARK}"}}
for view in ("fails", "suspects"):
    client.post(
        f"/{{view}}/{MARK}/?q={MARK}-query", {{"text": "{MARK}-body"}}, headers=headers,
        REMOTE_ADDR="192.0.2.77",
    )
client.get("/", headers={{"host": "{MARK}.example"}})
logging.getLogger("kb_site").error("It is about %s.", "{MARK}")
print("sentry_sdk" in sys.modules)
secret = "{MARK}-variable"
raise RuntimeError(secret)
"""


class Sentry(ThreadingHTTPServer):
    """Keeps what it is told, as text: the address, the headers and the body."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Told)
        self.reports = []


class Told(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        unpack = {"br": brotli.decompress, "gzip": gzip.decompress}
        body = unpack[self.headers["Content-Encoding"]](body)
        self.server.reports.append((f"{self.path}\n{self.headers}", body.decode()))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def sentry():
    with Sentry() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fail(tmp_path, **variables):
    return subprocess.run(
        [sys.executable, "-c", FAIL, f"--{MARK}-argument"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "kb_site.settings",
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": "",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_nothing_is_loaded_or_told_unless_a_sentry_is_named(tmp_path):
    result = fail(tmp_path, SENTRY_DSN="")
    assert result.stdout == "False\n", result.stderr


def test_a_sentry_is_told_kinds_and_stacks_and_nothing_of_a_request(tmp_path, sentry):
    dsn = f"http://key@127.0.0.1:{sentry.server_port}/1"
    result = fail(tmp_path, SENTRY_DSN=dsn, RELEASE="2026.11")
    assert result.stdout == "True\n", result.stderr
    assert "RuntimeError: somebody" in result.stderr, "The test has no marks to find."
    events = []
    for head, body in sentry.reports:
        for kept in (MARK, "192.0.2.77", str(tmp_path), socket.gethostname(), str(ROOT)):
            assert kept not in head
            assert kept not in body
        lines = body.splitlines()
        assert [json.loads(line)["type"] for line in lines[1::2]] == ["event"]
        events.append(json.loads(lines[2]))
    # The failed page, and what ended the command: no host of somebody else's, no mere words.
    page, command = events
    for event in events:
        assert set(event) == {*errors.OF_REPORT, "exception"}
        assert event["release"] == "2026.11"
    kinds = [error["type"] for error in page["exception"]["values"]]
    assert kinds == ["ValueError", "RuntimeError"]
    frames = page["exception"]["values"][1]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "fails"
    assert "vars" not in frames[-1]
    assert [error["type"] for error in command["exception"]["values"]] == ["RuntimeError"]


def test_what_is_not_known_of_a_report_does_not_leave():
    frame = {"function": "f", "vars": {"text": MARK}, "abs_path": f"/home/{MARK}"}
    error = {"type": "E", "value": MARK, "stacktrace": {"frames": [frame]}, "mechanism": MARK}
    event = {
        "event_id": "1",
        "exception": {"values": [error, {"type": "F", "stacktrace": None}]},
        "request": {"url": MARK},
        "user": {"ip_address": MARK},
        "tomorrow": MARK,
    }
    assert errors.bare(event) == {
        "event_id": "1",
        "exception": {
            "values": [
                {"type": "E", "stacktrace": {"frames": [{"function": "f"}]}},
                {"type": "F", "stacktrace": {"frames": []}},
            ]
        },
    }
    assert errors.bare({"message": MARK}) is None
    assert errors.bare({**event, "logger": "django.security.DisallowedHost"}) is None


@pytest.mark.parametrize("address", ["sentry.example.org", "https://sentry.example.org/1"])
def test_an_address_that_is_none_stops_the_start(address):
    with pytest.raises(ImproperlyConfigured, match="SENTRY_DSN is no address of a Sentry"):
        errors.start(address, "")
