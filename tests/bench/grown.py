"""What making a page costs with so many published records of each kind, on SQLite.

`python -m tests.bench.grown SIZE [LAWS]` prints {page: milliseconds, the median} as JSON, and what
the law watch takes with the official files of a folder. It fills the database of the environment,
which is to be thrown away.
"""

import json
import os
import statistics
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_site.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.test import Client  # noqa: E402

TIMES = 40
PAGES = (
    "home",
    "questions",
    "questions of a topic",
    "question",
    "statement",
    "contact",
    "provision",
)


def main(size, laws=None):
    from articles.models import Contact, Event, Question, Statement, Term
    from kb_site.pages import stamp
    from laws.models import LegalAct, Provision
    from tests.test_queries import PAGES as ADDRESSES
    from tests.test_queries import build

    with transaction.atomic():
        for model in (Event, Term, Question, Statement, Contact, Provision, LegalAct):
            model.objects.update(status="draft")
        build(size)
    client = Client(headers={"host": "127.0.0.1"})
    found = {name: milliseconds(client, ADDRESSES[name]) for name in PAGES}
    address = ADDRESSES["question"]
    found["question, after an edit"] = milliseconds(client, address, before=stamp.move)
    if laws:
        began = time.perf_counter()
        call_command("watch_laws", "--from", laws, verbosity=0)
        found["law watch"] = 1000 * (time.perf_counter() - began)
    return found


def milliseconds(client, address, before=lambda: None):
    times = []
    for _time in range(TIMES):
        before()
        began = time.perf_counter()
        response = client.get(address)
        times.append(time.perf_counter() - began)
        if response.status_code != 200:
            raise SystemExit(f"{address} answered {response.status_code}.")
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), *sys.argv[2:])))
