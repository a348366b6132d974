"""How an editor keeps the answers; then what holds for every page of the admin."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.models import Claim, Contact, Question, Statement, Topic
from kb_site.editorial import reviews
from kb_site.editorial.models import ReviewTask, Translation
from kb_site.links.models import LinkCheck
from kb_site.reports.models import ErrorReport
from kb_site.search.models import SearchCount
from laws.models import OfficialText, Provision, Publication
from tests.laws.test_admin import add_row, admin_url, filled_in, messages_of
from tests.pages import ADMIN_URL

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(question):
    """The same question, not published yet."""
    Question.objects.filter(pk=question.pk).update(status="draft")
    return Question.objects.get(pk=question.pk)


def claim_form(page, row):
    return page.context["inline_admin_formsets"][0].formset.forms[row]


def question_form(page):
    return page.context["adminform"].form


def refusal(editor, question, **changes):
    """Posts the question's form with these changes; returns the page that refuses them."""
    data = filled_in(editor.get(admin_url(question)))
    for name, value in changes.items():
        data[name.replace("__", "-")] = value
    page = editor.post(admin_url(question), data)
    assert page.status_code == 200, "The form was accepted."
    return page


def saved(editor, question, data):
    page = editor.post(admin_url(question), data)
    assert page.status_code == 302, messages_of(page)
    question.refresh_from_db()


# A question and its claims, in one form


def test_a_form_saved_untouched_changes_nothing(editor, question):
    before = list(question.claims.order_by("order").values())
    texts = Question.objects.filter(pk=question.pk).values("title_fr", "also_asked_en", "slug_fr")
    texts_before = texts.get()
    saved(editor, question, filled_in(editor.get(admin_url(question))))
    assert list(question.claims.order_by("order").values()) == before
    assert texts.get() == texts_before
    assert question.claims.get(order=3).provisions.count() == 2


def test_adding_a_claim(editor, question):
    data = filled_in(editor.get(admin_url(question)))
    add_row(
        data,
        "claims",
        order=7,
        basis="law",
        text_fr="La loi le dit.",
        text_en="The law says so.",
        provisions=[Provision.objects.get(reference="lu-cp-384").pk],
    )
    saved(editor, question, data)
    claim = question.claims.get(order=7)
    assert (claim.text_fr, claim.text_en) == ("La loi le dit.", "The law says so.")
    assert [provision.reference for provision in claim.provisions.all()] == ["lu-cp-384"]


def test_new_claims_left_in_the_place_the_form_offers_come_last(editor, question):
    page = editor.get(admin_url(question))
    place = page.context["inline_admin_formsets"][0].formset.empty_form["order"].value()
    data = filled_in(page)
    for words in ("One.", "Two."):
        new = {"order": place or "", "basis": "advice", "text_fr": "Mots.", "text_en": words}
        add_row(data, "claims", **new)
    saved(editor, question, data)
    assert question.claims.get(order=7).text_en == "One."
    assert question.claims.get(order=8).text_en == "Two."


def test_a_place_already_taken_is_refused_with_a_message(editor, question):
    data = filled_in(editor.get(admin_url(question)))
    add_row(data, "claims", order=1, basis="advice", text_fr="Un conseil.", text_en="Advice.")
    page = editor.post(admin_url(question), data)
    assert page.status_code == 200
    assert messages_of(page)
    assert question.claims.count() == 6


def test_two_claims_swap_places(editor, question):
    first, second = (question.claims.get(order=order) for order in (1, 2))
    data = filled_in(editor.get(admin_url(question)))
    data["claims-0-order"], data["claims-1-order"] = 2, 1
    saved(editor, question, data)
    assert question.claims.get(order=1) == second
    assert question.claims.get(order=2) == first


def test_a_claim_takes_the_place_of_the_one_deleted_with_it(editor, question):
    second = question.claims.get(order=2)
    data = filled_in(editor.get(admin_url(question)))
    data["claims-0-DELETE"] = "on"
    data["claims-1-order"] = 1
    saved(editor, question, data)
    assert question.claims.get(order=1) == second
    assert question.claims.count() == 5


