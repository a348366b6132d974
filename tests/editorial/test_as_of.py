"""Where the law stands on a day, and pages as they stood on one."""

import datetime
import re

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from articles.models import Claim, Contact, Question, Source, Speaker, Statement, Topic
from kb_site.editorial import clock, history, reviews
from kb_site.editorial.models import ReviewTask, Revision
from kb_site.search import updates
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion

pytestmark = pytest.mark.django_db

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}


def words(day, language):
    number = "1er" if language == "fr" and day.day == 1 else day.day
    return f"{number}\u00a0{MONTHS[language].split()[day.month - 1]}\u00a0{day.year}"


def main(html):
    return re.search(r"<main.*?</main>", html, re.DOTALL)[0]


def text_of(html):
    return " ".join(re.sub("<[^>]+>", " ", html).split(" ")).replace("\n", " ")


def read(path, **query):
    page = Client().get(path, query)
    assert page.status_code == 200, page.status_code
    return main(page.content.decode())


def address(record, language):
    with override(language):
        return record.get_absolute_url()


def at(instant):
    return time_machine.travel(instant, tick=False)


# The clock


class TestMidnight:
    """Either side of midnight in Luxembourg: one hour ahead of UTC in winter, two in summer."""

    BEFORE, AFTER = "2026-12-01T22:59:59Z", "2026-12-01T23:00:00Z"

    @pytest.fixture
    def provision(self):
        return Provision.objects.get(reference="eu-aiact-5-ba-bb")

    @pytest.fixture
    def question(self, provision):
        """One claim, which rests only on the ban that applies from 2 December 2026."""
        return answer(provision)

    @pytest.mark.parametrize(
        ("instant", "code"),
        [
            ("2026-11-23T12:00:00Z", "not-yet-applicable"),
            ("2026-12-01T22:59:58Z", "not-yet-applicable"),
            (BEFORE, "not-yet-applicable"),
            (AFTER, "applies"),
            ("2026-12-01T23:00:01Z", "applies"),
            ("2026-12-01T23:59:59Z", "applies"),
            ("2026-12-02T00:00:00Z", "applies"),
        ],
    )
    def test_in_winter_a_version_begins_an_hour_before_utc_s_day(self, provision, instant, code):
        with at(instant):
            assert provision.legal_status.code == code
            assert provision.versions.get().legal_status.code == code
            in_force = provision in Provision.objects.in_force()
            assert in_force == (code == "applies")

    @pytest.mark.parametrize(
        ("instant", "ended", "begun"),
        [
            ("2027-06-30T21:59:58Z", False, False),
            ("2027-06-30T21:59:59Z", False, False),
            ("2027-06-30T22:00:00Z", True, True),
            ("2027-06-30T22:00:01Z", True, True),
            ("2027-06-30T23:59:59Z", True, True),
        ],
    )
    def test_in_summer_two_hours_before(self, provision, instant, ended, begun):
        old = provision.versions.get()
        old.applies_until = datetime.date(2027, 6, 30)
        old.save()
        new = ProvisionVersion.objects.create(
            provision=provision,
            number=2,
            applies_from=datetime.date(2027, 7, 1),
            summary_fr="Nouveau",
            summary_en="New",
        )
        provision = Provision.objects.get(pk=provision.pk)
        with at(instant):
            assert old.legal_status.has_ended is ended
            assert (new.legal_status.code == "applies") is begun
            assert provision.current_version == (new if begun else old)
            assert provision.legal_status.code == "applies"

    @pytest.mark.parametrize(
        ("instant", "is_over"),
        [("2027-07-01T21:59:59Z", False), ("2027-07-01T22:00:00Z", True)],
    )
    def test_the_time_to_transpose_is_over_after_its_day(self, provision, instant, is_over):
        version = provision.versions.get()
        version.transpose_by = datetime.date(2027, 7, 1)
        with at(instant):
            assert (version.legal_status.code == "applies") is is_over

    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_the_pages_turn_with_the_day(self, provision, question, language):
        day = datetime.date(2026, 12, 2)
        note = {"en": "rests only on law that does not apply yet", "fr": 'class="not-yet"'}
        status = {"en": "Not yet applicable", "fr": "status-not-yet-applicable"}[language]
        pages = [address(record, language) for record in (question, provision, provision.act)]
        with at(self.BEFORE):
            shown = [read(page) for page in pages]
            for html in shown:
                assert status in html
                assert words(day, language) in html
            assert note[language] in shown[0]
        with at(self.AFTER):
            shown = [read(page) for page in pages]
            for html in shown:
                assert status not in html or html == shown[2]
            assert 'class="not-yet"' not in shown[0]
            # Of the act's provisions this one has changed.
            card = re.search(rf'href="{pages[1]}".*?</article>', shown[2], re.DOTALL)[0]
            assert "status-applies" in card

    def test_no_page_is_kept_over_midnight(self, question):
        client = Client()
        with at(self.BEFORE):
            page = client.get(address(question, "en"))
            assert "not apply yet" in page.content.decode()
            # Whoever keeps it asks each time; tests/test_kept_pages.py has our own copies.
            assert "max-age=0" in page["Cache-Control"]
        with at(self.AFTER):
            assert "not apply yet" not in client.get(address(question, "en")).content.decode()

    def test_the_last_instant_of_a_day_is_luxembourg_s(self):
        for day, last in [
            (datetime.date(2026, 12, 1), "2026-12-01T22:59:59.999999+00:00"),
            (datetime.date(2027, 7, 1), "2027-07-01T21:59:59.999999+00:00"),
            # The nights when the clock moves.
            (datetime.date(2027, 3, 28), "2027-03-28T21:59:59.999999+00:00"),
            (datetime.date(2027, 10, 31), "2027-10-31T22:59:59.999999+00:00"),
        ]:
            assert clock.end_of(day).astimezone(datetime.UTC).isoformat() == last

    def test_the_day_asked_for_ends_with_its_page(self):
        with clock.as_of(datetime.date(2020, 2, 2)):
            assert clock.today() == datetime.date(2020, 2, 2)
            with clock.as_of(datetime.date(2019, 1, 1)):
                assert clock.today() == datetime.date(2019, 1, 1)
            assert clock.today() == datetime.date(2020, 2, 2)
        assert clock.today() == timezone.localdate()


