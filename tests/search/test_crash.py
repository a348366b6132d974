"""Writers killed at random beside readers: nothing is lost, nobody sees an error."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.db import connection

from kb_site.search import updates
from kb_site.search.models import PendingUpdate

# How long the writers are shot at; SEARCH_CRASH_SECONDS=60 plays the whole minute.
SECONDS = float(os.environ.get("SEARCH_CRASH_SECONDS", "3"))

WRITER = """
import django, random, sys
django.setup()
from django.conf import settings
settings.SEARCH_INDEX_DIR = sys.argv[1]
settings.DATABASES["default"]["NAME"] = sys.argv[2]
from articles.models import Question
from django.db import transaction
references = list(Question.objects.values_list("reference", flat=True))
print("ready", flush=True)
number = 0
while True:
    number += 1
    with transaction.atomic():
        question = Question.objects.get(reference=random.choice(references))
        question.title_en = f"Chaos number{number} {random.random()}"
        question.save()
"""

READER = """
import django, json, sys, time
django.setup()
from django.conf import settings
settings.SEARCH_INDEX_DIR = sys.argv[1]
settings.DATABASES["default"]["NAME"] = sys.argv[2]
from kb_site.search import find
find.heal = lambda: None
searches = reduced = empty = 0
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    results = find.find("police chantage plainte", "fr")
    searches += 1
    reduced += results.is_reduced
    empty += not results.count
print(json.dumps([searches, reduced, empty]))
"""


def start(code, *arguments):
    engine = settings.SEARCH_ENGINE
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        cwd=settings.BASE_DIR,
        text=True,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "kb_site.settings",
            "SECRET_KEY": settings.SECRET_KEY,
            "SEARCH_ENGINE": engine,
            "LOG_LEVEL": "ERROR",
        },
    )


def end_now(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("engine", ["whoosh", "database"])
def test_killed_writers_lose_nothing_and_readers_see_no_error(live_content, settings, engine):
    settings.SEARCH_ENGINE = engine
    updates.rebuild()
    places = (settings.SEARCH_INDEX_DIR, connection.settings_dict["NAME"])
    readers = [start(READER, *places, SECONDS) for _reader in range(2)]
    writers = [start(WRITER, *places) for _writer in range(2)]
    kills = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or kills < 2:
        time.sleep(random.uniform(0.1, 0.6))  # noqa: S311 - no secret
        number = random.randrange(2)  # noqa: S311
        if writers[number].stdout.readline():  # it has begun to write
            time.sleep(random.uniform(0.05, 0.4))  # noqa: S311
            kills += 1
        end_now(writers[number])
        writers[number] = start(WRITER, *places)
    for writer in writers:
        end_now(writer)
    for reader in readers:
        searches, reduced, empty = json.loads(reader.communicate()[0])
        assert reader.returncode == 0
        assert searches > 10
        assert (reduced, empty) == (0, 0)
    updates.update()
    assert not PendingUpdate.objects.exists()
    assert updates.differences() == (set(), set(), set())
    changed = [key for key in updates.get_engine().fingerprints() if key[0].startswith("question")]
    assert len(changed) == 2 * 46