def test_a_new_claim_pushes_the_others_down(editor, question):
    former = [question.claims.get(order=order) for order in range(1, 7)]
    data = filled_in(editor.get(admin_url(question)))
    for row in range(6):
        data[f"claims-{row}-order"] = row + 2
    add_row(data, "claims", order=1, basis="advice", text_fr="Un conseil.", text_en="Advice.")
    saved(editor, question, data)
    assert question.claims.get(order=1).text_en == "Advice."
    assert [question.claims.get(order=order) for order in range(2, 8)] == former


def test_a_changed_slug_keeps_the_former_address(editor, question):
    data = filled_in(editor.get(admin_url(question)))
    data["slug_fr"] = "nouvelle-adresse"
    saved(editor, question, data)
    answer = Client().get("/fr/questions/creer-est-deja-un-delit/")
    assert answer["Location"] == "/fr/questions/nouvelle-adresse/"


# Publication


def test_a_complete_draft_is_published_in_one_save_with_its_new_claims(editor, draft):
    draft.claims.all().delete()
    data = filled_in(editor.get(admin_url(draft)))
    data["status"] = "published"
    add_row(
        data,
        "claims",
        order=1,
        basis="statement",
        text_fr="Elle le dit.",
        text_en="She says so.",
        statements=[Statement.objects.get(reference="st-creation-is-offence").pk],
    )
    saved(editor, draft, data)
    assert draft.status == "published"
    assert draft.claims.get().statements.count() == 1
    assert Client().get(draft.get_absolute_url()).status_code == 200


def test_a_new_question_is_published_in_its_first_save(editor):
    data = filled_in(editor.get(admin_url(Question, "add")))
    data |= {
        "reference": "q-new",
        "title_fr": "Une nouvelle question ?",
        "title_en": "A new question?",
        "short_answer_fr": "Oui.",
        "short_answer_en": "Yes.",
        "slug_fr": "nouvelle-question",
        "slug_en": "new-question",
        "status": "published",
        "confidence": "confirmed",
    }
    add_row(data, "claims", order=1, basis="advice", text_fr="Un conseil.", text_en="Advice.")
    page = editor.post(admin_url(Question, "add"), data)
    assert page.status_code == 302, messages_of(page)
    question = Question.objects.get(reference="q-new")
    assert question.status == "published"
    assert "Advice." in Client().get("/en/questions/new-question/").content.decode()


LACKS = {
    "a-provision": ({"claims__0__provisions": []}, 0, "provisions", "at least one provision"),
    "a-statement": ({"claims__3__statements": []}, 3, "statements", "at least one statement"),
    "English-text": ({"claims__4__text_en": ""}, 4, "text_en", "both languages"),
    "French-text": ({"claims__4__text_fr": " "}, 4, "text_fr", "required"),
    "English-title": ({"title_en": ""}, None, "title_en", "both languages"),
    "French-title": ({"title_fr": ""}, None, "title_fr", "required"),
    "English-short-answer": ({"short_answer_en": ""}, None, "short_answer_en", "both languages"),
    "French-short-answer": ({"short_answer_fr": ""}, None, "short_answer_fr", "required"),
    "English-address": ({"slug_en": ""}, None, "slug_en", "both languages"),
}


# What a form refuses; the next test asks for some of it on each database.
@pytest.mark.anywhere
@pytest.mark.parametrize(("changes", "row", "field", "words"), LACKS.values(), ids=LACKS.keys())
def test_publishing_is_refused_beside_the_field_that_lacks_something(
    editor, draft, changes, row, field, words
):
    page = refusal(editor, draft, status="published", **changes)
    form = question_form(page) if row is None else claim_form(page, row)
    assert words in " ".join(form.errors[field])
    assert f'class="form-row errors field-{field}"' in page.content.decode()
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_a_published_question_does_not_lose_what_publication_asks_for(editor, question):
    page = refusal(
        editor,
        question,
        title_en="",
        claims__0__provisions=[],
        claims__3__statements=[],
        claims__4__text_en="",
    )
    assert "both languages" in str(question_form(page).errors["title_en"])
    assert "at least one provision" in str(claim_form(page, 0).errors["provisions"])
    assert "at least one statement" in str(claim_form(page, 3).errors["statements"])
    assert "both languages" in str(claim_form(page, 4).errors["text_en"])
    question.refresh_from_db()
    assert question.title_en
    assert question.claims.get(order=1).provisions.count() == 1
    assert question.claims.get(order=4).statements.count() == 1
    assert question.claims.get(order=5).text_en


