"""What is read again when something changes or grows old: exactly that, until somebody has."""

import datetime
import re

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from articles.models import Advice, Claim, Contact, Question, Source, Statement, Topic
from kb_site.editorial import clock, history, reviews
from kb_site.editorial.models import ReviewTask
from kb_site.search import updates
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion
from tests.laws.test_admin import admin_url, filled_in, messages_of
from tests.pages import ADMIN_URL

pytestmark = pytest.mark.django_db

Reason = ReviewTask.Reason
NOW = "2026-11-23T12:00:00Z"


def at(instant):
    return time_machine.travel(instant, tick=False)


@pytest.fixture(autouse=True)
def now():
    with at(NOW):
        yield


@pytest.fixture
def provision():
    """Art. 383bis: version 1 ended on 21 August 2023, version 2 is open; claims cite it."""
    return Provision.objects.get(reference="lu-cp-383bis")


@pytest.fixture
def reviewer(django_user_model):
    """Somebody who may close reviews, and nothing else."""
    user = django_user_model.objects.create_user("reviewer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="close_reviewtask"))
    return user


def open_tasks(**values):
    return ReviewTask.objects.open().filter(**values)


def flagged():
    """(text, language) of each open task, as often as there are tasks."""
    tasks = open_tasks().prefetch_related("target")
    return sorted((str(task.target), task.language) for task in tasks)


def texts_citing(record):
    """(text, language) of each text that cites a record, worked out here in the plainest way."""
    field = {Provision: "provisions", Statement: "statements", Contact: "contacts"}[type(record)]
    rows = [*Claim.objects.select_related("question").prefetch_related(field)]
    if field != "statements":
        rows += Advice.objects.prefetch_related(field)
    return sorted(
        (str(row), language)
        for row in rows
        if record in getattr(row, field).all()
        for language in ("fr", "en")
        if getattr(row, f"text_{language}")
    )


def next_version(provision, day, **values):
    """Ends the open version the day before and adds one, in one change."""
    last = provision.versions.order_by("number").last()
    with transaction.atomic(), history.change(reason="New law"):
        if last:
            last.applies_until = day - datetime.timedelta(days=1)
            last.save()
        return ProvisionVersion.objects.create(
            provision=provision,
            number=last.number + 1 if last else 1,
            applies_from=day,
            summary_fr="Nouveau texte.",
            summary_en="New text.",
            **values,
        )


# Exactly what cites it

# The clock stands still in these tests: Hypothesis would never tire of making a failure smaller.
few_examples = settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Graph:
    """Provisions, statements, contacts, and claims that cite them at random."""

    @classmethod
    def drawn(cls, data):
        with history.paused(), updates.paused():
            graph = cls(data.draw)
        history.begin()
        return graph

    def __init__(self, draw):
        act = LegalAct.objects.get(reference="lu-code-penal")
        source = Source.objects.first()
        self.provisions = [
            Provision.objects.create(reference=f"p-{n}", act=act, label_fr=f"art. {n}")
            for n in range(draw(st.integers(1, 4)))
        ]
        for provision in self.provisions:
            version = ProvisionVersion.objects.create(
                provision=provision,
                number=1,
                applies_from=datetime.date(2020, 1, 1),
                summary_fr="Texte.",
            )
            Penalty.objects.create(version=version, order=1, label_fr="Peine", fine_max=100)
        self.statements = [
            Statement.objects.create(
                reference=f"s-{n}", voice="source", source=source, title_fr="T", claim_fr="Dit."
            )
            for n in range(draw(st.integers(1, 3)))
        ]
        self.contacts = [
            Contact.objects.create(reference=f"c-{n}", kind="authority", name_fr="Nom")
            for n in range(draw(st.integers(1, 3)))
        ]
        for n in range(draw(st.integers(1, 3))):
            question = Question.objects.create(
                reference=f"q-{n}", slug_fr=f"f-{n}", slug_en=f"e-{n}", title_fr="Titre ?"
            )
            question.contacts.set(draw(st.sets(st.sampled_from(self.contacts))))
            for order in range(1, draw(st.integers(0, 4)) + 1):
                languages = draw(st.sampled_from(["fr", "en", "fr en", ""]))
                claim = Claim.objects.create(
                    question=question,
                    order=order,
                    basis="law",
                    text_fr="Texte." if "fr" in languages else "",
                    text_en="Text." if "en" in languages else "",
                )
                claim.provisions.set(draw(st.sets(st.sampled_from(self.provisions))))
                claim.statements.set(draw(st.sets(st.sampled_from(self.statements))))
                claim.contacts.set(draw(st.sets(st.sampled_from(self.contacts))))
        self.statements[0].mapped_provisions.set(self.provisions)


def add_version(record):
    next_version(record, datetime.date(2026, 11, 1))


def change_version(record):
    version = record.versions.get(number=1)
    version.summary_fr = "Autre texte."
    version.save()


def remove_version(record):
    record.versions.get(number=1).delete()


def change_penalty(record):
    penalty = Penalty.objects.get(version__provision=record)
    penalty.fine_max = 200
    penalty.save()


def add_penalty(record):
    Penalty.objects.create(version=record.versions.get(), order=2, label_fr="Autre peine")


def remove_penalty(record):
    Penalty.objects.get(version__provision=record).delete()


def correct_text(record):
    field = {Statement: "claim_fr", Contact: "handles_fr"}[type(record)]
    setattr(record, field, "Corrigé.")
    record.save()


def change_phone(record):
    record.phone = "12 34 56"
    record.save()


CHANGES = [
    ("provisions", add_version, Reason.VERSION_ADDED),
    ("provisions", change_version, Reason.VERSION_CHANGED),
    ("provisions", remove_version, Reason.VERSION_REMOVED),
    ("provisions", change_penalty, Reason.VERSION_CHANGED),
    ("provisions", add_penalty, Reason.VERSION_CHANGED),
    ("provisions", remove_penalty, Reason.VERSION_CHANGED),
    ("statements", correct_text, Reason.STATEMENT_CORRECTED),
    ("contacts", correct_text, Reason.CONTACT_CHANGED),
    ("contacts", change_phone, Reason.CONTACT_CHANGED),
]


class TestExactly:
    @pytest.mark.parametrize(
        ("kind", "change", "reason"), CHANGES, ids=[f"{k}-{c.__name__}" for k, c, _r in CHANGES]
    )
    @few_examples
    @given(data=st.data())
    def test_a_change_opens_a_task_on_each_text_that_cites_it_and_on_no_other(
        self, kind, change, reason, data
    ):
        with transaction.atomic():
            graph = Graph.drawn(data)
            record = data.draw(st.sampled_from(getattr(graph, kind)))
            change(record)
            assert flagged() == texts_citing(record)
            key = history.key_of(record)
            for task in ReviewTask.objects.all():
                assert (task.reason, task.cause) == (reason, key)
                assert task.subject == f"question:{task.target.question.reference}"
                assert task.difference
            # A second change of the same sort adds to them; another sort opens its own.
            before = flagged()
            editorial = data.draw(st.booleans())
            with transaction.atomic(), history.change(is_editorial=editorial):
                record.refresh_from_db()
                record.order += 1
                record.save()
            assert flagged() == before
            transaction.set_rollback(True)

    @few_examples
    @given(data=st.data())
    def test_a_slip_of_the_pen_opens_none(self, data):
        with transaction.atomic():
            graph = Graph.drawn(data)
            kind, change, _reason = data.draw(st.sampled_from(CHANGES))
            record = data.draw(st.sampled_from(getattr(graph, kind)))
            with history.change(is_editorial=True):
                change(record)
            assert not ReviewTask.objects.exists()
            transaction.set_rollback(True)

    def test_with_the_real_content_too(self, provision):
        add_version(provision)
        assert flagged() == texts_citing(provision)
        assert len(flagged()) > 10

    def test_a_version_that_is_added_and_ends_another_is_one_reason(self, provision):
        add_version(provision)
        assert set(open_tasks().values_list("reason", flat=True)) == {Reason.VERSION_ADDED}
        task = open_tasks().first()
        fields = [row["field"] for row in task.difference]
        assert sorted(fields) == ["", "applies_until"]

    @pytest.mark.parametrize(
        "values",
        [
            {"label_fr": "art. 383 bis"},
            {"heading_en": "Another heading"},
            {"order": 99},
            {"also_asked_fr": "Autrement dit"},
            {"verified_on": datetime.date(2026, 11, 20), "verified_by": "Somebody"},
            {"confidence": "secondary"},
            {"eli": "https://example.org/eli"},
        ],
        ids=lambda values: next(iter(values)),
    )
    def test_what_is_no_change_of_the_law_opens_none(self, provision, values):
        for name, value in values.items():
            setattr(provision, name, value)
        provision.save()
        assert not ReviewTask.objects.exists()

    @pytest.mark.parametrize("name", ["official_url_fr", "consolidated_on"])
    def test_nor_does_where_a_version_was_read(self, provision, name):
        version = provision.versions.get(number=2)
        value = {"official_url_fr": "https://example.org/", "consolidated_on": "2026-11-01"}[name]
        setattr(version, name, value)
        version.save()
        assert not ReviewTask.objects.exists()

    @pytest.mark.parametrize("model", [Contact, Statement], ids=lambda model: model.__name__)
    def test_how_a_record_is_found_and_was_checked_opens_none(self, model):
        for record in model.objects.all():
            record.order += 1
            record.also_asked_fr = "Autrement dit"
            record.verified_on = datetime.date(2026, 11, 20)
            record.verified_url = "https://example.org/"
            record.save()
        assert not ReviewTask.objects.exists()

    def test_our_own_mapping_of_a_statement_opens_none(self):
        statement = Statement.objects.get(reference="st-creation-is-offence")
        statement.mapped_provisions.clear()
        statement.topics.clear()
        assert not ReviewTask.objects.exists()

    def test_a_changed_answer_opens_none(self):
        question = Question.objects.get(reference="q-creation-offence")
        question.title_en = "Another title?"
        question.save()
        question.claims.get(order=1).provisions.clear()
        question.claims.get(order=2).delete()
        assert not ReviewTask.objects.exists()

    def test_a_topic_renamed_opens_none(self):
        for topic in Topic.objects.all():
            topic.title_en = "Other"
            topic.save()
        assert not ReviewTask.objects.exists()

    @pytest.mark.parametrize("name", ["repealed_on", "in_force_from", "transpose_by"])
    def test_the_dates_of_an_act_are_the_law_of_all_its_provisions(self, name):
        act = LegalAct.objects.get(reference="eu-aiact")
        setattr(act, name, datetime.date(2030, 1, 1))
        act.save()
        expected = {text for p in Provision.objects.filter(act=act) for text in texts_citing(p)}
        assert flagged() == sorted(expected)
        assert set(open_tasks().values_list("reason", "cause")) == {
            (Reason.ACT_CHANGED, "act:eu-aiact")
        }

    def test_the_name_of_an_act_is_not(self):
        act = LegalAct.objects.get(reference="eu-aiact")
        act.title_en, act.note_en = "Another name", "A note"
        act.save()
        assert not ReviewTask.objects.exists()

    @pytest.mark.parametrize(
        ("model", "reference"),
        [
            (Provision, "lu-cp-383bis"),
            (Statement, "st-creation-is-offence"),
            (Contact, "ct-police"),
        ],
        ids=["provision", "statement", "contact"],
    )
    def test_what_is_withdrawn_flags_what_cites_it(self, model, reference):
        record = model.objects.get(reference=reference)
        record.status = "withdrawn"
        record.save()
        assert flagged() == texts_citing(record)
        assert set(open_tasks().values_list("reason", flat=True)) == {Reason.WITHDRAWN}

    def test_the_admin_opens_them_too(self, editor, provision):
        version = provision.versions.get(number=2)
        data = filled_in(editor.get(admin_url(version)))
        data["penalties-0-fine_max"] = 123_456
        page = editor.post(admin_url(version), data)
        assert page.status_code == 302, messages_of(page)
        assert flagged() == texts_citing(provision)

    def test_and_none_for_a_form_saved_untouched(self, editor, provision):
        for record in (provision, provision.versions.first(), Contact.objects.first()):
            page = editor.post(admin_url(record), filled_in(editor.get(admin_url(record))))
            assert page.status_code == 302, messages_of(page)
        assert not ReviewTask.objects.exists()


class TestMore:
    def test_a_second_change_while_open_adds_its_difference(self, provision):
        change_penalty = provision.versions.get(number=2).penalties.first()
        for fine in (111_111, 222_222):
            change_penalty.fine_max = fine
            change_penalty.save()
        assert flagged() == texts_citing(provision)
        for task in open_tasks():
            assert [row["after"] for row in task.difference] == [111_111, 222_222]

    def test_on_a_later_day_it_is_told_with_the_later_day(self, provision):
        penalty = provision.versions.get(number=2).penalties.first()
        for day, fine in [(23, 111_111), (25, 222_222)]:
            with at(f"2026-11-{day}T12:00:00Z"):
                penalty.fine_max = fine
                penalty.save()
        assert flagged() == texts_citing(provision)
        for task in open_tasks():
            assert [row["after"] for row in task.difference] == [111_111, 222_222]
            assert task.changed_on == datetime.date(2026, 11, 25)

    def test_the_same_difference_is_not_told_twice(self, provision):
        for _time in range(2):
            reviews.flag(
                provision,
                Reason.OFFICIAL_CHANGED,
                difference=[{"label": "383bis", "before": "a", "after": "b"}],
            )
        assert {len(task.difference) for task in open_tasks()} == {1}

    def test_an_earlier_day_does_not_replace_a_later_one(self, provision):
        next_version(provision, datetime.date(2027, 6, 1))
        reviews.flag(provision, Reason.VERSION_ADDED, datetime.date(2026, 12, 1))
        assert {task.changed_on for task in open_tasks()} == {datetime.date(2027, 6, 1)}

    def test_what_somebody_else_opens_meanwhile_takes_up_our_difference(
        self, provision, monkeypatch
    ):
        theirs, ours = ([{"label": name, "before": "", "after": name}] for name in ("a", "b"))
        bulk_create = QuerySet.bulk_create

        def late(tasks, rows, **options):
            monkeypatch.undo()
            reviews.flag(provision, Reason.OFFICIAL_CHANGED, difference=theirs)
            return bulk_create(tasks, rows, **options)

        monkeypatch.setattr(QuerySet, "bulk_create", late)
        reviews.flag(provision, Reason.OFFICIAL_CHANGED, difference=ours)
        assert flagged() == texts_citing(provision)
        assert all(task.difference == theirs + ours for task in open_tasks())

    def test_as_few_queries_however_many_texts_cite_it(self):
        costs = {}
        for contact in Contact.objects.published():
            reviews.flag(contact, Reason.CONTACT_CHANGED)
            difference = [{"label": "phone", "before": "1", "after": "2"}]
            with CaptureQueriesContext(connection) as queries:
                tasks = reviews.flag(contact, Reason.CONTACT_CHANGED, difference=difference)
            costs.setdefault(len(queries), []).append(len(tasks))
        assert max(max(tasks) for tasks in costs.values()) > 50
        assert max(costs) <= 12, costs


# Closing


class TestClosing:
    @pytest.fixture
    def task(self, provision):
        add_version(provision)
        return open_tasks().first()

    def test_it_needs_the_right_to_review(self, task, django_user_model):
        editor = django_user_model.objects.create_user("editor", is_staff=True)
        with pytest.raises(PermissionDenied):
            task.close(editor, "Still right.")
        assert open_tasks(pk=task.pk).exists()

    @pytest.mark.parametrize("word", ["", " ", "\n\t"])
    def test_it_needs_a_word(self, task, reviewer, word):
        with pytest.raises(ValidationError):
            task.close(reviewer, word)
        assert open_tasks(pk=task.pk).exists()

    def test_it_notes_who_when_and_what_they_found(self, task, reviewer):
        task.close(reviewer, " Still right. ")
        assert (task.closed_by, task.word) == (reviewer, "Still right.")
        assert task.closed_at.isoformat() == "2026-11-23T12:00:00+00:00"
        assert not open_tasks(pk=task.pk).exists()

    def test_the_first_to_close_it_has_the_word(self, task, reviewer, django_user_model):
        task.close(reviewer, "Still right.")
        task.close(django_user_model.objects.create_superuser("other"), "Wrong.")
        assert (task.closed_by, task.word) == (reviewer, "Still right.")

    def test_saving_what_is_to_be_read_again_does_not_close_it(self, editor, task):
        claim = task.target
        claim.text_en = "Rewritten."
        claim.save()
        question = claim.question
        data = filled_in(editor.get(admin_url(question)))
        data["short_answer_en"] = "Rewritten too."
        assert editor.post(admin_url(question), data).status_code == 302
        assert open_tasks(pk=task.pk).exists()

    def test_a_change_after_closing_opens_a_new_one(self, provision, task, reviewer):
        for other in open_tasks():
            other.close(reviewer, "Still right.")
        next_version(provision, datetime.date(2026, 11, 20))
        assert flagged() == texts_citing(provision)
        assert not open_tasks(pk=task.pk).exists()


class TestAdmin:
    @pytest.fixture
    def tasks(self, provision):
        add_version(provision)
        return list(open_tasks())

    @pytest.fixture
    def reviewing(self, client, reviewer):
        client.force_login(reviewer)
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        return client

    def test_a_reviewer_closes_one_with_a_word(self, reviewing, tasks):
        url = admin_url(tasks[0])
        assert "New text." in reviewing.get(url).content.decode()
        page = reviewing.post(url, {"word": " "})
        assert "Say in a word" in str(page.context["adminform"].form.errors)
        assert reviewing.post(url, {"word": "Still right."}).status_code == 302
        tasks[0].refresh_from_db()
        assert tasks[0].word == "Still right."
        assert tasks[0].closed_by.username == "reviewer"

    def test_two_reviewers_who_close_the_same_one(self, reviewing, tasks, django_user_model):
        reviewing.get(admin_url(tasks[0]))
        tasks[0].close(django_user_model.objects.create_superuser("other"), "First.")
        assert reviewing.post(admin_url(tasks[0]), {"word": "Second."}).status_code in (200, 302)
        tasks[0].refresh_from_db()
        assert tasks[0].word == "First."

    def test_many_are_closed_with_one_word(self, reviewing, tasks):
        url = admin_url(ReviewTask, "changelist")
        data = {"action": "close_tasks", "_selected_action": [t.pk for t in tasks[:3]]}
        page = reviewing.post(url, {**data, "word": ""}, follow=True)
        assert "Say in a word" in page.content.decode()
        assert open_tasks().count() == len(tasks)
        page = reviewing.post(url, {**data, "word": "Still right."}, follow=True)
        assert "3 tasks were closed." in page.content.decode()
        assert open_tasks().count() == len(tasks) - 3

    def test_the_list_shows_open_ones_closed_ones_or_all(self, reviewing, tasks, reviewer):
        tasks[0].close(reviewer, "Still right.")
        for query, count in [
            ("", len(tasks) - 1),
            ("?state=closed", 1),
            ("?state=all", len(tasks)),
        ]:
            page = reviewing.get(admin_url(ReviewTask, "changelist") + query)
            assert page.context["cl"].result_count == count

    def test_without_the_right_it_cannot_be_closed(self, client, tasks, django_user_model):
        looker = django_user_model.objects.create_user("looker", is_staff=True)
        looker.user_permissions.add(Permission.objects.get(codename="view_reviewtask"))
        client.force_login(looker)
        page = client.get(admin_url(tasks[0]))
        assert page.status_code == 200
        assert 'name="word"' not in page.content.decode()
        assert client.post(admin_url(tasks[0]), {"word": "Wrong."}).status_code == 403
        url = admin_url(ReviewTask, "changelist")
        assert "close_tasks" not in client.get(url).content.decode()
        data = {"action": "close_tasks", "_selected_action": [tasks[0].pk], "word": "Wrong."}
        client.post(url, data)
        assert open_tasks().count() == len(tasks)

    def test_nobody_adds_or_deletes_one(self, editor, tasks):
        assert editor.get(reverse("admin:editorial_reviewtask_add")).status_code == 403
        assert editor.post(admin_url(tasks[0], "delete"), {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize("gone", ["claim", "question"])
    def test_its_page_outlives_what_it_is_about(self, reviewing, tasks, gone):
        claim = tasks[0].target
        (claim if gone == "claim" else claim.question).delete()
        tasks[0].refresh_from_db()
        assert str(tasks[0])
        assert reviewing.get(admin_url(ReviewTask, "changelist")).status_code == 200
        assert reviewing.get(admin_url(tasks[0])).status_code == 200
        assert "None" not in reviewing.get(admin_url(tasks[0])).context["title"]
        assert reviewing.get(ADMIN_URL).status_code == 200
        assert reviewing.post(admin_url(tasks[0]), {"word": "Gone."}).status_code == 302
        assert not open_tasks(pk=tasks[0].pk).exists()

    def test_html_in_a_difference_is_escaped(self, reviewing, provision):
        version = provision.versions.get(number=2)
        version.summary_en = "<script>alert(1)</script>"
        version.save()
        html = reviewing.get(admin_url(open_tasks().first())).content.decode()
        assert "&lt;script&gt;" in html
        assert "<script>alert" not in html


# The calendar


class TestDue:
    def only(self, model, reference, **values):
        """Leaves one record of all that could grow old."""
        far = datetime.date(2027, 6, 1)
        Contact.objects.update(verified_on=far)
        Provision.objects.update(verified_on=far)
        Question.objects.update(review_on=None)
        model.objects.filter(reference=reference).update(**values)
        return model.objects.get(reference=reference)

    @pytest.mark.parametrize(
        ("model", "reference", "days"),
        [(Contact, "ct-police", 90), (Provision, "lu-cp-383bis", 180)],
        ids=["contact", "provision"],
    )
    def test_a_verification_runs_out_on_its_day_and_not_the_day_before(
        self, model, reference, days
    ):
        record = self.only(model, reference, verified_on=datetime.date(2026, 11, 1))
        end = datetime.date(2026, 11, 1) + datetime.timedelta(days=days)
        assert record.verification_expires_on == end
        last_instant = clock.end_of(end - datetime.timedelta(days=1))
        with at(last_instant):
            assert reviews.open_due() == []
        with at(last_instant + datetime.timedelta(microseconds=1)):
            opened = reviews.open_due()
        own = [task for task in opened if task.subject == history.key_of(record)]
        assert [(task.target, task.language) for task in own] == [(record, "")]
        others = sorted((str(t.target), t.language) for t in opened if t not in own)
        assert others == texts_citing(record)
        assert {(t.reason, t.changed_on) for t in opened} == {(Reason.VERIFICATION_EXPIRED, end)}

    def test_a_question_is_due_on_its_day_and_not_the_day_before(self):
        day = datetime.date(2026, 12, 10)
        question = self.only(Question, "q-creation-offence", review_on=day)
        with at("2026-12-09T22:59:59Z"):
            assert reviews.open_due() == []
        with at("2026-12-09T23:00:00Z"):
            (task,) = reviews.open_due()
        assert (task.target, task.language, task.reason) == (question, "", Reason.REVIEW_DUE)
        assert task.changed_on == day

    def test_running_it_again_opens_nothing_twice(self):
        self.only(Question, "q-creation-offence", review_on=datetime.date(2026, 11, 20))
        assert len(reviews.open_due()) == 1
        for day in (23, 24, 25):
            with at(f"2026-11-{day}T23:00:00Z"):
                assert reviews.open_due() == []
        assert ReviewTask.objects.count() == 1

    def test_what_was_closed_stays_closed_for_that_date(self, reviewer):
        question = self.only(Question, "q-creation-offence", review_on=datetime.date(2026, 11, 20))
        (task,) = reviews.open_due()
        task.close(reviewer, "Still right.")
        assert reviews.open_due() == []
        question.review_on = datetime.date(2026, 11, 22)
        question.save()
        (task,) = reviews.open_due()
        assert task.changed_on == datetime.date(2026, 11, 22)

    def test_a_verification_renewed_runs_out_anew(self, reviewer):
        contact = self.only(Contact, "ct-police", verified_on=datetime.date(2026, 1, 1))
        for task in reviews.open_due():
            task.close(reviewer, "Called them.")
        contact.verified_on = datetime.date(2026, 8, 1)
        contact.save()
        opened = reviews.open_due()
        assert {task.changed_on for task in opened} == {datetime.date(2026, 10, 30)}

    def test_only_what_is_published_grows_old(self):
        self.only(
            Question, "q-creation-offence", review_on=datetime.date(2026, 1, 1), status="draft"
        )
        self.only(Contact, "ct-police", verified_on=datetime.date(2020, 1, 1), status="withdrawn")
        assert reviews.open_due() == []

    def test_the_command_says_how_many(self, capsys):
        self.only(Question, "q-creation-offence", review_on=datetime.date(2026, 11, 20))
        call_command("open_reviews")
        assert "Opened 1 review" in capsys.readouterr().out
        call_command("open_reviews")
        assert "Opened 0 review" in capsys.readouterr().out
        call_command("open_reviews", verbosity=0)
        assert capsys.readouterr().out == ""


# What readers see


def page_of(record, language):
    with translation.override(language):
        return Client().get(record.get_absolute_url()).content.decode()


def checking(html):
    """(what the banner says, what the marks on the claims say)"""
    html = re.sub(r"\s+", " ", html.replace("\u00a0", " "))
    banner = re.search(r'<div class="notice checking-banner".*?</div>', html)
    said = re.findall(r'<p class="checking">(.*?)</p>', html)
    said = [re.sub("<[^>]+>", "", words) for words in said]
    count = len(re.findall('<p class="checking">', banner[0])) if banner else 0
    return said[:count], said[count:]


LAW = {
    "past": {
        "en": "The law cited here has changed on 1 November 2026. We are checking this answer.",
        "fr": "La loi citée ici a changé le 1er novembre 2026.",
    },
    "future": {
        "en": "The law cited here changes on 1 January 2027. We are checking this answer.",
        "fr": "La loi citée ici change le 1er janvier 2027.",
    },
}


class TestReaders:
    @pytest.fixture
    def question(self):
        return Question.objects.get(reference="q-creation-offence")

    @pytest.mark.parametrize("language", ["fr", "en"])
    @pytest.mark.parametrize(
        ("when", "day"),
        [("past", datetime.date(2026, 11, 1)), ("future", datetime.date(2027, 1, 1))],
    )
    def test_the_answer_says_so_and_so_does_each_claim(
        self, provision, question, language, when, day
    ):
        next_version(provision, day)
        banner, marks = checking(page_of(question, language))
        assert len(banner) == 1
        assert banner[0].startswith(LAW[when][language])
        assert len(marks) == question.claims.filter(provisions=provision).count()
        assert set(marks) == set(banner)

    def test_a_change_to_come_reads_as_past_once_its_day_has_come(self, provision, question):
        next_version(provision, datetime.date(2027, 1, 1))
        with at("2026-12-31T22:59:59Z"):
            assert "changes on" in checking(page_of(question, "en"))[0][0]
        with at("2026-12-31T23:00:00Z"):
            assert "has changed on" in checking(page_of(question, "en"))[0][0]

    @pytest.mark.parametrize(
        ("open_one", "words"),
        [
            (
                lambda: correct_text(Statement.objects.get(reference="st-creation-is-offence")),
                "A statement cited here was corrected on 23 November 2026.",
            ),
            (
                lambda: change_phone(Contact.objects.get(reference="ct-police")),
                "A contact named here has changed on 23 November 2026.",
            ),
        ],
        ids=["statement", "contact"],
    )
    def test_what_is_said_of_other_causes(self, question, open_one, words):
        claim = question.claims.get(order=1)
        claim.statements.add(Statement.objects.get(reference="st-creation-is-offence"))
        claim.contacts.add(Contact.objects.get(reference="ct-police"))
        open_one()
        banner, marks = checking(page_of(question, "en"))
        assert banner == [f"{words} We are checking this answer."]
        assert set(marks) == set(banner)

    def test_of_the_calendar(self, question):
        Question.objects.filter(pk=question.pk).update(review_on="2026-11-20")
        reviews.open_due()
        for language, words in [("en", "This was due to be read again on 20 November 2026.")]:
            banner, marks = checking(page_of(question, language))
            assert banner == [f"{words} We are checking this answer."]
            assert marks == []
        assert checking(page_of(question, "fr"))[0]

    def test_what_is_withdrawn(self, provision, question):
        provision.status = "withdrawn"
        provision.save()
        banner, _marks = checking(page_of(question, "en"))
        assert banner == [
            "Something cited here is no longer published. We are checking this answer."
        ]

    def test_only_the_language_that_has_the_text(self, provision, question):
        for claim in question.claims.filter(provisions=provision):
            claim.text_en = ""
            claim.save()
        add_version(provision)
        assert checking(page_of(question, "fr"))[0]
        assert checking(page_of(question, "en")) == ([], [])

    def test_closing_in_one_language_leaves_the_other(self, provision, question, reviewer):
        add_version(provision)
        for task in open_tasks(subject="question:q-creation-offence", language="en"):
            task.close(reviewer, "Still right.")
        assert checking(page_of(question, "en")) == ([], [])
        assert checking(page_of(question, "fr"))[0]

    def test_closing_the_last_one_removes_the_banner(self, provision, question, reviewer):
        add_version(provision)
        tasks = list(open_tasks(subject="question:q-creation-offence", language="en"))
        for task in tasks[:-1]:
            task.close(reviewer, "Still right.")
        assert [len(said) for said in checking(page_of(question, "en"))] == [1, 1]
        tasks[-1].close(reviewer, "Still right.")
        assert "checking-banner" not in page_of(question, "en")

    def test_other_answers_say_nothing(self, provision):
        add_version(provision)
        other = Question.objects.exclude(claims__provisions=provision).first()
        for language in ("fr", "en"):
            assert checking(page_of(other, language)) == ([], [])

    def test_a_record_whose_own_verification_ran_out_says_so(self):
        contact = Contact.objects.get(reference="ct-police")
        Contact.objects.filter(pk=contact.pk).update(verified_on="2026-01-01")
        reviews.open_due()
        assert checking(page_of(contact, "en"))[0]
        statement = Statement.objects.get(reference="st-creation-is-offence")
        assert checking(page_of(statement, "en")) == ([], [])

    def test_a_question_s_page_costs_no_more_with_many_tasks(self, provision, question):
        def cost():
            page_of(question, "en")
            with CaptureQueriesContext(connection) as queries:
                page_of(question, "en")
            return len(queries)

        none = cost()
        add_version(provision)
        for contact in Contact.objects.all():
            change_phone(contact)
        assert cost() <= none + 1
