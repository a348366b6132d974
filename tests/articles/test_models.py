"""What an answer needs before readers see it, and the addresses and citations that hold."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import override

from articles.models import Claim, Contact, FormerSlug, Question, Source, Statement
from laws.models import LegalAct, Provision

pytestmark = pytest.mark.django_db


def new_question(reference="q-invented", **fields):
    """A draft in both languages, without claims."""
    return Question.objects.create(
        **{
            "reference": reference,
            "confidence": "confirmed",
            "slug_fr": f"{reference}-fr",
            "slug_en": f"{reference}-en",
            "title_fr": "Inventé ?",
            "title_en": "Invented?",
            "short_answer_fr": "Oui.",
            "short_answer_en": "Yes.",
            **fields,
        }
    )


def new_claim(question, basis="advice", order=1, **fields):
    return Claim.objects.create(
        **{
            "question": question,
            "basis": basis,
            "order": order,
            "text_fr": "Notez l'adresse.",
            "text_en": "Note the address.",
            **fields,
        }
    )


@pytest.fixture
def question():
    """A draft that may be published: one claim, of advice, in both languages."""
    question = new_question()
    new_claim(question)
    return question


@pytest.fixture
def provision():
    return Provision.objects.get(reference="lu-cp-383bis")


@pytest.fixture
def statement():
    return Statement.objects.get(reference="st-creation-is-offence")


@pytest.fixture
def contact():
    return Contact.objects.get(reference="ct-bee-secure-stopline")


def problems(question, language="en"):
    with override(language):
        return [str(problem) for problem in question.publication_problems()]


class TestPublication:
    def publish(self, question):
        question.status = "published"
        question.save()

    def assert_refused(self, question, *sentences):
        """Publishing fails with these sentences, and the question stays what it was."""
        with override("en"), pytest.raises(ValidationError) as refusal:
            self.publish(question)
        with override("en"):  # The sentences are translated when they are read.
            assert sorted(refusal.value.messages) == sorted(sentences)
        assert Question.objects.get(pk=question.pk).status == "draft"

    def test_a_whole_answer_is_published(self, question):
        assert problems(question) == []
        self.publish(question)
        assert question in Question.objects.published()

    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_without_a_claim_it_is_refused(self, language):
        expected = {
            "fr": ["La question n'a aucun point\u00a0: écrivez d'abord sa réponse."],
            "en": ["The question has no claim: write its answer first."],
        }
        question = new_question()
        assert problems(question, language) == expected[language]
        self.assert_refused(question, expected["en"][0])

    def test_a_new_question_cannot_be_born_published(self):
        with pytest.raises(ValidationError):
            new_question(status="published")
        assert not Question.objects.filter(reference="q-invented").exists()

    @pytest.mark.parametrize("basis", ["law", "statement"])
    def test_a_claim_without_the_citation_of_its_basis_is_refused(
        self, question, basis, provision, statement, contact
    ):
        cited = {"law": "provision", "statement": "statement"}[basis]
        claim = new_claim(question, basis, order=2)
        # What it cites must be of its own kind.
        claim.contacts.add(contact)
        if basis == "law":
            claim.statements.add(statement)
        else:
            claim.provisions.add(provision)
        sentence = (
            f"Claim 2: a claim of basis “{basis}” cites at least one {cited}. "
            "Add one, or change the basis."
        )
        assert problems(question) == [sentence]
        self.assert_refused(question, sentence)

    def test_a_claim_with_the_citation_of_its_basis_is_accepted(
        self, question, provision, statement
    ):
        new_claim(question, "law", order=2).provisions.add(provision)
        new_claim(question, "statement", order=3).statements.add(statement)
        assert problems(question) == []
        self.publish(question)

    def test_in_french_the_missing_citation_is_said_in_french(self, question):
        new_claim(question, "law", order=2)
        (sentence,) = problems(question, "fr")
        assert sentence.startswith(
            "Point 2\u00a0: un point dont le fondement est «\u202fla loi dit\u202f» cite"
        )

    @pytest.mark.parametrize("empty", ["", "  \n", None])
    @pytest.mark.parametrize(
        ("language", "named"), [("fr", ("fr", "French")), ("en", ("en", "English"))]
    )
    @pytest.mark.parametrize(
        ("field", "called"), [("title", "question"), ("short_answer", "short answer")]
    )
    def test_a_missing_language_is_refused_by_name(
        self, question, field, called, language, named, empty
    ):
        setattr(question, f"{field}_{language}", empty)
        (sentence,) = problems(question)
        assert sentence in {f"{called} is missing in {name}." for name in named}
        self.assert_refused(question, sentence)

    @pytest.mark.parametrize("empty", ["", "  \n"])
    @pytest.mark.parametrize(
        ("language", "named"), [("fr", ("fr", "French")), ("en", ("en", "English"))]
    )
    def test_a_claim_without_one_of_its_languages_is_refused(
        self, question, language, named, empty
    ):
        Claim.objects.filter(question=question).update(**{f"text_{language}": empty})
        (sentence,) = problems(question)
        assert sentence in {f"Claim 1 lacks its text in {name}: write it." for name in named}
        self.assert_refused(question, sentence)

    def test_everything_that_is_missing_is_said_at_once(self, question):
        question.title_en = ""
        new_claim(question, "law", order=2)
        new_claim(question, "statement", order=3)
        assert len(problems(question)) == 3

    def test_what_was_withdrawn_is_checked_again(self, question):
        self.publish(question)
        question.status = "withdrawn"
        question.save()
        question.claims.all().delete()
        with pytest.raises(ValidationError):
            self.publish(question)
        question.refresh_from_db()
        assert question.status == "withdrawn"

    def test_a_draft_may_still_lack_a_language_and_its_citations(self):
        question = new_question(title_en="", short_answer_en="")
        new_claim(question, "law", text_en="")
        question.title_fr = "Autrement ?"
        question.save()
        with override("fr"):
            question.full_clean()
        assert len(problems(question)) == 4

    @pytest.mark.parametrize("field", ["title_fr", "title_en", "short_answer_en", "slug_en"])
    def test_the_form_of_a_published_question_asks_for_both_languages(self, question, field):
        self.publish(question)
        setattr(question, field, "")
        with override("fr"), pytest.raises(ValidationError) as refusal:
            question.full_clean()
        with override("en"):
            asked = refusal.value.message_dict[field]
        assert any("a published question has both languages" in sentence for sentence in asked)


class TestCiting:
    def test_questions_cite_through_their_claims(self, question, provision, statement, contact):
        claim = new_claim(question, "law", order=2)
        assert not Question.objects.citing(provision).contains(question)
        claim.provisions.add(provision)
        claim.statements.add(statement)
        claim.contacts.add(contact)
        for record in (provision, statement, contact):
            assert Question.objects.citing(record).contains(question)
        other = Provision.objects.get(reference="lu-cp-384")
        assert not Question.objects.citing(other).contains(question)

    def test_questions_also_send_to_contacts_themselves(self, question, contact):
        assert not Question.objects.citing(contact).contains(question)
        question.contacts.add(contact)
        assert Question.objects.citing(contact).contains(question)

    def test_statements_cite_provisions_and_contacts(self, provision, contact):
        statement = Statement.objects.create(
            reference="st-invented", voice="source", source=Source.objects.first()
        )
        for record in (provision, contact):
            assert not Statement.objects.citing(record).contains(statement)
        statement.mapped_provisions.add(provision)
        statement.contacts.add(contact)
        for record in (provision, contact):
            assert Statement.objects.citing(record).contains(statement)

    def test_each_question_comes_once(self, question, provision, contact):
        for order in (2, 3):
            claim = new_claim(question, "law", order=order)
            claim.provisions.add(provision)
            claim.contacts.add(contact)
        question.contacts.add(contact, *Contact.objects.filter(emergency=True))
        assert question.contacts.count() > 1
        for record in (provision, contact):
            citing = list(Question.objects.citing(record))
            assert citing.count(question) == 1

    def test_drafts_are_left_out_where_readers_look(self, question, provision):
        new_claim(question, "law", order=2).provisions.add(provision)
        assert question not in Question.objects.published().citing(provision)
        assert question not in provision.claims.all().questions()
        question.status = "published"
        question.save()
        assert question in Question.objects.published().citing(provision)
        assert list(provision.claims.all().questions()).count(question) == 1

    def test_what_cannot_be_cited_is_an_error_that_says_so(self, statement):
        act = LegalAct.objects.first()
        with override("en"), pytest.raises(TypeError, match="A claim cannot cite <LegalAct"):
            Question.objects.citing(act)
        with override("en"), pytest.raises(TypeError, match="A statement cannot cite <Statement"):
            Statement.objects.citing(statement)


class TestFormerSlugs:
    @pytest.fixture
    def question(self, question):
        question.slug_fr, question.slug_en = "avant", "before"
        question.status = "published"
        question.save()
        return question

    def rename(self, question, **slugs):
        for field, slug in slugs.items():
            setattr(question, field, slug)
        question.save()

    def redirects(self, client, path):
        """Where a path leads for good."""
        response = client.get(path)
        assert response.status_code == 301, path
        return response["Location"]

    @pytest.mark.parametrize(
        ("field", "old", "new"),
        [
            ("slug_fr", "/fr/questions/avant/", "/fr/questions/nouveau/"),
            ("slug_en", "/en/questions/before/", "/en/questions/nouveau/"),
        ],
    )
    def test_an_old_address_leads_to_the_new_one(self, client, question, field, old, new):
        assert client.get(old).status_code == 200
        self.rename(question, **{field: "nouveau"})
        assert self.redirects(client, old) == new
        assert client.get(new).status_code == 200

    def test_so_does_the_one_before(self, client, question):
        self.rename(question, slug_fr="milieu")
        self.rename(question, slug_fr="enfin")
        assert self.redirects(client, "/fr/questions/avant/") == "/fr/questions/enfin/"
        assert self.redirects(client, "/fr/questions/milieu/") == "/fr/questions/enfin/"

    def test_an_old_address_in_the_other_language_leads_to_this_ones(self, client, question):
        self.rename(question, slug_fr="nouveau")
        assert self.redirects(client, "/en/questions/avant/") == "/en/questions/before/"

    def test_a_question_that_takes_its_slug_back_answers_there(self, client, question):
        self.rename(question, slug_fr="milieu")
        self.rename(question, slug_fr="avant")
        assert client.get("/fr/questions/avant/").status_code == 200
        assert self.redirects(client, "/fr/questions/milieu/") == "/fr/questions/avant/"
        assert not FormerSlug.objects.filter(slug="avant").exists()

    def test_another_question_may_take_a_former_slug(self, client, question):
        self.rename(question, slug_fr="nouveau")
        other = new_question("q-other")
        new_claim(other)
        self.rename(other, status="published")
        self.rename(other, slug_fr="avant")
        assert not FormerSlug.objects.filter(slug="avant").exists()
        response = client.get("/fr/questions/avant/")
        assert response.context["question"] == other
        # From now on the old address is the other question's.
        self.rename(other, slug_fr="ailleurs")
        assert self.redirects(client, "/fr/questions/avant/") == "/fr/questions/ailleurs/"

    def test_a_former_slug_of_one_language_is_free_in_the_other(self, question):
        self.rename(question, slug_fr="nouveau")
        self.rename(question, slug_en="avant")
        assert FormerSlug.objects.filter(language="fr", slug="avant", question=question).exists()
        assert FormerSlug.objects.filter(language="en", slug="before", question=question).exists()

    def test_a_change_of_anything_else_keeps_no_address(self, question):
        before = FormerSlug.objects.count()
        self.rename(question, title_fr="Autrement ?")
        assert FormerSlug.objects.count() == before

    def test_the_old_address_of_a_withdrawn_question_says_that_it_is_gone(self, client, question):
        self.rename(question, slug_fr="nouveau")
        self.rename(question, status="withdrawn")
        assert client.get("/fr/questions/avant/").status_code == 410

    def test_an_address_nobody_had_is_not_found(self, client, question):
        assert client.get("/fr/questions/jamais/").status_code == 404


class TestStatement:
    @pytest.fixture
    def said(self):
        """A statement of the minister's, paraphrased."""
        statement = Statement.objects.get(reference="st-creation-is-offence")
        assert statement.voice == "speaker"
        assert statement.wording == "paraphrase"
        statement.full_clean()
        return statement

    def refusal_of(self, statement):
        with pytest.raises(ValidationError) as refusal:
            statement.full_clean()
        with override("en"):
            return refusal.value.message_dict

    def test_a_speakers_words_need_a_speaker(self, said):
        said.speaker = None
        (message,) = self.refusal_of(said)["speaker"]
        assert message == "Name the speaker, or set the voice to “the source's own sentence”."

    def test_a_sources_own_sentence_has_no_speaker(self, said):
        said.voice = "source"
        (message,) = self.refusal_of(said)["speaker"]
        assert message == "Leave the speaker empty: the sentence is the source's own."
        said.speaker = None
        said.full_clean()

    @pytest.mark.parametrize(
        "quoted",
        [
            "« C'est puni. »",
            "“It is punished.”",
            '"It is punished."',
            "  «Puni.»",
            # As typed in Britain and, for German and Luxembourgish, in Luxembourg.
            "‘It is punished.’",
            "„Et gëtt bestrooft.“",
        ],
    )
    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_a_paraphrase_is_not_put_in_quotation_marks(self, said, quoted, language):
        setattr(said, f"claim_{language}", quoted)
        errors = self.refusal_of(said)
        assert errors.keys() == {f"claim_{language}"}
        assert errors[f"claim_{language}"] == [
            "Remove the quotation marks: a paraphrase is not a quotation."
        ]

    @pytest.mark.parametrize("wording", ["verbatim", "translation"])
    def test_a_quotation_may_be(self, said, wording):
        said.wording = wording
        said.claim_fr, said.claim_en = "« C'est puni. »", "“It is punished.”"
        said.full_clean()

    def test_a_paraphrase_may_hold_a_quoted_word(self, said):
        said.claim_fr = "Elle parle de l'outil « Grok »."
        said.claim_en = "She speaks of the tool “Grok”."
        said.full_clean()


