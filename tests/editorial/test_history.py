"""Each change of a record writes the one revision it should, whoever makes it and however."""

import itertools
import threading

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection, transaction

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
from kb_site.editorial import history
from kb_site.editorial.models import Revision
from kb_site.search import updates
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion
from tests.laws.test_admin import add_row, admin_url, filled_in, messages_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def provision():
    """Art. 383bis: version 1 ended on 21 August 2023, version 2 is open; claims cite it."""
    return Provision.objects.get(reference="lu-cp-383bis")


def revisions_of(key):
    return list(Revision.objects.of(key).order_by("number"))


class Written:
    """The revisions written since it was made."""

    def __init__(self):
        self.last = Revision.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def __call__(self):
        written = list(Revision.objects.filter(pk__gt=self.last).order_by("pk"))
        if written:
            self.last = written[-1].pk
        return [str(revision) for revision in written]


@pytest.fixture
def written():
    return Written()


def fields_of(revision):
    return [(*(step for path in row["path"] for step in path), row["field"]) for row in revision]


def check_chains():
    """Every history counts from 1 without a gap, in number and in time, and ends in the present."""
    chains = {}
    for revision in Revision.objects.order_by("number"):
        chains.setdefault(revision.key, []).append(revision)
    for key, chain in chains.items():
        assert [revision.number for revision in chain] == list(range(1, len(chain) + 1)), key
        for earlier, later in itertools.pairwise(chain):
            assert earlier.until == later.at, key
            assert earlier.at <= later.at, key
            assert earlier.data != later.data, key
        assert chain[-1].until is None, key
    standing = {key: chain[-1].data for key, chain in chains.items()}
    for name, kind in history.kinds.items():
        for record in history.with_foreign(kind.model):
            # A record that no revision holds, or holds otherwise, fails here.
            present = history._plain(history.snapshot(record, kind.parts))
            assert standing.pop(f"{name}:{record.reference}") == present
    # What is left was deleted.
    assert set(map(type, standing.values())) <= {type(None)}


# What the site begins with


def test_what_was_loaded_begins_at_number_one_and_is_no_news():
    revisions = Revision.objects.all()
    kinds = [LegalAct, Provision, Contact, Advice, Statement, Question, Topic, Speaker, Source]
    kinds += [Event, Term]
    assert revisions.count() == sum(model.objects.count() for model in kinds)
    assert {revision.number for revision in revisions} == {1}
    assert not revisions.filter(is_told=True).exists()
    assert not revisions.exclude(until=None).exists()
    published = Question.objects.published().count()
    assert revisions.filter(kind="question", is_public=True).count() == published
    check_chains()


def test_beginning_again_writes_nothing_but_what_has_no_history(written):
    assert history.begin() == 0
    Revision.objects.filter(reference="q-creation-offence").delete()
    assert history.begin() == 1
    assert written() == ["question:q-creation-offence #1"]


# Saving


def test_saving_a_record_writes_one_revision_with_what_differs(question, written):
    before = question.title_en
    question.title_en = "Another title?"
    question.save()
    assert written() == ["question:q-creation-offence #2"]
    first, second = revisions_of("question:q-creation-offence")
    assert first.until == second.at
    assert second.until is None
    (row,) = second.changes
    assert (row["field"], row["before"], row["after"]) == ("title_en", before, "Another title?")
    assert second.data["title_en"] == "Another title?"
    assert (second.is_public, second.is_told) == (True, True)
    check_chains()


def test_a_save_that_changes_nothing_writes_none(question, written):
    question.save()
    question.claims.get(order=1).save()
    Topic.objects.first().save()
    claim = question.claims.get(order=1)
    claim.provisions.add(*claim.provisions.all())
    claim.provisions.set(claim.provisions.all())
    assert written() == []


def test_a_list_of_fields_is_enough(question, written):
    question.order = 77
    question.title_en = "Not saved"
    question.save(update_fields=["order"])
    assert written() == ["question:q-creation-offence #2"]
    (row,) = revisions_of("question:q-creation-offence")[-1].changes
    assert (row["field"], row["after"], row["silent"]) == ("order", 77, True)


def test_the_number_grows_by_one(question, written):
    for number in range(3):
        question.order = 100 + number
        question.save()
    assert written() == [f"question:q-creation-offence #{number}" for number in (2, 3, 4)]
    check_chains()


