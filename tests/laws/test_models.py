"""Where a text stands on a day is computed from its dates, never typed."""

import datetime
import html
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import override

from articles.models import Question
from laws.models import LegalAct, LegalStatus, Provision, ProvisionVersion

DAY = datetime.timedelta(days=1)
LUXEMBOURG = ZoneInfo("Europe/Luxembourg")


@pytest.fixture
def clock(monkeypatch):
    """Sets what time it is, everywhere in Django."""

    def set_clock(instant):
        monkeypatch.setattr("django.utils.timezone.now", lambda: instant)

    return set_clock


def noon(day):
    return datetime.datetime.combine(day, datetime.time(12), LUXEMBOURG)


def new_provision(reference="invented"):
    """A published provision without versions, of an act in force."""
    return Provision.objects.create(
        reference=reference,
        act=LegalAct.objects.get(reference="lu-code-penal"),
        label_fr="art. 1000",
        heading_fr="Inventé",
        status="published",
        confidence="confirmed",
    )


def new_version(provision, number=1, **dates):
    return ProvisionVersion.objects.create(
        provision=provision, number=number, summary_fr="Inventé.", summary_en="Invented.", **dates
    )


def refusal_of(row, language):
    """What the form says, in a language, of a row it refuses."""
    with override(language), pytest.raises(ValidationError) as refusal:
        row.full_clean()
    with override(language):  # The sentences are translated when they are read.
        return refusal.value.messages


class TestVersionStatus:
    @pytest.mark.parametrize(
        ("dates", "day", "code", "decided_by"),
        [
            # The first day is the first day it applies.
            (
                {"applies_from": date(2026, 12, 2)},
                date(2026, 12, 1),
                "not-yet-applicable",
                date(2026, 12, 2),
            ),
            (
                {"applies_from": date(2026, 12, 2)},
                date(2026, 12, 2),
                "applies",
                date(2026, 12, 2),
            ),
            # The last day still counts; the status then names the first day without it.
            ({"applies_until": date(2023, 8, 21)}, date(2023, 8, 21), "applies", None),
            (
                {"applies_until": date(2023, 8, 21)},
                date(2023, 8, 22),
                "no-longer-applicable",
                date(2023, 8, 22),
            ),
            # One day only.
            (
                {"applies_from": date(2026, 1, 1), "applies_until": date(2026, 1, 1)},
                date(2025, 12, 31),
                "not-yet-applicable",
                date(2026, 1, 1),
            ),
            (
                {"applies_from": date(2026, 1, 1), "applies_until": date(2026, 1, 1)},
                date(2026, 1, 1),
                "applies",
                date(2026, 1, 1),
            ),
            (
                {"applies_from": date(2026, 1, 1), "applies_until": date(2026, 1, 1)},
                date(2026, 1, 2),
                "no-longer-applicable",
                date(2026, 1, 2),
            ),
            # "By 14 June" includes 14 June.
            (
                {"transpose_by": date(2027, 6, 14)},
                date(2027, 6, 14),
                "to-be-transposed",
                date(2027, 6, 14),
            ),
            ({"transpose_by": date(2027, 6, 14)}, date(2027, 6, 15), "applies", None),
            # An end wins over a deadline, and so does a start to come.
            (
                {"transpose_by": date(2027, 6, 14), "applies_until": date(2026, 6, 30)},
                date(2026, 7, 1),
                "no-longer-applicable",
                date(2026, 7, 1),
            ),
            (
                {"transpose_by": date(2027, 6, 14), "applies_from": date(2026, 7, 1)},
                date(2026, 6, 30),
                "not-yet-applicable",
                date(2026, 7, 1),
            ),
            # A start nobody knows lies in the past, and no date is made up for it.
            ({}, date(1900, 1, 1), "applies", None),
        ],
    )
    def test_on_the_days_around_its_dates(self, dates, day, code, decided_by):
        assert ProvisionVersion(**dates).status_on(day) == LegalStatus(code, decided_by)


