"""Addresses that never die: of records, of their revisions and of their points."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.translation import override

from articles.models import Claim, Contact, FormerSlug, Question, Statement
from kb_site.editorial import history
from kb_site.editorial.models import Revision
from laws.models import LegalAct, Provision

pytestmark = pytest.mark.django_db

LANGUAGES = ("fr", "en")


def get(path, language="en", **data):
    return Client(headers={"accept-language": language}).get(path, data)


def address_of(record, language="en"):
    with override(language):
        return record.get_absolute_url()


def every_record():
    return [r for kind in history.record_kinds() for r in kind.model.objects.published()]


@pytest.fixture
def question():
    return Question.objects.get(reference="q-school")


class TestRecords:
    @pytest.mark.anywhere
    def test_every_record_has_one_that_leads_to_its_page_in_the_reader_s_language(self):
        records = every_record()
        assert len(records) > 150
        for record in records:
            for language in LANGUAGES:
                response = get(f"/r/{record.reference}", language)
                assert response.status_code == 302
                assert response["Location"] == address_of(record, language)
                assert "Accept-Language" in response["Vary"]

    def test_it_names_the_page_in_each_language_and_the_canonical_one(self, question):
        response = get("/r/q-school", "fr")
        for language in LANGUAGES:
            address = f"http://testserver{address_of(question, language)}"
            assert f'<{address}>; rel="alternate"; hreflang="{language}"' in response["Link"]
        canonical = f"http://testserver{address_of(question, 'fr')}"
        assert f'<{canonical}>; rel="canonical"' in response["Link"]

    def test_a_slash_at_its_end_and_a_head_request_are_as_good(self, question):
        assert get("/r/q-school/")["Location"] == address_of(question)
        assert Client().head("/r/q-school").status_code == 302

    def test_no_reference_names_two_records(self):
        references = [
            reference
            for kind in history.kinds.values()
            for reference in kind.model.objects.values_list("reference", flat=True)
        ]
        assert len(references) == len(set(references))

    def test_a_reference_that_another_kind_has_or_had_is_refused(self, question):
        taken = Contact(reference=question.reference, name_fr="X", name_en="X", kind="police")
        with pytest.raises(ValidationError) as refusal:
            taken.full_clean()
        assert "reference" in refusal.value.message_dict
        question.delete()
        with pytest.raises(ValidationError):
            taken.full_clean()

    def test_what_never_was_is_not_found(self):
        Question.objects.create(reference="q-draft", title_fr="Quoi ?", slug_fr="quoi")
        for path in ("/r/nothing", "/r/q-draft", "/r/q-draft/1", "/r/tp-criminal-law"):
            assert get(path).status_code == 404

    @pytest.mark.parametrize(
        "path", ["/r/", "/r/Q-School", "/r/a%00b", "/r/" + "a" * 500, "/r/q-school/x", "/r/é"]
    )
    def test_what_is_no_reference_is_not_found(self, path):
        assert get(path).status_code == 404


class TestWhatIsGone:
    def gone(self, path, reason=None):
        response = get(path)
        assert response.status_code == 410, path
        assert response["X-Robots-Tag"] == "noindex"
        if reason:
            assert reason in response.content.decode()

    @pytest.mark.anywhere
    @pytest.mark.parametrize("status", ["withdrawn", "draft", "in_review"])
    def test_whatever_is_published_no_more_says_so_at_every_address_it_had(self, status):
        gone = [
            Question.objects.get(reference="q-school"),
            Statement.objects.published().first(),
            Contact.objects.published().first(),
            Provision.objects.published().first(),
        ]
        for record in gone:
            with history.change(reason="It was wrong."):
                record.status = status
                record.save()
            for path in (
                f"/r/{record.reference}",
                f"/r/{record.reference}?rev=1",
                f"/r/{record.reference}/1",
                f"/en/cite/{record.reference}/",
                f"/en/cite/{record.reference}.bib",
                f"/en/embed/{record.reference}/",
                address_of(record),
                f"{address_of(record)}?rev=1",
            ):
                # A page to frame has no room for the reason.
                self.gone(path, None if "/embed/" in path else "It was wrong.")

    def test_so_does_what_was_deleted(self, question):
        path = address_of(question)
        question.delete()
        self.gone("/r/q-school")
        self.gone(path)

    def test_so_does_a_former_address_of_it(self, question):
        FormerSlug.objects.create(question=question, language="en", slug="once")
        question.status = "withdrawn"
        question.save()
        self.gone("/en/questions/once/")

    def test_a_provision_goes_with_its_act(self):
        act = LegalAct.objects.get(reference="lu-code-penal")
        with history.change(reason="Repealed."):
            act.status = "withdrawn"
            act.save()
        self.gone("/r/lu-cp-383bis", "Repealed.")

    def test_what_was_done_to_it_afterwards_is_not_told(self, question):
        with history.change(reason="It was wrong."):
            question.status = "withdrawn"
            question.save()
        with history.change(reason="A secret of the desk."):
            question.title_en = "Secret?"
            question.save()
        response = get("/r/q-school")
        assert b"It was wrong." in response.content
        assert b"ecret" not in response.content

    def test_it_comes_back_with_its_record(self, question):
        for status in ("withdrawn", "published"):
            question.status = status
            question.save()
        assert get("/r/q-school").status_code == 302


class TestRevisions:
    @pytest.fixture
    def revised(self, question):
        question.title_en = "A second title?"
        question.save()
        return question

    def test_the_very_revision_is_shown_and_says_which_it_is(self, revised):
        old = get("/r/q-school", rev=1)
        assert old.status_code == 302
        page = get(old["Location"])
        html = page.content.decode()
        assert page.status_code == 200
        assert page["X-Robots-Tag"] == "noindex"
        assert "A second title?" not in html
        assert "in revision 1" in html
        new = get(f"{address_of(revised)}?rev=2").content.decode()
        assert "A second title?" in new
        assert "the present one" in new

    def test_it_is_whole_though_its_parts_were_recorded_one_after_the_other(self, question):
        now = get(address_of(question)).content.decode()
        then = get(f"{address_of(question)}?rev=1").content.decode()
        assert now.count('class="claim ') == then.count('class="claim ') > 1
        assert now.count("/laws/") - then.count("/laws/") < 3

    def test_its_other_language_is_the_same_revision(self, revised):
        html = get(f"{address_of(revised)}?rev=1").content.decode()
        assert f'href="{address_of(revised, "fr")}?rev=1"' in html

    def test_every_kind_of_record_shows_its_first(self):
        for kind in history.record_kinds():
            record = kind.model.objects.published().first()
            assert get(f"{address_of(record)}?rev=1").status_code == 200, kind.name

    def test_a_renamed_address_keeps_the_revision(self, revised):
        revised.slug_en = "another-name"
        revised.save()
        response = get("/en/questions/what-can-a-school-do/?rev=1")
        if response.status_code == 301:
            assert response["Location"].endswith("another-name/?rev=1")
        assert get(get("/r/q-school", rev=1)["Location"]).status_code == 200

    @pytest.mark.parametrize(
        "number", ["99", "0", "-1", "x", "", "1.0", "٣", "9" * 400, "\0", "1 "]
    )
    def test_one_there_is_not_is_explained(self, question, number):
        response = get(address_of(question), rev=number)
        assert response.status_code in (400, 404)
        assert b"no such revision" in response.content

    def test_one_that_readers_never_had_is_not_shown(self, question):
        for status, title in [("draft", "Secret?"), ("published", "Public?")]:
            question.status, question.title_en = status, title
            question.save()
        hidden = Revision.objects.get(reference="q-school", is_public=False)
        response = get(address_of(question), rev=hidden.number)
        assert response.status_code == 404
        assert b"Secret?" not in response.content


class TestPoints:
    @pytest.mark.anywhere
    def test_every_point_of_every_answer_has_one(self):
        claims = Claim.objects.filter(question__in=Question.objects.published())
        for claim in claims.select_related("question"):
            response = get(f"/r/{claim.question.reference}/{claim.order}")
            assert response["Location"] == f"{address_of(claim.question)}#claim-{claim.order}"

    def test_a_version_of_a_provision_has_one(self):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        number = provision.versions.first().number
        address = get(f"/r/lu-cp-383bis/{number}")["Location"]
        assert address == f"{address_of(provision)}#version-{number}"
        assert f'id="version-{number}"' in get(address_of(provision)).content.decode()

    def test_one_that_was_removed_leads_to_the_revision_that_held_it(self, question):
        last = question.claims.order_by("order").last()
        number = last.order
        last.delete()
        response = get(f"/r/q-school/{number}")
        html = response.content.decode()
        assert response.status_code == 410
        assert f"/r/q-school/{number}?rev=1" in html
        held = get(f"/r/q-school/{number}?rev=1")["Location"]
        assert f'id="claim-{number}"' in get(held.partition("#")[0]).content.decode()
        assert get(f"/r/q-school/{number}?rev=2").status_code == 404

    def test_one_that_never_was_is_not_found(self):
        for path in ("/r/q-school/99", "/r/q-school/0", "/r/ct-police/1", "/r/q-school/99?rev=1"):
            assert get(path).status_code == 404, path

    def test_a_number_no_database_holds_is_not_found(self):
        assert get("/r/q-school/" + "9" * 30).status_code == 404
