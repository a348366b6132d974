"""`make bench`: how fast the site is, beside what the same server and machine do at best.

Every contestant runs alone on loopback, with the same workers, and is asked in turns; the table
holds the median of the turns. Needs wrk and nginx (`apt-get install wrk nginx-light`). All that is
written is deleted at the end.
"""

import argparse
import contextlib
import gzip
import json
import os
import re
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from kb_site.management.commands.serve import ALLOCATOR, OPTIONS, SWITCHES
from tests.servers import ROOT, children_of, free_port

BENCH = Path(__file__).parent
WORKERS = 2
CONNECTIONS = 32
WAGTAIL = ["wagtail==7.4.4", "granian==2.8.7"]
PAGES = {
    "home": "/en/",
    "question": "/en/questions/who-to-contact-minor/",
    "search": "/en/search/?q=who+do+I+call",
    "API": "/api/v1/questions/q-contact-for-child",
}
QUESTION = PAGES["question"]
EACH_EDITED = "ours, question, made after an edit each time"

# What wrk tells in the end, as JSON.
REPORT = """
done = function(summary, latency, requests)
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p95": %f, "p99": %f}\\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""

NGINX = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    types {{ text/html html; }}
    gzip_static on;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; root {root}; keepalive_requests 1000000; }}
}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of load, a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sizes", default="100,10000", help="records of each kind, for growth")
    parser.add_argument("--laws", help="official files, for the growth of the law watch")
    parser.add_argument("--only", choices=["load", "growth"], help="one part of it")
    options = parser.parse_args()
    missing = [tool for tool in ("wrk", "nginx") if not shutil.which(tool)]
    if missing and options.only != "growth":
        sys.exit(f"{' and '.join(missing)} needed: apt-get install wrk nginx-light")
    with tempfile.TemporaryDirectory(prefix="reperes-bench-") as folder:
        folder = Path(folder)
        folder.chmod(0o755)  # nginx reads as somebody else
        if options.only != "growth":
            print(load(folder, options), flush=True)
        if options.only != "load":
            sizes = options.sizes.replace(",", " ").split()
            print(growth(folder, sizes, options.laws), flush=True)


def load(folder, options):
    """Returns the tables of what each contestant serves in a second, and of what workers take."""
    started = f"{os.getloadavg()[0]:.1f}"
    (folder / "report.lua").write_text(REPORT)
    site = environment(folder / "data")
    manage(site, "prepare", "--verbosity", "0")
    with contextlib.ExitStack() as stack:

        def serve(*arguments, **more):
            return stack.enter_context(granian(*arguments, **more))

        kept = serve("kb_site.wsgi:application", site, ROOT)
        made = serve("kb_site.wsgi:application", site | {"KEEP_PAGES": "false"}, ROOT)
        bare = serve("bare:application", os.environ, BENCH)
        page = get(kept.address + QUESTION)[0]
        written = folder / "files" / QUESTION.strip("/") / "index.html"
        written.parent.mkdir(parents=True)
        written.write_bytes(page)
        written.with_name("index.html.gz").write_bytes(gzip.compress(page, 9))
        file = stack.enter_context(nginx(folder, folder / "files"))
        contestants = {
            "(a) a bare view saying ok": (bare, "/", {}),
            "(b) nginx, the question as a file": (file, QUESTION, {}),
        }
        try:
            wagtail = stack.enter_context(wagtail_site(folder / "wagtail", page))
            contestants["(c) Wagtail, the question"] = (wagtail, "/question/", {})
        except subprocess.CalledProcessError as error:
            print(f"Wagtail could not be set up: {error.stderr[-300:]}", file=sys.stderr)
        for name, path in PAGES.items():
            contestants[f"ours, {name}, made each time"] = (made, path, {})
            if name != "search":
                contestants[f"ours, {name}, kept"] = (kept, path, {})
        contestants[EACH_EDITED] = (made, QUESTION, {})
        etag = get(kept.address + QUESTION)[1]["ETag"]
        contestants["ours, question, 304"] = (kept, QUESTION, {"If-None-Match": etag})
        turns = {name: [] for name in contestants}
        for turn in range(options.turns):
            for name, (server, path, headers) in contestants.items():
                print(f"turn {turn + 1}: {name}", file=sys.stderr)
                edits = folder / "data" / "pages" / "stamp" if name == EACH_EDITED else None
                with restless(edits):
                    turns[name].append(wrk(folder, server.address + path, headers, options.seconds))
        before = kept.worker_megabytes()
        asked = 0
        while asked < 100_000:
            for path in PAGES.values():
                asked += wrk(folder, kept.address + path, {}, 2)["requests"]
        after = kept.worker_megabytes()
    best = {name: median(rows) for name, rows in turns.items()}
    of = {name[:3]: row["rps"] for name, row in best.items()}
    a, b, c = of["(a)"], of["(b)"], of.get("(c)")
    lines = [
        f"{WORKERS} workers, {CONNECTIONS} connections, {os.cpu_count()} cores shared with wrk, "
        f"load {started} before; SQLite; median of {options.turns} turns of {options.seconds} s.",
        "",
        "| | requests/s | of (a) | of (b) | of (c) | p50 ms | p95 ms | p99 ms | failed |",
        "| --- |" + " ---: |" * 8,
    ]
    for name, row in best.items():
        of_wagtail = f"{row['rps'] / c:.2f}" if c else ""
        lines.append(
            f"| {name} | {row['rps']:,.0f} | {row['rps'] / a:.2f} | {row['rps'] / b:.2f} | "
            f"{of_wagtail} | {row['p50']:.2f} | {row['p95']:.2f} | {row['p99']:.2f} | "
            f"{row['failed']} |"
        )
    lines += [
        "",
        f"A worker takes {max(before):.0f} MB before and {max(after):.0f} MB after {asked:,} more "
        f"requests. From start to first answer: {kept.start_seconds:.1f} s; a bare view "
        f"{bare.start_seconds:.1f} s.",
        "",
    ]
    return "\n".join(lines)


def growth(folder, sizes, laws=None):
    """Returns the table of what a page costs with more and more records of each kind.

    With a folder of official files also of what the law watch costs.
    """
    rows = {}
    for size in sizes:
        print(f"{int(size):,} records of each kind", file=sys.stderr)
        env = environment(folder / f"data-{size}")
        manage(env, "prepare", "--verbosity", "0")
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.grown", size, *([laws] if laws else [])],
            env={**env, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        rows[size] = json.loads(done.stdout.splitlines()[-1])
        shutil.rmtree(folder / f"data-{size}")
    lines = [
        "Milliseconds to make a page in one process, median, by records of each kind (an edit",
        "leaves nothing at hand; a question cites five of them, others are cited by all):",
        "",
        "| |" + "".join(f" {int(size):,} |" for size in sizes) + " ratio |",
        "| --- |" + " ---: |" * (len(sizes) + 1),
    ]
    for page in rows[sizes[0]]:
        values = [rows[size][page] for size in sizes]
        lines.append(
            f"| {page} |"
            + "".join(f" {value:.1f} |" for value in values)
            + f" {values[-1] / values[0]:.2f} |"
        )
    return "\n".join([*lines, ""])


# Servers


class Server:
    """A process that serves on a port of loopback."""

    def __init__(self, process, port, start_seconds):
        self.process = process
        self.address = f"http://127.0.0.1:{port}"
        self.start_seconds = start_seconds

    def worker_megabytes(self):
        """Returns the resident memory of each worker, in MB."""
        return [
            int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024
            for pid in children_of(self.process.pid)
            if "granian" in Path(f"/proc/{pid}/cmdline").read_text()
        ]


@contextlib.contextmanager
def running(command, port, **options):
    """Starts a server and waits for its first answer; ends it by its process id."""
    began = time.monotonic()
    process = subprocess.Popen(command, **options)
    try:
        while True:
            try:
                get(f"http://127.0.0.1:{port}/")
                break
            except urllib.error.HTTPError:
                break  # It serves, though nothing at this address.
            except OSError:
                if process.poll() is not None or time.monotonic() - began > 60:
                    raise RuntimeError(f"{command[0]} did not start.") from None
                time.sleep(0.05)
        yield Server(process, port, time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def granian(application, env, folder, python=sys.executable):
    port = free_port()
    command = [
        str(Path(python).with_name("granian")),
        f"--port={port}",
        f"--workers={WORKERS}",
        *(f"--{name}={value}" for name, value in OPTIONS.items()),
        *SWITCHES,
        application,
    ]
    return running(command, port, env={**env, **ALLOCATOR, "PORT": str(port)}, cwd=folder)


def nginx(folder, root):
    port = free_port()
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(workers=WORKERS, folder=folder, port=port, root=root))
    return running(["nginx", "-c", str(settings), "-e", str(folder / "error.log")], port)


@contextlib.contextmanager
def wagtail_site(folder, page):
    """Installs Wagtail and serves its start project with one page that says what ours does."""
    print("Installing Wagtail into a throwaway environment", file=sys.stderr)
    run = {"check": True, "capture_output": True, "text": True}
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], **run)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *WAGTAIL], **run
    )
    subprocess.run([python.with_name("wagtail"), "start", "faq", folder], **run)
    (folder / "faq" / "settings" / "bench.py").write_text(
        "from .base import *\n"
        f"SECRET_KEY = {secrets.token_urlsafe(40)!r}\n"
        "DEBUG = False\nALLOWED_HOSTS = ['*']\nLOGGING_CONFIG = None\n"
        "STORAGES['staticfiles']['BACKEND'] = "
        "'django.contrib.staticfiles.storage.StaticFilesStorage'\n"
    )
    shutil.copy(BENCH / "wagtail_page.py", folder / "bench_page.py")
    body = re.search(r"<main.*?</main>", page.decode(), re.DOTALL)[0]
    (folder / "body.html").write_text(body)
    env = {
        "DJANGO_SETTINGS_MODULE": "faq.settings.bench",
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
    }
    subprocess.run([python, "bench_page.py"], cwd=folder, env=env, **run)
    with granian("faq.wsgi:application", env, folder, python) as server:
        yield server


@contextlib.contextmanager
def restless(stamp):
    """While inside, a site finds at each request that something was edited; None: nothing is."""
    is_over = threading.Event()

    def edit():
        while not is_over.wait(0.001):
            os.utime(stamp)

    thread = threading.Thread(target=edit)
    if stamp:
        thread.start()
    yield
    is_over.set()
    if stamp:
        thread.join()


# Asking


def wrk(folder, url, headers, seconds):
    """Returns what wrk measured of a page: requests, seconds, failed, and times in ms."""
    given = [f"-H{name}: {value}" for name, value in headers.items()]
    done = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            f"-s{folder / 'report.lua'}",
            "-HAccept-Encoding: gzip, br",
            *given,
            url,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def median(rows):
    """Returns the turn in the middle, by requests a second."""
    for row in rows:
        row["rps"] = row["requests"] / row["seconds"]
    middle = statistics.median_low(row["rps"] for row in rows)
    failed = sum(row["failed"] for row in rows)
    return {**next(row for row in rows if row["rps"] == middle), "failed": failed}


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - of loopback
        return answer.read(), answer.headers


def environment(data):
    """The environment of a site of its own, in the folder `data`."""
    left_out = {"DATABASE_URL", "TEST_DATABASE_URL", "SEARCH_ENGINE", "DEBUG", "HTTPS"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    own = {"DATA_DIR": str(data), "SECRET_KEY": "only-for-the-bench" * 3, "LOG_LEVEL": "ERROR"}
    return {**kept, **own, "SEARCH_PER_MINUTE": "0"}


def manage(env, *arguments):
    subprocess.run([sys.executable, ROOT / "manage.py", *arguments], env=env, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
