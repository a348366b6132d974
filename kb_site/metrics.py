"""Numbers for whoever watches the site, as Prometheus reads them, on a port of this machine alone.

Each worker counts in its own memory and writes its counts to a file every second; the worker that
got the port sums the files. Nothing waits for a disk, and a full one only makes the numbers old.
(prometheus_client's own way to share counts maps files into memory: a write to such a file on a
full disk kills the worker.)
"""

import contextlib
import os
import threading
import time
from collections import defaultdict
from pathlib import Path

from django.conf import settings
from django.db import connections
from prometheus_client import (
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from kb_site.pages.layer import answered

ADDRESS = "127.0.0.1"
EVERY_SECONDS = 1.0

disable_created_metrics()
registry = CollectorRegistry()
requests = Histogram(
    "reperes_request_seconds",
    "Requests that Django answered.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=registry,
)
searches = Histogram(
    "reperes_search_seconds",
    "Searches, by the engine that answered; records when the index could not.",
    ["engine"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
    registry=registry,
)


class _Pages:
    """What the layer before Django counts in integers, because a reader waits there."""

    def collect(self):
        help = "Pages answered before Django: kept, made for this reader, former; and unchanged."
        pages = CounterMetricFamily("reperes_pages", help, labels=["how"])
        for how, count in answered.items():
            pages.add_metric([how], count)
        yield pages


registry.register(_Pages())

_gauges = []


def gauge(name, help, label=""):
    """Function decorator: adds a number that is asked for when somebody reads the numbers.

    The function returns a number, or, with a label, {its value: number}.
    """

    def add(function):
        _gauges.append((f"reperes_{name}", help, label, function))
        return function

    return add


def count_request(method, route, status, seconds):
    requests.labels(method, route, f"{status // 100}xx").observe(seconds)


class Everyone:
    """A collector of what all workers of this machine counted, and of the gauges."""

    def __init__(self, folder):
        self.folder = folder

    def collect(self):
        kinds, sums = {}, defaultdict(float)
        for file in self.folder.glob("*.prom"):
            with contextlib.suppress(OSError, ValueError):
                for family in text_string_to_metric_families(file.read_text()):
                    kinds[family.name] = family
                    for sample in family.samples:
                        key = (family.name, sample.name, tuple(sample.labels.items()))
                        sums[key] += sample.value
        summed = {name: Metric(name, kind.documentation, kind.type) for name, kind in kinds.items()}
        for (name, sample, labels), value in sums.items():
            summed[name].add_sample(sample, dict(labels), value)
        yield from summed.values()
        yield from _ask_gauges()


def _ask_gauges():
    """Yields the gauges; one that cannot be told, because the database is gone, is left out."""
    try:
        for name, help, label, function in _gauges:
            with contextlib.suppress(Exception):
                family = GaugeMetricFamily(name, help, labels=[label] if label else [])
                found = function()
                for value, number in found.items() if label else [(None, found)]:
                    family.add_metric([value] if label else [], number)
                yield family
    finally:
        with contextlib.suppress(Exception):
            connections.close_all()


class Worker:
    """What one worker does for the numbers: it writes its own, and shows all of them if it can."""

    def __init__(self, folder, port):
        self.file = Path(folder) / f"{os.getpid()}.prom"
        self.port = port
        self.written = b""
        self.is_shown = False

    def write(self):
        """Writes the counts of this worker, when they have changed."""
        counts = generate_latest(registry)
        if counts == self.written:
            return
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            new = self.file.with_suffix(".new")
            new.write_bytes(counts)
            os.replace(new, self.file)
            self.written = counts

    def show(self):
        """Takes the port if nobody has it: the first worker does, another one when that ends."""
        everyone = CollectorRegistry(auto_describe=False)
        everyone.register(Everyone(self.file.parent))
        with contextlib.suppress(OSError):
            start_http_server(self.port, ADDRESS, everyone)
            self.is_shown = True

    def run(self):
        while True:
            with contextlib.suppress(Exception):
                self.write()
                if not self.is_shown:
                    self.show()
            time.sleep(EVERY_SECONDS)


def start():
    """Starts to write and show the numbers of this worker, if `METRICS_PORT` says where."""
    if settings.METRICS_PORT:
        worker = Worker(settings.METRICS_DIR, settings.METRICS_PORT)
        threading.Thread(target=worker.run, name="metrics", daemon=True).start()
