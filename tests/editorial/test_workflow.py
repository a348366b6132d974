"""How a change reaches readers: written by one person, approved by another."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from articles.models import Claim, Contact, Question
from kb_site.editorial import history, previews, workflow
from kb_site.editorial.models import PendingRevision, ReviewTask, Revision
from kb_site.links.models import LinkCheck
from laws.models import Provision
from tests.laws.test_admin import add_row, admin_url, filled_in, messages_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def four_eyes(settings):
    settings.FOUR_EYES = True
    settings.REQUIRE_MFA = False


def somebody(django_user_model, name, *permissions):
    """A client signed in as staff who may edit content, and has these permissions besides."""
    user = django_user_model.objects.create_user(name, f"{name}@example.org", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=["laws", "articles"])
        | Permission.objects.filter(codename__in=permissions)
    )
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    client.user = user
    return client


@pytest.fixture
def editor(django_user_model):
    return somebody(django_user_model, "ada")


@pytest.fixture
def reviewer(django_user_model):
    return somebody(django_user_model, "rosa", "publish_record", "close_reviewtask")


@pytest.fixture
def provision():
    return Provision.objects.get(reference="lu-cp-383bis")


def action(record, name):
    options = record._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{name}", args=[record.pk])


def submit(client, record, **values):
    """Changes fields in a record's form; returns the response."""
    data = filled_in(client.get(admin_url(record))) | values
    return client.post(admin_url(record), data)


def page_of(record, language="en"):
    with override(language):
        return Client().get(record.get_absolute_url()).content.decode()


def test_a_change_of_a_published_record_waits_until_somebody_else_approves_it(
    editor, reviewer, provision
):
    summary = "A new summary, written by an editor."
    response = submit(editor, provision, **{"versions-0-summary_en": summary})
    assert response.status_code == 302, messages_of(response)
    assert summary not in page_of(provision)
    assert not ReviewTask.objects.exists()
    pending = PendingRevision.objects.get()
    assert (pending.key, pending.by) == ("provision:lu-cp-383bis", editor.user)

    form = reviewer.get(admin_url(provision)).content.decode()
    assert "A change waits for approval" in form
    assert summary in form

    refused = editor.post(action(provision, "approve"), follow=True)
    assert "rights of a reviewer" in refused.content.decode()
    assert summary not in page_of(provision)

    reviewer.post(action(provision, "approve"))
    assert summary in page_of(provision)
    assert not PendingRevision.objects.exists()
    revision = history.standing("provision:lu-cp-383bis")
    assert (revision.by, revision.approved_by) == (editor.user, reviewer.user)
    assert revision.reason == "A change made by a test."
    flagged = set(ReviewTask.objects.values_list("target_id", flat=True))
    assert flagged == set(Claim.objects.citing(provision).values_list("pk", flat=True))


def test_a_reviewer_does_not_approve_their_own_change(reviewer, provision):
    submit(reviewer, provision, **{"versions-0-summary_en": "My own words."})
    refused = reviewer.post(action(provision, "approve"), follow=True)
    assert "Somebody else must read" in refused.content.decode()
    assert "My own words." not in page_of(provision)


def test_a_desk_of_one_person_saves_at_once(reviewer, provision, settings):
    settings.FOUR_EYES = False
    submit(reviewer, provision, **{"versions-0-summary_en": "At once."})
    assert "At once." in page_of(provision)
    assert not PendingRevision.objects.exists()


def test_nobody_publishes_what_they_changed_last(editor, reviewer, provision):
    question = Question.objects.get(reference="q-school")
    with history.change(user=reviewer.user):
        question.status = "in_review"
        question.save()
    refused = submit(reviewer, question, status="published")
    assert "Somebody else must read" in messages_of(refused)
    refused = submit(editor, question, status="published")
    assert "rights of a reviewer" in messages_of(refused)
    with history.change(user=editor.user):
        question.title_en = "Changed by an editor?"
        question.save()
    refused = submit(reviewer, question, status="published", title_en="And changed again?")
    assert "Somebody else must read" in messages_of(refused)
    assert submit(reviewer, question, status="published").status_code == 302
    question.refresh_from_db()
    assert question.is_published


