"""The content in fixtures/: whole, in both languages, supported, in our own words, and safe."""

import functools
import json
import re
import unicodedata
from collections import Counter
from io import StringIO

import pytest
import yaml
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from modeltranslation.translator import translator

from articles.models import Claim, Contact, Event, Question, Source, Statement, Topic
from kb_site.editorial import history
from kb_site.search import updates
from laws.models import LegalAct, Provision

FILES = sorted((settings.BASE_DIR / "fixtures").glob("*.yaml"))
DATA = settings.BASE_DIR.parent / "shared" / "data"
pytestmark = pytest.mark.anywhere

LANGUAGES = ["fr", "en"]


def stored(name):
    """A file of shared/data/; the test is skipped, and says so, where there is none."""
    found = sorted(DATA.glob(name))
    if not found:
        pytest.skip(f"{DATA / name} is absent: the content was not compared with it.")
    return found


def rows_of(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@functools.cache
def all_rows():
    return [row for path in FILES for row in rows_of(path)]


def models():
    """The models that the fixtures hold rows of."""
    return [apps.get_model(name) for name in sorted({row["model"] for row in all_rows()})]


def facts(*kinds):
    """The records of facts.json of these kinds."""
    (path,) = stored("facts.json")
    return [record for record in json.loads(path.read_text()) if record["kind"] in kinds]


def may_be_published(record):
    refused = any(name.startswith("do_not_publish") for name in record["facts"])
    return record["confidence"] != "UNVERIFIED" and not refused


def named(row):
    """What identifies a fixture row, for the message of a failing test."""
    fields = row["fields"]
    keys = ["reference", "provision", "version", "question", "number", "order"]
    return " ".join(str(fields[key]) for key in keys if key in fields)


class TestFiles:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
    def test_holds_rows_of_known_models_without_primary_keys(self, path):
        rows = rows_of(path)
        assert rows
        for row in rows:
            assert row.keys() == {"model", "fields"}, named(row)
            model = apps.get_model(row["model"])
            known = {field.name for field in model._meta.get_fields()}
            assert row["fields"].keys() <= known, named(row)

    @pytest.mark.each
    @pytest.mark.django_db
    def test_every_row_is_in_the_database(self):
        expected = Counter(row["model"] for row in all_rows())
        assert {model._meta.label_lower: model.objects.count() for model in models()} == expected

    def test_there_are_thirty_published_questions_at_least(self):
        published = [
            row
            for row in all_rows()
            if row["model"] == "articles.question" and row["fields"]["status"] == "published"
        ]
        assert len(published) >= 30


@pytest.mark.django_db
class TestRecords:
    @pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
    def test_pass_the_checks_of_the_admin(self, model):
        for record in model.objects.all():
            record.full_clean()

    def test_every_published_question_may_be_published(self):
        questions = Question.objects.published()
        assert {q.reference: q.publication_problems() for q in questions} == {
            q.reference: [] for q in questions
        }

    @pytest.mark.parametrize(
        "model",
        [model for model in models() if model in translator.get_registered_models()],
        ids=lambda model: model.__name__,
    )
    def test_have_each_text_in_both_languages_or_in_none(self, model):
        for field in translator.get_options_for_model(model).fields:
            required = not model._meta.get_field(field).blank
            for record in model.objects.all():
                texts = [getattr(record, f"{field}_{language}") for language in LANGUAGES]
                written = [bool((text or "").strip()) for text in texts]
                assert len(set(written)) == 1, f"{record!r}: {field} is in one language only"
                assert written[0] or not required, f"{record!r}: {field} is empty"

    def test_no_answer_cites_what_readers_cannot_see(self):
        for claim in Claim.objects.filter(question__in=Question.objects.published()):
            for citations in (claim.provisions, claim.statements, claim.contacts):
                assert set(citations.all()) == set(citations.published()), claim

    def test_no_statement_has_a_day_that_nobody_knows(self):
        # The article carries no date; a day for the minister's words would be made up.
        assert not Statement.objects.exclude(said_on=None).exists()
        assert not Source.objects.filter(statements__isnull=False).exclude(published_on=None)


@pytest.mark.django_db
class TestFacts:
    MODELS = {
        "statement": Statement,
        "act": LegalAct,
        "provision": Provision,
        "contact": Contact,
        "event": Event,
    }

    @pytest.mark.parametrize("kind", MODELS)
    def test_everything_that_may_be_published_is(self, kind):
        keys = {record["key"] for record in facts(kind) if may_be_published(record)}
        assert len(keys) >= 10
        published = self.MODELS[kind].objects.published().values_list("reference", flat=True)
        assert keys - set(published) == set()

    def test_what_is_unverified_is_not_there_at_all(self):
        keys = {record["key"] for record in facts(*self.MODELS) if not may_be_published(record)}
        assert keys
        references = {row["fields"].get("reference") for row in all_rows()}
        assert keys & references == set()

    def test_what_is_secondary_is_not_shown_as_confirmed(self):
        for record in facts(*self.MODELS):
            raised = any(c["field"] == "confidence" for c in record.get("corrections") or [])
            if record["confidence"] == "SECONDARY" and not raised:
                row = self.MODELS[record["kind"]].objects.get(reference=record["key"])
                assert row.confidence == "secondary", record["key"]

    def test_unverified_phones_and_addresses_are_left_empty(self):
        checked = 0
        for record in facts("contact"):
            contact = Contact.objects.get(reference=record["key"])
            corrected = {c["field"] for c in record.get("corrections") or []}
            for field in ("phone", "address"):
                if f"{field}_unverified" in record["facts"] and f"facts.{field}" not in corrected:
                    assert getattr(contact, field) == "", record["key"]
                    checked += 1
        assert checked >= 3

    def test_what_must_not_be_printed_is_not(self):
        content = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
        # The deadline of Directive 2011/93 was read nowhere; nor was article 5 of the 1982 act.
        assert not re.search(r"18 décembre 2013|18 December 2013|2013-12-18", content)
        assert not Provision.objects.filter(reference__startswith="lu-loi-1982-art5").exists()
        for row in all_rows():
            if row["fields"].get("act") == ["lu-loi-1982-08-11"]:
                assert "montage" not in str(row["fields"]).lower()


def words(text):
    """Words in small letters without accents; what an apostrophe or a hyphen joins is one word.

    The thousands of a sum are one word: "75 000", "75.000".
    """
    text = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"(?<=\d)[ .](?=\d{3}\b)", "", text)
    return re.findall(r"[a-z0-9']+(?:-[a-z0-9']+)*", text)