def test_a_question_without_claims_is_not_published(editor, draft):
    draft.claims.all().delete()
    page = refusal(editor, draft, status="published")
    assert "at least one claim" in messages_of(page)
    assert "at least one claim" in page.content.decode()
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_the_last_claim_of_a_published_question_stays(editor, question):
    question.claims.filter(order__gt=1).delete()
    page = refusal(editor, question, claims__0__DELETE="on")
    assert "at least one claim" in page.content.decode()
    assert question.claims.count() == 1


def test_an_unverified_question_is_not_published(editor, draft):
    page = refusal(editor, draft, status="published", confidence="unverified")
    assert "unverified record cannot be published" in messages_of(page)


def test_an_incomplete_draft_is_saved(editor, draft):
    data = filled_in(editor.get(admin_url(draft)))
    data |= {"title_en": "", "short_answer_en": "", "slug_en": "", "claims-0-provisions": []}
    data["claims-1-text_en"] = ""
    saved(editor, draft, data)
    assert not draft.title_en
    assert not draft.claims.get(order=1).provisions.exists()
    page = editor.get(admin_url(Question, "changelist"))
    assert draft in page.context["cl"].queryset


def test_two_drafts_may_both_lack_an_english_address(editor, draft):
    Question.objects.filter(reference="q-sharing").update(status="draft", slug_en=None)
    data = filled_in(editor.get(admin_url(draft)))
    data["slug_en"] = ""
    saved(editor, draft, data)


def test_a_withdrawn_question_leaves_the_site_and_may_come_back(editor, question):
    for status, code in [("withdrawn", 410), ("published", 200)]:
        data = filled_in(editor.get(admin_url(question)))
        saved(editor, question, {**data, "status": status})
        assert Client().get(question.get_absolute_url()).status_code == code


# Statements and contacts


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"speaker": ""}, "speaker", "Name the speaker"),
        ({"voice": "source"}, "speaker", "Leave the speaker empty"),
        ({"claim_en": "“It is an offence.”"}, "claim_en", "quotation marks"),
        ({"claim_fr": "« C'est un délit. »"}, "claim_fr", "quotation marks"),
    ],
)
def test_a_statement_that_would_mislead_is_refused_beside_the_field(editor, changes, field, words):
    statement = Statement.objects.get(reference="st-creation-is-offence")
    data = filled_in(editor.get(admin_url(statement)))
    page = editor.post(admin_url(statement), data | changes)
    assert page.status_code == 200
    assert words in str(page.context["adminform"].form.errors[field])


@pytest.mark.parametrize(
    ("model", "reference", "citing"),
    [
        (Contact, "ct-police", "q-creation-offence"),
        (Statement, "st-creation-is-offence", "q-creation-offence"),
    ],
)
def test_deleting_what_an_answer_cites_says_which_answer(editor, model, reference, citing):
    record = model.objects.get(reference=reference)
    page = editor.post(admin_url(record, "delete"), {"post": "yes"})
    assert page.status_code == 200
    assert citing in " ".join(page.context["protected"])
    record.refresh_from_db()


@pytest.mark.parametrize("model", [Question, Statement, Contact])
def test_view_on_site_leads_to_the_public_page(editor, model):
    record = model.objects.first()
    page = editor.get(editor.get(admin_url(record)).context["absolute_url"], follow=True)
    assert page.status_code == 200
    assert page.context["object"] == record


@pytest.mark.parametrize("model", [Question, Statement, Contact])
def test_what_is_not_published_has_no_link_that_leads_nowhere(editor, model):
    model.objects.update(status="draft")
    address = editor.get(admin_url(model.objects.first())).context.get("absolute_url")
    assert not address or editor.get(address, follow=True).status_code == 200