def answer(*provisions, **values):
    """A published question of one claim that rests on these provisions."""
    question = Question.objects.create(
        reference="q-tested",
        slug_fr="essai",
        slug_en="tested",
        title_fr="Un essai ?",
        title_en="A test?",
        short_answer_fr="Oui.",
        short_answer_en="Yes.",
        confidence="confirmed",
        **values,
    )
    claim = Claim.objects.create(
        question=question, order=1, basis="law", text_fr="La loi.", text_en="The law."
    )
    claim.provisions.set(provisions)
    question.status = "published"
    question.save()
    return question


class TestNote:
    @pytest.fixture(autouse=True)
    def now(self):
        with at("2026-11-23T12:00:00Z"):
            yield

    def test_law_that_applies_and_law_to_come_together_need_none(self):
        future = Provision.objects.get(reference="eu-aiact-5-ba-bb")
        question = answer(Provision.objects.get(reference="lu-cp-383bis"), future)
        html = read(address(question, "en"))
        assert "not-yet" not in re.sub("status-not-yet-applicable", "", html)
        # The one that waits is still marked.
        assert "Not yet applicable" in html

    def test_law_to_come_only(self):
        question = answer(Provision.objects.get(reference="eu-aiact-5-ba-bb"))
        assert (
            "This point rests only on law that does not apply yet: it applies from "
            "2\u00a0December\u00a02026."
        ) in text_of(read(address(question, "en"))).replace("  ", " ").replace(" .", ".")

    def test_law_that_ended_says_so(self):
        provision = Provision.objects.get(reference="eu-aiact-5-ba-bb")
        provision.versions.update(
            applies_from=datetime.date(2020, 1, 1), applies_until=datetime.date(2026, 11, 22)
        )
        html = read(address(answer(provision), "en"))
        assert "This point rests only on law that no longer applies, since" in html
        assert words(datetime.date(2026, 11, 23), "en") in html
        with at("2026-11-22T22:59:59Z"):
            assert 'class="not-yet"' not in read("/en/questions/tested/")

    def test_a_proposal_says_so(self):
        provision = Provision.objects.get(reference="eu-aiact-5-ba-bb")
        LegalAct.objects.filter(pk=provision.act_id).update(kind="proposal")
        assert "only on a proposal that is not law yet" in read(address(answer(provision), "en"))

    def test_a_date_nobody_knows_is_not_guessed(self):
        provision = Provision.objects.get(reference="eu-aiact-5-ba-bb")
        provision.versions.update(applies_from=None)
        html = read(address(provision, "en"))
        assert "Applies (start date not known)" in html
        assert "date not known" in html
        assert "date inconnue" in read(address(provision, "fr"))
        assert 'class="not-yet"' not in read(address(answer(provision), "en"))


