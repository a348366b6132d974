"""The admin's home page: what needs care first."""

import datetime
import re

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from articles.models import Contact, Question
from kb_site.editorial import desk, reviews
from kb_site.editorial.models import ReviewTask
from laws.models import LegalAct, Provision, ProvisionVersion
from tests.pages import ADMIN_URL

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

NOW = "2026-11-23T12:00:00Z"


def at(instant):
    return time_machine.travel(instant, tick=False)


@pytest.fixture(autouse=True)
def now():
    with at(NOW):
        yield


@pytest.fixture
def quiet():
    """Nothing needs care: no date is near."""
    Contact.objects.update(verified_on="2026-11-23")
    Provision.objects.update(verified_on="2026-11-23")
    Question.objects.update(review_on=None)
    ProvisionVersion.objects.update(
        applies_from=None, applies_until="2020-01-01", transpose_by=None
    )
    LegalAct.objects.update(in_force_from=None, repealed_on=None, transpose_by=None)


def panels():
    """What somebody with every right sees."""
    user, _is_new = get_user_model().objects.get_or_create(
        username="chief", is_staff=True, is_superuser=True
    )
    return desk.panels(user)


def panel(title):
    return next(panel for panel in panels() if title in panel.title)


def text_of(html):
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html))


def test_the_home_page_shows_every_panel(editor, quiet):
    html = editor.get(ADMIN_URL).content.decode()
    for title in (
        "Answers to read again (0)",
        "Verifications that run out in 30 days (0)",
        "Law that changes in the next 90 days (0)",
    ):
        assert title in html
    assert html.count("Nothing at the moment.") == len([p for p in panels() if not p.count])


def test_panels_that_hold_something_come_first(quiet):
    Contact.objects.filter(reference="ct-police").update(verified_on="2026-08-30")
    counts = [panel.count for panel in panels()]
    assert counts[0]
    first_empty = counts.index(0)
    assert not any(counts[first_empty:])


def test_the_ban_of_december_is_among_the_law_that_changes(editor):
    html = editor.get(ADMIN_URL).content.decode()
    provision = Provision.objects.get(reference="eu-aiact-5-ba-bb")
    link = f'<a href="{ADMIN_URL}laws/provision/{provision.pk}/change/">'
    assert link in html
    assert "applies from 2026-12-02" in text_of(html)


class TestLawThatChanges:
    def rows(self):
        return [row.detail for row in panel("Law that changes").rows]

    @pytest.mark.parametrize(
        ("values", "detail"),
        [
            ({"applies_from": "2026-11-23"}, None),
            ({"applies_from": "2026-11-24"}, "applies from 2026-11-24"),
            ({"applies_from": "2027-02-21"}, "applies from 2027-02-21"),
            ({"applies_from": "2027-02-22"}, None),
            ({"applies_until": "2026-11-22"}, None),
            ({"applies_until": "2026-11-23"}, "no longer applies from 2026-11-24"),
            ({"applies_until": "2027-02-20"}, "no longer applies from 2027-02-21"),
            ({"applies_until": "2027-02-21"}, None),
            ({"transpose_by": "2026-11-23"}, "its time for transposition is over on 2026-11-24"),
            ({"transpose_by": "2026-11-22"}, None),
        ],
        ids=str,
    )
    def test_the_dates_of_a_version(self, quiet, values, detail):
        versions = ProvisionVersion.objects.filter(provision__reference="eu-aiact-5-ba-bb")
        versions.update(**{"applies_until": None, **values})
        assert self.rows() == ([detail] if detail else [])

    @pytest.mark.parametrize(
        ("values", "detail"),
        [
            ({"in_force_from": "2026-11-24"}, "in force from 2026-11-24"),
            ({"in_force_from": "2026-11-23"}, None),
            ({"repealed_on": "2026-11-24"}, "no longer in force from 2026-11-24"),
            ({"repealed_on": "2027-02-22"}, None),
            ({"transpose_by": "2026-11-23"}, "its time for transposition is over on 2026-11-24"),
        ],
        ids=str,
    )
    def test_the_dates_of_an_act(self, quiet, values, detail):
        LegalAct.objects.filter(reference="eu-aiact").update(**values)
        assert self.rows() == ([detail] if detail else [])

    def test_what_comes_first_is_on_top(self, quiet):
        for number, version in enumerate(ProvisionVersion.objects.all()[:15]):
            day = datetime.date(2027, 1, 30) - datetime.timedelta(days=number)
            ProvisionVersion.objects.filter(pk=version.pk).update(
                applies_from=day, applies_until=datetime.date(2030, 1, number + 1)
            )
        rows = self.rows()
        assert rows == sorted(rows)
        assert len(rows) == desk.ROWS
        assert panel("Law that changes").count == 15


