"""What search engines, browsers and previews of links are told."""

import re

import pytest
from defusedxml import ElementTree
from django.test import Client

from articles.models import Contact, Question
from kb_site.editorial import history
from tests.pages import ADMIN_URL, as_it_stands
from tests.test_pages import LANGUAGES, address_of, override, reverse

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

ORIGIN = "http://testserver"
MAP = {
    "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "x": "http://www.w3.org/1999/xhtml",
}


@pytest.fixture
def places():
    """{address: {language: address}} of the site map."""
    tree = ElementTree.fromstring(Client().get("/sitemap.xml").content)
    return {
        url.find("s:loc", MAP).text: {
            link.get("hreflang"): link.get("href") for link in url.findall("x:link", MAP)
        }
        for url in tree
    }


class TestSiteMap:
    def test_it_holds_every_record_in_every_language_with_its_permalink_as_default(self, places):
        for kind in history.record_kinds():
            for record in kind.model.objects.published():
                addresses = {c: f"{ORIGIN}{address_of(record, c)}" for c in LANGUAGES}
                default = {"x-default": f"{ORIGIN}/r/{record.reference}"}
                for address in addresses.values():
                    assert places[address] == addresses | default

    def test_it_holds_the_other_pages(self, places):
        for language in LANGUAGES:
            with override(language):
                for name in ("home", "about", "citing:data", "articles:contact-list"):
                    assert ORIGIN + reverse(name) in places
        assert places[f"{ORIGIN}/fr/"]["x-default"] == f"{ORIGIN}/"

    def test_it_holds_only_pages_that_may_be_found(self, places):
        for address in places:
            if not re.search(r"/(questions|statements|contacts|laws)/.", address):
                response = as_it_stands(address.removeprefix(ORIGIN))
                assert response.status_code == 200, address
                assert b'content="noindex"' not in response.content, address

    def test_a_withdrawn_record_leaves_it(self):
        contact = Contact.objects.get(reference="ct-police")
        contact.status = "withdrawn"
        contact.save()
        assert b"ct-police" not in Client().get("/sitemap.xml").content


class TestHead:
    def test_a_record_names_its_canonical_address_and_its_default(self):
        html = Client().get("/en/contacts/ct-police/?utm=x").content.decode()
        assert f'<link rel="canonical" href="{ORIGIN}/en/contacts/ct-police/">' in html
        assert f'hreflang="x-default" href="{ORIGIN}/r/ct-police"' in html

    def test_a_list_keeps_what_tells_its_pages_apart(self):
        html = Client().get("/en/questions/?topic=tp-eu-rules&x=y").content.decode()
        assert f'"canonical" href="{ORIGIN}/en/questions/?topic=tp-eu-rules"' in html

    def test_an_answer_is_described_by_its_short_answer(self):
        question = Question.objects.get(reference="q-school")
        html = Client().get(address_of(question, "en")).content.decode()
        [description] = re.findall('name="description" content="([^"]*)"', html)
        assert description[:10] == question.short_answer_en[:10]
        assert len(description) <= 1300

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_preview_of_a_link_says_nothing_of_the_subject(self, language):
        previews = set()
        for record in (*Question.objects.published(), *Contact.objects.published()):
            html = as_it_stands(address_of(record, language)).content.decode()
            previews.add(tuple(re.findall('property="og:[a-z]+" content="([^"]*)"', html)))
        [(title, description)] = previews
        assert title == "Repères"
        assert not re.search("image|abus|IA|AI|sex|nu", description)


class TestFiles:
    def test_robots(self):
        response = Client().get("/robots.txt")
        assert response["Content-Type"].startswith("text/plain")
        assert f"Sitemap: {ORIGIN}/sitemap.xml" in response.content.decode()
        assert "Disallow: /accounts/" in response.content.decode()
        assert ADMIN_URL not in response.content.decode()

    def test_there_is_no_security_txt_until_somebody_answers(self, settings):
        settings.SECURITY_CONTACT = ""
        assert Client().get("/.well-known/security.txt").status_code == 404
        settings.SECURITY_CONTACT = "mailto:someone@example.org"
        text = Client().get("/.well-known/security.txt").content.decode()
        assert "Contact: mailto:someone@example.org" in text
        assert re.search(r"^Expires: \d{4}-\d\d-\d\dT00:00:00Z$", text, re.MULTILINE)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_browsers_may_search_from_their_address_bar(self, language):
        response = Client().get(f"/{language}/opensearch.xml")
        root = ElementTree.fromstring(response.content)
        templates = [node.get("template") for node in root.iter() if node.get("template")]
        assert f"{ORIGIN}/{language}/search/?q={{searchTerms}}" in templates
        for template in templates:
            path = template.removeprefix(ORIGIN).replace("{searchTerms}", "police")
            assert Client().get(path).status_code == 200
