"""`make load`: readers, searchers, three editors who save and the law watch, all at once.

Two workers on PostgreSQL serve them for so many minutes. It fails when an answer is a server error,
when an edit is lost, or when readers see one later than a second after the editor was answered.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import yaml

from tests.people import Editor
from tests.servers import ROOT, Node, Postgres, running

READERS, SEARCHERS = 4, 2
SEARCHES = ROOT / "tests" / "search" / "searches.yaml"
# Which record each editor changes, and where.
EDITED = (
    ("contact", "ct-police", "summary_en"),
    ("contact", "ct-kjt", "summary_en"),
    ("question", "q-school", "short_answer_en"),
)
ADMIN_PAGES = """
import json
from articles import models
from django.utils.translation import override
found = {}
for kind, reference in %s:
    record = getattr(models, kind.title()).objects.get(reference=reference)
    with override("en"):
        found[reference] = [record.pk, record.get_absolute_url()]
print(json.dumps(found))
"""
REVISIONS = """
import json
from kb_site.editorial.models import Revision
print(json.dumps({r: Revision.objects.filter(reference=r).count() for r in %s}))
"""


class Load:
    """What the threads share: how long it goes on, and what they saw."""

    def __init__(self, node, minutes):
        self.node = node
        self.end = time.monotonic() + 60 * minutes
        self.statuses, self.times, self.seen_after, self.wrong = Counter(), {}, [], []

    def goes_on(self):
        return time.monotonic() < self.end and not self.wrong

    def ask(self, kind, connection, path):
        """Asks over a connection that is kept, as browsers do, and notes what came."""
        began = time.monotonic()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        self.times.setdefault(kind, []).append(time.monotonic() - began)
        self.statuses[kind, answer.status] += 1
        if answer.status >= 500:
            self.wrong.append(f"{path} answered {answer.status}")

    def run(self, work, *arguments):
        try:
            work(self, *arguments)
        except Exception as error:
            self.wrong.append(f"{work.__name__}: {error!r}")


def read(load, paths, seed):
    chance = random.Random(seed)  # noqa: S311 - no secret
    connection = http.client.HTTPConnection("127.0.0.1", load.node.port, timeout=30)
    while load.goes_on():
        load.ask("page", connection, chance.choice(paths))
        time.sleep(0.01)


def search(load, searches, seed):
    chance = random.Random(seed)  # noqa: S311 - no secret
    connection = http.client.HTTPConnection("127.0.0.1", load.node.port, timeout=30)
    while load.goes_on():
        language, text = chance.choice(searches)
        load.ask("search", connection, f"/{language}/search/?q={quote(text)}")
        time.sleep(0.05)


def edit(load, editor, form, page, field, saved):
    """Saves a record again and again; each time waits until readers see it."""
    for number in itertools.count(1):
        if not load.goes_on():
            return
        text = f"Zyzzyva {number} of the load."
        began = time.monotonic()
        status = editor.edit(load.node, form, **{field: text})
        answered = time.monotonic()
        load.times.setdefault("save", []).append(answered - began)
        load.statuses["save", status] += 1
        if status != 302:
            load.wrong.append(f"{form} answered {status}")
            return
        saved.append(text)
        while text not in load.node.get(page)[1]:
            if time.monotonic() - answered > 1:
                load.wrong.append(f"{page} showed an edit later than a second")
                return
            time.sleep(0.01)
        load.seen_after.append(time.monotonic() - answered)
        time.sleep(1)


def watch(load, folder):
    while load.goes_on():
        load.node.manage("watch_laws", "--from", folder, "--verbosity=0")
        load.statuses["law watch", 0] += 1
        time.sleep(5)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--laws", help="official files, as `watch_laws --from` takes them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reperes-load-") as folder, contextlib.ExitStack() as s:
        server = Postgres()
        node = Node(
            Path(folder) / "data",
            DATABASE_URL=server.url,
            WORKERS="2",
            FOUR_EYES="false",
            REQUIRE_MFA="false",
            SEARCH_PER_MINUTE="0",
        )
        s.enter_context(running(server, node))
        server.create().start()
        node.manage("prepare", "--verbosity=0")
        node.start()
        sys.exit(play(node, options))


def play(node, options):
    """Plays it all; prints what was seen. Returns 1 when something was wrong, else 0."""
    load = Load(node, options.minutes)
    kinds = [(kind, reference) for kind, reference, _field in EDITED]
    places = json.loads(node.run(ADMIN_PAGES % kinds).splitlines()[-1])
    paths = re.findall(r"<loc>https?://[^/]+(/[^<]*)</loc>", node.get("/sitemap.xml")[1])
    searches = [
        (search["language"], search["text"])
        for search in yaml.safe_load(SEARCHES.read_text(encoding="utf-8"))
    ]
    references = [reference for _kind, reference in kinds]
    before = json.loads(node.run(REVISIONS % references).splitlines()[-1])
    works = [(read, paths, seed) for seed in range(READERS)]
    works += [(search, searches, seed) for seed in range(SEARCHERS)]
    saved = {reference: [] for reference in references}
    for kind, reference, field in EDITED:
        pk, address = places[reference]
        form = f"/admin/articles/{kind}/{pk}/change/"
        works.append((edit, Editor(node, reference), form, address, field, saved[reference]))
    if options.laws:
        works.append((watch, options.laws))
    threads = [threading.Thread(target=load.run, args=work) for work in works]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(1)
        print(f"\r{sum(load.statuses.values()):,} answers", end="", file=sys.stderr)
    print(file=sys.stderr)
    after = json.loads(node.run(REVISIONS % references).splitlines()[-1])
    for reference, texts in saved.items():
        if after[reference] - before[reference] != len(texts):
            load.wrong.append(
                f"{reference}: {len(texts)} saved, {after[reference] - before[reference]} kept"
            )
    print(f"{options.minutes:g} minutes, 2 workers, PostgreSQL, {os.cpu_count()} cores shared:")
    for (kind, status), count in sorted(load.statuses.items()):
        print(f"- {kind}, {status or 'run'}: {count:,}")
    for kind, times in load.times.items():
        times.sort()
        p50, p99 = (1000 * times[int(share * (len(times) - 1))] for share in (0.5, 0.99))
        print(f"- {kind}: p50 {p50:.0f} ms, p99 {p99:.0f}, longest {1000 * times[-1]:.0f}")
    if load.seen_after:
        print(f"- an edit was seen after {1000 * max(load.seen_after):.0f} ms at the latest")
    for line in load.wrong:
        print(f"WRONG: {line}")
    return 1 if load.wrong else 0


if __name__ == "__main__":
    main()