# Pages as they stood


BEGAN = "2026-11-02T08:00:00Z"
DAY = datetime.date(2026, 11, 10)


@pytest.fixture(autouse=True)
def no_search():
    """These tests change much of the content, and search nothing."""
    with updates.paused():
        yield


@pytest.fixture
def began():
    """The history of everything began on 2 November 2026."""
    Revision.objects.update(at=BEGAN)


def records():
    return {
        "question": Question.objects.get(reference="q-creation-offence"),
        "law question": Question.objects.get(reference="q-ai-act-ban"),
        "provision": Provision.objects.get(reference="lu-cp-383bis"),
        "future provision": Provision.objects.get(reference="eu-aiact-5-ba-bb"),
        "act": LegalAct.objects.get(reference="lu-code-penal"),
        "statement": Statement.objects.get(reference="st-creation-is-offence"),
        "contact": Contact.objects.get(reference="ct-police"),
    }


def pages(languages=("fr", "en")):
    return {
        (name, language): address(record, language)
        for name, record in records().items()
        for language in languages
    }


def without_banner(html):
    html, count = re.subn(r'<div class="notice as-of".*?</div>\n?', "", html, flags=re.DOTALL)
    assert count == 1
    # The day goes along to the next page of a list.
    return re.sub(r"\?as_of=[0-9-]+&amp;", "?", html)


def lines_of(html):
    return [line for line in html.splitlines() if line.strip()]


def read_on_the_day(*languages):
    with at(f"{DAY}T10:00:00Z"):
        return {key: read(page) for key, page in pages(languages).items()}


def check_as_of(kept):
    for key, page in pages({language for _name, language in kept}).items():
        shown = read(page, as_of=str(DAY))
        assert lines_of(without_banner(shown)) == lines_of(kept[key]), key


def edit_texts(reviewer):
    for record in records().values():
        for name in ("title", "heading", "short_title", "name", "summary", "short_answer", "claim"):
            for language in ("fr", "en"):
                if hasattr(record, f"{name}_{language}"):
                    setattr(record, f"{name}_{language}", f"Changed {name} {language}")
        record.verified_by, record.verified_on = "Somebody else", datetime.date(2026, 11, 12)
        record.save()


def edit_claims(reviewer):
    question = records()["question"]
    claims = list(question.claims.order_by("order"))
    claims[0].delete()
    for place, claim in enumerate(reversed(claims[1:]), start=50):
        claim.order = place
        claim.text_fr, claim.text_en = "Autre texte.", "Another text."
        claim.save()
    new = Claim.objects.create(
        question=question, order=1, basis="law", text_fr="La loi.", text_en="The law."
    )
    new.provisions.add(Provision.objects.get(reference="eu-aiact-5-ba-bb"))


def edit_citations(reviewer):
    for claim in Claim.objects.filter(question=records()["question"]):
        claim.provisions.clear()
        claim.contacts.set(Contact.objects.all()[:2])
    records()["provision"].claims.clear()
    records()["question"].contacts.set(Contact.objects.all()[3:5])
    records()["question"].related.set(Question.objects.all()[3:5])
    records()["statement"].mapped_provisions.set(Provision.objects.all()[:1])
    records()["statement"].contacts.clear()


def edit_contacts(reviewer):
    for contact in Contact.objects.all():
        contact.phone, contact.email = "999 999", "autre@example.org"
        contact.languages, contact.free, contact.order = ["pt"], None, 1000 - contact.order
        contact.save()


def edit_law(reviewer):
    version = records()["provision"].versions.get(number=2)
    version.applies_until = datetime.date(2026, 11, 11)
    version.summary_fr, version.summary_en = "Autre.", "Other."
    version.save()
    new = ProvisionVersion.objects.create(
        provision=version.provision,
        number=3,
        applies_from=datetime.date(2026, 11, 12),
        amended_by=LegalAct.objects.get(reference="eu-aiact"),
        summary_fr="Nouveau",
        summary_en="New",
    )
    Penalty.objects.create(version=new, order=1, label_fr="Peine", turnover_percent="3.50")
    version.provision.versions.get(number=1).delete()
    for penalty in version.penalties.all():
        penalty.fine_max, penalty.custody_max = 999_999, "P30Y"
        penalty.save()
    act = records()["act"]
    act.repealed_on = datetime.date(2026, 11, 15)
    act.save()