@pytest.mark.parametrize("kind", ["topic", "speaker", "source"])
def test_the_helpers_of_records_keep_a_history_that_is_no_news(kind, written):
    record = history.kinds[kind].model.objects.first()
    field = "title" if kind == "source" else "name" if kind == "speaker" else "title_fr"
    setattr(record, field, "Un autre nom")
    record.save()
    assert written() == [f"{kind}:{record.reference} #2"]
    assert not Revision.objects.filter(is_told=True).exists()


def test_a_new_topic_is_no_news_and_neither_is_its_end(written):
    topic = Topic.objects.create(reference="tp-new", slug_fr="nouveau", title_fr="Nouveau")
    topic.delete()
    assert written() == ["topic:tp-new #1", "topic:tp-new #2"]
    assert not Revision.objects.filter(is_told=True).exists()


def test_a_draft_begins_untold_and_its_first_publication_is_told(written):
    contact = Contact.objects.create(
        reference="ct-new", kind="authority", name_fr="Nouveau", confidence="confirmed"
    )
    contact.phone = "12345"
    contact.save()
    contact.status = "published"
    contact.save()
    revisions = revisions_of("contact:ct-new")
    assert [revision.is_public for revision in revisions] == [False, False, True]
    assert [revision.is_told for revision in revisions] == [False, False, True]
    check_chains()


# Citations


def test_a_citation_added_and_removed_writes_one_revision_each(question, written):
    claim = question.claims.get(order=5)
    claim.provisions.clear()
    written()
    provision = Provision.objects.get(reference="lu-cp-384")
    claim.provisions.add(provision)
    assert len(written()) == 1
    (row,) = revisions_of("question:q-creation-offence")[-1].changes
    assert (row["path"], row["field"]) == ([["claims", 5]], "provisions")
    assert (row["before"], row["after"]) == ([], ["provision:lu-cp-384"])
    claim.provisions.remove(provision)
    assert len(written()) == 1
    check_chains()


def test_clearing_citations_writes_one_revision(question, written):
    claim = question.claims.get(order=1)
    claim.provisions.clear()
    assert written() == ["question:q-creation-offence #2"]
    assert revisions_of("question:q-creation-offence")[-1].data["claims"][0]["provisions"] == []
    check_chains()


def test_setting_citations_in_a_change_writes_one_revision(question, written):
    claim = question.claims.get(order=1)
    with transaction.atomic(), history.change():
        claim.provisions.set([Provision.objects.get(reference="lu-cp-384")])
    assert written() == ["question:q-creation-offence #2"]
    check_chains()


def test_setting_citations_alone_ends_in_the_present(question, written):
    claim = question.claims.get(order=1)
    claim.provisions.set([Provision.objects.get(reference="lu-cp-384")])
    assert set(written()) <= {"question:q-creation-offence #2", "question:q-creation-offence #3"}
    check_chains()


def test_citations_changed_from_the_cited_side_count_too(question, provision, written):
    claim = Claim.objects.create(question=question, order=90, basis="law", text_fr="La loi.")
    written()
    provision.claims.add(claim)
    assert written() == ["question:q-creation-offence #3"]
    provision.claims.remove(claim)
    assert written() == ["question:q-creation-offence #4"]
    citing = {f"question:{c.question.reference} " for c in provision.claims.all()}
    provision.claims.clear()
    assert {key.partition("#")[0] for key in written()} == citing
    provision.claims.set([claim])
    assert len(written()) == 1
    check_chains()


def test_every_citation_field_is_recorded(question, written):
    statement = Statement.objects.get(reference="st-creation-is-offence")
    contact, topic = Contact.objects.last(), Topic.objects.last()
    other = Question.objects.exclude(pk=question.pk).last()
    for relation, row in [
        (question.related, other),
        (question.topics, topic),
        (question.contacts, contact),
        (question.claims.get(order=5).statements, statement),
        (question.claims.get(order=5).contacts, contact),
        (statement.topics, topic),
        (statement.contacts, contact),
        (statement.mapped_provisions, Provision.objects.last()),
    ]:
        relation.clear()
        written()
        relation.add(row)
        assert len(written()) == 1, relation.prefetch_cache_name
    check_chains()


def test_deleting_a_topic_is_a_change_of_what_was_in_it(written):
    topic = Topic.objects.get(reference="tp-criminal-law")
    questions = {f"question:{q.reference}" for q in topic.questions.all()}
    statements = {f"statement:{s.reference}" for s in topic.statements.all()}
    assert questions
    topic.delete()
    keys = {key.partition(" ")[0] for key in written()}
    assert keys == questions | statements | {"topic:tp-criminal-law"}
    check_chains()