def test_the_form_shows_what_waits_and_a_second_save_builds_on_it(editor, provision):
    submit(editor, provision, **{"versions-0-summary_en": "First words."})
    form = filled_in(editor.get(admin_url(provision)))
    assert form["versions-0-summary_en"] == "First words."
    form["versions-0-note_en"] = "And a note."
    assert editor.post(admin_url(provision), form).status_code == 302
    version = PendingRevision.objects.get().data["versions"][1]
    assert (version["summary_en"], version["note_en"]) == ("First words.", "And a note.")
    provision.refresh_from_db()
    assert provision.versions.get(number=2).summary_en != "First words."


def test_a_version_added_waits_with_its_provision(editor, reviewer, provision):
    data = filled_in(editor.get(admin_url(provision)))
    data["versions-0-applies_until"] = "2026-12-31"
    add_row(
        data,
        "versions",
        number=3,
        applies_from="2027-01-01",
        summary_fr="Nouveau.",
        summary_en="New.",
    )
    assert editor.post(admin_url(provision), data).status_code == 302
    assert provision.versions.count() == 2
    data = filled_in(editor.get(admin_url(provision)))
    assert data["versions-0-number"] == 3
    data["versions-0-summary_en"] = "Newer."
    page = editor.post(admin_url(provision), data)
    assert page.status_code == 302, messages_of(page)
    reviewer.post(action(provision, "approve"))
    assert provision.versions.get(number=3).summary_en == "Newer."
    assert provision.versions.get(number=2).penalties.exists()
    reasons = set(ReviewTask.objects.values_list("reason", flat=True))
    assert reasons == {ReviewTask.Reason.VERSION_ADDED}


def test_claims_may_be_added_removed_and_exchanged_while_readers_see_the_old_answer(
    editor, reviewer
):
    question = Question.objects.get(reference="q-creation-offence")
    before = [claim.text_en for claim in question.claims.all()]
    data = filled_in(editor.get(admin_url(question)))
    data["claims-0-order"], data["claims-1-order"] = 2, 1
    data["claims-5-DELETE"] = "on"
    assert editor.post(admin_url(question), data).status_code == 302
    assert [claim.text_en for claim in question.claims.all()] == before
    reviewer.post(action(question, "approve"))
    after = [claim.text_en for claim in question.claims.all()]
    assert after == [before[1], before[0], *before[2:5]]
    assert [c.reference for c in question.claims.get(order=2).provisions.all()] == ["lu-cp-383bis"]


def test_what_waits_may_be_sent_back_and_discarded(editor, reviewer, provision):
    submit(editor, provision, **{"versions-0-summary_en": "Not good enough."})
    reviewer.post(action(provision, "send_back"), {"word": "Name the article."})
    assert "Name the article." in editor.get(admin_url(provision)).content.decode()
    editor.post(action(provision, "discard"))
    assert not PendingRevision.objects.exists()
    assert "Not good enough." not in page_of(provision)


def test_a_change_typed_back_leaves_nothing_waiting(editor, provision):
    before = provision.versions.get(number=2).summary_en
    submit(editor, provision, **{"versions-0-summary_en": "Another."})
    submit(editor, provision, **{"versions-0-summary_en": before})
    assert not PendingRevision.objects.exists()


def test_a_reason_is_asked_for_before_anything_waits(editor, provision):
    response = submit(
        editor, provision, change_reason="", **{"versions-0-summary_en": "No reason."}
    )
    assert "change_reason" in response.context["adminform"].form.errors
    assert not PendingRevision.objects.exists()


def test_approval_is_refused_when_the_record_has_changed_meanwhile(editor, reviewer):
    contact = Contact.objects.get(reference="ct-police")
    submit(editor, contact, summary_en="Waiting words.")
    contact.phone = "113"
    contact.email = "other@example.org"
    contact.save()
    refused = reviewer.post(action(contact, "approve"), follow=True)
    assert "has changed since this was written" in refused.content.decode()
    contact.refresh_from_db()
    assert contact.email == "other@example.org"