def edit_slugs(reviewer):
    for name in ("question", "law question"):
        question = records()[name]
        question.slug_fr, question.slug_en = f"autre-{question.pk}", f"other-{question.pk}"
        question.save()


def withdraw_what_is_cited(reviewer):
    for provision in Provision.objects.filter(claims__question=records()["question"]).exclude(
        reference="lu-cp-383bis"
    ):
        provision.status = "withdrawn"
        provision.save()
    for contact in Contact.objects.exclude(reference="ct-police"):
        contact.status = "draft"
        contact.save()
    for statement in Statement.objects.exclude(reference="st-creation-is-offence"):
        statement.status = "withdrawn"
        statement.save()
    for question in Question.objects.exclude(reference__in=["q-creation-offence", "q-ai-act-ban"]):
        question.status = "withdrawn"
        question.save()


def rename_helpers(reviewer):
    for model, name in [(Topic, "title_fr"), (Speaker, "name"), (Source, "title")]:
        for row in model.objects.all():
            setattr(row, name, f"Autre {row.pk}")
            row.save()
    for topic in Topic.objects.all():
        topic.title_en, topic.order = "Other", 100 - topic.order
        topic.save()
    for source in Source.objects.all():
        source.publisher, source.note_en = "Other", "A note"
        source.save()


def delete_helpers(reviewer):
    Topic.objects.all().delete()


def close_reviews(reviewer):
    for task in ReviewTask.objects.open():
        task.close(reviewer, "Still right.")


def open_reviews(reviewer):
    for name in ("question", "provision", "statement", "contact", "act"):
        reviews.flag(records()[name], ReviewTask.Reason.REVIEW_DUE, itself=True)
    penalty = records()["future provision"].versions.get().penalties.first()
    penalty.fine_max = 5
    penalty.save()


EDITS = [
    edit_texts,
    edit_claims,
    edit_citations,
    edit_contacts,
    edit_law,
    edit_slugs,
    rename_helpers,
    delete_helpers,
    withdraw_what_is_cited,
    close_reviews,
    open_reviews,
]


@pytest.fixture
def reviewer(django_user_model):
    return django_user_model.objects.create_superuser("reviewer")


def prepare_tasks(reviewer):
    """Before the day: tasks opened, one of them closed again, a version to come."""
    with at("2026-11-05T09:00:00Z"):
        edit = records()["future provision"].versions.get()
        edit.note_en = "Reread."
        edit.save()
        statement = records()["statement"]
        statement.note_en = "Corrected."
        statement.save()
        reviews.flag(records()["contact"], ReviewTask.Reason.VERIFICATION_EXPIRED, itself=True)
    with at("2026-11-06T09:00:00Z"):
        for task in ReviewTask.objects.filter(cause="statement:st-creation-is-offence"):
            task.close(reviewer, "Still right.")


class TestTheSame:
    @pytest.mark.anywhere  # All of them together are tried on each database.
    @pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
    def test_a_page_of_a_day_equals_what_it_showed_that_day(self, began, reviewer, edit):
        prepare_tasks(reviewer)
        # One language each; all edits together are read in both.
        language = ("fr", "en")[EDITS.index(edit) % 2]
        kept = read_on_the_day(language)
        with at("2026-11-12T09:00:00Z"):
            edit(reviewer)
        with at("2026-11-20T09:00:00Z"):
            check_as_of(kept)
            # The edit was worth the name.
            changed = [read_now(page) != kept[key] for key, page in pages([language]).items()]
            assert any(changed), edit.__name__

    def test_after_all_edits_one_day_after_the_other(self, began, reviewer):
        prepare_tasks(reviewer)
        kept = read_on_the_day("fr", "en")
        for number, edit in enumerate(EDITS):
            with at(f"2026-11-{12 + number}T09:00:00Z"):
                edit(reviewer)
        with at("2027-07-20T09:00:00Z"):
            check_as_of(kept)

    def test_in_a_change_made_later_that_day_the_last_state_counts(self, began):
        contact = records()["contact"]
        for hour, phone in [(8, "111 111"), (22, "222 222"), (23, "333 333")]:
            with at(f"{DAY}T{hour:02}:30:00Z"):
                contact.phone = phone
                contact.save()
        with at("2026-11-20T09:00:00Z"):
            # Half past eleven UTC is the next day in Luxembourg.
            assert "222 222" in read(address(contact, "en"), as_of=str(DAY))
            assert "333 333" in read(address(contact, "en"), as_of="2026-11-11")

    def test_today_is_what_is_there_now(self, began):
        with at("2026-11-20T09:00:00Z"):
            for page in pages().values():
                shown = without_banner(read(page, as_of="2026-11-20"))
                assert lines_of(shown) == lines_of(read(page))

    def test_a_task_that_grows_is_shown_as_it_was(self, began):
        provision = records()["future provision"]
        version = provision.versions.get()
        page = address(records()["law question"], "en")
        with at("2026-11-05T09:00:00Z"):
            version.note_en = "Reread."
            version.save()
        with at(f"{DAY}T10:00:00Z"):
            kept = read(page)
        assert words(datetime.date(2026, 11, 5), "en") in kept
        with at("2026-11-15T09:00:00Z"):
            version.note_en = "Reread again."
            version.save()
            assert words(datetime.date(2026, 11, 15), "en") in read(page)
        with at("2026-11-20T09:00:00Z"):
            assert lines_of(without_banner(read(page, as_of=str(DAY)))) == lines_of(kept)

    def test_an_address_of_today_leads_to_the_page_of_the_day(self, began):
        question = records()["question"]
        old = address(question, "en")
        with at("2026-11-12T09:00:00Z"):
            question.slug_en = "another-address"
            question.save()
        with at("2026-11-20T09:00:00Z"):
            page = Client().get(old, {"as_of": str(DAY)})
            assert page.status_code == 301
            assert page["Location"] == f"/en/questions/another-address/?as_of={DAY}"
            assert Client().get(page["Location"]).status_code == 200


