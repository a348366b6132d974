"""For each text, whether it still says what the other language says."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from articles.models import Claim, Contact, Question
from kb_site.editorial import history, translations
from kb_site.editorial.models import Translation
from kb_site.search import updates
from laws.models import Penalty, Provision, ProvisionVersion

pytestmark = pytest.mark.django_db


def page_of(record, language):
    with override(language):
        return Client().get(record.get_absolute_url()).content.decode()


def outdated():
    return {
        (t.reference, t.field, t.language) for t in Translation.objects.filter(is_outdated=True)
    }


def test_a_text_that_changes_leaves_exactly_the_other_language_out_of_date():
    contact = Contact.objects.get(reference="ct-police")
    contact.summary_fr = "Un autre résumé."
    contact.save()
    assert outdated() == {("ct-police", "summary", "en")}
    assert "The French text here has changed since" in page_of(contact, "en")
    assert 'class="translation"' not in page_of(contact, "fr")


def test_and_the_reverse():
    contact = Contact.objects.get(reference="ct-police")
    contact.summary_en = "Another summary."
    contact.save()
    assert outdated() == {("ct-police", "summary", "fr")}
    assert 'class="translation"' in page_of(contact, "fr")


def test_both_changed_together_are_current():
    contact = Contact.objects.get(reference="ct-police")
    contact.summary_fr, contact.summary_en = "Un autre résumé.", "Another summary."
    contact.save()
    assert outdated() == set()


def test_a_translation_changed_later_is_current_again():
    contact = Contact.objects.get(reference="ct-police")
    contact.summary_fr = "Un autre résumé."
    contact.save()
    contact.summary_en = "Another summary."
    contact.save()
    # It caught up: it does not leave the French behind in turn.
    assert outdated() == set()
    contact.summary_en = "And a third one."
    contact.save()
    assert outdated() == {("ct-police", "summary", "fr")}


def test_a_slip_of_the_pen_leaves_nothing_out_of_date():
    contact = Contact.objects.get(reference="ct-police")
    with history.change(is_editorial=True):
        contact.summary_fr += "."
        contact.save()
    assert outdated() == set()


def test_other_ways_to_ask_and_addresses_are_no_translations():
    question = Question.objects.get(reference="q-school")
    question.also_asked_fr = "autrement"
    question.slug_fr = "autre-adresse"
    question.save()
    assert outdated() == set()


def test_a_claim_is_marked_by_itself():
    question = Question.objects.get(reference="q-creation-offence")
    claim = question.claims.get(order=2)
    claim.text_fr = "Autre texte."
    claim.save()
    state = Translation.objects.get(is_outdated=True)
    assert (state.part, state.field, state.language) == (f"claims:{claim.pk}", "text", "en")
    page = page_of(question, "en")
    assert page.count('class="translation"') == 1
    claim_html = page[page.index('id="claim-2"') : page.index('id="claim-3"')]
    assert 'class="translation"' in claim_html


def test_what_was_out_of_date_on_a_day_is_so_on_the_page_of_that_day(monkeypatch):
    question = Question.objects.get(reference="q-creation-offence")
    claim = Claim.objects.get(question=question, order=2)
    claim.text_fr = "Autre texte."
    claim.save()
    past = history.Past(history.standing("question:q-creation-offence").at)
    claim.text_en = "Another text."
    claim.save()
    record = past.get("question", question.reference)
    translations.attach(record, "en", past.moment)
    assert record.claims.all()[1].outdated == {"text"}


def test_a_machine_s_text_says_so_until_somebody_has_read_it(django_user_model):
    contact = Contact.objects.get(reference="ct-police")
    with history.change(by_machine=True):
        contact.summary_fr, contact.summary_en = "Résumé.", "Summary."
        contact.save()
    assert "Translated by a machine" in page_of(contact, "en")
    state = Translation.objects.get(reference="ct-police", field="summary", language="en")
    nobody = django_user_model.objects.create_user("ada")
    with pytest.raises(PermissionDenied):
        translations.review(state, nobody)
    translations.review(state, django_user_model.objects.create_superuser("rosa"))
    assert "Translated by a machine" not in page_of(contact, "en")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_language_has_a_page_of_what_it_lacks(editor_client, language):
    other = "en" if language == "fr" else "fr"
    contact = Contact.objects.get(reference="ct-police")
    setattr(contact, f"summary_{other}", "Something else is said here now.")
    contact.save()
    okaju = Contact.objects.get(reference="ct-okaju")
    setattr(okaju, f"how_{language}", "")
    setattr(okaju, f"how_{other}", "How it works, in one language only.")
    okaju.save()
    provision = Provision.objects.get(reference="lu-cp-383bis")
    version = provision.versions.get(number=2)
    setattr(version, f"summary_{other}", "A summary that moved on.")
    version.save()
    address = reverse("admin:editorial_translation_changelist") + f"?language={language}"
    page = editor_client.get(address)
    text = page.content.decode()
    assert "Something else" in text
    assert "How it works, in one language only." in text
    assert "A summary that moved on." in text
    assert [row.record.reference for row in page.context["missing"]] == ["ct-okaju"]
    state = Translation.objects.get(reference="ct-police", language=language)
    assert editor_client.post(address, {"state": state.pk}).status_code == 302
    state.refresh_from_db()
    assert not state.is_outdated
    assert state.reviewed_by.username == "editor"


def test_the_page_asks_as_little_of_many_texts_as_of_a_few():
    def cost():
        with CaptureQueriesContext(connection) as queries:
            texts = [*translations.missing("en"), *translations.to_care_for("en")]
            assert all(f"{text.record} {text.part}" for text in texts)
        return len(queries), len(texts)

    def change(count):
        """Texts of so many rows leave the other language behind, and some have no other."""
        with updates.paused():
            for model, changed, emptied in [
                (Contact, "summary", "how"),
                (Claim, "text", None),
                (ProvisionVersion, "summary", "note"),
                (Penalty, "label", None),
            ]:
                for row in model.objects.order_by("pk")[:count]:
                    setattr(row, f"{changed}_fr", f"{count} texts have changed.")
                    if emptied:
                        setattr(row, f"{emptied}_fr", f"{count} texts have changed.")
                        setattr(row, f"{emptied}_en", "")
                    row.save()

    change(1)
    little, few = cost()
    change(6)
    much, many = cost()
    assert many >= few + 15
    assert much == little


@pytest.mark.parametrize("query", ["?language=xx", "?language="])
def test_a_language_the_site_does_not_speak_has_no_page(editor_client, query):
    address = reverse("admin:editorial_translation_changelist")
    assert editor_client.get(address + query).status_code == 404
    assert editor_client.post(address, {"state": "x"}).status_code == 404


def test_an_unofficial_rendering_of_luxembourg_law_says_so():
    provision = Provision.objects.get(reference="lu-cp-383bis")
    assert "only the official text in French is authentic" in page_of(provision, "en")
    assert "unofficial" not in page_of(provision, "fr").lower()
    assert "Une version non officielle" not in page_of(provision, "fr")
