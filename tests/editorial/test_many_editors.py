"""Several editors save at once: nothing is lost without a word, and the history tells all."""

import random
import threading

import pytest
from django.db import connection
from django.test import Client

from articles.models import Contact
from kb_site.editorial import history
from kb_site.editorial.admin import Work
from kb_site.editorial.models import Revision
from tests.laws.test_admin import admin_url, filled_in

SESSIONS, SAVES = 4, 50
REFERENCES = ["ct-police", "ct-kjt", "ct-112"]


def seen_now(reference):
    """What a form names the state by that it shows; to draw the form takes as long as a save."""
    return Work(standing=history.standing(f"contact:{reference}")).seen


def work(number, user, saved, refused, errors):
    """Saves many times as one session, sometimes from a form opened a while ago."""
    chance = random.Random(number)  # noqa: S311
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    contacts = {contact.reference: contact for contact in Contact.objects.all()}
    drawn, opened = {}, {}
    try:
        for turn in range(SAVES):
            contact = contacts[chance.choice(REFERENCES)]
            if contact.reference not in drawn:
                drawn[contact.reference] = filled_in(client.get(admin_url(contact)))
            if contact.reference not in opened or chance.random() < 0.7:
                seen = {"seen": seen_now(contact.reference)}
                opened[contact.reference] = drawn[contact.reference] | seen
            text = f"Session {number}, turn {turn}."
            data = opened[contact.reference] | {"summary_en": text}
            response = client.post(admin_url(contact), data)
            if response.status_code == 302:
                saved.append((contact.reference, text))
                del opened[contact.reference]
            else:
                assert "Somebody else has saved this record" in response.content.decode()
                refused.append(text)
                opened[contact.reference] = filled_in(response)
    except Exception as error:
        errors.append(error)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_hundred_saves_by_four_sessions(live_content, django_user_model, settings):
    settings.FOUR_EYES = False
    # Writing an entry takes it the least time.
    settings.SEARCH_ENGINE = "database"
    users = [
        django_user_model.objects.create_superuser(f"editor-{n}", f"{n}@example.org")
        for n in range(SESSIONS)
    ]
    saved, refused, errors = [], [], []
    threads = [
        threading.Thread(target=work, args=(n, user, saved, refused, errors))
        for n, user in enumerate(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert errors == []
    assert len(saved) + len(refused) == SESSIONS * SAVES
    assert refused, "no two sessions met: the test tests nothing"
    for reference in REFERENCES:
        revisions = Revision.objects.filter(kind="contact", reference=reference).order_by("number")
        texts = [revision.data["summary_en"] for revision in revisions][1:]
        # Each accepted save is one revision, none twice, and the last one stands.
        assert sorted(texts) == sorted(text for ref, text in saved if ref == reference)
        assert Contact.objects.get(reference=reference).summary_en == (texts or [None])[-1]
        assert [r.number for r in revisions] == list(range(1, len(revisions) + 1))
        assert not set(texts) & set(refused)
