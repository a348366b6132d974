"""What every record shares: its reference, who may see it, and citations that hold."""

import datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import override

from articles.models import (
    Advice,
    Claim,
    Contact,
    Event,
    Question,
    Source,
    Speaker,
    Statement,
    Term,
    Topic,
)
from laws.models import LegalAct, Provision

pytestmark = pytest.mark.django_db

RECORDS = [LegalAct, Provision, Contact, Advice, Statement, Question, Event, Term]
REFERENCED = [*RECORDS, Topic, Speaker, Source]


def name(model):
    return model.__name__


class TestReference:
    @pytest.mark.parametrize("model", REFERENCED, ids=name)
    def test_the_database_refuses_what_is_not_a_slug(self, model):
        row = model.objects.first()
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.filter(pk=row.pk).update(reference="Not A Slug")

    @pytest.mark.parametrize(
        "reference",
        ["", "Tp", "tp--law", "-tp", "tp-", "tp law", "tp_law", "tp/law", "délit", "tp-law\n"],
    )
    def test_the_database_and_the_form_refuse_the_same_references(self, reference):
        topic = Topic.objects.first()
        topic.reference = reference
        with pytest.raises(ValidationError) as refusal:
            topic.full_clean()
        assert "reference" in refusal.value.message_dict
        with pytest.raises(IntegrityError), transaction.atomic():
            topic.save()

    @pytest.mark.parametrize("reference", ["a", "383bis", "lu-cp-383bis", "q-2"])
    def test_small_letters_digits_and_single_hyphens_are_accepted(self, reference):
        topic = Topic.objects.first()
        topic.reference = reference
        topic.full_clean()
        topic.save()
        assert Topic.objects.get_by_natural_key(reference) == topic

    def test_the_form_says_what_a_reference_looks_like(self):
        topic = Topic(reference="LU CP")
        with pytest.raises(ValidationError) as refusal:
            topic.full_clean()
        assert "lu-cp-383bis" in refusal.value.message_dict["reference"][0]

    @pytest.mark.parametrize("model", REFERENCED, ids=name)
    def test_two_rows_cannot_share_one(self, model):
        first = model.objects.first()
        second = model.objects.exclude(pk=first.pk).first()
        if second is None:
            second = model.objects.get(pk=first.pk)
            second.pk = None
            second.reference = "another"
            second.save()
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.filter(pk=second.pk).update(reference=first.reference)


class TestPublication:
    @pytest.mark.parametrize("model", RECORDS, ids=name)
    def test_the_database_refuses_to_publish_the_unverified(self, model):
        row = model.objects.published().first()
        rows = model.objects.filter(pk=row.pk)
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(confidence="unverified")
        rows.update(confidence="unverified", status="draft")
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(status="published")
        rows.update(confidence="secondary", status="published")

    @pytest.mark.parametrize("model", RECORDS, ids=name)
    @pytest.mark.parametrize(
        ("language", "advice"),
        [("en", "Check it against its source"), ("fr", "Comparez-la à sa source")],
    )
    def test_the_form_says_what_to_do_with_the_unverified(self, model, language, advice):
        row = model.objects.published().first()
        row.confidence = "unverified"
        with override(language), pytest.raises(ValidationError) as refusal:
            row.full_clean()
        with override(language):
            assert any(advice in message for message in refusal.value.messages)

    @pytest.mark.parametrize("model", RECORDS, ids=name)
    @pytest.mark.parametrize("field", ["status", "confidence"])
    def test_the_database_knows_every_status_and_confidence(self, model, field):
        row = model.objects.first()
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.filter(pk=row.pk).update(**{field: "invented"})

    @pytest.mark.parametrize("model", RECORDS, ids=name)
    @pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn"])
    def test_only_what_is_published_is_published(self, model, status):
        hidden = model.objects.published().first()
        shown = model.objects.published().exclude(pk=hidden.pk).first()
        model.objects.filter(pk=hidden.pk).update(status=status)
        published = model.objects.published()
        assert hidden not in published
        assert shown in published
        hidden.refresh_from_db()
        assert not hidden.is_published
        assert shown.is_published

    def test_a_provision_is_published_only_with_its_act(self):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        assert provision in Provision.objects.published()
        LegalAct.objects.filter(pk=provision.act_id).update(status="withdrawn")
        assert provision not in Provision.objects.published()

    def test_saving_notes_when_even_with_a_list_of_fields(self):
        long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        Contact.objects.filter(reference="ct-kjt").update(updated_at=long_ago)
        contact = Contact.objects.get(reference="ct-kjt")
        contact.phone = "116 112"
        contact.save(update_fields=["phone"])
        contact.refresh_from_db()
        assert contact.phone == "116 112"
        assert contact.updated_at > long_ago


