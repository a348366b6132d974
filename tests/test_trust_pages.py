"""What readers are told of their safety, their privacy and the limits of the site; and it holds."""

import datetime
import inspect
import re
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.template.loader import get_template
from django.test import Client

from articles.models import Contact, Question
from kb_site import views
from kb_site.management.commands import serve
from kb_site.reports.models import ErrorReport

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

EXIT = "https://weather.example/today/"
LANGUAGES = ("fr", "en")


@pytest.fixture(autouse=True)
def neutral(settings):
    settings.QUICK_EXIT_URL = EXIT


def html(address, status=200, client=None):
    response = (client or Client()).get(address)
    assert response.status_code == status
    return response.content.decode()


def text(address):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html(address)))


# Quick exit


@pytest.mark.parametrize(
    ("address", "status"),
    [
        *[(f"/{language}/{path}", 200)
          for language in LANGUAGES
          for path in (
              "", "about/", "leaving/", "privacy/", "accessibility/", "report/", "report/thanks/",
              "contacts/", "contacts/ct-police/", "search/?q=image", "changes/", "laws/",
              "help/", "help/ad-never-keep/", "timeline/", "glossary/", "data/", "api/",
          )],
        ("/en/no-such-page/", 404),
        ("/fr/search/?q=%3F", 400),
        ("/en/contacts/ct-police/?as_of=2999-01-01", 404),
    ],
)  # fmt: skip
def test_every_page_has_two_ways_out_before_anything_else(address, status):
    page = html(address, status)
    links = re.findall(r"<a [^>]*>", page.partition('class="site-header"')[0])
    assert "#content" in links[0]
    ways = [link for link in links if EXIT in link]
    assert ways == [links[1], links[3]]
    for way in ways:
        # In the same tab, and without saying where the reader comes from.
        assert 'rel="noreferrer noopener"' in way
        assert "target" not in way
    assert re.search(r'<script src="/static/exit[^"]*\.js" defer></script>', page)


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_pages_of_errors_have_it_too(rf, status):
    view = {400: views.bad_request, 403: views.forbidden, 404: views.page_not_found}.get(
        status, views.method_not_allowed
    )
    assert EXIT in view(rf.get("/en/")).content.decode()


def test_the_page_of_a_withdrawn_record_has_it():
    contact = Contact.objects.get(reference="ct-police")
    contact.status = "withdrawn"
    contact.change_reason = "No longer true."
    contact.save()
    assert EXIT in html("/en/contacts/ct-police/", 410)


def test_the_page_of_a_failure_has_it_in_both_languages(rf):
    page = views.server_error(rf.get("/")).content.decode()
    assert f'href="{EXIT}"' in page
    assert "Quitter ce site vite" in page
    assert "Leave this site quickly" in page


def test_the_site_names_where_it_leads():
    for language in LANGUAGES:
        assert EXIT in text(f"/{language}/leaving/")


def test_the_page_about_leaving_is_not_found_by_search_engines():
    assert '<meta name="robots" content="noindex">' in html("/en/leaving/")


def test_no_page_registers_what_stays_in_the_browser():
    """Nothing but the mark of an exit, which the privacy page names, and what takes htmx's away."""
    scripts = Path(site_settings.BASE_DIR / "kb_site" / "static").glob("*.js")
    found = {
        (script.name, call)
        for script in scripts
        for call in re.findall(
            r"serviceWorker|indexedDB|localStorage|document\.cookie|caches\.|setItem\(\w+",
            script.read_text(),
        )
    }
    assert found == {("exit.js", "setItem(MARK")}


# Privacy


def test_the_privacy_page_names_the_authority_while_its_contact_is_published():
    for language in LANGUAGES:
        assert f'href="/{language}/contacts/ct-cnpd/"' in html(f"/{language}/privacy/")
    Contact.objects.filter(reference="ct-cnpd").update(status="draft")
    assert "ct-cnpd" not in html("/en/privacy/")


def test_how_long_reports_are_kept_is_said_as_it_is(monkeypatch):
    assert "for 90 days" in text("/en/privacy/")
    assert "90 jours" in text("/fr/privacy/")
    monkeypatch.setattr(ErrorReport, "KEPT_DAYS", 30)
    assert "for 30 days" in text("/en/privacy/")


def test_the_server_keeps_no_list_of_visits():
    # What the site itself notes: tests/test_logs.py.
    assert "--no-access-log" in inspect.getsource(serve)


# Accessibility


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", ["28 mai 2019", "RAWeb 1", "WCAG", "partiellement conforme", "novembre 2026"]),
        ("en", ["28 May 2019", "RAWeb 1", "WCAG", "conforms in part", "November 2026"]),
    ],
)
def test_the_statement_says_what_such_a_statement_must(language, words):
    page = text(f"/{language}/accessibility/").replace("\u00a0", " ")
    for word in words:
        assert word in page
    assert f'href="/{language}/report/"' in html(f"/{language}/accessibility/")


def test_the_statement_is_not_dated_in_the_future():
    assert views.AccessibilityView.extra_context["stated_on"] <= datetime.date.today()


# Titles


def test_no_title_names_a_subject():
    """Neither what a record says nor what was typed shows in the tab."""
    question = Question.objects.published().first()
    for address in (question.get_absolute_url(), "/en/search/?q=deepfake", "/en/leaving/"):
        title = re.search("<title>(.*?)</title>", html(address))[1]
        assert re.fullmatch(r"(Question|Search|Leaving) – Repères", title)
    # Nor does a link that is passed on say more than the title.
    assert "og:" not in get_template("base.html").template.source
    assert 'name="description"' not in get_template("base.html").template.source
