"""The commands that the units start."""

import configparser
import shlex
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import OperationalError

from kb_site.management.commands import nightly, serve
from kb_site.pages import snapshot

pytestmark = pytest.mark.anywhere

DEPLOY = Path(nightly.__file__).parents[2] / "deploy"


def parse(name, *arguments):
    """Fails when there is no such command, or it takes no such arguments."""
    command = load_command_class(get_commands()[name], name)
    command.create_parser("manage.py", name).parse_args(arguments)


def test_units_start_commands_that_there_are():
    started = []
    for unit in DEPLOY.glob("*.service"):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str
        parser.read(unit, encoding="utf-8")
        python, manage, *command = shlex.split(parser["Service"]["ExecStart"])
        assert (python, manage) == ("/opt/reperes/.venv/bin/python", "manage.py")
        parse(*command)
        started.append(command[0])
    assert sorted(started) == ["nightly", "serve", "snapshot"]


@pytest.mark.parametrize("job", nightly.JOBS, ids=lambda job: job[0])
def test_every_job_of_the_night_is_a_command(job):
    parse(*job)


@pytest.mark.django_db
def test_a_job_that_fails_keeps_no_other_from_being_done(caplog):
    done = []

    def play(name, *args, **options):
        done.append(name)
        if name == "backup":
            raise CommandError("The disk is full.")
        if name == "watch_laws":
            raise RuntimeError("A fault.")

    with (
        mock.patch.object(nightly, "call_command", side_effect=play),
        pytest.raises(CommandError, match=r"backup, watch_laws"),
    ):
        call_command("nightly", verbosity=0)
    assert done == [name for name, *_arguments in nightly.JOBS]
    assert "The disk is full." in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.django_db
def test_seven_backups_are_kept(settings, tmp_path, time_machine):
    settings.DATA_DIR = tmp_path
    names = set()
    with mock.patch.object(nightly, "call_command") as call:
        for day in range(1, 11):
            time_machine.move_to(f"2026-11-{day:02}T23:30Z")
            call_command("nightly", verbosity=0)
            names.add(call.call_args_list[0].args[1])
            call.reset_mock()
    assert len(names) == 7
    assert str(tmp_path / "backups" / "monday.zip") in names


def test_the_server_starts_while_the_database_is_gone(settings):
    settings.HOST = "192.0.2.1"
    with (
        mock.patch.object(serve, "get_user_model", side_effect=OperationalError),
        mock.patch("os.execve") as execv,
        mock.patch("os.chdir"),
    ):
        call_command("serve")
    assert "--host=192.0.2.1" in execv.call_args.args[1]


@pytest.mark.django_db
def test_what_other_sites_frame_is_in_the_snapshot():
    assert list(snapshot._framed("/fr/cite/ct-police/")) == ["/fr/embed/ct-police/"]
    assert not list(snapshot._framed("/en/contacts/"))
