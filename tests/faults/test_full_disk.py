"""The disk is full: what is kept stays whole, what is refused says so, and all heals."""

import contextlib
import logging
import resource
import signal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from articles.models import Contact
from kb_site.editorial.models import Revision
from kb_site.pages import stamp
from kb_site.search import updates
from kb_site.search.find import find
from kb_site.search.models import PendingUpdate
from tests.laws.test_admin import admin_url, filled_in

pytestmark = pytest.mark.anywhere


@contextlib.contextmanager
def full_disk():
    """Inside, no file of this process grows."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, ignored)


@contextlib.contextmanager
def full_database():
    """Inside, SQLite has no page more than it holds."""

    def pragma(text):
        with connection.cursor() as cursor:
            return cursor.execute(f"PRAGMA {text}").fetchone()[0]

    usual = pragma("max_page_count")
    pragma(f"max_page_count = {pragma('page_count')}")
    try:
        yield
    finally:
        pragma(f"max_page_count = {usual}")


def test_a_save_on_a_full_disk_is_refused_whole(live_content, settings, editor):
    settings.FOUR_EYES = False
    editor.raise_request_exception = False
    contact = Contact.objects.get(reference="ct-police")
    revisions = Revision.objects.count()
    # More than what is free in the pages that there are.
    data = filled_in(editor.get(admin_url(contact))) | {"how_en": "Quagga. " * 100_000}
    with full_database():
        assert editor.post(admin_url(contact), data).status_code == 503
        assert "Quagga" not in editor.get("/en/contacts/ct-police/").content.decode()
    assert Contact.objects.get(pk=contact.pk).how_en == contact.how_en
    assert Revision.objects.count() == revisions
    assert not PendingUpdate.objects.exists()
    assert editor.post(admin_url(contact), data).status_code == 302


@pytest.fixture
def changed(index_dir, db):
    """A record that has changed and whose entry is out of date."""
    contact = Contact.objects.get(reference="ct-police")
    Contact.objects.filter(pk=contact.pk).update(summary_en="Quagga.")
    PendingUpdate.objects.create(key="contact:ct-police")
    return contact


def test_an_index_that_cannot_grow_answers_and_follows_later(changed, caplog):
    with full_disk(), caplog.at_level(logging.WARNING):
        updates._update_quietly()
    assert "could not be updated" in caplog.text
    assert PendingUpdate.objects.exists()
    results = find("police", "en")
    assert results.count
    assert not results.is_reduced
    updates.update()
    assert not PendingUpdate.objects.exists()
    assert [result.reference for result in find("quagga", "en")] == ["ct-police"]
    updates.get_engine().check()


def test_a_rebuild_that_finds_no_room_leaves_the_index_as_it_is(changed, index_dir):
    before = {path.name for path in index_dir.iterdir() if path.is_dir()}
    with full_disk(), pytest.raises(CommandError, match="could not be written"):
        call_command("rebuild_search_index", verbosity=0)
    assert {path.name for path in index_dir.iterdir() if path.is_dir()} == before
    assert not find("police", "en").is_reduced


def test_pages_are_forgotten_though_the_stamp_cannot_be_written(settings, tmp_path, caplog):
    settings.PAGES_DIR = tmp_path / "pages"
    before = stamp.current()
    with full_disk():
        for _time in range(3):
            stamp._write(12345)
    assert "could not be written" in caplog.text
    assert stamp.current() != before
    # Nothing is left that would fill it further.
    assert [path.name for path in settings.PAGES_DIR.iterdir()] == ["stamp"]
