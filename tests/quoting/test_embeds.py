"""Small pages that other sites may show in a frame."""

import pytest
from django.test import Client

from articles.models import Contact, Question
from tests.test_pages import address_of, read

pytestmark = pytest.mark.django_db


def get(path, **headers):
    return Client(headers=headers).get(path)


class TestEmbed:
    @pytest.mark.parametrize("language", ["fr", "en"])
    @pytest.mark.parametrize("model", [Contact, Question])
    def test_there_is_one_of_every_contact_and_answer(self, model, language):
        for record in model.objects.published():
            page = read(f"/{language}/embed/{record.reference}/")
            assert len(page.tree.all("h1")) == 1
            assert not page.tree.all("script")
            assert page.tree.all("title")[0].text == "Repères"
            [link] = page.tree.all("a", target="_blank")
            assert link.attrs["href"] == f"http://testserver/r/{record.reference}"
            assert link.attrs["rel"] == "noopener"

    def test_only_it_may_be_framed(self):
        framed = get("/en/embed/ct-police/")
        assert "frame-ancestors *" in framed["Content-Security-Policy"]
        assert "default-src 'none'" in framed["Content-Security-Policy"]
        assert "X-Frame-Options" not in framed
        for path in ("/en/contacts/ct-police/", "/en/cite/ct-police/", "/en/data/"):
            page = get(path)
            assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
            assert page["X-Frame-Options"] == "DENY"

    def test_it_is_as_the_record_is_now(self):
        Contact.objects.filter(reference="ct-police").update(phone="12 34 56")
        assert "12 34 56" in read("/en/embed/ct-police/").main.text

    def test_the_language_is_asked_for_or_the_browser_s(self):
        assert get("/embed/ct-police?lang=fr")["Location"] == "/fr/embed/ct-police/"
        french = get("/embed/ct-police", **{"accept-language": "fr"})
        assert french["Location"] == "/fr/embed/ct-police/"
        assert get("/embed/ct-police?lang=xx", **{"accept-language": "en"}).status_code == 302

    def test_a_kind_without_one_and_what_does_not_exist_are_not_found(self):
        for reference in ("st-creation-is-offence", "lu-cp-383bis", "nothing"):
            assert get(f"/en/embed/{reference}/").status_code == 404

    def test_a_withdrawn_one_says_so_inside_the_frame(self):
        contact = Contact.objects.get(reference="ct-police")
        contact.status = "withdrawn"
        contact.save()
        response = get("/en/embed/ct-police/")
        assert response.status_code == 410
        assert "frame-ancestors *" in response["Content-Security-Policy"]
        assert contact.name_en not in response.content.decode()

    def test_it_sends_search_engines_to_the_page(self):
        contact = Contact.objects.get(reference="ct-police")
        response = get("/en/embed/ct-police/")
        assert f'{address_of(contact, "en")}>; rel="canonical"' in response["Link"]
        assert response["X-Robots-Tag"] == "noindex"