class TestActStatus:
    @pytest.mark.parametrize(
        ("fields", "day", "code", "decided_by"),
        [
            (
                {"in_force_from": date(2024, 8, 1)},
                date(2024, 7, 31),
                "not-yet-in-force",
                date(2024, 8, 1),
            ),
            (
                {"in_force_from": date(2024, 8, 1)},
                date(2024, 8, 1),
                "in-force",
                date(2024, 8, 1),
            ),
            # The day of repeal is the first day without the act.
            ({"repealed_on": date(2026, 4, 4)}, date(2026, 4, 3), "in-force", None),
            (
                {"repealed_on": date(2026, 4, 4)},
                date(2026, 4, 4),
                "no-longer-in-force",
                date(2026, 4, 4),
            ),
            (
                {"kind": "directive", "transpose_by": date(2027, 6, 14)},
                date(2027, 6, 14),
                "to-be-transposed",
                date(2027, 6, 14),
            ),
            (
                {
                    "kind": "directive",
                    "in_force_from": date(2024, 6, 13),
                    "transpose_by": date(2027, 6, 14),
                },
                date(2027, 6, 15),
                "in-force",
                date(2024, 6, 13),
            ),
            ({}, date(1900, 1, 1), "in-force", None),
            # What is not adopted has no date that could make it law.
            (
                {"kind": "bill", "in_force_from": date(2024, 8, 1)},
                date(2026, 11, 23),
                "pending",
                None,
            ),
            ({"kind": "proposal"}, date(2026, 11, 23), "pending", None),
            ({"kind": "case_law"}, date(2026, 11, 23), "case-law", None),
        ],
    )
    def test_on_the_days_around_its_dates(self, fields, day, code, decided_by):
        act = LegalAct(**{"kind": "law", **fields})
        assert act.status_on(day) == LegalStatus(code, decided_by)

    @pytest.mark.parametrize(
        ("code", "applicable"),
        [
            ("applies", True),
            ("in-force", True),
            ("case-law", True),
            ("not-yet-applicable", False),
            ("no-longer-applicable", False),
            ("to-be-transposed", False),
            ("not-yet-in-force", False),
            ("no-longer-in-force", False),
            ("pending", False),
        ],
    )
    def test_only_law_that_binds_today_is_applicable(self, code, applicable):
        assert LegalStatus(code, None).is_applicable is applicable


@pytest.mark.django_db
class TestInForce:
    """What the database selects for a day is what each row says of that day."""

    @pytest.fixture
    def invented(self):
        """Cases that the present content lacks: gaps, one day, an end of the act, a bill."""
        dated = new_provision("invented-dated")
        new_version(dated, 1, applies_until=date(2024, 12, 31))
        new_version(dated, 2, applies_from=date(2025, 3, 1), applies_until=date(2025, 3, 1))
        new_version(dated, 3, applies_from=date(2027, 1, 1))
        new_provision("invented-without-version")
        for kind, fields in {
            "law": {"in_force_from": date(2025, 6, 1), "repealed_on": date(2026, 6, 1)},
            "bill": {},
        }.items():
            act = LegalAct.objects.create(
                reference=f"invented-{kind}", jurisdiction="lu", kind=kind, **fields
            )
            new_version(Provision.objects.create(reference=f"invented-{kind}-1", act=act))

    @pytest.fixture
    def days(self, invented):
        """Each date of the content, with the day before and the day after."""
        dates = {
            day
            for model, fields in [
                (LegalAct, ["in_force_from", "repealed_on", "transpose_by"]),
                (ProvisionVersion, ["applies_from", "applies_until", "transpose_by"]),
            ]
            for row in model.objects.values_list(*fields)
            for day in row
            if day
        }
        assert date(2026, 12, 2) in dates
        return sorted({day + step for day in dates for step in (-DAY, 0 * DAY, DAY)})

    def test_versions(self, days):
        versions = list(ProvisionVersion.objects.all())
        for day in days:
            expected = {v for v in versions if v.status_on(day).code == "applies"}
            assert set(ProvisionVersion.objects.in_force(day)) == expected, day

    def test_acts(self, days):
        # A directive is in force while States still have time to transpose it.
        binding = {"in-force", "to-be-transposed", "case-law"}
        acts = list(LegalAct.objects.all())
        for day in days:
            expected = {act for act in acts if act.status_on(day).code in binding}
            assert set(LegalAct.objects.in_force(day)) == expected, day

    def test_provisions(self, days, clock):
        provisions = [p for p in Provision.objects.with_versions() if p.versions.all()]
        assert len(provisions) > 50
        for day in days:
            clock(noon(day))
            expected = {p for p in provisions if p.legal_status.is_applicable}
            assert set(Provision.objects.in_force(day)) == expected, day
            assert set(Provision.objects.in_force()) == expected, day

    def test_without_a_day_means_today(self, invented, clock):
        version = ProvisionVersion.objects.get(provision__reference="invented-dated", number=3)
        act = LegalAct.objects.get(reference="invented-law")
        clock(noon(date(2026, 5, 31)))
        assert version not in ProvisionVersion.objects.in_force()
        assert act in LegalAct.objects.in_force()
        clock(noon(date(2027, 1, 1)))
        assert version in ProvisionVersion.objects.in_force()
        assert act not in LegalAct.objects.in_force()


