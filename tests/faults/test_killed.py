"""A process is killed in the middle of a save: nothing is half-saved, and what is left heals."""

import signal

import pytest
from django.db import connection

from articles.models import Contact
from kb_site.editorial.models import Revision
from kb_site.pages import stamp
from kb_site.search import updates
from kb_site.search.find import find
from kb_site.search.models import PendingUpdate
from tests.search.test_crash import start
from tests.servers import wait_for

# Saves a record, and waits for its end where it is told to: before the commit, or just after it,
# when neither the index nor the pages have been told.
SAVE = """
import django, sys, time
django.setup()
from django.conf import settings
settings.SEARCH_INDEX_DIR, settings.DATABASES["default"]["NAME"], where = sys.argv[1:4]
settings.PAGES_DIR = sys.argv[4]
from articles.models import Contact
from django.db import transaction
def wait():
    print("here", flush=True)
    time.sleep(600)
with transaction.atomic():
    if where == "after":
        transaction.on_commit(wait)
    contact = Contact.objects.get(reference="ct-police")
    contact.summary_en = "Quagga."
    contact.save()
    if where == "before":
        wait()
"""


@pytest.fixture
def killed(live_content, settings, tmp_path):
    """Kills a process that saves, before or just after the commit."""
    settings.PAGES_DIR = tmp_path / "pages"
    stamp.move()

    def kill(where):
        name = connection.settings_dict["NAME"]
        process = start(SAVE, settings.SEARCH_INDEX_DIR, name, where, settings.PAGES_DIR)
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
        process.communicate()

    return kill


def test_a_save_killed_before_its_commit_leaves_nothing(killed):
    before = stamp.current(), Revision.objects.count()
    killed("before")
    assert not Contact.objects.filter(summary_en="Quagga.").exists()
    assert (stamp.current(), Revision.objects.count()) == before
    assert not PendingUpdate.objects.exists()
    # Nobody waits for a lock of the dead.
    contact = Contact.objects.get(reference="ct-police")
    contact.summary_en = "Okapi."
    contact.save()
    assert [result.reference for result in find("okapi", "en")] == ["ct-police"]


# Beside PostgreSQL, `follow` goes on for as long as the process.
@pytest.mark.anywhere
def test_a_save_killed_after_its_commit_is_whole_and_told_by_the_next_worker(killed):
    before = stamp.current(), Revision.objects.count()
    killed("after")
    assert Contact.objects.get(reference="ct-police").summary_en == "Quagga."
    assert Revision.objects.count() == before[1] + 1
    assert stamp.current() == before[0]
    # What a worker does when it starts, and `prepare` before it.
    stamp.follow()
    wait_for(lambda: stamp.current() != before[0])
    updates.ensure()
    assert [result.reference for result in find("quagga", "en")] == ["ct-police"]
    assert not PendingUpdate.objects.exists()