# Parts


def test_a_part_created_changed_and_deleted_writes_one_revision_each(question, written):
    claim = Claim.objects.create(question=question, order=7, basis="advice", text_fr="Un conseil.")
    assert written() == ["question:q-creation-offence #2"]
    claim.text_en = "Advice."
    claim.save()
    assert written() == ["question:q-creation-offence #3"]
    claim.delete()
    assert written() == ["question:q-creation-offence #4"]
    second, third, fourth = revisions_of("question:q-creation-offence")[1:]
    for revision, field in [(second, ""), (third, "text_en"), (fourth, "")]:
        (row,) = revision.changes
        assert (row["path"], row["field"]) == ([["claims", 7]], field)
    assert second.changes[0]["after"]["text_fr"] == "Un conseil."
    assert fourth.changes[0]["before"]["text_en"] == "Advice."
    check_chains()


def test_the_penalty_of_a_version_is_a_part_of_its_provision(provision, written):
    version = provision.versions.get(number=2)
    penalty = version.penalties.first()
    penalty.fine_max = 123456
    penalty.save()
    assert written() == ["provision:lu-cp-383bis #2"]
    (row,) = revisions_of("provision:lu-cp-383bis")[-1].changes
    assert row["path"] == [["versions", 2], ["penalties", penalty.order]]
    assert (row["field"], row["after"]) == ("fine_max", 123456)
    Penalty.objects.create(version=version, order=99, label_fr="Invention")
    assert written() == ["provision:lu-cp-383bis #3"]
    penalty.delete()
    assert written() == ["provision:lu-cp-383bis #4"]
    check_chains()


def test_a_version_deleted_with_its_penalties_is_one_change(provision, written):
    provision.versions.get(number=1).delete()
    assert written() == ["provision:lu-cp-383bis #2"]
    (row,) = revisions_of("provision:lu-cp-383bis")[-1].changes
    assert (row["path"], row["field"], row["after"]) == ([["versions", 1]], "", None)
    check_chains()


def test_many_parts_deleted_at_once_are_one_change(question, written):
    question.claims.filter(order__gt=4).delete()
    assert written() == ["question:q-creation-offence #2"]
    check_chains()


def test_a_part_that_leaves_a_record_for_another_changes_both(question, written):
    other = Question.objects.exclude(pk=question.pk).first()
    claim = question.claims.get(order=6)
    claim.question, claim.order = other, 90
    claim.save()
    assert set(written()) == {"question:q-creation-offence #2", f"question:{other.reference} #2"}
    version = ProvisionVersion.objects.get(provision__reference="lu-cp-383bis", number=1)
    version.provision, version.number = Provision.objects.get(reference="lu-cp-384"), 90
    version.save()
    assert set(written()) == {"provision:lu-cp-383bis #2", "provision:lu-cp-384 #2"}
    check_chains()


# Deletion


def test_deleting_a_record_with_its_parts_writes_one_revision_without_data(question, written):
    citing = {f"question:{q.reference} #2" for q in Question.objects.filter(related=question)}
    question.delete()
    assert set(written()) == {"question:q-creation-offence #2"} | citing
    last = revisions_of("question:q-creation-offence")[-1]
    assert last.data is None
    assert (last.is_public, last.is_told) == (False, True)
    check_chains()


def alone(*questions):
    """Takes questions out of the others' lists of what to see also."""
    for other in Question.objects.filter(related__in=questions).distinct():
        other.related.remove(*questions)


def test_deleting_many_records_writes_one_revision_each():
    pks = list(Question.objects.values_list("pk", flat=True)[:3])
    questions = Question.objects.filter(pk__in=pks)
    keys = {f"question:{q.reference}" for q in questions}
    alone(*questions)
    written = Written()
    questions.delete()
    assert {key.partition(" ")[0] for key in written()} == keys
    check_chains()


def test_a_record_made_anew_under_an_old_reference_goes_on_with_its_history(written):
    for _time in range(2):
        contact = Contact.objects.create(
            reference="ct-new", kind="authority", name_fr="N", confidence="confirmed"
        )
        contact.delete()
    assert written() == [f"contact:ct-new #{number}" for number in (1, 2, 3, 4)]
    assert not any(revision.changes for revision in revisions_of("contact:ct-new")[::2])
    check_chains()


