"""Two processes make the site ready at once: both end well."""

import subprocess
import threading

import pytest
from django.db import connection

from kb_site.locks import alone
from tests.servers import Node, Postgres, running


@pytest.mark.anywhere
@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_two_migrations_at_once_both_end_well(tmp_path, vendor):
    server = Postgres()
    with running(server):
        variables = {}
        if vendor == "postgresql":
            variables["DATABASE_URL"] = server.create().start().url
        node = Node(tmp_path / "data", **variables)
        both = [
            node.start_command("migrate", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _process in range(2)
        ]
        said = [process.communicate(timeout=120) for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        made = [printed.count("Applying ") for printed, _errors in said]
        # Between them each migration was applied once.
        assert min(made) == 0
        assert max(made) > 40
        node.manage("migrate", "--check", "-v0")


@pytest.mark.anywhere
@pytest.mark.each
@pytest.mark.django_db(transaction=True)
def test_whoever_comes_second_says_so_and_waits():
    order, told = [], threading.Event()

    def second():
        with alone("tests", told.set):
            order.append("second")
        connection.close()

    with alone("tests"):
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