@pytest.mark.parametrize("typed", ['["tlh"]', '"fr"', "null"])
def test_the_languages_typed_never_break_the_contact_s_page(editor, client, typed):
    contact = Contact.objects.get(reference="ct-police")
    data = filled_in(editor.get(admin_url(contact)))
    page = editor.post(admin_url(contact), data | {"languages": typed})
    assert page.status_code == 302 or page.context["adminform"].form.errors["languages"]
    assert client.get("/fr/contacts/ct-police/").status_code == 200


def test_the_languages_of_a_contact_are_words_of_the_page_s_language(client):
    Contact.objects.filter(reference="ct-police").update(languages=["lb"])
    assert "luxembourgeois<" in client.get("/fr/contacts/ct-police/").content.decode().lower()
    assert "luxembourgish<" in client.get("/en/contacts/ct-police/").content.decode().lower()


def test_a_language_unknown_to_the_site_does_not_break_the_statement_s_page(editor, client):
    statement = Statement.objects.get(reference="st-creation-is-offence")
    data = filled_in(editor.get(admin_url(statement)))
    editor.post(admin_url(statement), data | {"original_language": "tlh"})
    assert client.get("/fr/statements/st-creation-is-offence/").status_code == 200


# Every page of the admin

# The states of translations have a page of their own instead of a list.
MODELS = pytest.mark.parametrize(
    "model",
    sorted(admin.site._registry.keys() - {Translation}, key=str),
    ids=lambda model: model._meta.label,
)


@pytest.fixture
def one_of_each(editor):
    """The content holds a record of every kind but what editors and the machine add to it."""
    Group.objects.create(name="Editors")
    SearchCount.objects.create(
        digest="d", language="fr", text="qui appeler", searches=5, last_day="2026-11-23"
    )
    provision = Provision.objects.get(reference="lu-cp-383bis")
    reviews.flag(provision, ReviewTask.Reason.VERSION_CHANGED)
    read = {"language": "fr", "consolidated_on": "2026-11-23", "retrieved_at": timezone.now()}
    OfficialText.objects.create(provision=provision, part="383bis", **read)
    Publication.objects.create(act=provision.act, **read)
    page = "/en/help/"
    ErrorReport.objects.create(page=page, text="A word is wrong.", language="en")
    LinkCheck.objects.create(url="https://legilux.public.lu/", checked_at=timezone.now())
    return editor


@MODELS
def test_every_list_opens_in_few_queries(one_of_each, model, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        page = one_of_each.get(admin_url(model, "changelist"))
    assert page.status_code == 200
    assert page.context["cl"].result_count


@MODELS
def test_every_list_finds_a_record_by_its_first_search_field(one_of_each, model):
    field = admin.site._registry[model].search_fields[0]
    words = model.objects.values_list(field, flat=True).first()
    page = one_of_each.get(admin_url(model, "changelist"), {"q": words})
    assert page.status_code == 200
    assert page.context["cl"].result_count
    page = one_of_each.get(admin_url(model, "changelist"), {"q": "qwertyuiop"})
    assert page.status_code == 200
    assert not page.context["cl"].result_count


@MODELS
def test_every_filter_of_every_list_answers(one_of_each, model):
    lists = one_of_each.get(admin_url(model, "changelist")).context["cl"]
    for spec in lists.filter_specs:
        choices = list(spec.choices(lists))
        for choice in choices[-2:]:
            address = admin_url(model, "changelist") + choice["query_string"]
            assert one_of_each.get(address).status_code == 200, address


def editor_may_add(client, model):
    """Some records are written by the machine alone."""
    request = client.get(admin_url(model, "changelist")).wsgi_request
    return admin.site._registry[model].has_add_permission(request)


@MODELS
def test_every_form_opens_and_loads_only_our_own_files(one_of_each, model):
    addresses = [admin_url(model.objects.first())]
    if editor_may_add(one_of_each, model):
        addresses.append(admin_url(model, "add"))
    for address in addresses:
        page = one_of_each.get(address)
        assert page.status_code == 200
        tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page.content.decode())
        files = [found[1] for tag in tags if (found := re.search(r'(?:src|href)="([^"]+)"', tag))]
        assert files
        for file in files:
            assert re.match(r"/(?!/)", file), file
            if file.startswith("/static/"):
                assert finders.find(file.removeprefix("/static/")), file