# Changes as a whole


def test_what_changes_together_is_one_revision_a_record(question, provision, written):
    with transaction.atomic(), history.change(reason="Reread", trigger="a test"):
        question.order = 4
        question.save()
        for claim in question.claims.all():
            claim.text_en += " And more."
            claim.save()
            claim.contacts.clear()
        provision.versions.update(note_en="Not through the model")
        provision.save()
    assert written() == ["provision:lu-cp-383bis #2", "question:q-creation-offence #2"]
    for key in ("provision:lu-cp-383bis", "question:q-creation-offence"):
        assert revisions_of(key)[-1].reason == "Reread"
        assert revisions_of(key)[-1].trigger == "a test"
    check_chains()


def fail(*steps):
    for step in steps:
        step()
    raise RuntimeError


def test_what_is_rolled_back_leaves_no_revision(question, written):
    question.title_en = "Never"
    with pytest.raises(RuntimeError), transaction.atomic(), history.change():
        fail(question.save)
    with pytest.raises(RuntimeError), transaction.atomic():
        fail(question.claims.first().delete)
    assert written() == []
    check_chains()


def test_a_change_that_fails_leaves_nothing_for_the_next_one(question, written):
    question.title_en = "Never"
    with pytest.raises(RuntimeError), transaction.atomic(), history.change(reason="First"):
        fail(question.save)
    contact = Contact.objects.first()
    contact.order = 999
    contact.save()
    assert written() == [f"contact:{contact.reference} #2"]
    assert revisions_of(f"contact:{contact.reference}")[-1].reason == ""


# The admin


def posted(editor, url, data):
    page = editor.post(url, data)
    assert page.status_code == 302, messages_of(page)
    return page


def test_one_save_in_the_admin_is_one_revision_however_many_inlines(editor, question, written):
    data = filled_in(editor.get(admin_url(question)))
    data["title_en"] = "Another title?"
    data["claims-0-order"], data["claims-1-order"] = 2, 1
    data["claims-2-text_en"] = "Another text."
    data["claims-3-DELETE"] = "on"
    data["claims-4-provisions"] = [Provision.objects.get(reference="lu-cp-384").pk]
    add_row(data, "claims", order=9, basis="advice", text_fr="Un conseil.", text_en="Advice.")
    posted(editor, admin_url(question), data)
    assert written() == ["question:q-creation-offence #2"]
    last = revisions_of("question:q-creation-offence")[-1]
    assert last.by.username == "editor"
    assert last.reason == "A change made by a test."
    check_chains()


def test_a_form_saved_untouched_in_the_admin_writes_none(editor, question, provision, written):
    for record in (question, provision, Contact.objects.first(), Topic.objects.first()):
        data = filled_in(editor.get(admin_url(record)))
        # A browser ends the lines of a text so.
        for name, value in data.items():
            data[name] = value.replace("\n", "\r\n") if isinstance(value, str) else value
        posted(editor, admin_url(record), data)
    assert written() == []


def test_a_record_published_with_its_claims_in_the_admin_is_one_revision(editor, written):
    data = filled_in(editor.get(admin_url(Question, "add")))
    data |= {
        "reference": "q-new",
        "title_fr": "Une nouvelle question ?",
        "title_en": "A new question?",
        "short_answer_fr": "Oui.",
        "short_answer_en": "Yes.",
        "slug_fr": "nouvelle-question",
        "slug_en": "new-question",
        "status": "published",
        "confidence": "confirmed",
    }
    add_row(data, "claims", order=1, basis="advice", text_fr="Un conseil.", text_en="Advice.")
    posted(editor, admin_url(Question, "add"), data)
    assert written() == ["question:q-new #1"]
    (only,) = revisions_of("question:q-new")
    assert (only.is_public, only.is_told) == (True, True)
    assert len(only.data["claims"]) == 1


def test_penalties_typed_in_the_admin_are_a_change_of_the_provision(editor, provision, written):
    version = provision.versions.get(number=2)
    data = filled_in(editor.get(admin_url(version)))
    data["penalties-0-fine_max"] = 654321
    add_row(data, "penalties", order=9, label_fr="Invention", custody="none")
    posted(editor, admin_url(version), data)
    assert written() == ["provision:lu-cp-383bis #2"]


