"""The folder of the search index is lost, garbled or cannot be written: search and saves go on."""

import contextlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from articles.models import Contact
from kb_site.search import find, updates
from kb_site.search.models import PendingUpdate

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]


def deleted(folder):
    shutil.rmtree(folder)


def garbled(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(os.urandom(200))


def replaced_by_a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("no folder")


def search(client, words):
    page = client.get("/en/search/", {"q": words})
    assert page.status_code == 200
    return page.context["results"]


@pytest.mark.parametrize("harm", [deleted, garbled, replaced_by_a_file])
def test_a_harmed_index_costs_neither_a_search_nor_a_save(
    client, index_dir, monkeypatch, caplog, django_capture_on_commit_callbacks, harm
):
    # Not beside the test, where the database has nothing of it.
    monkeypatch.setattr(find, "heal", lambda: None)
    assert not search(client, "police").is_reduced
    harm(index_dir)
    with caplog.at_level(logging.WARNING):
        results = search(client, "police")
        assert results.is_reduced
        assert results.count
        contact = Contact.objects.get(reference="ct-police")
        with django_capture_on_commit_callbacks(execute=True):
            contact.summary_en = "Quagga."
            contact.save()
    assert "Search answers from the database" in caplog.text
    assert "The search index could not be updated, it will be later" in caplog.text
    if index_dir.is_file():
        with pytest.raises(CommandError, match="could not be written"):
            call_command("rebuild_search_index", verbosity=0)
        index_dir.unlink()
    updates.ensure()
    assert not PendingUpdate.objects.exists()
    assert [result.reference for result in search(client, "quagga")] == ["ct-police"]


@contextlib.contextmanager
def read_only(folder):
    """Inside, nothing in a folder can be written, not by root either: it is nobody then."""
    places = [folder, *folder.rglob("*")]
    usual = [place.stat().st_mode for place in places]
    for place in places:
        place.chmod(0o555)
    account = os.geteuid()
    if account == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(account)
        for place, mode in zip(places, usual, strict=True):
            place.chmod(mode)


def test_an_index_that_can_only_be_read_answers(client, index_dir, settings, caplog):
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        settings.SEARCH_INDEX_DIR = Path(place) / "search"
        shutil.copytree(index_dir, settings.SEARCH_INDEX_DIR)
        Contact.objects.filter(reference="ct-police").update(summary_en="Quagga.")
        PendingUpdate.objects.create(key="contact:ct-police")
        with read_only(settings.SEARCH_INDEX_DIR), caplog.at_level(logging.WARNING):
            updates._update_quietly()
            assert "could not be updated" in caplog.text
            results = search(client, "police")
            assert results.count
            assert not results.is_reduced
        assert PendingUpdate.objects.exists()
        updates.update()
        assert [result.reference for result in search(client, "quagga")] == ["ct-police"]
