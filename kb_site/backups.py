"""A copy of the whole database in one file, and back: of one moment, even while editors write.

The file is a zip of two parts: the database as its own tool writes it (SQLite's backup, or pg_dump)
and a note of what it is, with its checksum.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import zipfile
from pathlib import Path

from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

NOTE, DATA = "backup.json", "database"


class BackupError(Exception):
    """The backup could not be made or brought back; the message says what to do."""


def make(path):
    """Writes the database to a file, which is complete or not there. Returns its size in bytes.

    Raises `BackupError`.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(dir=path.parent, prefix=".backup-")
    except OSError as error:
        raise BackupError(f"Nothing can be written to {path.parent}: {error}.") from None
    try:
        data = Path(folder) / DATA
        _dump(data)
        note = {
            "vendor": connection.vendor,
            "made_at": timezone.now().isoformat(),
            "sha256": _digest(data),
            "migrations": _migrations(),
        }
        whole = Path(folder) / "whole"
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(NOTE, json.dumps(note, indent=1))
            archive.write(data, DATA)
        os.chmod(whole, 0o600)
        os.replace(whole, path)
    except OSError as error:
        raise BackupError(f"The backup could not be written: {error}.") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path.stat().st_size


def read(path):
    """Returns the note of a backup. Raises `BackupError` when the file is none, or is damaged."""
    with _opened(path) as (_archive, note):
        return note


def bring_back(path, force=False):
    """Puts a backup in the database's place, whole or not at all.

    Raises `BackupError`: when the file is damaged or of another kind of database, and, without
    `force`, when the database holds something.
    """
    with _opened(path) as (archive, note):
        if note["vendor"] != connection.vendor:
            raise BackupError(
                f"The backup is of {note['vendor']}, the database here is {connection.vendor}. Set "
                "DATABASE_URL to one of the same kind; `export_graph` and `import_graph` move the "
                "content from one kind to the other."
            )
        if not force and connection.introspection.table_names():
            raise BackupError("The database is not empty. Say --force to replace what it holds.")
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as folder:
            data = Path(archive.extract(DATA, folder))
            if _digest(data) != note["sha256"]:
                raise BackupError("The backup is damaged: its checksum is another. Take another.")
            _load(data)


@contextlib.contextmanager
def _opened(path):
    try:
        with zipfile.ZipFile(path) as archive:
            note = json.loads(archive.read(NOTE))
            if not isinstance(note, dict) or not {"vendor", "sha256"} <= set(note):
                raise BackupError(f"{path} is not a backup of this site.")
            yield archive, note
    except FileNotFoundError:
        raise BackupError(f"There is no file {path}.") from None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
        raise BackupError(f"{path} is not a backup of this site, or is damaged: {error}.") from None


def _digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _migrations():
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        return [f"{app}.{name}" for app, name in cursor.fetchall()]


def _dump(data):
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        target = sqlite3.connect(data)
        with contextlib.closing(target):
            # In one go: no writer can slip between two parts of it.
            connection.connection.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        return
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={data}")


def _load(data):
    if connection.vendor == "sqlite":
        connections.close_all()
        with (
            contextlib.closing(sqlite3.connect(data)) as source,
            contextlib.closing(
                sqlite3.connect(connection.settings_dict["NAME"], timeout=20)
            ) as target,
        ):
            source.backup(target)
        return
    connections.close_all()
    _run(
        "pg_restore",
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        "--exit-on-error",
        f"--dbname={connection.settings_dict['NAME']}",
        str(data),
    )


def _run(tool, *arguments):
    """Runs one of PostgreSQL's own tools against the site's database."""
    found = shutil.which(tool) or next(
        iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"), reverse=True)), None
    )
    if found is None:
        raise BackupError(f"{tool} is not installed: `apt-get install postgresql-client`.")
    values = connection.settings_dict
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    given = {name: str(values[key]) for key, name in names.items() if values.get(key)}
    done = subprocess.run(  # noqa: S603 - fixed tools and arguments, no shell
        [str(found), *arguments],
        env={**os.environ, **given, "PGDATABASE": values["NAME"]},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupError(f"{tool} failed: {done.stderr.strip()[-600:]}")