@pytest.mark.django_db
class TestDates:
    def test_the_database_holds_one_version_without_an_end(self):
        provision = new_provision()
        new_version(provision, 1)
        with pytest.raises(IntegrityError), transaction.atomic():
            new_version(provision, 2, applies_from=date(2027, 1, 1))
        new_version(provision, 3, applies_until=date(1999, 12, 31))
        new_version(new_provision("another"), 1)

    def test_the_form_says_to_end_the_open_version_first(self):
        provision = new_provision()
        new_version(provision, 1)
        second = ProvisionVersion(
            provision=provision, number=2, applies_from=date(2027, 1, 1), summary_fr="Inventé."
        )
        messages = refusal_of(second, "en")
        assert any("Give that one its last day first" in message for message in messages)

    def test_the_database_numbers_each_version_once(self):
        provision = new_provision()
        new_version(provision, 1, applies_until=date(2023, 8, 21))
        with pytest.raises(IntegrityError), transaction.atomic():
            new_version(provision, 1, applies_from=date(2023, 8, 22))

    def test_the_database_refuses_a_version_that_ends_before_it_applies(self):
        provision = new_provision()
        with pytest.raises(IntegrityError), transaction.atomic():
            new_version(provision, applies_from=date(2026, 1, 2), applies_until=date(2026, 1, 1))
        new_version(provision, applies_from=date(2026, 1, 2), applies_until=date(2026, 1, 2))

    def test_the_database_refuses_an_act_that_ends_before_it_is_in_force(self):
        acts = LegalAct.objects.filter(reference="lu-code-penal")
        with pytest.raises(IntegrityError), transaction.atomic():
            acts.update(in_force_from=date(2026, 1, 2), repealed_on=date(2026, 1, 1))
        acts.update(in_force_from=date(2026, 1, 2), repealed_on=date(2026, 1, 2))

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ((None, date(2023, 8, 21)), (date(2023, 8, 22), None)),
            ((date(2023, 8, 22), None), (None, date(2023, 8, 21))),
            ((date(2024, 1, 1), date(2024, 6, 30)), (date(2025, 1, 1), date(2025, 6, 30))),
        ],
    )
    def test_versions_that_follow_each_other_are_accepted(self, ours, theirs):
        self.version_beside(ours, theirs).full_clean()

    @pytest.mark.parametrize(
        ("ours", "theirs", "span"),
        [
            # One shared day is enough.
            ((date(2023, 8, 21), None), (None, date(2023, 8, 21)), "… – 2023-08-21"),
            ((None, date(2023, 8, 22)), (date(2023, 8, 22), None), "2023-08-22 – …"),
            # Inside, and around.
            (
                (date(2024, 2, 1), date(2024, 3, 1)),
                (date(2024, 1, 1), date(2024, 6, 30)),
                "2024-01-01 – 2024-06-30",
            ),
            (
                (date(2023, 1, 1), date(2025, 1, 1)),
                (date(2024, 1, 1), date(2024, 6, 30)),
                "2024-01-01 – 2024-06-30",
            ),
            ((date(2024, 1, 1), date(2024, 6, 30)), (None, None), "… – …"),
        ],
    )
    @pytest.mark.parametrize(
        ("language", "advice"),
        [("en", "change one of the dates"), ("fr", "changez l'une des dates")],
    )
    def test_the_form_says_which_version_overlaps(self, ours, theirs, span, language, advice):
        messages = refusal_of(self.version_beside(ours, theirs), language)
        (message,) = [message for message in messages if advice in message]
        assert f"version 7 ({span})" in message

    def version_beside(self, ours, theirs):
        """An unsaved version of the dates `ours`, and a saved version 7 of the dates `theirs`."""
        provision = new_provision()
        new_version(provision, 7, applies_from=theirs[0], applies_until=theirs[1])
        return ProvisionVersion(
            provision=provision,
            number=8,
            applies_from=ours[0],
            applies_until=ours[1],
            summary_fr="Inventé.",
            summary_en="Invented.",
        )

    def test_a_version_overlaps_neither_itself_nor_those_of_other_provisions(self):
        version = new_version(new_provision(), 1)
        new_version(new_provision("another"), 1)
        version.full_clean()


