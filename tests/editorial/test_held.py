"""Nothing typed is lost when a session ends."""

import pytest
from django.test import Client

from articles.models import Contact
from tests.laws.test_admin import admin_url, filled_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def typed(editor_client):
    contact = Contact.objects.get(reference="ct-police")
    data = filled_in(editor_client.get(admin_url(contact)))
    return contact, data | {"summary_en": 'Typed <b>"long"</b>', "languages": ["fr", "de"]}


def hidden(page):
    """What the page that holds the form would send."""
    assert page.status_code == 403
    assert page.templates[0].name == "admin/held.html"
    data = {"_save": ""}
    for name, value in page.context["fields"]:
        data.setdefault(name, []).append(value) if name != "_save" else None
    return data


def test_a_form_sent_after_the_session_ended_comes_back_whole(editor_client, typed, settings):
    settings.FOUR_EYES = False
    contact, data = typed
    user = editor_client.session["_auth_user_id"]
    editor_client.logout()
    page = editor_client.post(admin_url(contact), data | {"_save": ""})
    assert "&lt;b&gt;&quot;long&quot;" in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    again = hidden(page)
    editor_client.force_login(type(contact)._meta.apps.get_model("auth.User").objects.get(pk=user))
    assert editor_client.post(admin_url(contact), again).status_code == 302
    contact.refresh_from_db()
    assert contact.summary_en == 'Typed <b>"long"</b>'
    assert contact.languages == ["fr", "de"]


def test_an_old_token_brings_the_form_back_with_a_new_one(editor_client, typed):
    contact, data = typed
    client = Client(enforce_csrf_checks=True)
    client.cookies = editor_client.cookies
    page = client.post(admin_url(contact), data | {"_save": ""})
    fields = hidden(page)
    assert fields["summary_en"] == ['Typed <b>"long"</b>']
    token = page.context["csrf_token"]
    again = client.post(admin_url(contact), fields | {"csrfmiddlewaretoken": str(token)})
    assert again.status_code == 302


def test_a_form_of_another_site_is_refused(editor_client, typed):
    contact, data = typed
    client = Client(enforce_csrf_checks=True, headers={"origin": "https://evil.example"})
    client.cookies = editor_client.cookies
    page = client.post(admin_url(contact), data | {"_save": ""})
    assert page.status_code == 403
    assert "Typed" not in page.content.decode()


def test_other_posts_without_a_session_lead_to_the_sign_in(client):
    contact = Contact.objects.get(reference="ct-police")
    assert client.post(admin_url(contact), {"name_fr": "x"}).status_code == 302
