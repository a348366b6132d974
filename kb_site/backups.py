"""A copy of the whole database in one file, and back: of one moment, even while editors write.

The file is a zip of two parts: the database as its own tool writes it (SQLite's backup, or
pg_dump) and a note of what it is, with its checksum. The checksum finds damage, not malice: bring
back only what was kept where nobody else writes.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import zipfile
import zlib
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.utils import timezone

NOTE, DATA = "backup.json", "database"
# What a zip that is damaged, cut short or none at all makes Python say.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, ValueError)

# So many seconds, whoever uses what is to be replaced is waited for.
PATIENCE = 20
# In the transaction that brings a dump back. `DROP SCHEMA` would need the schema's owner, and
# `pg_dump --clean` knows only the tables it holds, not newer ones that point to them.
EMPTY = """
DO $$ DECLARE found text; BEGIN
  FOR found IN SELECT format('%I.%I', schemaname, tablename)
               FROM pg_tables WHERE schemaname = 'public'
  LOOP EXECUTE 'DROP TABLE ' || found || ' CASCADE'; END LOOP;
END $$
"""


class BackupError(Exception):
    """The backup could not be made or brought back; the message says what to do."""


def make(path):
    """Writes the database to a file, which is complete or not there. Returns its size in bytes.

    What is written is read again and its checksum compared before it takes the place of a former
    file. Raises `BackupError`.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder:
            data, whole = Path(folder) / DATA, Path(folder) / "whole"
            _dump(data)
            note = {
                "vendor": connection.vendor,
                "made_at": timezone.now().isoformat(),
                "sha256": _digest(data),
            }
            with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(NOTE, json.dumps(note, indent=1))
                archive.write(data, DATA)
            read(whole)
            whole.chmod(0o600)
            with whole.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(whole, path)
    except (OSError, sqlite3.Error, DatabaseError) as error:
        raise BackupError(f"The backup could not be written: {error}.") from None
    return path.stat().st_size


def read(path):
    """Returns the note of a backup: `vendor`, `made_at`, `sha256`.

    Raises `BackupError` when the file is none, or is damaged.
    """
    with _opened(path) as (archive, note):
        with archive.open(DATA) as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
        if digest != note["sha256"]:
            raise BackupError(f"{path} is damaged: its checksum is another. Take another backup.")
        return note


def bring_back(path, force=False):
    """Puts a backup in the database's place, whole or not at all. Returns its note.

    Raises `BackupError`: when the file is damaged or of another kind of database, and, without
    `force`, when the database holds something.
    """
    note = read(path)
    if note["vendor"] != connection.vendor:
        raise BackupError(
            f"The backup is of {note['vendor']}, the database here is {connection.vendor}. Set "
            "DATABASE_URL to one of the same kind; `export_graph` and `import_graph` move the "
            "content from one kind to the other."
        )
    try:
        if not force and connection.introspection.table_names():
            raise BackupError("The database is not empty. Say --force to replace what it holds.")
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix=".restore-") as folder:
            with _opened(path) as (archive, _note):
                data = Path(archive.extract(DATA, folder))
            connections.close_all()
            _load(data)
    except (OSError, sqlite3.Error, DatabaseError) as error:
        raise BackupError(
            f"The backup could not be brought back: {error}. The database is as it was."
        ) from None
    return note


@contextlib.contextmanager
def _opened(path):
    """Yields the archive and its note; what reads from it may meet damage too."""
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - it is closed below
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        try:
            with zipfile.ZipFile(file) as archive:
                note = json.loads(archive.read(NOTE))
                if not isinstance(note, dict) or not {"vendor", "made_at", "sha256"} <= set(note):
                    raise ValueError(f"its {NOTE} is another")
                yield archive, note
        except DAMAGE as error:
            raise BackupError(
                f"{path} is not a backup of this site, or is damaged: {error}."
            ) from None


def _digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dump(data):
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with contextlib.closing(sqlite3.connect(data)) as target:
            # In one go: no writer can slip between two parts of it.
            connection.connection.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
    else:
        _run("pg_dump", "--no-owner", "--no-privileges", f"--file={data}")


def _load(data):
    if connection.vendor == "sqlite":
        with (
            contextlib.closing(sqlite3.connect(data)) as source,
            contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as target,
        ):
            # One transaction of the target: whatever ends it early leaves what was there.
            source.backup(target, progress=_patience())
    else:
        _run(
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--output=/dev/null",
            "--set=ON_ERROR_STOP=1",
            "--single-transaction",
            f"--command={EMPTY}",
            f"--file={data}",
        )


def _patience():
    """Returns what ends SQLite's waiting for whoever writes: by itself it waits for ever."""
    end = time.monotonic() + PATIENCE

    def progress(status, remaining, total):
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > end:
            raise sqlite3.OperationalError("somebody writes to it, stop the site")

    return progress


def _run(tool, *arguments):
    """Runs one of PostgreSQL's own tools on the site's database, as the site reaches it."""
    from psycopg import conninfo, pq

    found = shutil.which(tool) or next(
        iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"), reverse=True)), None
    )
    if found is None:
        raise BackupError(f"{tool} is not installed: `apt-get install postgresql-client`.")
    parameters = connection.get_connection_params()
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    # Everybody on this machine sees the arguments of a process.
    password = str(parameters.pop("password", ""))
    reached = conninfo.make_conninfo(**{k: v for k, v in parameters.items() if k in known})
    done = subprocess.run(  # noqa: S603 - fixed tools and arguments, no shell
        [str(found), f"--dbname={reached}", *arguments],
        env={
            **os.environ,
            "PGOPTIONS": f"-c lock_timeout={PATIENCE}s -c client_min_messages=error",
            **({"PGPASSWORD": password} if password else {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"{tool} failed, and nothing was changed: {done.stderr.strip()[-600:]}")