class TestClaim:
    def test_two_claims_of_a_question_cannot_share_a_place(self, question):
        with pytest.raises(IntegrityError), transaction.atomic():
            new_claim(question, order=1)
        new_claim(question, order=2)
        new_claim(new_question("q-other"), order=1)

    def test_the_form_says_so(self, question):
        claim = Claim(question=question, order=1, basis="advice", text_fr="Deux", text_en="Two")
        with override("en"), pytest.raises(ValidationError) as refusal:
            claim.full_clean()
        with override("en"):
            messages = refusal.value.messages
        assert "Two claims of one question cannot share a place." in messages

    def test_claims_come_in_their_order(self, question):
        new_claim(question, order=3)
        new_claim(question, order=2)
        assert [claim.order for claim in question.claims.all()] == [1, 2, 3]

    def test_the_database_knows_three_bases(self, question):
        with pytest.raises(IntegrityError), transaction.atomic():
            new_claim(question, "rumour", order=2)

    def test_the_sources_voice_is_told_from_the_speakers(self, question, statement):
        sources_own = Statement.objects.filter(voice="source").first()
        claim = new_claim(question, "statement", order=2)
        claim.statements.set([sources_own])
        assert claim.voice == "source"
        claim.statements.set([sources_own, statement])
        assert claim.voice == ""
        claim.statements.set([statement])
        assert claim.voice == "speaker"
