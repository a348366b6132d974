"""Records at hand: read once, shown from memory, and read again as soon as anything has changed."""

import datetime
import threading

import pytest
import time_machine
from django.db import connection, transaction
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from articles import answers
from articles.models import Claim, Contact, Question, Statement, Term, Topic
from kb_site.editorial import reviews
from kb_site.editorial.models import ReviewTask
from kb_site.editorial.shelf import MOST_PARTS, Shelf, link, linked, part
from laws.models import LegalAct, Provision, ProvisionVersion

REFERENCE = "q-contact-for-child"


def address(language="en"):
    question = Question.objects.get(reference=REFERENCE)
    with override(language):
        return question.get_absolute_url()


@pytest.fixture
def page(live_content, client):
    """Returns what a reader of the answer gets, with nothing kept in front of Django."""

    def read(language="en"):
        return client.get(address(language)).content.decode()

    read()
    return read


def cited(model):
    """The first record of a model that the answer cites."""
    claims = Claim.objects.filter(question__reference=REFERENCE)
    for claim in claims:
        for field in Claim._meta.many_to_many:
            if field.related_model is model and (found := getattr(claim, field.name).first()):
                return found
    raise LookupError(model)


def test_a_page_at_hand_asks_the_database_for_nothing(page, client):
    where = address()
    with CaptureQueriesContext(connection) as queries:
        client.get(where)
    assert [query["sql"] for query in queries] == []


def test_each_language_has_its_own(page):
    assert 'lang="fr"' in page("fr")[:200]
    assert "The law says" not in page("fr")
    assert "The law says" in page("en")


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Contact, "name_en"),
        (Statement, "title_en"),
        (Provision, "label_en"),
    ],
)
def test_a_cited_record_that_changes_is_shown_at_once(page, model, field):
    model.objects.filter(pk=cited(model).pk).update(**{field: "Zyzzyva"})
    assert "Zyzzyva" in page()


def test_so_are_the_records_behind_it(page):
    LegalAct.objects.filter(pk=cited(Provision).act.pk).update(short_title_en="Zyzzyva Code")
    assert "Zyzzyva Code" in page()
    ProvisionVersion.objects.filter(provision=cited(Provision)).update(
        applies_from=datetime.date(2999, 1, 1)
    )
    assert "2999" in page()


def test_so_are_the_answer_its_points_its_shelf_and_its_links(page):
    question = Question.objects.get(reference=REFERENCE)
    Claim.objects.filter(question=question, order=1).update(text_en="Zyzzyva one.")
    assert "Zyzzyva one." in page()
    question.topics.set(
        [Topic.objects.create(reference="tp-z", slug_en="z", title_en="Zyzzyva two")]
    )
    assert "Zyzzyva two" in page()
    other = next(c for c in Contact.objects.published() if f"/{c.reference}/" not in page())
    question.contacts.add(other)
    assert f"/en/contacts/{other.reference}/" in page()
    question.contacts.remove(other)
    assert f"/en/contacts/{other.reference}/" not in page()


def test_what_is_withdrawn_is_no_longer_shown(page):
    contact = cited(Contact)
    where = f"/en/contacts/{contact.reference}/"
    assert where in page()
    Contact.objects.filter(pk=contact.pk).update(status="withdrawn")
    assert where not in page()


def test_a_word_explained_from_now_on_is_a_link(page):
    Term.objects.create(
        reference="term-zyzzyva",
        term_en="police",
        definition_en="Zyzzyva.",
        status="published",
        confidence="secondary",
    )
    assert "term-zyzzyva" in page()


def test_readers_are_told_at_once_that_an_answer_is_being_checked(page):
    assert "We are checking this answer" not in page()
    reviews.flag(cited(Contact), ReviewTask.Reason.CONTACT_CHANGED, datetime.date(2026, 11, 23))
    assert "We are checking this answer" in page()
    ReviewTask.objects.update(closed_at=datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC))
    assert "We are checking this answer" not in page()


def test_what_the_day_changes_changes_with_it(page):
    start = datetime.date(2027, 3, 1)
    ProvisionVersion.objects.filter(provision=cited(Provision)).update(
        applies_from=start, transpose_by=None
    )
    with time_machine.travel(
        datetime.datetime(2027, 2, 28, 22, 59, tzinfo=datetime.UTC), tick=False
    ):
        assert "applies from" in page()
    with time_machine.travel(
        datetime.datetime(2027, 2, 28, 23, 1, tzinfo=datetime.UTC), tick=False
    ):
        assert "applies from" not in page()


def test_what_is_at_hand_is_of_today_alone(page, client):
    contact = cited(Contact)
    before = timezone.now()
    contact.name_en = "Zyzzyva"
    contact.save()
    assert "Zyzzyva" in page()
    with time_machine.travel(before + datetime.timedelta(days=1), tick=False):
        past = client.get(f"{address()}?as_of={before.date() - datetime.timedelta(days=1)}")
    assert "Zyzzyva" not in past.content.decode()


