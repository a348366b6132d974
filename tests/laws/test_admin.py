"""How an editor keeps the law: what the admin accepts, what it refuses, and what it says."""

import datetime

import pytest
from django.forms import CheckboxInput
from django.urls import reverse

from laws.models import LegalAct, Provision, ProvisionVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def provision():
    """Art. 383bis: version 1 ended on 21 August 2023, version 2 is open; claims cite it."""
    return Provision.objects.get(reference="lu-cp-383bis")


def admin_url(record_or_model, page=None):
    """The address of a record's change form, or of a model's `page` (changelist, add)."""
    options = record_or_model._meta
    name = f"admin:{options.app_label}_{options.model_name}_{page or 'change'}"
    return reverse(name, args=[record_or_model.pk] if page in (None, "delete") else [])


def filled_in(page):
    """What a browser sends back from a form nobody touched, inlines included, and a reason."""
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    data = {}
    for field in (field for form in forms for field in form):
        value = field.value()
        unticked = value is False and isinstance(field.field.widget, CheckboxInput)
        if value is not None and not unticked:
            data[field.html_name] = value
    if "change_reason" in forms[0].fields:
        data["change_reason"] = "A change made by a test."
    return data


def add_row(data, prefix, **values):
    """Adds a row to an inline, as its "Add another" link does; returns the row's number."""
    row = int(data[f"{prefix}-TOTAL_FORMS"])
    data[f"{prefix}-TOTAL_FORMS"] = row + 1
    data |= {f"{prefix}-{row}-{name}": value for name, value in values.items()}
    return row


def messages_of(page):
    """Every message of a refused form, its inlines included, in one string."""
    return " ".join(map(str, page.context["errors"]))


# Versions in time. The newest comes first in the form: row 0 is version 2.


def test_the_law_changes_one_save_ends_a_version_and_begins_the_next(editor, provision):
    data = filled_in(editor.get(admin_url(provision)))
    data["versions-0-applies_until"] = "2026-12-31"
    add_row(data, "versions", number=3, applies_from="2027-01-01", summary_fr="Nouveau texte.")
    page = editor.post(admin_url(provision), data)
    assert page.status_code == 302, messages_of(page)
    assert list(provision.versions.values_list("number", "applies_from", "applies_until")) == [
        (1, None, datetime.date(2023, 8, 21)),
        (2, datetime.date(2023, 8, 22), datetime.date(2026, 12, 31)),
        (3, datetime.date(2027, 1, 1), None),
    ]


def test_the_next_version_may_begin_the_day_after_the_last_one_ended(editor, provision):
    provision.versions.filter(number=2).update(applies_until=datetime.date(2026, 12, 31))
    data = filled_in(editor.get(admin_url(provision)))
    add_row(data, "versions", number=3, applies_from="2027-01-01", summary_fr="Nouveau.")
    assert editor.post(admin_url(provision), data).status_code == 302
    assert provision.versions.count() == 3


def test_a_second_open_version_is_refused_with_a_message_that_names_the_first(editor, provision):
    data = filled_in(editor.get(admin_url(provision)))
    add_row(data, "versions", number=3, applies_from="2027-01-01", summary_fr="Nouveau.")
    page = editor.post(admin_url(provision), data)
    assert page.status_code == 200
    assert "version 2" in messages_of(page)
    assert provision.versions.count() == 2


def test_a_second_open_version_is_refused_on_the_version_s_own_page_too(editor, provision):
    data = {
        **filled_in(editor.get(admin_url(ProvisionVersion, "add"))),
        "provision": provision.pk,
        "number": 3,
        "applies_from": "2027-01-01",
        "summary_fr": "Nouveau.",
    }
    page = editor.post(admin_url(ProvisionVersion, "add"), data)
    assert page.status_code == 200
    assert "version 2" in messages_of(page)
    assert provision.versions.count() == 2


@pytest.mark.parametrize("end", ["", "2027-01-01"], ids=["both-open", "same-day"])
def test_two_versions_typed_in_one_save_cannot_apply_on_the_same_day(editor, provision, end):
    provision.versions.all().delete()
    data = filled_in(editor.get(admin_url(provision)))
    add_row(data, "versions", number=1, applies_until=end, summary_fr="Ancien.")
    add_row(data, "versions", number=2, applies_from="2027-01-01", summary_fr="Nouveau.")
    page = editor.post(admin_url(provision), data)
    assert page.status_code == 200
    assert messages_of(page)
    assert provision.versions.count() == 0


def test_a_version_that_begins_before_the_last_one_ends_is_refused(editor, provision):
    provision.versions.filter(number=2).update(applies_until=datetime.date(2026, 12, 31))
    data = filled_in(editor.get(admin_url(provision)))
    add_row(data, "versions", number=3, applies_from="2026-12-31", summary_fr="Nouveau.")
    page = editor.post(admin_url(provision), data)
    assert page.status_code == 200
    assert "overlap with version 2" in messages_of(page)
    assert provision.versions.count() == 2


def test_a_version_cannot_end_before_it_applies(editor, provision):
    data = filled_in(editor.get(admin_url(provision)))
    data["versions-0-applies_until"] = "2023-08-21"
    page = editor.post(admin_url(provision), data)
    assert page.status_code == 200
    assert "cannot end before" in messages_of(page)