def runs(text, length=8):
    """Every run of consecutive words, of one sentence or list item."""
    for sentence in re.split(r"[.;:!?]\s|\n", text):
        found = words(sentence)
        for start in range(len(found) - length + 1):
            yield " ".join(found[start : start + length])


def sources_runs(text, length=8):
    """Every run of consecutive words of a source, across its sentences."""
    found = words(text)
    return {" ".join(found[start : start + length]) for start in range(len(found) - length + 1)}


class TestOurOwnWords:
    # Real titles are facts, and quoted as such; addresses are not prose.
    TITLES = {("articles.source", "title"), ("laws.legalact", "title_fr")}

    def copied(self, source):
        """What the content shares with a source, by the run of words."""
        return {
            run: f"{named(row)} {field}"
            for row in all_rows()
            for field, text in row["fields"].items()
            if isinstance(text, str)
            and (row["model"], field) not in self.TITLES
            and not re.search(r"url|^eli$", field)
            for run in runs(text)
            if run in source
        }

    def test_hold_no_run_of_the_article(self):
        (path,) = stored("000_*.txt")
        source = sources_runs(path.read_text(encoding="utf-8"))
        assert len(source) > 300
        assert self.copied(source) == {}

    @pytest.mark.parametrize("version", ["2023-07-01", "2023-08-22"])
    def test_hold_no_run_of_the_criminal_code(self, version):
        (path,) = stored(f"official/legilux/code-penal-{version}.fr.xml")
        source = sources_runs(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))
        assert len(source) > 50_000
        assert self.copied(source) == {}

    def test_a_copied_sentence_would_be_found(self):
        source = sources_runs(
            "Sera puni d'une peine celui qui aura, sans droit, fait cela deux fois."
        )
        copy = "**Sera puni** d’une peine celui qui aura sans droit fait cela."
        assert set(runs(copy)) & source
        assert not set(runs("Est puni d'une peine celui qui l'aura fait deux fois.")) & source


