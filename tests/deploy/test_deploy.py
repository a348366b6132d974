"""The site as it runs in public: a real nginx with our file, a real granian behind it.

Only names of folders, ports and the certificate differ from what the README has one install.
"""

import contextlib
import gzip
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from pathlib import Path

import brotli
import pytest
import urllib3
from django.db import connection

from tests.conftest import KEPT, NGINX

# Without `django_db` the tests' own database, which the site gets a copy of, would not be made.
pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

ROOT = Path(__file__).resolve().parents[2]
HOST = "reperes.example"
PATIENCE = 60  # seconds
# What differs between one answer and the next.
OF_THE_ANSWER = {
    "accept-ranges",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "server",
    "transfer-encoding",
    "vary",
}
SECRET_WORD = "hunter2"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Machine:
    """A machine that serves the site; `folder` is its root."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "var/lib/reperes/data"
        self.logs = folder / "var/log/nginx"
        self.certificate = folder / "fullchain.pem"
        self.port, self.http, self.https = free_port(), free_port(), free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(self.data),
            "SECRET_KEY": "only-for-this-test-" + "0123456789" * 5,
            "ALLOWED_HOSTS": HOST,
            "HTTPS": "true",
            "TRUSTED_PROXIES": "1",
            "PORT": str(self.port),
            "SITE_URL": f"https://{HOST}",
            "DATABASE_URL": "",
        }
        self.running = {}
        self.pools = {}

    def manage(self, *arguments):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def start(self, name, command):
        """Starts a process in a group of its own, whose children end with it."""
        log = (self.folder / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()

    def kill(self, name):
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def serve(self):
        self.start("granian", [sys.executable, "manage.py", "serve"])

    def wait_for(self, status, path, **options):
        end = time.monotonic() + PATIENCE
        while (answer := self.ask(path, **options)).status != status:
            if time.monotonic() > end:
                logs = "\n".join(log.read_text()[-2000:] for log in self.folder.glob("*.log"))
                pytest.fail(f"{path} answers {answer.status}, not {status}.\n{logs}")
            time.sleep(0.1)
        return answer

    def ask(self, path, method="GET", source="127.0.0.1", scheme="https", body=None, **headers):
        """Asks nginx from an address of this machine; returns the answer as it was sent."""
        pool = self.pools.get((scheme, source))
        if pool is None:
            options = {"source_address": (source, 0), "timeout": PATIENCE, "retries": False}
            if scheme == "https":
                options |= {
                    "server_hostname": HOST,
                    "assert_hostname": HOST,
                    "ca_certs": str(self.certificate),
                }
                pool = urllib3.HTTPSConnectionPool("127.0.0.1", self.https, **options)
            else:
                pool = urllib3.HTTPConnectionPool("127.0.0.1", self.http, **options)
            self.pools[scheme, source] = pool
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return pool.request(
            method,
            path,
            body=body,
            headers={"Host": HOST, "Content-Type": "application/x-www-form-urlencoded", **named},
            redirect=False,
            decode_content=False,
        )

    def write_nginx(self):
        self.logs.mkdir(parents=True)
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            f"-subj /CN={HOST} -addext subjectAltName=DNS:{HOST} "
            f"-keyout {self.folder}/privkey.pem -out {self.certificate}".split(),
            check=True,
            capture_output=True,
        )
        ours = (ROOT / "kb_site/deploy/nginx.conf").read_text(encoding="utf-8")
        for known, here in {
            f"/etc/letsencrypt/live/{HOST}": str(self.folder),
            "/var/": f"{self.folder}/var/",
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
            "listen 80;": f"listen 127.0.0.1:{self.http};",
            "listen 443 ": f"listen 127.0.0.1:{self.https} ",
        }.items():
            assert known in ours
            ours = ours.replace(known, here)
        # A machine for tests may know no IPv6.
        ours = re.sub(r"\n *listen \[::\].*", "", ours)
        (self.folder / "reperes.conf").write_text(ours, encoding="utf-8")
        temporary = "\n".join(
            f"{kind}_temp_path {self.folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # As Debian's own nginx.conf, which includes ours.
        (self.folder / "nginx.conf").write_text(
            f"""{"user root;" if os.getuid() == 0 else ""}
            daemon off;
            pid {self.folder}/nginx.pid;
            error_log {self.folder}/nginx-errors.log;
            include /etc/nginx/modules-enabled/*.conf;
            events {{ worker_connections 64; }}
            http {{
                include /etc/nginx/mime.types;
                default_type application/octet-stream;
                access_log {self.folder}/visits.log;
                gzip on;
                {temporary}
                include {self.folder}/reperes.conf;
            }}"""
        )

    def stop(self):
        for name in list(self.running):
            self.kill(name)
        for pool in self.pools.values():
            pool.close()


@pytest.fixture(scope="module")
def machine(django_db_setup, django_db_blocker, tmp_path_factory):
    """The site with the real content behind nginx, and a snapshot of its first pages."""
    if not NGINX:
        if os.environ.get("REQUIRE_NGINX"):
            pytest.fail("REQUIRE_NGINX is set and nginx is not installed.")
        pytest.skip("nginx is not installed.")
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.data.mkdir(parents=True)
    # The database and the index that every test starts from: `prepare` need not make them again.
    shutil.copytree(KEPT["index"], machine.data / "search")
    with (
        django_db_blocker.unblock(),
        contextlib.closing(sqlite3.connect(machine.data / "db.sqlite3")) as copy,
    ):
        connection.ensure_connection()
        connection.connection.backup(copy)
    machine.write_nginx()
    try:
        machine.start("nginx", [NGINX, "-c", str(machine.folder / "nginx.conf")])
        machine.manage("prepare", "--verbosity=0")
        machine.serve()
        machine.manage("snapshot", "--depth=1", "--verbosity=0")
        machine.wait_for(200, "/health/live")
        yield machine
    finally:
        machine.stop()


def text(answer):
    return answer.data.decode()


def of_the_site(answer):
    """The headers that every page of the site has, each without an order of its parts."""
    return {
        name.lower(): sorted(value.split("; "))
        for name, value in answer.headers.items()
        if name.lower() not in OF_THE_ANSWER
    }


@pytest.mark.parametrize(("language", "word"), [("fr", "Contacts"), ("en", "Who to turn to")])
def test_pages_come_in_both_languages_and_compressed(machine, language, word):
    plain = machine.ask(f"/{language}/contacts/")
    assert plain.status == 200
    assert plain.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'<html lang="{language}">' in text(plain)
    assert word in text(plain)
    for encoding, unpack in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        packed = machine.ask(f"/{language}/contacts/", Accept_Encoding=encoding)
        assert packed.headers["Content-Encoding"] == encoding
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert unpack(packed.data) == plain.data


def test_browsers_may_speak_http_2(machine):
    context = ssl.create_default_context(cafile=machine.certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", machine.https)) as connected,
        context.wrap_socket(connected, server_hostname=HOST) as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"


def test_http_leads_to_https_at_the_name_of_the_site(machine):
    answer = machine.ask("/fr/questions/?page=2", scheme="http", Host="somewhere.else")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{HOST}/fr/questions/?page=2"


def test_browsers_are_told_to_stay_with_https(machine):
    assert "max-age=31536000" in machine.ask("/fr/").headers["Strict-Transport-Security"]


def test_a_browser_that_has_the_page_is_told_so(machine):
    tag = machine.ask("/en/").headers["ETag"]
    answer = machine.ask("/en/", If_None_Match=tag)
    assert (answer.status, answer.data) == (304, b"")


def test_files_are_kept_for_long_and_come_compressed(machine):
    address = re.search(r'href="(/static/site\.[^"]+\.css)"', text(machine.ask("/fr/")))[1]
    plain = machine.ask(address)
    assert plain.headers["Content-Type"] == "text/css; charset=utf-8"
    assert plain.headers["X-Content-Type-Options"] == "nosniff"
    for encoding, unpack in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        packed = machine.ask(address, Accept_Encoding=encoding)
        assert packed.headers["Content-Encoding"] == encoding
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert packed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert unpack(packed.data) == plain.data
    assert machine.ask("/static/none.css").status == 404


def test_programs_get_the_api_and_its_own_errors(machine):
    answer = machine.ask("/api/v1/contacts")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    error = machine.ask("/api/v1/contacts/none")
    assert error.status == 404
    assert error.headers["Content-Type"].startswith("application/problem+json")


def test_other_sites_may_frame_what_is_made_for_it_and_nothing_else(machine):
    embed = machine.ask("/fr/embed/ct-police/")
    assert embed.status == 200
    assert "X-Frame-Options" not in embed.headers
    assert "frame-ancestors *" in embed.headers["Content-Security-Policy"]
    page = machine.ask("/fr/contacts/")
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_strangers_do_not_learn_how_the_site_is(machine):
    assert machine.ask("/health/ready", source="127.0.0.2").status == 403
    assert machine.ask("/health/ready").status == 200
    assert machine.ask("/health/live", source="127.0.0.2").status == 200


@pytest.mark.parametrize(
    ("path", "words"),
    [("/fr/report/", "Revenez en arrière"), ("/en/help/", "Go back: your text may still be there")],
)
def test_a_form_that_is_too_large_says_what_to_do(machine, path, words):
    answer = machine.ask(path, method="POST", body=b"x=" + b"a" * 250_000)
    assert answer.status == 413
    assert words in text(answer)


def test_the_desk_takes_more_and_asks_who_it_is(machine):
    door = machine.ask("/admin/").headers["Location"]
    page = machine.ask(machine.ask(door).headers["Location"])
    assert page.status == 200
    assert 'name="password"' in text(page)
    large = machine.ask("/admin/", method="POST", body=b"x=" + b"a" * 1_000_000)
    assert large.status in (302, 403)


def test_the_help_form_answers(machine):
    form = b"danger=danger&who=minor&what=image&needs=remove"
    assert machine.ask("/en/help/", method="POST", body=form).status == 200


def test_whoever_tries_to_sign_in_too_often_has_to_wait(machine):
    answers = [machine.ask("/accounts/login/", source="127.0.0.3") for _time in range(40)]
    late = next(answer for answer in answers if answer.status != 200)
    assert late.status == 429
    assert late.headers["Retry-After"] == "30"
    assert "112" in text(late)


def test_readers_keep_reading_while_the_site_does_not_answer(machine):
    live = machine.ask("/fr/contacts/")
    framed = machine.ask("/fr/embed/ct-police/")
    machine.kill("granian")
    try:
        page = machine.ask("/fr/contacts/")
        assert page.status == 200
        assert page.data == live.data
        assert page.headers["Cache-Control"] == "no-cache"
        assert "Retry-After" not in page.headers
        assert of_the_site(page) | of_the_site(live) == of_the_site(page)
        packed = machine.ask("/fr/contacts/", Accept_Encoding="gzip")
        assert gzip.decompress(packed.data) == live.data
        again = machine.ask("/fr/contacts/", If_None_Match=page.headers["ETag"])
        assert again.status == 304

        assert '<html lang="en">' in text(machine.ask("/", Accept_Language="en-GB"))
        assert '<html lang="fr">' in text(machine.ask("/", Accept_Language="de"))

        for path, method in (
            (f"/en/search/?q={SECRET_WORD}", "GET"),
            ("/en/help/", "POST"),
            ("/en/questions/not-in-the-snapshot/", "GET"),
            ("/admin/", "POST"),
            ("/accounts/login/", "GET"),
        ):
            resting = machine.ask(
                path, method=method, Accept_Language="en", body=b"x=" if method == "POST" else None
            )
            assert resting.status == 503, path
            assert resting.headers["Retry-After"] == "30"
            assert "is resting" in text(resting)
            assert 'href="tel:116111"' in text(resting), path
            assert "https://www.meteolux.lu/" in text(resting)

        problem = machine.ask("/api/v1/contacts")
        assert problem.status == 503
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert problem.json()["status"] == 503

        frame = machine.ask("/fr/embed/ct-police/")
        assert "X-Frame-Options" not in frame.headers
        assert (
            of_the_site(frame)["content-security-policy"]
            == (of_the_site(framed)["content-security-policy"])
        )
        style = re.search(r'href="(/static/site\.[^"]+\.css)"', text(page))[1]
        assert machine.ask(style).status == 200
        assert machine.ask("/fr/contacts/", method="HEAD").status == 200

        # Before there is a snapshot.
        (machine.data / "snapshot/current").rename(machine.data / "snapshot/away")
        bare = machine.ask("/fr/contacts/")
        assert (bare.status, bare.headers["Retry-After"]) == (503, "30")
        assert "113" in text(bare)
        (machine.data / "snapshot/away").rename(machine.data / "snapshot/current")
    finally:
        machine.serve()
    machine.wait_for(200, "/health/live")
    assert machine.ask("/en/search/?q=image").status == 200
    assert machine.ask("/fr/contacts/").headers["ETag"] == live.headers["ETag"]

    # Nobody who reads stands in a log.
    assert not (machine.folder / "visits.log").read_text()
    assert "GET /en/search/ 503 502" in (machine.logs / "reperes.log").read_text()
    assert "GET /fr/contacts/ 200 502" in (machine.logs / "reperes.log").read_text()
    for log in (*machine.logs.iterdir(), machine.folder / "granian.log"):
        said = log.read_text().replace(f"http://127.0.0.1:{machine.port}", "")
        assert SECRET_WORD not in said, log
        assert "127.0.0" not in said, log