def test_two_versions_cannot_share_a_number(editor, provision):
    provision.versions.filter(number=2).update(applies_until=datetime.date(2026, 12, 31))
    data = filled_in(editor.get(admin_url(provision)))
    add_row(data, "versions", number=2, applies_from="2027-01-01", summary_fr="Nouveau.")
    page = editor.post(admin_url(provision), data)
    assert page.status_code == 200
    assert "number" in messages_of(page).lower()
    assert provision.versions.count() == 2


def test_a_penalty_s_duration_is_refused_unless_it_is_one(editor, provision):
    version = provision.versions.get(number=2)
    data = filled_in(editor.get(admin_url(version)))
    data["penalties-0-custody_max"] = "5 ans"
    page = editor.post(admin_url(version), data)
    assert page.status_code == 200
    row = page.context["inline_admin_formsets"][0].formset.forms[0]
    assert "P5Y" in str(row.errors["custody_max"])
    data["penalties-0-custody_max"] = "P10Y"
    assert editor.post(admin_url(version), data).status_code == 302
    assert version.penalties.first().custody_max == "P10Y"


# References


def test_a_new_record_keeps_the_reference_that_was_typed(editor):
    data = filled_in(editor.get(admin_url(Provision, "add")))
    data |= {
        "act": LegalAct.objects.get(reference="lu-code-penal").pk,
        "reference": "lu-cp-999",
        "label_fr": "art. 999",
        "heading_fr": "Essai",
    }
    page = editor.post(admin_url(Provision, "add"), data)
    assert page.status_code == 302, messages_of(page)
    assert Provision.objects.get(label_fr="art. 999").reference == "lu-cp-999"


def test_a_reference_that_breaks_links_is_refused_beside_its_field(editor):
    data = filled_in(editor.get(admin_url(Provision, "add")))
    data |= {
        "act": LegalAct.objects.get(reference="lu-code-penal").pk,
        "reference": "LU CP 999",
        "label_fr": "art. 999",
        "heading_fr": "Essai",
    }
    page = editor.post(admin_url(Provision, "add"), data)
    assert "small letters" in str(page.context["adminform"].form.errors["reference"])


def test_a_reference_cannot_be_changed_afterwards(editor, provision):
    page = editor.get(admin_url(provision))
    assert "lu-cp-383bis" in page.content.decode()
    data = filled_in(page)
    assert "reference" not in data
    assert editor.post(admin_url(provision), {**data, "reference": "other"}).status_code == 302
    provision.refresh_from_db()
    assert provision.reference == "lu-cp-383bis"


# Deletion


@pytest.mark.parametrize("confirmed", [False, True])
def test_deleting_a_cited_provision_says_what_cites_it(editor, provision, confirmed):
    address = admin_url(provision, "delete")
    page = editor.post(address, {"post": "yes"}) if confirmed else editor.get(address)
    assert page.status_code == 200
    cited_by = " ".join(page.context["protected"])
    assert "q-creation-offence" in cited_by
    assert "Créer suffit" in cited_by
    provision.refresh_from_db()


def test_deleting_cited_provisions_from_the_list_is_refused_too(editor, provision):
    action = {"action": "delete_selected", "_selected_action": [provision.pk], "post": "yes"}
    page = editor.post(admin_url(Provision, "changelist"), action)
    assert page.status_code == 200
    assert page.context["protected"]
    provision.refresh_from_db()


def test_deleting_an_act_that_holds_provisions_says_which(editor, provision):
    page = editor.post(admin_url(provision.act, "delete"), {"post": "yes"})
    assert page.status_code == 200
    assert "art. 383bis" in " ".join(page.context["protected"])
    provision.refresh_from_db()


def test_a_provision_that_nothing_cites_can_be_deleted(editor, provision):
    alone = Provision.objects.create(
        act=provision.act, reference="lu-cp-999", label_fr="art. 999", heading_fr="Essai"
    )
    assert editor.post(admin_url(alone, "delete"), {"post": "yes"}).status_code == 302
    assert not Provision.objects.filter(pk=alone.pk).exists()


# From the admin to the site


@pytest.mark.parametrize("model", [LegalAct, Provision, ProvisionVersion])
def test_view_on_site_leads_to_the_public_page(editor, provision, model):
    record = {
        LegalAct: provision.act,
        Provision: provision,
        ProvisionVersion: provision.versions.get(number=2),
    }[model]
    address = editor.get(admin_url(record)).context["absolute_url"]
    page = editor.get(address, follow=True)
    assert page.status_code == 200
    expected = provision.act if model is LegalAct else provision
    assert page.context["object"] == expected


@pytest.mark.parametrize("model", [LegalAct, Provision, ProvisionVersion])
def test_what_is_not_published_has_no_link_that_leads_nowhere(editor, provision, model):
    LegalAct.objects.update(status="draft")
    Provision.objects.update(status="draft")
    record = {
        LegalAct: provision.act,
        Provision: provision,
        ProvisionVersion: provision.versions.get(number=2),
    }[model]
    address = editor.get(admin_url(record)).context.get("absolute_url")
    assert not address or editor.get(address, follow=True).status_code == 200


# Texts that the public page must be able to show


@pytest.mark.parametrize("typed", ['["tlh"]', '"fr"', "null"])
def test_the_languages_typed_never_break_the_act_s_page(editor, client, provision, typed):
    data = filled_in(editor.get(admin_url(provision.act)))
    page = editor.post(admin_url(provision.act), data | {"authentic_languages": typed})
    assert page.status_code == 302 or page.context["adminform"].form.errors["authentic_languages"]
    assert client.get("/fr/laws/lu-code-penal/").status_code == 200