def test_deleting_in_the_admin_writes_one_revision(editor, question):
    alone(question)
    written = Written()
    editor.post(admin_url(question, "delete"), {"post": "yes"})
    assert not Question.objects.filter(pk=question.pk).exists()
    assert written() == ["question:q-creation-offence #2"]
    assert revisions_of("question:q-creation-offence")[-1].by.username == "editor"


@pytest.mark.django_db(transaction=True)
def test_the_action_that_deletes_many_records_writes_one_revision_each(live_content, editor):
    """With real commits: an action of the admin runs outside any transaction."""
    questions = Question.objects.all()[:2]
    keys = {f"question:{q.reference}" for q in questions}
    pks = [q.pk for q in questions]
    alone(*questions)
    written = Written()
    data = {"action": "delete_selected", ACTION_CHECKBOX_NAME: pks, "post": "yes"}
    editor.post(admin_url(Question, "changelist"), data)
    assert not Question.objects.filter(pk__in=pks).exists()
    assert {key.partition(" ")[0] for key in written()} == keys
    for key in keys:
        assert revisions_of(key)[-1].by.username == "editor"


def test_the_history_of_a_record_is_shown_in_the_admin(editor, question):
    with transaction.atomic(), history.change(reason="<b>Bold</b> reason"):
        question.title_en = "<script>alert(1)</script>"
        question.save()
    question.claims.get(order=6).delete()
    page = editor.get(admin_url(question).replace("/change/", "/history/"))
    html = page.content.decode()
    assert "#3" in html
    assert "&lt;b&gt;Bold&lt;/b&gt; reason" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html


# Two at once


def together(*functions):
    """Runs functions at once, each in a thread and a transaction of its own; raises their errors.

    All have begun their transaction before any goes on, where the database lets them.
    """
    errors = []
    barrier = threading.Barrier(len(functions))

    def run(function):
        try:
            if connection.vendor == "postgresql":
                with transaction.atomic():
                    barrier.wait(timeout=20)
                    function()
            else:
                barrier.wait(timeout=20)
                with transaction.atomic():
                    function()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    if errors:
        raise errors[0]


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    @pytest.fixture(autouse=True)
    def content(self, live_content, settings):
        # Writing an entry takes it the least time.
        settings.SEARCH_ENGINE = "database"

    def test_two_who_change_one_record_both_have_their_revision(self, question):
        def writer(field, text):
            def write():
                with history.change(reason=text):
                    row = Question.objects.get(pk=question.pk)
                    setattr(row, field, text)
                    row.save(update_fields=[field])

            return write

        for time in range(3):
            number = len(revisions_of("question:q-creation-offence"))
            together(
                writer("title_en", f"English {time}"),
                writer("title_fr", f"Français {time}"),
                writer("short_answer_en", f"Short {time}"),
            )
            added = revisions_of("question:q-creation-offence")[number:]
            assert {r.reason for r in added} == {
                f"English {time}",
                f"Français {time}",
                f"Short {time}",
            }
        check_chains()

    def test_two_who_change_different_parts_lose_neither(self, question):
        def writer(order):
            def write():
                with history.change(reason=f"Claim {order}"):
                    claim = question.claims.get(order=order)
                    claim.text_en += " More."
                    claim.save()

            return write

        together(*map(writer, (1, 2, 3, 4)))
        added = revisions_of("question:q-creation-offence")[1:]
        assert sorted(r.reason for r in added) == [f"Claim {order}" for order in (1, 2, 3, 4)]
        for revision in added:
            (row,) = revision.changes
            assert revision.reason == f"Claim {row['path'][0][1]}"
        check_chains()

    def test_many_in_different_orders_do_not_lock_each_other_out(self, question):
        other = Question.objects.exclude(pk=question.pk).first()

        def writer(first, second, order):
            def write():
                # The search's index has its own order: the admin gathers both.
                with updates.together(), history.change():
                    for row in (first, second):
                        Claim.objects.create(
                            question=row, order=order, basis="advice", text_fr="Mots."
                        )

            return write

        together(writer(question, other, 50), writer(other, question, 51))
        assert len(revisions_of("question:q-creation-offence")) == 3
        check_chains()

    def test_saves_without_a_transaction_end_in_the_present(self, question):
        errors = []

        def write(text):
            try:
                row = Question.objects.get(pk=question.pk)
                row.title_en = text
                row.save()
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=write, args=[f"Title {n}"]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert not errors
        check_chains()