def test_inside_a_transaction_nothing_is_held(live_content):
    slug = Question.objects.get(reference=REFERENCE).slug_en
    with transaction.atomic():
        first, second = answers.published(slug), answers.published(slug)
    assert first is not second
    assert answers.published(slug) is answers.published(slug)


def test_an_unknown_slug_is_no_answer(live_content):
    assert answers.published("no-such-slug") is None


@pytest.mark.django_db
def test_links_are_those_that_the_orm_finds_in_its_order():
    questions = list(Question.objects.published())
    claims = list(Claim.objects.filter(question__in=questions))
    for model, rows in ((Question, questions), (Claim, claims)):
        expected = {
            (row.pk, field.name): list(
                getattr(row, field.name).filter(
                    pk__in=field.related_model.objects.cited().values("pk")
                )
            )
            for row in model.objects.filter(pk__in=[row.pk for row in rows])
            for field in model._meta.many_to_many
        }
        link(rows, [])
        found = {
            (row.pk, field.name): list(getattr(row, field.name).all())
            for row in rows
            for field in model._meta.many_to_many
        }
        assert found == expected
        assert any(found.values())


@pytest.mark.django_db
def test_no_rows_have_no_links():
    link([], [])
    link()
    assert linked(Contact, []) == {}


class TestShelf:
    """Without a database: `get` and what it asks for."""

    @pytest.fixture(autouse=True)
    def state(self, monkeypatch):
        self.now = 1
        monkeypatch.setattr("kb_site.editorial.shelf._state", lambda: self.now)

    def find(self, keys):
        self.asked.extend(keys)
        return {key: (key, self.now) for key in keys if key != "missing"}

    @pytest.fixture(autouse=True)
    def nothing_asked(self):
        self.asked = []

    def test_each_is_found_once_for_a_state(self):
        shelf = Shelf(10)
        assert shelf.get(["a", "b"], self.find) == {"a": ("a", 1), "b": ("b", 1)}
        assert shelf.get(["b", "c"], self.find) == {"b": ("b", 1), "c": ("c", 1)}
        self.now = 2
        assert shelf.get(["a"], self.find) == {"a": ("a", 2)}
        assert self.asked == ["a", "b", "c", "a"]

    def test_what_is_not_found_is_asked_for_again(self):
        shelf = Shelf(10)
        assert shelf.get(["missing"], self.find) == {}
        assert shelf.get(["missing"], self.find) == {}
        assert self.asked == ["missing", "missing"]

    def test_it_holds_so_many_and_no_more(self):
        shelf = Shelf(3)
        for key in range(100):
            assert shelf.get([key], self.find) == {key: (key, 1)}
        assert len(shelf._held[1]) <= 3

    def test_what_was_found_for_an_older_state_is_not_held_for_the_new_one(self):
        shelf = Shelf(10)

        def find_while_somebody_edits(keys):
            self.now = 2
            shelf.get(["other"], self.find)
            return dict.fromkeys(keys, "old")

        assert shelf.get(["a"], find_while_somebody_edits) == {"a": "old"}
        assert shelf.get(["a"], self.find) == {"a": ("a", 2)}

    def test_where_nothing_may_be_held_all_is_found_each_time(self):
        self.now = None
        shelf = Shelf(10)
        shelf.get(["a"], self.find)
        shelf.get(["a"], self.find)
        assert self.asked == ["a", "a"]


def test_a_part_is_made_once_for_a_record_at_hand_and_each_time_for_another():
    class Record:
        pass

    made = []
    record = Record()
    for _time in range(2):
        part(record, "key", lambda: made.append(1))
    record.parts = {}
    for key in ("key", "other", "key"):
        assert part(record, key, lambda key=key: made.append(1) or key) == key
    assert len(made) == 4
    for key in range(2 * MOST_PARTS):
        part(record, key, lambda: "part")
    assert len(record.parts) <= MOST_PARTS


def test_many_threads_read_one_page_alike(page, client):
    expected = page()
    Contact.objects.filter(pk=cited(Contact).pk).update(hours_en="Now")
    found, where = [], address()

    def read():
        try:
            found.append(client.__class__().get(where).content.decode())
        finally:
            connection.close()

    threads = [threading.Thread(target=read) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {expected}


def test_what_is_the_same_everywhere_is_made_once_for_a_language_and_what_is_named():
    template = Template('{% once "_exit.html" quick_exit_url=url %}')

    def made(language, url):
        with override(language):
            return template.render(Context({"url": url}))

    english = made("en", "https://one.example/")
    assert english == made("en", "https://one.example/")
    assert "https://one.example/" in english
    assert "https://two.example/" in made("en", "https://two.example/")
    assert "Quitter" in made("fr", "https://one.example/")