class TestVerifications:
    @pytest.mark.parametrize(
        ("model", "reference", "last"),
        [(Contact, "ct-police", 90 - 30), (Provision, "lu-cp-383bis", 180 - 30)],
        ids=["contact", "provision"],
    )
    def test_those_that_run_out_within_thirty_days(self, quiet, model, reference, last):
        today = datetime.date(2026, 11, 23)
        for days, count in [(last - 1, 0), (last, 1), (last + 1000, 1)]:
            model.objects.filter(reference=reference).update(
                verified_on=today - datetime.timedelta(days=days)
            )
            assert panel("Verifications").count == count
        assert "2024" in panel("Verifications").rows[0].detail or "2023" in (
            panel("Verifications").rows[0].detail
        )

    def test_drafts_do_not_run_out(self, quiet):
        Contact.objects.filter(reference="ct-police").update(
            verified_on="2020-01-01", status="draft"
        )
        assert panel("Verifications").count == 0


class TestReviews:
    def test_what_took_effect_first_is_on_top(self, quiet):
        for reference, day in [("ct-police", 20), ("ct-kjt", 1), ("ct-112", 28)]:
            reviews.flag(
                Contact.objects.get(reference=reference),
                ReviewTask.Reason.REVIEW_DUE,
                datetime.date(2026, 11, day),
                itself=True,
            )
        found = panel("Answers to read again")
        assert found.count == ReviewTask.objects.open().count()
        details = [row.detail for row in found.rows]
        assert "for 22 days" in details[0]
        assert details == sorted(
            details, key=lambda d: ("from" in d, -int((re.findall(r"for (\d+) day", d) or [0])[0]))
        )

    def test_each_row_leads_to_its_tasks(self, editor, quiet):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        reviews.flag(provision, ReviewTask.Reason.OFFICIAL_CHANGED, itself=True)
        row = next(r for r in panel("Answers").rows)
        page = editor.get(row.url)
        assert page.status_code == 200
        assert page.context["cl"].result_count >= 1

    def test_closed_ones_are_gone(self, quiet, django_user_model):
        contact = Contact.objects.get(reference="ct-police")
        reviewer = django_user_model.objects.create_superuser("reviewer")
        for task in reviews.flag(contact, ReviewTask.Reason.REVIEW_DUE, itself=True):
            task.close(reviewer, "Done.")
        assert panel("Answers").count == 0


def test_it_opens_in_few_queries_whatever_there_is(editor):
    def cost():
        editor.get(ADMIN_URL)
        with CaptureQueriesContext(connection) as queries:
            assert editor.get(ADMIN_URL).status_code == 200
        return len(queries)

    little = cost()
    Contact.objects.update(verified_on="2020-01-01")
    Provision.objects.update(verified_on="2020-01-01")
    Question.objects.update(review_on="2020-01-01")
    reviews.open_due()
    assert ReviewTask.objects.count() > 100
    much = cost()
    assert much <= 35
    assert much <= little + 6


@pytest.mark.parametrize("permission", [None, "view_question", "close_reviewtask"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_staff_without_rights_can_open_it(client, django_user_model, permission, language):
    Question.objects.update(review_on="2020-01-01")
    reviews.open_due()
    staff = django_user_model.objects.create_user("staff", is_staff=True)
    if permission:
        staff.user_permissions.add(Permission.objects.get(codename=permission))
    client.force_login(staff)
    page = client.get(ADMIN_URL, headers={"accept-language": language})
    assert page.status_code == 200


def test_html_in_names_is_escaped(editor, quiet):
    Contact.objects.filter(reference="ct-police").update(
        verified_on="2020-01-01", name_fr="<script>alert(1)</script>"
    )
    html = editor.get(ADMIN_URL).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_the_history_and_the_desk_are_for_staff(client):
    assert client.get(ADMIN_URL).status_code == 302