def test_withdrawing_a_published_record_waits_too(editor, reviewer):
    contact = Contact.objects.get(reference="ct-okaju")
    submit(editor, contact, status="withdrawn")
    assert Contact.objects.published().filter(pk=contact.pk).exists()
    reviewer.post(action(contact, "approve"))
    assert not Contact.objects.published().filter(pk=contact.pk).exists()


# Two editors at once


def test_the_second_save_of_a_stale_form_is_refused_with_both_texts(editor, reviewer):
    contact = Contact.objects.get(reference="ct-police")
    first = filled_in(editor.get(admin_url(contact)))
    second = filled_in(reviewer.get(admin_url(contact)))
    assert editor.post(admin_url(contact), first | {"summary_en": "Ada's."}).status_code == 302
    refused = reviewer.post(admin_url(contact), second | {"summary_en": "Rosa's."})
    assert refused.status_code == 200
    page = refused.content.decode()
    assert "Somebody else has saved this record" in page
    assert "Ada&#x27;s." in page
    assert "Rosa&#x27;s." in page
    assert PendingRevision.objects.get().data["summary_en"] == "Ada's."
    again = filled_in(refused)
    assert reviewer.post(admin_url(contact), again).status_code == 302
    assert PendingRevision.objects.get().data["summary_en"] == "Rosa's."


# One click


def test_verifying_takes_one_click_and_reaches_readers_at_once(editor):
    contact = Contact.objects.get(reference="ct-police")
    Contact.objects.filter(pk=contact.pk).update(verified_on="2026-01-01")
    editor.post(action(contact, "verify"), {"verified_url": "https://police.public.lu/"})
    contact.refresh_from_db()
    assert contact.verified_by == "ada"
    assert contact.verified_url == "https://police.public.lu/"
    assert str(contact.verified_on) != "2026-01-01"
    assert not ReviewTask.objects.exists()
    refused = editor.post(action(contact, "verify"), {"verified_url": "no address"}, follow=True)
    assert "valid URL" in refused.content.decode()


def test_an_earlier_state_is_restored_as_a_new_revision(editor, reviewer):
    contact = Contact.objects.get(reference="ct-police")
    before = contact.summary_en
    contact.summary_en = "Worse."
    contact.save()
    editor.post(action(contact, "restore"), {"number": "1"})
    assert contact.summary_en in page_of(contact)
    reviewer.post(action(contact, "approve"))
    contact.refresh_from_db()
    assert contact.summary_en == before
    assert Revision.objects.filter(reference="ct-police").count() == 3


@pytest.mark.parametrize("number", ["", "0", "99", "x", "-1", "9" * 30])
def test_restoring_what_never_was_says_so(editor, number):
    contact = Contact.objects.get(reference="ct-police")
    response = editor.post(action(contact, "restore"), {"number": number}, follow=True)
    assert "no such revision" in response.content.decode()


@pytest.mark.parametrize("name", ["approve", "send_back", "discard", "verify", "restore"])
def test_actions_answer_to_posts_by_editors_only(editor, client, name):
    contact = Contact.objects.get(reference="ct-police")
    assert editor.get(action(contact, name)).status_code == 404
    assert client.post(action(contact, name)).status_code == 302
    assert editor.post(action(contact, name)).status_code == 302  # nothing waits: no error


# Previews


def test_a_preview_shows_what_waits_in_both_languages_without_an_account(editor, provision, client):
    submit(editor, provision, **{"versions-0-summary_en": "As it will be."})
    for language, address in previews.addresses(provision):
        response = client.get(address)
        assert response.status_code == 200
        assert response["X-Robots-Tag"] == "noindex"
        assert "no-store" in response["Cache-Control"]
        assert not response.cookies
        assert ("As it will be." in response.content.decode()) == (language == "en")
    assert "As it will be." not in page_of(provision)


