"""One at a time: what two processes must not do at once, on one machine or on several."""

import contextlib
import fcntl
import time
from hashlib import blake2b
from pathlib import Path

from django.conf import settings
from django.db import connection

POLL_SECONDS = 0.2


@contextlib.contextmanager
def alone(name, wait=lambda: None):
    """Inside, no other process that shares the database does what has this name.

    Calls `wait` once when another one does and has to be waited for. The lock goes with the process
    that holds it, however it ends.
    """
    with _postgresql(name) if connection.vendor == "postgresql" else _file(name) as take:
        if not take():
            wait()
            # Asked again and again: whoever waits inside a statement holds up what builds an index
            # beside readers.
            while not take():
                time.sleep(POLL_SECONDS)
        yield


@contextlib.contextmanager
def _postgresql(name):
    key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)

    def ask(function):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [key])
            return cursor.fetchone()[0]

    yield lambda: ask("pg_try_advisory_lock")
    # After an error the connection may be gone, and the lock with it.
    with contextlib.suppress(Exception):
        ask("pg_advisory_unlock")


@contextlib.contextmanager
def _file(name):
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    database = Path(connection.settings_dict["NAME"]).name
    with (settings.DATA_DIR / f"{database}.{name}.lock").open("w") as file:

        def take():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        yield take
