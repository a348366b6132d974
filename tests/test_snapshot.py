"""The public site as files."""

import gzip
import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from articles.models import Contact
from kb_site.pages import snapshot
from tests.test_pages import address_of

pytestmark = pytest.mark.anywhere
HOST = "testserver"


def links(html):
    return {
        link.partition("#")[0].partition("?")[0]
        for link in re.findall(r'href="(/(?:fr|en)/[^"]*)"', html)
    }


def follow_only(monkeypatch, pattern):
    """Makes the site small: all its pages take half a minute."""
    handle = snapshot._Links.handle_starttag

    def handle_some(self, tag, attributes):
        if re.search(pattern, dict(attributes).get("href") or ""):
            handle(self, tag, attributes)

    monkeypatch.setattr(snapshot._Links, "handle_starttag", handle_some)


PART = r"^/(fr|en)/(contacts/|help/|questions/[a-m]|no-such-page)"


def test_it_holds_every_page_that_its_pages_link_to(live_content, tmp_path, monkeypatch):
    follow_only(monkeypatch, PART)
    count = snapshot.make(tmp_path, HOST)
    root = tmp_path / snapshot.CURRENT
    files = {
        "/" + str(file.parent.relative_to(root)) + "/": file for file in root.rglob("index.html")
    }
    assert len(files) + len(list(root.glob("*-*.html"))) == count > 60
    client = Client()
    missing = {
        link
        for file in files.values()
        for link in links(file.read_text())
        if link not in files and re.search(PART, link)
    }
    # What is no page: feeds, citations to save, and addresses that lead on.
    for link in missing:
        answer = client.get(link)
        assert answer.status_code != 200 or not answer["Content-Type"].startswith("text/html")
    for path in ("/fr/", "/en/contacts/", "/en/contacts/ct-police/", "/fr/help/"):
        assert files[path].read_bytes() == client.get(path).content
        assert gzip.decompress(files[path].with_name("index.html.gz").read_bytes()) == (
            files[path].read_bytes()
        )
    for language in ("fr", "en"):
        assert f"/{language}/search/" not in files
        resting = (root / f"{language}-503.html").read_text()
        assert f'<html lang="{language}"' in resting
        assert 'href="tel:112"' in resting
        assert f'href="/{language}/contacts/"' in resting
        for contact in Contact.objects.published():
            assert address_of(contact, language) in resting


@pytest.fixture
def small(monkeypatch):
    follow_only(monkeypatch, "^$")


def test_the_former_one_stays_when_a_page_fails(live_content, small, tmp_path, monkeypatch):
    snapshot.make(tmp_path, HOST)
    before = (tmp_path / snapshot.CURRENT).resolve()

    def fail(*args):
        return 500, "text/html", b""

    monkeypatch.setattr(snapshot, "_read", fail)
    with pytest.raises(CommandError, match=r"/(fr|en)/ answered 500. The former snapshot stays"):
        call_command("snapshot", tmp_path, host=HOST, verbosity=0)
    assert (tmp_path / snapshot.CURRENT).resolve() == before
    assert [folder.name for folder in tmp_path.glob("pages-*")] == [before.name]


def test_a_new_one_takes_the_place_of_the_former(live_content, small, tmp_path):
    call_command("snapshot", tmp_path, host=HOST, verbosity=0)
    before = (tmp_path / snapshot.CURRENT).resolve()
    call_command("snapshot", tmp_path, host=HOST, verbosity=0)
    assert (tmp_path / snapshot.CURRENT).resolve() != before
    assert not before.exists()
    assert (tmp_path / snapshot.CURRENT / "fr" / "index.html").stat().st_mode & 0o004


@pytest.mark.parametrize("hosts", [[], ["*"]])
def test_it_asks_for_the_name_of_the_site(settings, tmp_path, hosts):
    settings.ALLOWED_HOSTS = hosts
    with pytest.raises(CommandError, match="Say --host"):
        call_command("snapshot", tmp_path, verbosity=0)


def test_a_folder_that_is_none_is_said_plainly(live_content, small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="could not be written"):
        call_command("snapshot", tmp_path / "file", host=HOST, verbosity=0)