@pytest.mark.django_db
class TestVersionShown:
    """`version_on` finds what to show for a day."""

    @pytest.mark.parametrize(
        ("day", "number"),
        [
            (date(1900, 1, 1), 1),
            (date(2020, 12, 31), 1),
            # Between two versions, and before one: the next to come, not the one after.
            (date(2021, 1, 1), 2),
            (date(2022, 1, 1), 2),
            (date(2023, 8, 21), 2),
            (date(2023, 8, 22), 3),
            # After all: the last there was.
            (date(2026, 1, 1), 3),
        ],
    )
    def test_the_one_that_applies_else_the_next_else_the_last(self, day, number):
        provision = new_provision()
        new_version(provision, 3, applies_from=date(2023, 8, 22), applies_until=date(2025, 12, 31))
        new_version(provision, 1, applies_until=date(2020, 12, 31))
        new_version(provision, 2, applies_from=date(2022, 1, 1), applies_until=date(2023, 8, 21))
        assert provision.version_on(day).number == number

    def test_none_without_versions(self):
        provision = new_provision()
        assert provision.version_on(date(2026, 11, 23)) is None
        assert provision.legal_status is None

    def test_the_text_of_383bis_before_and_after_the_law_of_2023(self):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        before, after = provision.versions.order_by("number")
        assert provision.version_on(date(2023, 8, 21)) == before
        assert provision.version_on(date(2023, 8, 22)) == after

    def test_a_text_to_be_transposed_is_shown_with_its_deadline(self, clock):
        provision = Provision.objects.get(reference="eu-dir-2024-1385-5")
        clock(noon(date(2027, 6, 14)))
        assert provision.current_version is not None
        deadline = LegalStatus("to-be-transposed", date(2027, 6, 14))
        assert provision.legal_status == deadline

    def test_the_end_of_an_act_ends_its_provisions(self, clock):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        provision.act.repealed_on = date(2026, 12, 1)
        clock(noon(date(2026, 11, 30)))
        assert provision.legal_status == LegalStatus("applies", date(2023, 8, 22))
        clock(noon(date(2026, 12, 1)))
        assert provision.legal_status == LegalStatus("no-longer-in-force", date(2026, 12, 1))

    def test_a_provision_of_a_bill_is_pending(self):
        provision = new_provision()
        new_version(provision)
        provision.act.kind = "bill"
        assert provision.legal_status == LegalStatus("pending", None)


