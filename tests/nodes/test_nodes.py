"""Two machines, a primary and its replica, lost one after the other: readers notice nothing."""

import contextlib

import psycopg
import pytest

from tests.people import Editor, Readers
from tests.servers import Node, Postgres, running, wait_for

pytestmark = pytest.mark.anywhere

PAGE = "/en/contacts/ct-police/"
FORM = "/admin/articles/contact/{}/change/"
# Kept; made anew each time; and out of the search.
READ = [PAGE, "/en/contacts/?page=1&n={}", "/en/search/?q=police"]


def ask(server, sql):
    with psycopg.connect(server.url, autocommit=True) as connection:
        return connection.execute(sql).fetchone()


def reads(server):
    """How many connections of the site to a server have read contacts, or the search index."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pages_stamp|articles_|search_'"
    return ask(server, f"{sql} AND pid <> pg_backend_pid()")[0]


def has_all_of(replica, primary):
    written = ask(primary, "SELECT pg_current_wal_lsn()")[0]
    return ask(replica, f"SELECT pg_last_wal_replay_lsn() >= '{written}'")[0]


def test_readers_notice_neither_the_loss_of_the_replica_nor_of_the_primary(tmp_path):
    primary, replica = Postgres(), Postgres()
    hosts = f"{primary.address},{replica.address}"
    variables = {
        "DATABASE_URL": f"postgres://postgres@{hosts}/postgres?target_session_attrs=read-write",
        "DATABASE_REPLICA_URLS": replica.url,
        "FOUR_EYES": "false",
        "REQUIRE_MFA": "false",
    }
    nodes = one, other = [Node(tmp_path / name, **variables) for name in ("one", "other")]
    with contextlib.ExitStack() as ended:
        ended.enter_context(running(primary, replica, *nodes))
        primary.create().start()
        replica.copy_of(primary).start()
        # A part of the content is enough, and sooner ready.
        one.manage("migrate", "--verbosity=0")
        one.manage("loaddata", "--verbosity=0", "fixtures/contacts.yaml")
        for node in nodes:
            node.manage("prepare", "--verbosity=0")
            node.start()
        editor = Editor(one)
        number = ask(primary, "SELECT id FROM articles_contact WHERE reference = 'ct-police'")[0]
        form = FORM.format(number)

        def is_seen_everywhere(text):
            return all(text in node.get(PAGE)[1] for node in nodes)

        with Readers(nodes, READ) as readers:
            # An edit on one is seen on the other, and pages come from the replica.
            assert editor.edit(one, form, summary_en="Quagga.") == 302
            wait_for(lambda: is_seen_everywhere("Quagga"))
            wait_for(lambda: reads(replica))

            # A replica that is late is not asked; an editor reads their own writes.
            ask(replica, "SELECT pg_wal_replay_pause()")
            assert editor.edit(other, form, summary_en="Okapi.") == 302
            assert editor.form(one, form)["summary_en"] == "Okapi."
            wait_for(lambda: is_seen_everywhere("Okapi"))
            ask(replica, "SELECT pg_wal_replay_resume()")

            # The replica is lost, and comes back.
            replica.kill()
            assert editor.edit(one, form, summary_en="Dodo.") == 302
            wait_for(lambda: is_seen_everywhere("Dodo"))
            replica.start()
            wait_for(lambda: reads(replica))
            wait_for(lambda: has_all_of(replica, primary))

            # The primary is lost: pages are read, old and new, but nothing can be written.
            primary.kill()
            before = readers.count
            wait_for(lambda: readers.count > before + 4 * len(READ))
            assert one.get(PAGE + "?new=1")[0] == 200
            assert editor.ask(one, form)[0] == 503

            # The replica takes its place; no node is started anew.
            replica.promote()
            wait_for(lambda: editor.ask(one, form)[0] == 200)
            assert editor.edit(one, form, summary_en="Tarpan.") == 302
            wait_for(lambda: is_seen_everywhere("Tarpan"))
        assert readers.refused == []