@pytest.mark.parametrize("kind", ["question", "statement", "contact", "provision", "act"])
def test_every_kind_of_draft_has_a_preview(kind, client):
    model = history.kinds[kind].model
    record = model.objects.published().order_by("reference").first()
    with history.change(is_editorial=True):
        record.status = "draft"
        record.save()
    for _language, address in previews.addresses(record):
        page = client.get(address)
        assert page.status_code == 200
        assert "A preview" in page.content.decode() or "aperçu" in page.content.decode()


def test_an_empty_draft_has_a_preview(client):
    question = Question.objects.create(reference="q-empty", title_fr="Rien ?")
    for _language, address in previews.addresses(question):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(("day", "status"), [("soon", 400), ("9999-12-31", 404)])
def test_a_preview_asked_for_a_day_that_is_none_says_so(client, question, day, status):
    address = dict(previews.addresses(question))["en"]
    response = client.get(address, {"as_of": day})
    assert response.status_code == status
    assert b"<h1" in response.content
    assert "noindex" in response["X-Robots-Tag"]


def test_a_preview_expires_and_a_forged_one_is_none(client, monkeypatch):
    contact = Contact.objects.get(reference="ct-police")
    address = dict(previews.addresses(contact))["en"]
    monkeypatch.setattr(previews, "MAX_AGE", -1)
    expired = client.get(address)
    assert expired.status_code == 410
    assert "expired" in expired.content.decode()
    assert client.get(address[:-2] + "x/").status_code == 404
    assert client.get("/en/changes/preview/x/").status_code == 404


def test_restoring_a_state_is_exact(provision):
    state = history.state_of(provision)
    workflow.restore(provision, state)
    assert history.state_of(Provision.objects.get(pk=provision.pk)) == state
    question = Question.objects.get(reference="q-creation-offence")
    state = history.state_of(question)
    workflow.restore(question, state)
    assert history.state_of(Question.objects.get(pk=question.pk)) == state


def test_what_a_state_cites_is_looked_up_once_not_once_a_claim():
    question = Question.objects.get(reference="q-creation-offence")
    state = history.state_of(question)
    assert sum(bool(claim["provisions"]) for claim in state["claims"]) > 1
    with workflow.quietly(), CaptureQueriesContext(connection) as queries:
        workflow.restore(question, state)
    by_reference = re.compile(r'SELECT .*"laws_provision"\."reference" IN')
    assert len([query for query in queries if by_reference.match(query["sql"])]) == 1


# Withdrawn, and what stands in the way


def test_a_withdrawn_page_says_so_and_why_and_nothing_of_what_it_said(editor, reviewer, client):
    question = Question.objects.get(reference="q-school")
    submit(editor, question, status="withdrawn", change_reason="The advice was wrong.")
    reviewer.post(action(question, "approve"))
    for language in ("fr", "en"):
        with override(language):
            page = client.get(question.get_absolute_url())
        assert page.status_code == 410
        assert page["X-Robots-Tag"] == "noindex"
        text = page.content.decode()
        assert "The advice was wrong." in text
        assert getattr(question, f"title_{language}") not in text


def test_a_draft_that_readers_never_had_has_no_page_at_all(client):
    question = Question.objects.create(
        reference="q-new", title_fr="Quoi ?", slug_fr="quoi", status="withdrawn"
    )
    with override("fr"):
        assert client.get(question.get_absolute_url()).status_code == 404


def test_what_stands_in_the_way_of_publication_is_beside_the_buttons(editor):
    question = Question.objects.create(reference="q-new", title_fr="Quoi ?")
    page = editor.get(admin_url(question)).content.decode()
    assert "What stands in the way of publication" in page
    assert 'href="#id_title_en"' in page
    assert 'id="id_title_en"' in page


def test_links_that_need_care_are_shown_in_their_record_s_form(editor):
    contact = Contact.objects.get(reference="ct-police")
    for reference, url in [
        ("ct-police", "https://gone.example/"),
        ("ct-kjt", "https://x.example/"),
    ]:
        LinkCheck.objects.create(
            url=url, status=LinkCheck.Status.BROKEN, places=[[f"contact:{reference}", "url_fr"]]
        )
    page = editor.get(admin_url(contact)).content.decode()
    assert "https://gone.example/" in page
    assert "https://x.example/" not in page