@pytest.mark.parametrize("model", [Question, Provision, Topic])
def test_the_language_tabs_have_their_library(editor, model):
    page = editor.get(admin_url(model.objects.first())).content.decode()
    library, tabs = "/static/jquery-ui/jquery-ui.min.js", "tabbed_translation_fields.js"
    assert library in page
    assert page.index(library) < page.index(tabs)


def test_a_citation_is_found_as_one_types_it(editor):
    answer = editor.get(
        reverse("admin:autocomplete"),
        {"term": "383bis", "app_label": "articles", "model_name": "claim"}
        | {"field_name": "provisions"},
    )
    assert answer.status_code == 200
    provision = Provision.objects.get(reference="lu-cp-383bis")
    assert str(provision.pk) in [choice["id"] for choice in answer.json()["results"]]


# Who may enter


@pytest.mark.parametrize("address", ["index", "articles_question_changelist", "laws_provision_add"])
def test_a_stranger_gets_the_sign_in_page(client, address):
    address = reverse(f"admin:{address}")
    page = client.get(address, follow=True)
    assert page.redirect_chain[0] == (f"{ADMIN_URL}login/?next={address}", 302)
    assert page.redirect_chain[1][0].startswith("/accounts/login/?next=")
    assert page.status_code == 200
    assert b'name="password"' in page.content


def test_a_stranger_changes_nothing(client, question):
    answer = client.post(admin_url(question), {"title_fr": "Piraté"})
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{ADMIN_URL}login/")
    assert not Question.objects.filter(title_fr="Piraté").exists()


def test_an_account_that_is_not_staff_is_not_let_in(client, django_user_model, question):
    client.force_login(django_user_model.objects.create_user("reader", password="a-long-password"))
    assert client.get(ADMIN_URL).status_code == 302
    assert client.get(admin_url(question)).status_code == 302
    client.logout()
    page = client.post(
        f"/accounts/login/?next={ADMIN_URL}",
        {"login": "reader", "password": "a-long-password"},
        follow=True,
    )
    assert page.status_code == 403


def test_staff_without_a_permission_may_not_use_it(client, django_user_model, question):
    client.force_login(
        django_user_model.objects.create_user("trainee", is_staff=True, password="a-long-password")
    )
    assert client.get(ADMIN_URL).status_code == 200
    assert client.get(admin_url(question)).status_code == 403
    assert client.post(admin_url(Claim.objects.first().question, "delete")).status_code == 403


@pytest.mark.parametrize(
    "permissions", [["view_question", "view_claim"], ["view_question"]], ids=["claims", "no-claims"]
)
def test_staff_who_may_only_read_get_the_form_without_a_way_to_save(
    client, django_user_model, question, permissions
):
    user = django_user_model.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    page = client.get(admin_url(question))
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert client.post(admin_url(question), {"status": "withdrawn"}).status_code == 403
    question.refresh_from_db()
    assert question.status == "published"


def test_staff_who_may_not_see_the_claims_are_told_why_they_cannot_publish(
    client, django_user_model, draft
):
    user = django_user_model.objects.create_user("helper", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_question", "change_question"])
    )
    client.force_login(user)
    draft.claims.get(order=1).provisions.clear()
    data = filled_in(client.get(admin_url(draft)))
    page = client.post(admin_url(draft), data | {"status": "published"}, follow=True)
    assert page.status_code == 200
    assert b"disposition" in page.content
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_a_form_without_its_token_is_refused(editor, django_user_model, question):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(django_user_model.objects.get(username="editor"))
    assert strict.post(admin_url(question, "delete"), {"post": "yes"}).status_code == 403
    question.refresh_from_db()
