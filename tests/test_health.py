"""What the site tells whatever watches it: that it lives, that it is ready, what needs care."""

import datetime
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from kb_site import health

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def ready(status=200):
    response = Client().get("/health/ready")
    assert response.status_code == status
    assert response["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    return response.json()


def days_ago(job, days):
    health.note(job)
    then = time.time() - datetime.timedelta(days=days).total_seconds()
    os.utime(health._file(job), (then, then))


def test_a_process_that_answers_lives_and_asks_nothing():
    """A test that does not ask for the database fails when one is asked."""
    response = Client().get("/health/live")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_a_healthy_site_is_ready_and_says_what_was_seen(settings):
    health.note("law_watch")
    answer = ready()
    assert (answer["ready"], answer["ok"]) == (True, True)
    assert set(answer["checks"]) == {"database", "search", *health.JOBS}
    assert answer["checks"]["database"]["saw"] == connection.vendor
    assert answer["checks"]["search"]["saw"] == settings.SEARCH_ENGINE
    assert answer["checks"]["law_watch"]["saw"] == "done 0 days ago"
    assert answer["checks"]["backup"]["saw"] == "never done here"


@pytest.mark.django_db
def test_whoever_watches_from_within_needs_no_https(settings):
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/health/live").status_code == 200
    assert Client().get("/en/about/").status_code == 301


# What keeps the site from being ready


def test_without_its_database_it_is_not_ready_and_says_what_to_do(monkeypatch):
    def gone(*args):
        raise DatabaseError('connection to server at "db.internal", port 5432 failed')

    monkeypatch.setattr(health, "MigrationExecutor", gone)
    answer = ready(503)
    assert (answer["ready"], answer["ok"]) == (False, False)
    assert answer["checks"] == {
        "database": {
            "ok": False,
            "saw": "The database does not answer. Start it, or check DATABASE_URL.",
        }
    }
    assert "db.internal" not in json.dumps(answer)


@pytest.mark.django_db
def test_migrations_that_wait_keep_it_from_being_ready():
    MigrationRecorder(connection).record_unapplied("links", "0001_initial")
    answer = ready(503)
    assert answer["checks"]["database"]["saw"] == (
        "Migrations that wait: 1. Run `manage.py migrate`."
    )


def test_a_check_that_fails_is_told_without_its_words(monkeypatch, caplog):
    def fail(*args):
        raise RuntimeError("/var/lib/secret")

    monkeypatch.setattr(health, "MigrationExecutor", fail)
    answer = ready(503)
    assert answer["checks"]["database"]["saw"] == "This could not be checked. The log says why."
    assert "A check of the site's health failed." in caplog.text


@pytest.mark.anywhere
@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_a_postgresql_that_is_gone_or_silent_is_told_within_seconds(tmp_path, kind):
    """In a process of its own, beside a server that nobody answers for."""
    server = socket.create_server(("127.0.0.1", 0), backlog=8)
    port = server.getsockname()[1]
    if kind == "refused":
        server.close()
    held = []

    def accept():
        while True:
            try:
                held.append(server.accept()[0])
            except OSError:
                return

    if kind == "silent":
        threading.Thread(target=accept, daemon=True).start()
    asked = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "answer = Client().get('/health/ready', headers={'host': 'localhost'})\n"
        "print(answer.status_code, answer.content.decode())"
    )
    try:
        result = subprocess.run(
            [sys.executable, "-c", asked],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "kb_site.settings",
                "DATA_DIR": str(tmp_path),
                "DATABASE_URL": f"postgres://reperes:secret@127.0.0.1:{port}/reperes",
            },
            capture_output=True,
            text=True,
            check=True,
            # Minutes without `connect_timeout`.
            timeout=40,
        )
    finally:
        server.close()
        for connected in held:
            connected.close()
    status, _space, answer = result.stdout.strip().partition(" ")
    assert status == "503"
    assert "The database does not answer" in answer
    for kept in ("secret", str(port), "127.0.0.1"):
        assert kept not in answer


# What needs care but keeps nobody from reading


@pytest.mark.django_db
def test_an_index_that_is_missing_or_damaged_is_told_but_readers_are_served(index_dir):
    (index_dir / "current").unlink()
    answer = ready()
    assert (answer["ready"], answer["ok"]) == (True, False)
    assert "rebuild_search_index" in answer["checks"]["search"]["saw"]
    (index_dir / "current").write_bytes(b"\xff\xfe")
    answer = ready()
    assert answer["checks"]["search"]["ok"] is False
    assert str(index_dir) not in json.dumps(answer)


@pytest.mark.django_db
@pytest.mark.parametrize("job", health.JOBS)
def test_a_job_that_is_late_is_told_but_readers_are_served(job):
    days_ago(job, health.JOBS[job] - 1)
    assert ready()["ok"] is True
    days_ago(job, health.JOBS[job])
    answer = ready()
    assert (answer["ready"], answer["ok"]) == (True, False)
    assert answer["checks"][job] == {"ok": False, "saw": f"done {health.JOBS[job]} days ago"}


@pytest.mark.django_db
def test_a_clock_that_was_moved_back_makes_no_job_late():
    days_ago("backup", -400)
    assert ready()["checks"]["backup"] == {"ok": True, "saw": "done 0 days ago"}


@pytest.mark.django_db
def test_a_job_notes_that_it_is_done():
    assert health.last_done("reviews") is None
    call_command("open_reviews", verbosity=0)
    assert health.last_done("reviews") is not None


@pytest.mark.django_db
def test_a_job_costs_nothing_when_its_note_cannot_be_written(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "file"
    settings.DATA_DIR.write_text("")
    health.note("reviews")
    assert health.last_done("reviews") is None
    assert ready()["ok"] is True


@pytest.mark.parametrize("address", ["/health/live", "/health/ready"])
def test_health_is_asked_and_never_told(address):
    assert Client().post(address).status_code == 405
