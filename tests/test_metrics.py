"""The numbers that a program reads: what is counted, by whom, and who may read them."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as site_settings
from django.db import connection
from django.test import Client
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kb_site import health, metrics
from kb_site.editorial.models import ReviewTask
from kb_site.pages import layer
from kb_site.search.find import find
from tests.test_kept_pages import Site, get
from tests.test_settings import SECRET, start

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def worker(tmp_path, monkeypatch, settings):
    # No other test's jobs, whose ages grow.
    settings.DATA_DIR = tmp_path
    # Nor the numbers of all that they have asked for, which would be read again and again.
    metrics.requests.clear()
    # Whoever reads the numbers closes a connection of their own; here it is the test's.
    monkeypatch.setattr(metrics, "connections", SimpleNamespace(close_all=lambda: None))
    return metrics.Worker(tmp_path / "metrics", 0)


def numbers(text):
    """{(name, labels): value} of what a program reads."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def all_of(worker):
    """What is shown for all workers together."""
    shown = CollectorRegistry(auto_describe=False)
    shown.register(metrics.Everyone(worker.file.parent))
    return numbers(generate_latest(shown).decode())


def more(worker, before, *key):
    worker.write()
    return all_of(worker).get(key, 0) - before.get(key, 0)


@pytest.fixture
def before(worker):
    worker.write()
    return all_of(worker)


# What is counted


@pytest.mark.django_db
def test_a_request_is_counted_by_the_name_of_its_address_its_method_and_its_status(worker, before):
    Client().get("/en/questions/a/")
    Client().get("/en/questions/b/")
    Client().generic("ODD", "/en/about/")
    labels = ("method=GET", "route=articles:question-detail", "status=4xx")
    assert more(worker, before, "reperes_request_seconds_count", *labels) == 2
    assert more(worker, before, "reperes_request_seconds_bucket", "le=+Inf", *labels) == 2
    odd = ("method=other", "route=about", "status=4xx")
    assert more(worker, before, "reperes_request_seconds_count", *odd) == 1


@pytest.mark.parametrize(
    ("how", "asked"),
    [
        ("made", [{}]),
        ("kept", [{}, {}]),
        ("unchanged", [{}, {"HTTP_IF_NONE_MATCH": "*"}]),
        ("former", [{}, {"fails": True}]),
    ],
)
def test_a_page_of_the_layer_is_counted_by_how_it_was_answered(
    worker, before, settings, tmp_path, how, asked
):
    settings.PAGES_DIR = tmp_path
    site = Site()
    application = layer.KeptPages(site, tmp_path)
    for headers in asked:
        headers = dict(headers)
        if headers.pop("fails", False):
            layer.stamp._write(2)
            site.status = "503 Service Unavailable"
        get(application, **headers)
    assert more(worker, before, "reperes_pages_total", f"how={how}") == 1
    assert more(worker, before, "reperes_pages_total", "how=made") == 1


@pytest.mark.django_db
def test_a_search_is_timed_by_the_engine_that_answers(worker, before, settings, index_dir):
    find("deepfake", "en")
    assert more(worker, before, "reperes_search_seconds_count", "engine=whoosh") == 1
    settings.SEARCH_ENGINE = "database"
    find("deepfake", "en")
    assert more(worker, before, "reperes_search_seconds_count", "engine=database") == 1


@pytest.mark.django_db
def test_a_search_without_an_index_is_timed_apart(worker, before, index_dir, monkeypatch):
    (index_dir / "current").unlink()
    monkeypatch.setattr("kb_site.search.find.heal", lambda: None)
    find("deepfake", "en")
    assert more(worker, before, "reperes_search_seconds_count", "engine=records") == 1


@pytest.mark.django_db
def test_reviews_documents_and_jobs_are_asked_for_when_somebody_reads(worker, index_dir):
    seen = all_of(worker)
    assert seen["reperes_reviews_open",] == ReviewTask.objects.open().count()
    assert seen["reperes_index_documents", "language=en"] > 50
    assert not [key for key in seen if key[0] == "reperes_job_age_seconds"]
    health.note("law_watch")
    assert 0 <= all_of(worker)["reperes_job_age_seconds", "job=law_watch"] < 600