def read_now(page):
    page = Client().get(page, follow=True)
    return main(page.content.decode()) if page.status_code == 200 else ""


@pytest.mark.anywhere
@pytest.mark.parametrize("language", ["fr", "en"])
class TestBanner:
    def test_it_says_the_day_and_leads_back(self, began, language):
        with at("2026-11-20T09:00:00Z"):
            for (name, spoken), page in pages().items():
                if spoken != language:
                    continue
                answer = Client().get(page, {"as_of": str(DAY)})
                html = answer.content.decode()
                banner = re.search(r'<div class="notice as-of".*?</div>', html, re.DOTALL)[0]
                assert words(DAY, language) in banner, name
                assert f'href="{page}"' in banner
                assert answer["X-Robots-Tag"] == "noindex"
                assert '<meta name="robots" content="noindex">' in html

    def test_today_s_page_has_none(self, began, language):
        for page in pages().values():
            answer = Client().get(page)
            assert "as-of" not in answer.content.decode()
            assert not answer.has_header("X-Robots-Tag")


WHAT_IS_NO_DAY = [
    "",
    " ",
    "x",
    "2026-02-30",
    "2026-13-01",
    "2026-1-1",
    "20261110",
    "2026-W46-2",
    "2026-11-10T00:00",
    "2026-11-10 ",
    " 2026-11-10",
    "+2026-11-10",
    "-2026-11-10",
    "0000-01-01",
    "٢٠٢٦-١١-١٠",
    "２０２６-11-10",
    "2026-11-10\0",
    "\0",
    "2026–11–10",
    "today",
    "None",
    "2026-11-10' OR 1=1",
    "1" * 10_000,
    "<script>alert(1)</script>",
]