# Advice to keep or pass on an image, in the imperative or the infinitive.
TELLS_TO_KEEP = {
    "fr": re.compile(
        r"""\b(?:
        (?:gard|conserv|enregistr|sauvegard|télécharg|transfér|transmett|copi|captur|stock)(?:ez|er)
        (?:-(?:la|le|les|en)\b
        | \s+(?:bien\s+|aussi\s+|tout(?:es)?\s+)?
          (?:(?:une?|la|les?|des|cette|ces|votre|vos|telle)\s+|[ld]')*
          (?:image|photo|vidéo|capture|copie|fichier|contenu))
        | (?:fai(?:tes|re)|pren(?:ez|dre))\s+(?:une|des|la|plusieurs)\s+(?:capture|copie|photo)
        )""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "en": re.compile(
        r"""\b(?:
        (?:keep|save|download|forward|copy|screenshot|store)\s+
        (?:it\b|them\b
        | (?:(?:an?|the|all|any|these|those|this|that|your|such|sexual)\s+)*
          (?:image|photo|picture|video|screenshot|copy|copies|file|content|material))
        | (?:take|make)\s+(?:an?\s+|the\s+|some\s+)?(?:screenshot|copy|copies|photo|picture)
        )""",
        re.IGNORECASE | re.VERBOSE,
    ),
}
NEGATION = {
    "fr": re.compile(r"\bne\b|\bn'|\bjamais\b|\bsans\b|\bni\b|\bpersonne\b", re.IGNORECASE),
    "en": re.compile(r"\bnot\b|n't\b|\bnever\b|\bnobody\b|\bno one\b|\bwithout\b", re.IGNORECASE),
}


def dangerous_sentences(text, language):
    """Sentences that tell somebody to keep, copy or pass on an image."""
    text = text.replace("*", "").replace("’", "'")
    return [
        sentence.strip()
        for sentence in re.split(r"[.;:!?](?:\s|$)|\n(?=[-\d])|\n\n", text)
        if (told := TELLS_TO_KEEP[language].search(" ".join(sentence.split())))
        and not NEGATION[language].search(told.string, 0, told.start())
    ]


class TestSafety:
    # What a reader may ask is in the reader's words.
    ASKED = {"also_asked", "title"}

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_no_text_tells_to_keep_or_pass_on_an_image(self, language):
        found = {
            f"{named(row)} {field}": sentences
            for row in all_rows()
            for field, text in row["fields"].items()
            if field.endswith(f"_{language}") and field.rsplit("_", 1)[0] not in self.ASKED
            if isinstance(text, str) and (sentences := dangerous_sentences(text, language))
        }
        assert found == {}

    @pytest.mark.parametrize(
        ("language", "sentence"),
        [
            ("fr", "Gardez l'image comme preuve."),
            ("fr", "Notez l'adresse et faites une capture d'écran."),
            ("fr", "Il faut enregistrer les images pour la police."),
            ("fr", "N'attendez pas : conservez-la."),
            ("fr", "Vous pouvez **transférer cette photo** à la police."),
            ("en", "Take a screenshot before it disappears."),
            ("en", "Save the image as proof."),
            ("en", "You should keep a copy of such material."),
            ("en", "Do not wait: download it."),
            ("en", "Forward the picture to the police."),
        ],
    )
    def test_such_advice_would_be_found(self, language, sentence):
        assert dangerous_sentences(sentence, language)

    @pytest.mark.parametrize(
        ("language", "sentence"),
        [
            ("fr", "Ne gardez pas l'image et n'en faites pas de capture."),
            ("fr", "N'enregistrez jamais l'image."),
            ("fr", "Gardez les messages écrits."),
            ("en", "Do not save it, take a screenshot of it or forward it."),
            ("en", "Never keep the image, not even as proof."),
            ("en", "Keep the date of your report."),
        ],
    )
    def test_its_contrary_is_let_through(self, language, sentence):
        assert not dangerous_sentences(sentence, language)

    @pytest.mark.django_db
    @pytest.mark.parametrize("reference", ["lu-cp-383bis", "lu-cp-383ter", "lu-cp-384"])
    def test_a_délit_is_never_called_a_crime_in_english(self, reference):
        provision = Provision.objects.get(reference=reference)
        texts = [provision.heading_en]
        for version in provision.versions.all():
            texts += [version.summary_en, version.note_en]
            texts += [penalty.label_en for penalty in version.penalties.all()]
        for statement in provision.mapped_statements.all():
            texts += [statement.title_en, statement.claim_en, statement.note_en]
        for question in Question.objects.citing(provision):
            texts += [question.title_en, question.short_answer_en]
        texts += [claim.text_en for claim in provision.claims.all()]
        assert len(texts) > 10
        # "An offence is a crime, a délit or a contravention" names the three classes.
        called = re.compile(
            r"\b(?:is|are)\s+(?:an?\s+)?(?:serious\s+)?crimes?\b(?!,\s+a\s+délit)", re.IGNORECASE
        )
        assert [text for text in texts if called.search(text or "")] == []


@pytest.mark.django_db
@pytest.mark.each
class TestLoading:
    def dump(self, path):
        call_command(
            "dumpdata",
            "articles.claim",
            natural_foreign=True,
            natural_primary=True,
            format="yaml",
            output=str(path),
            verbosity=0,
        )
        return self.claims(rows_of(path))

    def claims(self, rows):
        """Each claim's fields as the fixtures write them, by its natural key."""
        names = ["basis", "text_fr", "text_en", "provisions", "statements", "contacts"]
        return {
            (*row["fields"]["question"], row["fields"]["order"]): {
                name: sorted(value) if isinstance(value := row["fields"][name], list) else value
                for name in names
            }
            for row in rows
            if row["model"] == "articles.claim"
        }

    def test_claims_are_what_the_fixtures_say_and_survive_a_round_trip(self, tmp_path):
        written = self.claims(all_rows())
        assert len(written) > 100
        assert self.dump(tmp_path / "before.yaml") == written
        with updates.paused(), history.paused():
            Claim.objects.all().delete()
            call_command("loaddata", tmp_path / "before.yaml", verbosity=0)
        assert self.dump(tmp_path / "after.yaml") == written

    def test_a_database_that_holds_content_is_left_as_it_is(self):
        with updates.paused(), history.paused():
            Claim.objects.all().delete()
            Contact.objects.filter(reference="ct-kjt").update(phone="1")
            Question.objects.all().delete()
        output = StringIO()
        call_command("load_fixtures", stdout=output)
        assert "nothing was loaded" in output.getvalue()
        assert not Question.objects.exists()
        assert Contact.objects.get(reference="ct-kjt").phone == "1"

    def test_one_row_of_content_is_enough_to_leave_it(self):
        self.empty()
        Topic.objects.create(reference="tp-mine", slug_fr="a-moi", title_fr="À moi")
        call_command("load_fixtures", verbosity=0)
        assert [topic.reference for topic in Topic.objects.all()] == ["tp-mine"]
        assert not Question.objects.exists()

    def test_a_question_that_may_not_be_published_stops_the_load(self, tmp_path, settings):
        self.empty()
        (tmp_path / "questions.yaml").write_text(
            """
- model: articles.topic
  fields: {reference: tp-a, slug_fr: un, slug_en: one, title_fr: Un, title_en: One}
- model: articles.question
  fields:
    reference: q-a
    status: published
    confidence: confirmed
    slug_fr: un
    slug_en: one
    title_fr: Un ?
    title_en: One?
    short_answer_fr: Oui.
    short_answer_en: Yes it is.
""",
            encoding="utf-8",
        )
        settings.FIXTURE_DIRS = [tmp_path]
        with pytest.raises(CommandError, match=r"Nothing was loaded.*\n.*q-a"):
            call_command("load_fixtures", verbosity=0)
        assert not Topic.objects.exists()
        assert not Question.objects.exists()

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "- model: articles.topic\n  fields: {reference: tp-a",
            "- model: articles.nothing",
            "- model: articles.topic\n  fields: {reference: tp-a, order: many}",
            "- model: articles.topic\n  fields: [reference, tp-a]",
            "- tp-a",
            "&a [*a]",
            "!!python/object/apply:os.getcwd []",
        ],
    )
    def test_a_file_that_cannot_be_read_says_which_and_loads_nothing(
        self, text, tmp_path, settings
    ):
        self.empty()
        (tmp_path / "broken.yaml").write_text(text, encoding="utf-8")
        good = (settings.BASE_DIR / "fixtures" / "topics.yaml").read_bytes()
        (tmp_path / "a_topics.yaml").write_bytes(good)
        settings.FIXTURE_DIRS = [tmp_path]
        with pytest.raises(CommandError, match=r"Nothing was loaded: correct.*\n.*broken"):
            call_command("load_fixtures", verbosity=0)
        assert not Topic.objects.exists()

    def empty(self):
        # What cites goes first.
        with updates.paused(), history.paused():
            for name in (
                "articles.event articles.term articles.question articles.statement "
                "articles.advice articles.contact articles.topic articles.source articles.speaker "
                "laws.provision laws.legalact"
            ).split():
                apps.get_model(name).objects.all().delete()
            for model in models():
                model.objects.all().delete()
