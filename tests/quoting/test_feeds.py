"""Atom feeds of records, and how readers' programs find them."""

import re

import pytest
import time_machine
from defusedxml import ElementTree
from django.test import Client

from articles.models import Question, Statement, Topic

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def read(path, status=200):
    response = Client().get(path)
    assert response.status_code == status, path
    assert "application/atom+xml" in response["Content-Type"]
    return ElementTree.fromstring(response.content)


def entries(path):
    return [
        (entry.find("a:title", ATOM).text, entry.find("a:link", ATOM).get("href"))
        for entry in read(path).findall("a:entry", ATOM)
    ]


class TestStatements:
    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_it_lists_the_published_ones(self, language):
        titles = {getattr(s, f"title_{language}") for s in Statement.objects.published()}
        assert {title for title, _link in entries(f"/{language}/statements/feed/")} == titles

    def test_the_one_published_last_comes_first(self):
        statement = Statement.objects.published().last()
        for status in ("draft", "published"):
            statement.status = status
            statement.save()
        new = Statement.objects.published().first()
        new.pk, new.reference, new.title_en = None, "st-new", "Said later"
        new._state.adding = True
        with time_machine.travel("2030-01-01T00:00:00Z", tick=False):
            new.save()
        assert entries("/en/statements/feed/")[0][0] == "Said later"

    def test_a_withdrawn_one_leaves(self):
        statement = Statement.objects.published().first()
        statement.status = "withdrawn"
        statement.save()
        assert statement.title_en not in str(entries("/en/statements/feed/"))


class TestTopics:
    def test_that_of_a_topic_holds_its_answers_and_statements(self):
        topic = Topic.objects.get(reference="tp-eu-rules")
        links = {link for _title, link in entries("/en/questions/feed/?topic=tp-eu-rules")}
        expected = [*topic.questions.published(), *topic.statements.published()]
        assert len(links) == min(25, len(expected))
        assert any("/statements/" in link for link in links)

    def test_what_changed_last_comes_first(self):
        question = Question.objects.published().filter(topics__reference="tp-eu-rules").last()
        question.title_en = "Changed?"
        with time_machine.travel("2030-01-01T00:00:00Z", tick=False):
            question.save()
        assert entries("/en/questions/feed/?topic=tp-eu-rules")[0][0] == "Changed?"
        assert entries("/en/questions/feed/")[0][0] == "Changed?"

    @pytest.mark.parametrize("topic", ["nothing", "%00", "a" * 5000])
    def test_one_there_is_not_is_not_found(self, topic):
        assert Client().get(f"/en/questions/feed/?topic={topic}").status_code == 404


class TestSearch:
    def test_it_holds_what_the_search_finds(self):
        page = Client().get("/en/search/?q=police").content.decode()
        found = re.findall(r'<h2><a href="([^"]+)"', page)
        links = [
            link.removeprefix("http://testserver")
            for _t, link in entries("/en/search/feed/?q=police")
        ]
        assert links
        assert set(links) <= set(found)

    @pytest.mark.parametrize(
        "query", ["", "?q=", "?q=%3F", "?q=" + "a" * 300, "?q=%00", "?q=x&kind=x"]
    )
    def test_one_that_asks_nothing_is_refused(self, query):
        assert Client().get(f"/en/search/feed/{query}").status_code == 400

    def test_hostile_words_stay_words(self):
        feed = read("/en/search/feed/?q=%3Cscript%3E%26police%01")
        assert "<script>" in feed.find("a:title", ATOM).text


class TestDiscovery:
    @pytest.mark.parametrize(
        ("page", "feed"),
        [
            ("/en/", "/en/changes/feed/"),
            ("/en/statements/", "/en/statements/feed/"),
            ("/en/questions/", "/en/questions/feed/"),
            ("/en/questions/?topic=tp-eu-rules", "/en/questions/feed/?topic=tp-eu-rules"),
            ("/en/search/?q=police", "/en/search/feed/?q=police"),
            (
                "/en/laws/lu-code-penal/lu-cp-383bis/",
                "/en/changes/feed/?record=provision:lu-cp-383bis",
            ),
            ("/en/contacts/ct-police/", "/en/changes/feed/?record=contact:ct-police"),
        ],
    )
    def test_pages_name_theirs(self, page, feed):
        html = Client().get(page).content.decode()
        found = re.findall(r'type="application/atom\+xml"[^>]* href="([^"]+)"', html)
        assert found == [feed]
        read(feed)