NOT_YET = {
    "fr": ["Pas encore applicable", "n'est pas encore applicable"],
    "en": ["Not yet applicable", "does not apply yet"],
}
SINCE = {"fr": "Applicable depuis le", "en": "Applies since"}

LAST_SECOND = datetime.datetime(2026, 12, 1, 23, 59, 59, tzinfo=LUXEMBOURG)
FIRST_SECOND = datetime.datetime(2026, 12, 2, 0, 0, 0, tzinfo=LUXEMBOURG)
# Luxembourg is an hour ahead: its 2 December begins on 1 December at 23:00 UTC.
STILL_FIRST_IN_UTC = datetime.datetime(2026, 12, 1, 23, 30, tzinfo=datetime.UTC)
BOTH_FIRST = datetime.datetime(2026, 12, 1, 22, 59, 59, tzinfo=datetime.UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["fr", "en"])
class TestTheBanOnUndressing:
    """Article 5(1)(ba) and (bb) of the AI Act applies from 2 December 2026, by itself."""

    def page(self, client, language, path="/laws/eu-aiact/eu-aiact-5-ba-bb/"):
        response = client.get(f"/{language}{path}")
        assert response.status_code == 200
        # Typography (curly apostrophes, no-break spaces) is not the subject here.
        text = html.unescape(response.content.decode())
        return text.replace("’", "'").replace("\u00a0", " ").replace("\u202f", " ")

    @pytest.mark.parametrize("instant", [LAST_SECOND, BOTH_FIRST], ids=["luxembourg", "utc"])
    def test_is_not_yet_applicable_until_the_last_second_of_1_december(
        self, client, clock, language, instant
    ):
        clock(instant)
        page = self.page(client, language)
        assert "status-not-yet-applicable" in page
        for words in NOT_YET[language]:
            assert words in page
        assert '<time datetime="2026-12-02">' in page
        assert "status-applies" not in page
        assert SINCE[language] not in page

    @pytest.mark.parametrize(
        "instant", [FIRST_SECOND, STILL_FIRST_IN_UTC], ids=["luxembourg", "utc-still-1-december"]
    )
    def test_applies_from_the_first_second_of_2_december(self, client, clock, language, instant):
        clock(instant)
        page = self.page(client, language)
        assert "status-applies" in page
        assert f'{SINCE[language]} <time datetime="2026-12-02">' in page
        assert "status-not-yet-applicable" not in page
        for words in NOT_YET[language]:
            assert words not in page

    def test_the_answer_that_cites_it_turns_at_the_same_second(self, client, clock, language):
        question = Question.objects.get(reference="q-ai-act-ban")
        provision = Provision.objects.get(reference="eu-aiact-5-ba-bb")
        assert question in Question.objects.citing(provision)
        with override(language):
            path = question.get_absolute_url().removeprefix(f"/{language}")
        clock(LAST_SECOND)
        assert "status-not-yet-applicable" in self.page(client, language, path)
        clock(FIRST_SECOND)
        assert "status-not-yet-applicable" not in self.page(client, language, path)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"),
    [("fr", "date de début inconnue"), ("en", "start date not known")],
)
def test_an_unknown_start_is_said_to_be_unknown(client, language, words):
    version = ProvisionVersion.objects.get(
        provision__reference="lu-cp-1", applies_from=None, applies_until=None
    )
    with override(language):
        page = client.get(version.provision.get_absolute_url()).content.decode()
    assert words in page
    ProvisionVersion.objects.filter(pk=version.pk).update(applies_from=date(2020, 1, 1))
    with override(language):
        page = client.get(version.provision.get_absolute_url()).content.decode()
    assert words not in page
    assert '<time datetime="2020-01-01">' in page