class TestNoPage:
    @pytest.mark.anywhere
    @pytest.mark.parametrize("asked", WHAT_IS_NO_DAY, ids=range(len(WHAT_IS_NO_DAY)))
    def test_what_is_no_day_has_a_plain_answer(self, began, asked):
        for (name, language), page in pages().items():
            if name not in ("question", "act"):
                continue
            answer = Client().get(page, {"as_of": asked})
            assert answer.status_code == 400
            assert answer["X-Robots-Tag"] == "noindex"
            html = main(answer.content.decode())
            assert f'href="{page}"' in html
            assert "2026-12-24" in html
            assert "<script>" not in html
            title = {"fr": "Rien à montrer", "en": "Nothing to show for that day"}[language]
            assert title in html

    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_a_day_to_come(self, began, language):
        with at("2026-11-20T09:00:00Z"):
            for day in (datetime.date(2026, 11, 21), datetime.date(9999, 12, 31)):
                answer = Client().get(address(records()["question"], language), {"as_of": str(day)})
                assert answer.status_code == 404
                html = main(answer.content.decode())
                assert words(day, language) in html
                assert {"fr": "pas encore", "en": "has not come yet"}[language] in html

    def test_tomorrow_begins_at_midnight_in_luxembourg(self, began):
        page = address(records()["question"], "en")
        with at("2026-11-20T22:59:59Z"):
            assert Client().get(page, {"as_of": "2026-11-21"}).status_code == 404
        with at("2026-11-20T23:00:00Z"):
            assert Client().get(page, {"as_of": "2026-11-21"}).status_code == 200

    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_a_day_before_the_first_record(self, began, language):
        for (name, spoken), page in pages().items():
            if spoken != language:
                continue
            for day in (datetime.date(2026, 11, 1), datetime.date(2000, 1, 1)):
                answer = Client().get(page, {"as_of": str(day)})
                assert answer.status_code == 404, name
                assert answer["X-Robots-Tag"] == "noindex"
                html = main(answer.content.decode())
                assert words(day, language) in html
                assert words(datetime.date(2026, 11, 2), language) in html
                assert f'href="{page}"' in html
            assert Client().get(page, {"as_of": "2026-11-02"}).status_code == 200

    @pytest.mark.parametrize("day", ["0001-01-01", "0001-01-02", "1000-01-01", "1583-10-15"])
    def test_the_oldest_days_of_the_calendar(self, began, day):
        page = address(records()["question"], "en")
        assert Client().get(page, {"as_of": day}).status_code == 404

    def test_a_day_between_two_publications(self, began):
        contact = records()["contact"]
        for day, status in [(5, "withdrawn"), (15, "published")]:
            with at(f"2026-11-{day:02}T09:00:00Z"):
                contact.status = status
                contact.save()
        page = address(contact, "en")
        with at("2026-11-20T09:00:00Z"):
            statuses = [
                Client().get(page, {"as_of": f"2026-11-{day:02}"}).status_code
                for day in (4, 5, 14, 15)
            ]
            assert statuses == [200, 404, 404, 200]
            # It had begun before that day: no beginning to tell.
            html = main(Client().get(page, {"as_of": str(DAY)}).content.decode())
            assert words(datetime.date(2026, 11, 2), "en") not in html

    @pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn"])
    def test_what_is_not_published_today_has_no_page_of_any_day(self, began, status):
        addresses = pages()
        with at("2026-11-12T09:00:00Z"):
            for record in records().values():
                record.status = status
                record.save()
        with at("2026-11-20T09:00:00Z"):
            for page in addresses.values():
                for day in (str(DAY), "2026-11-02", "2026-11-20", "2020-01-01"):
                    assert Client().get(page, {"as_of": day}).status_code == 404

    def test_what_does_not_exist_is_not_found(self):
        for path in ("questions/x/", "laws/x/", "laws/x/y/", "contacts/x/", "statements/x/"):
            assert Client().get(f"/en/{path}", {"as_of": "2026-11-20"}).status_code == 404

    def test_a_repeated_day_is_the_last(self, began):
        page = address(records()["question"], "en")
        assert Client().get(f"{page}?as_of=x&as_of={DAY}").status_code == 200
        assert Client().get(f"{page}?as_of={DAY}&as_of=x").status_code == 400

    def test_head_answers_as_get(self, began):
        page = address(records()["question"], "en")
        assert Client().head(page, {"as_of": str(DAY)}).status_code == 200
        assert Client().head(page, {"as_of": "x"}).status_code == 400


class TestCost:
    MOST_QUERIES = 25

    def cost(self, page):
        client = Client()
        client.get(page, {"as_of": str(DAY)})
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page, {"as_of": str(DAY)}).status_code == 200
        return len(queries)

    def test_a_page_of_a_day_asks_few_questions(self, began):
        for key, page in pages().items():
            assert self.cost(page) <= self.MOST_QUERIES, key

    def test_as_many_with_many_claims_as_with_few(self, began):
        question = records()["question"]
        page = address(question, "en")
        few = self.cost(page)
        with at("2026-11-05T09:00:00Z"), transaction.atomic(), history.change():
            provisions, contacts = Provision.objects.all(), Contact.objects.all()
            for number in range(40):
                claim = Claim.objects.create(
                    question=question,
                    order=100 + number,
                    basis="law",
                    text_fr=f"Point {number}",
                    text_en=f"Point {number}",
                )
                claim.provisions.add(provisions[number % provisions.count()])
                claim.contacts.add(contacts[number % contacts.count()])
        assert self.cost(page) <= few + 1
        assert "Point 39" in read(page, as_of=str(DAY))


def test_a_record_of_the_past_cannot_be_saved(began):
    past = history.Past(timezone.now())
    question = past.get("question", "q-creation-offence")
    with pytest.raises(TypeError):
        question.save()
    with pytest.raises(TypeError):
        question.claims.all()[0].save()
