"""Builds and asks one contestant, in a process of its own, and prints what came of it as JSON.

Knows neither Django nor any engine: ours and the peers' environments both run it.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

TOO_LONG = "the contestant's time is over"


def read_documents(folder):
    """Yields the fields of each document of a collection."""
    with (Path(folder) / "documents.jsonl").open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def measure(contestant, folder, searches, limit):
    """Builds `contestant`, runs every search once and prints one line.

    Takes an object with `build(documents)`, `search(text, language)`, which returns at most ten
    keys in order, and `size()` in bytes; the collection's folder; how many searches to run, 0 for
    all; the seconds all of it may take.

    Every fifth search goes first and warms caches up; its time counts as cold. The others are
    timed after that, so that nothing timed was asked before.
    """
    _end_after(limit)
    start = time.perf_counter()
    contestant.build(read_documents(folder))
    build = time.perf_counter() - start
    asked = sample(json.loads((Path(folder) / "searches.json").read_text("utf-8")), searches)
    found, times = {}, {"cold": [], "warm": []}
    for number in sorted(range(len(asked)), key=lambda number: number % 5 > 0):
        start = time.perf_counter()
        found[number] = contestant.search(asked[number]["text"], asked[number]["language"])
        times["warm" if number % 5 else "cold"].append(1000 * (time.perf_counter() - start))
    line = {"build": build, "bytes": contestant.size(), **times}
    print(json.dumps(line | {"found": [found[number] for number in range(len(asked))]}))


def sample(searches, number):
    """Returns so many of the searches, evenly spread; all of them for 0."""
    if not number or number >= len(searches):
        return searches
    return [searches[i * len(searches) // number] for i in range(number)]


def folder_size(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def _end_after(limit):
    """Ends this process after so many seconds, whatever it does and whatever it would catch."""
    timer = threading.Timer(limit, _end)
    timer.daemon = True
    timer.start()


def _end():
    print(TOO_LONG, file=sys.stderr, flush=True)
    os._exit(1)
