"""The database is killed and comes back: readers keep reading, everybody is told plainly."""

import os
import signal

import psycopg
import pytest

from tests.people import Editor
from tests.servers import Node, Postgres, running, wait_for

pytestmark = pytest.mark.anywhere

PAGE = "/en/contacts/ct-police/"


@pytest.fixture(scope="module")
def site():
    """(server, node) of a site on PostgreSQL with two workers and a part of the content."""
    server = Postgres()
    node = Node(
        server.place / "data-of-node",
        DATABASE_URL=server.url,
        WORKERS="2",
        FOUR_EYES="false",
        REQUIRE_MFA="false",
    )
    with running(server, node):
        server.create().start()
        node.manage("migrate", "--verbosity=0")
        node.manage("loaddata", "--verbosity=0", "fixtures/contacts.yaml")
        node.manage("prepare", "--verbosity=0")
        yield server, node.start()


def test_readers_keep_reading_and_all_is_normal_once_it_is_back(site):
    server, node = site
    editor = Editor(node)
    with psycopg.connect(server.url) as connection:
        [number] = connection.execute(
            "SELECT id FROM articles_contact WHERE reference = 'ct-police'"
        ).fetchone()
    form = f"/admin/articles/contact/{number}/change/"
    assert editor.edit(node, form, summary_en="Quagga.") == 302
    wait_for(lambda: "Quagga" in node.get(PAGE)[1])
    opened = editor.form(node, form)

    server.kill()
    for _time in range(5):
        status, text = node.get(PAGE)
        assert (status, "Quagga" in text) == (200, True)
        # A page that nobody has read yet, and one for whom no page is kept.
        status, text = node.get("/en/contacts/ct-kjt/")
        assert status == 503
        assert "112" in text
        assert node.get("/en/search/?q=police")[0] in (200, 503)
        status, text = editor.ask(node, form, opened | {"summary_en": "Lost."})
        assert status == 503
    assert node.get("/health/live")[0] == 200
    assert node.get("/health/ready")[0] == 503

    server.start()
    wait_for(lambda: node.get("/health/ready")[0] == 200)
    for path in (PAGE, "/en/contacts/ct-kjt/", "/en/search/?q=police"):
        assert node.get(path)[0] == 200
    assert "Quagga" in node.get(PAGE)[1]
    # The form that could not be saved is sent again.
    assert (
        editor.ask(node, form, opened | {"summary_en": "Okapi.", "change_reason": "A."})[0] == 302
    )
    wait_for(lambda: "Okapi" in node.get(PAGE)[1])


def test_a_worker_that_is_killed_takes_no_reader_with_it(site):
    _server, node = site
    killed, other = node.workers()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: node.get(PAGE)[0] == 200)
    wait_for(lambda: len(set(node.workers()) - {killed, other}) == 1)
    assert other in node.workers()