class TestVisibility:
    @pytest.fixture(params=RECORDS, ids=name)
    def draft(self, request):
        row = request.param.objects.published().first()
        request.param.objects.filter(pk=row.pk).update(status="draft")
        return row

    def test_an_editor_sees_drafts(self, draft, django_user_model):
        editor = django_user_model.objects.create_user("editor", is_staff=True)
        visible = type(draft).objects.visible_to(editor)
        assert draft in visible
        assert visible.count() == type(draft).objects.count()

    def test_a_visitor_sees_published_rows_only(self, draft):
        visible = type(draft).objects.visible_to(AnonymousUser())
        assert draft not in visible
        assert set(visible) == set(type(draft).objects.published())
        assert visible

    def test_an_account_without_rights_sees_what_a_visitor_sees(self, draft, django_user_model):
        reader = django_user_model.objects.create_user("reader")
        visible = type(draft).objects.visible_to(reader)
        assert set(visible) == set(type(draft).objects.visible_to(AnonymousUser()))


def new_provision():
    return Provision.objects.create(
        reference="cited",
        act=LegalAct.objects.get(reference="lu-code-penal"),
        label_fr="art. 1000",
        heading_fr="Inventé",
    )


def new_contact():
    return Contact.objects.create(reference="cited", kind="authority", name_fr="Inventé")


def new_statement(reference="cited"):
    return Statement.objects.create(
        reference=reference, voice="source", source=Source.objects.first(), title_fr="Inventé"
    )


def new_question():
    return Question.objects.create(
        reference="citing", slug_fr="cite", slug_en="citing", title_fr="Inventé ?"
    )


def new_claim():
    return Claim.objects.create(question=new_question(), basis="advice", text_fr="Inventé")


def new_event():
    return Event.objects.create(reference="citing", title_fr="Inventé")


def new_term():
    return Term.objects.create(reference="citing", term_fr="inventé")


def new_advice():
    return Advice.objects.create(reference="citing", kind="do", text_fr="Inventé")


CITATIONS = {
    "claim-provision": (new_claim, "provisions", new_provision),
    "claim-statement": (new_claim, "statements", new_statement),
    "claim-contact": (new_claim, "contacts", new_contact),
    "statement-provision": (lambda: new_statement("citing"), "mapped_provisions", new_provision),
    "statement-contact": (lambda: new_statement("citing"), "contacts", new_contact),
    "advice-provision": (new_advice, "provisions", new_provision),
    "advice-contact": (new_advice, "contacts", new_contact),
    "question-contact": (new_question, "contacts", new_contact),
    "event-provision": (new_event, "provisions", new_provision),
    "event-statement": (new_event, "statements", new_statement),
    "term-provision": (new_term, "provisions", new_provision),
}


class TestCitation:
    @pytest.fixture(params=CITATIONS.values(), ids=CITATIONS.keys())
    def citation(self, request):
        """(the citing record, the field, the record that this field alone cites)"""
        make_citing, field, make_cited = request.param
        citing, cited = make_citing(), make_cited()
        getattr(citing, field).add(cited)
        return citing, field, cited

    def test_what_is_cited_cannot_be_deleted(self, citation):
        citing, field, cited = citation
        with pytest.raises(ProtectedError) as refusal, transaction.atomic():
            cited.delete()
        # The admin lists these: the citation, which names the citing record.
        (protected,) = refusal.value.protected_objects
        assert getattr(protected, citing._meta.model_name) == citing
        assert list(getattr(citing, field).all()) == [cited]

    def test_nor_can_many_rows_at_once(self, citation):
        citing, field, cited = citation
        with pytest.raises(ProtectedError), transaction.atomic():
            type(cited).objects.filter(reference="cited").delete()
        assert list(getattr(citing, field).all()) == [cited]

    def test_deleting_what_cites_frees_what_was_cited(self, citation):
        citing, _field, cited = citation
        citing.delete()
        assert type(cited).objects.filter(reference="cited").exists()
        cited.delete()
        assert not type(cited).objects.filter(reference="cited").exists()

    def test_removing_the_citation_frees_what_was_cited(self, citation):
        citing, field, cited = citation
        getattr(citing, field).remove(cited)
        cited.delete()
        assert type(citing).objects.filter(pk=citing.pk).exists()
        assert not type(cited).objects.filter(reference="cited").exists()

    def test_deleting_a_question_deletes_its_claims_and_their_citations(self):
        claim, provision = new_claim(), new_provision()
        claim.provisions.add(provision)
        claim.question.delete()
        assert not Claim.objects.filter(pk=claim.pk).exists()
        provision.delete()

    def test_the_code_holds_as_long_as_its_articles_are_cited(self):
        with pytest.raises(ProtectedError):
            LegalAct.objects.get(reference="lu-code-penal").delete()
        with pytest.raises(ProtectedError):
            Provision.objects.get(reference="lu-cp-383bis").delete()