def test_without_a_database_the_other_numbers_are_shown(worker):
    """A test that does not ask for the database is refused it."""
    Client().get("/health/live")
    worker.write()
    seen = all_of(worker)
    assert ("reperes_reviews_open",) not in seen
    assert [key for key in seen if key[0] == "reperes_request_seconds_count"]


def test_a_page_is_counted_without_a_lock_or_a_file(tmp_path, settings, monkeypatch):
    settings.PAGES_DIR = tmp_path
    application = layer.KeptPages(Site(), tmp_path)
    get(application)
    monkeypatch.setattr(metrics.Worker, "write", None)
    known = layer.answered["kept"]
    get(application)
    assert layer.answered["kept"] == known + 1


# Several workers


def test_the_workers_of_a_machine_are_summed(worker, before):
    worker.write()
    (worker.file.parent / "other.prom").write_text(
        "# TYPE reperes_pages_total counter\n"
        'reperes_pages_total{how="kept"} 40.0\nreperes_pages_total{how="made"} 2.0\n'
    )
    assert more(worker, before, "reperes_pages_total", "how=kept") == 40
    (worker.file.parent / "damaged.prom").write_bytes(b"\xff{{{ 1")
    assert more(worker, before, "reperes_pages_total", "how=made") == 2


def test_a_disk_that_is_full_only_makes_the_numbers_old(worker, before, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    layer.answered["kept"] += 1
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        worker.write()
    assert all_of(worker) == before
    assert more(worker, before, "reperes_pages_total", "how=kept") == 1


# Who may read them


def test_they_are_shown_to_this_machine_alone_by_one_worker(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first, second = (metrics.Worker(tmp_path, port) for _number in range(2))
    first.show()
    second.show()
    assert (first.is_shown, second.is_shown) == (True, False)
    assert metrics.ADDRESS == "127.0.0.1"


def test_they_are_shown_nowhere_unless_a_port_is_named(settings, monkeypatch):
    assert site_settings.METRICS_PORT == 0
    monkeypatch.setattr(metrics.Worker, "run", pytest.fail)
    metrics.start()


@pytest.mark.anywhere
@pytest.mark.parametrize("port", ["nine", "-1", "70000"])
def test_a_port_that_is_none_stops_the_start(tmp_path, port):
    refused = start(tmp_path, "METRICS_PORT", SECRET_KEY=SECRET, METRICS_PORT=port)
    assert "METRICS_PORT must be " in refused.stderr


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.mark.anywhere
@pytest.mark.django_db
def test_two_workers_show_one_sum_and_write_no_list_of_visits(tmp_path):
    """The site as it is served, though somebody asks granian for a log of its own."""
    port, shown = free_port(), free_port()
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
            "DATA_DIR": str(tmp_path),
            "PORT": str(port),
            "METRICS_PORT": str(shown),
            "WORKERS": "2",
            "LOG_FORMAT": "json",
            "GRANIAN_LOG_ACCESS_ENABLED": "true",
        },
        stdout=log,
        stderr=log,
    )

    def ask(address):
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310
                    return answer.read().decode()
            except OSError:
                if time.monotonic() > end or process.poll() is not None:
                    raise
                time.sleep(0.2)

    def counts():
        return len(list((tmp_path / "metrics").glob("*.prom")))

    try:
        ask(f"http://127.0.0.1:{port}/health/live")
        end = time.monotonic() + 60
        while counts() < 2 and time.monotonic() < end:
            time.sleep(0.2)
        assert counts() == 2
        # Each on a connection of its own, so that both workers get some.
        for _number in range(40):
            ask(f"http://127.0.0.1:{port}/health/live?somebody")
        key = ("reperes_request_seconds_count", "method=GET", "route=health-live", "status=2xx")
        end, seen = time.monotonic() + 60, {}
        while time.monotonic() < end and seen.get(key, 0) < 41:
            time.sleep(0.5)
            seen = numbers(ask(f"http://127.0.0.1:{shown}/metrics"))
        assert seen[key] == 41
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    log.seek(0)
    written = log.read()
    log.close()
    assert written.count('"route": "health-live"') == 41
    assert "somebody" not in written
    # It is said once where the site is served.
    assert written.count(f"127.0.0.1:{port}") <= 2
