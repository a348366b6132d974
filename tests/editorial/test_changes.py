"""The reason an editor is asked for, and what readers are told in the log and its feed."""

import re
from xml.etree import ElementTree

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from articles.models import Claim, Contact, Question, Statement, Topic
from kb_site.editorial import history, reviews
from kb_site.editorial.models import ReviewTask, Revision
from laws.models import LegalAct, Provision
from tests.laws.test_admin import add_row, admin_url, filled_in, messages_of

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

ATOM = "{http://www.w3.org/2005/Atom}"
KEY = "question:q-creation-offence"


def changed(record, reason="", is_editorial=False, **values):
    with transaction.atomic(), history.change(reason=reason, is_editorial=is_editorial):
        for name, value in values.items():
            setattr(record, name, value)
        record.save()


def law_changes(provision):
    """The law says something else: what cites it is to be read again."""
    changed(provision.versions.get(number=2), "New wording", summary_en="It says something else.")


def log(language="en", **query):
    page = Client().get(f"/{language}/changes/", query)
    assert page.status_code == 200
    return page.content.decode()


def main(html):
    return re.search(r"<main.*?</main>", html, re.DOTALL)[0]


def items(html):
    """The entries of the log, tags left out."""
    found = re.findall(r'<li id="[^"]+">.*?</p>\s*(?:<ul.*?</ul>)?\s*</li>', html, re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", "", item).split()) for item in found]


def feed(language="en", **query):
    page = Client().get(f"/{language}/changes/feed/", query)
    assert page.status_code == 200
    assert page["Content-Type"].startswith("application/atom+xml")
    return ElementTree.fromstring(page.content)  # noqa: S314 - our own


# The reason, in the admin


def form_of(page):
    return page.context["adminform"].form


class TestReason:
    def test_a_published_record_asks_for_one_beside_the_field(self, editor, question):
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": " ", "title_en": "Another title?"}
        page = editor.post(admin_url(question), data)
        assert page.status_code == 200
        (error,) = form_of(page).errors["change_reason"]
        assert "Say why" in error
        assert "Say why" in page.content.decode()
        assert form_of(page).errors.keys() == {"change_reason"}

    def test_nothing_is_saved_without_it_and_nothing_is_said_to_be(self, editor, question):
        before = history.snapshot(question, history.kinds["question"].parts)
        count = Revision.objects.count()
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", "title_en": "Another title?", "claims-0-text_en": "Other."}
        page = editor.post(admin_url(question), data)
        assert "was changed successfully" not in page.content.decode()
        assert list(get_messages(page.wsgi_request)) == []
        question = Question.objects.get(pk=question.pk)
        assert history.snapshot(question, history.kinds["question"].parts) == before
        assert Revision.objects.count() == count
        again = editor.get(admin_url(question))
        assert "was changed successfully" not in again.content.decode()

    def test_everything_typed_is_still_there(self, editor, question):
        data = filled_in(editor.get(admin_url(question)))
        data |= {
            "change_reason": "",
            "title_en": "Another title?",
            "claims-0-text_en": "Another text.",
            "claims-1-DELETE": "on",
            "claims-4-provisions": [Provision.objects.get(reference="lu-cp-384").pk],
        }
        row = add_row(
            data, "claims", order=9, basis="advice", text_fr="Un conseil.", text_en="Advice."
        )
        page = editor.post(admin_url(question), data)
        assert form_of(page)["title_en"].value() == "Another title?"
        forms = page.context["inline_admin_formsets"][0].formset.forms
        assert forms[0]["text_en"].value() == "Another text."
        assert forms[1]["DELETE"].value()
        assert list(map(str, forms[4]["provisions"].value())) == list(
            map(str, data["claims-4-provisions"])
        )
        assert forms[row]["text_en"].value() == "Advice."
        assert not any(form.errors for form in forms)
        # With the reason, the same form is saved.
        data["change_reason"] = "The minister said so."
        page = editor.post(admin_url(question), data)
        assert page.status_code == 302, messages_of(page)
        assert question.claims.get(order=9).text_en == "Advice."
        assert Revision.objects.get(reference=question.reference, until=None).reason == (
            "The minister said so."
        )

    @pytest.mark.parametrize("reference", ["q-creation-offence", "lu-cp-383bis"])
    def test_a_change_of_a_part_asks_for_it_too(self, editor, reference):
        model, prefix, field = {
            "q-creation-offence": (Question, "claims", "text_en"),
            "lu-cp-383bis": (Provision, "versions", "summary_en"),
        }[reference]
        record = model.objects.get(reference=reference)
        data = filled_in(editor.get(admin_url(record)))
        data |= {"change_reason": "", f"{prefix}-0-{field}": "Another text."}
        page = editor.post(admin_url(record), data)
        assert "change_reason" in form_of(page).errors

    def test_penalties_ask_for_it_on_the_page_of_their_version(self, editor):
        version = Provision.objects.get(reference="lu-cp-383bis").versions.get(number=2)
        data = filled_in(editor.get(admin_url(version)))
        data |= {"change_reason": "", "penalties-0-fine_max": 777777}
        page = editor.post(admin_url(version), data)
        assert "change_reason" in form_of(page).errors
        assert not version.penalties.filter(fine_max=777777).exists()

    @pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn"])
    def test_what_readers_do_not_see_asks_for_none(self, editor, question, status):
        changed(question, status=status)
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", "title_en": "Another title?"}
        page = editor.post(admin_url(question), data)
        assert page.status_code == 302, messages_of(page)

    def test_publishing_asks_for_none(self, editor, question):
        changed(question, status="draft")
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", "status": "published"}
        page = editor.post(admin_url(question), data)
        assert page.status_code == 302, messages_of(page)

    def test_withdrawing_asks_for_it(self, editor, question):
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", "status": "withdrawn"}
        assert "change_reason" in form_of(editor.post(admin_url(question), data)).errors

    def test_a_new_record_asks_for_none_and_has_no_such_fields(self, editor):
        page = editor.get(admin_url(Question, "add"))
        assert 'name="change_reason"' not in page.content.decode()

    @pytest.mark.parametrize(
        "values",
        [
            {"order": 4},
            {"also_asked_en": "Another way to ask it"},
            {"verified_on": "2026-11-20", "verified_by": "Somebody"},
            {"review_on": "2027-01-01"},
            {},
        ],
        ids=lambda values: "-".join(values) or "nothing",
    )
    def test_what_is_no_change_of_substance_asks_for_none(self, editor, question, values):
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", **values}
        page = editor.post(admin_url(question), data)
        assert page.status_code == 302, messages_of(page)
        assert not Revision.objects.filter(is_told=True).exists()

    def test_reordering_claims_asks_for_none(self, editor, question):
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", "claims-0-order": 2, "claims-1-order": 1}
        page = editor.post(admin_url(question), data)
        assert page.status_code == 302, messages_of(page)

    def test_a_slip_of_the_pen_asks_for_none_and_is_not_told(self, editor, question):
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", "change_is_editorial": "on", "title_en": "Anothre title?"}
        page = editor.post(admin_url(question), data)
        assert page.status_code == 302, messages_of(page)
        last = Revision.objects.get(reference=question.reference, until=None)
        assert (last.is_editorial, last.is_told) == (True, False)

    def test_other_errors_come_first(self, editor, question):
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": "", "title_fr": "", "title_en": "Another title?"}
        page = editor.post(admin_url(question), data)
        assert "title_fr" in form_of(page).errors

    @pytest.mark.parametrize("reason", ["x" * 301, "x" * 10_000], ids=["long", "very long"])
    def test_a_reason_that_is_too_long_is_refused_beside_the_field(self, editor, question, reason):
        data = filled_in(editor.get(admin_url(question)))
        data |= {"change_reason": reason, "title_en": "Another title?"}
        page = editor.post(admin_url(question), data)
        assert "300" in str(form_of(page).errors["change_reason"])

    def test_somebody_who_may_only_look_can(self, client, django_user_model, question):
        looker = django_user_model.objects.create_user("looker", is_staff=True)
        looker.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
        client.force_login(looker)
        version = Provision.objects.get(reference="lu-cp-383bis").versions.first()
        for record in (question, version, Contact.objects.first(), Topic.objects.first()):
            assert client.get(admin_url(record)).status_code == 200


# The log


class TestLog:
    def test_it_begins_empty(self):
        assert "Nothing has changed since the first publication." in log()
        assert "Rien n’a changé depuis la première publication." in log("fr").replace("'", "’")

    def test_a_change_is_told_with_its_words_and_its_reason(self, question):
        before = question.title_en
        changed(question, "The law was renamed.", title_en=f"{before[:-1]}, really?")
        (item,) = items(log())
        assert question.title_en in item
        assert "The law was renamed." in item
        assert "changed" in item
        assert re.search(r"<ins>[^<]*really", log())
        assert f'href="{question.get_absolute_url()}"' in log()

    def test_the_words_are_those_of_the_reader_s_language(self, question):
        changed(question, "Raison.", title_fr="Un titre en français ?", title_en="In English?")
        english, french = log(), log("fr")
        assert re.search("<ins>[^<]*In English", english)
        assert "français ?" not in main(english)
        assert re.search("<ins>[^<]*Un titre en français", french)
        assert "In English" not in main(french)
        assert "Raison." in english

    def test_what_changed_in_the_other_language_only_is_still_told_to_have_changed(self, question):
        changed(question, "Raison.", title_fr="Un titre en français ?")
        (item,) = items(log())
        assert "changed" in item
        assert "Raison." in item
        assert "français ?" not in item

    def test_slips_of_the_pen_and_changes_of_no_substance_are_left_out(self, question):
        changed(question, is_editorial=True, title_en="Anothre title?")
        changed(question, order=77)
        changed(question, also_asked_en="Otherwise")
        assert "Nothing has changed" in log()

    def test_drafts_never_appear(self, question):
        changed(question, "Hidden reason", status="draft", title_en="Hidden title?")
        changed(question, "More hidden", title_en="Still hidden?")
        Contact.objects.create(
            reference="ct-hidden", kind="authority", name_fr="Caché", name_en="Hidden"
        )
        html = log() + Client().get("/en/changes/feed/").content.decode()
        assert "idden title" not in html
        assert "Still hidden" not in html
        assert "More hidden" not in html
        assert "Caché" not in html
        assert "ct-hidden" not in html

    def test_a_record_withdrawn_shows_neither_title_nor_text(self, question):
        changed(question, "Better words", short_answer_en="A new short answer.")
        changed(question, "It was wrong.", status="withdrawn")
        html = log()
        (item,) = items(html)
        assert "A record that is no longer published" in item
        assert "no longer published" in item
        assert question.title_en not in html
        assert "A new short answer" not in html
        assert "Better words" not in html
        assert question.get_absolute_url() not in html

    def test_a_record_deleted_shows_neither_title_nor_text(self, question):
        title = question.title_en
        changed(question, "Better words", short_answer_en="A new short answer.")
        question.delete()
        html = log() + ElementTree.tostring(feed(), "unicode")
        assert "A record that is no longer published" in html
        assert title not in html
        assert "A new short answer" not in html

    def test_the_first_publication_is_told_and_what_was_done_before_is_not(self):
        contact = Contact.objects.create(
            reference="ct-new",
            kind="authority",
            name_fr="Secret d'abord",
            name_en="Secret first",
            confidence="confirmed",
        )
        changed(contact, name_fr="Nouveau", name_en="New", status="published")
        (item,) = items(log())
        assert "New" in item
        assert "published" in item
        assert "Secret" not in log()

    def test_what_it_was_called_while_nobody_could_read_it_is_not_told(self, question):
        changed(question, "Out", status="withdrawn", title_en="Secret title?")
        changed(question, "In", status="published", title_en="Public title?")
        assert "Secret" not in log()
        assert len(items(log())) == 2
        assert log().count("Public title?</a>") == 2

    def test_a_record_deleted_and_made_anew_breaks_nothing(self):
        values = {
            "reference": "ct-new",
            "kind": "authority",
            "name_fr": "Nouveau",
            "name_en": "New",
            "confidence": "confirmed",
            "status": "published",
        }
        Contact.objects.create(**values).delete()
        Contact.objects.create(**values)
        assert len(items(log())) == 3
        assert len(feed().findall(f"{ATOM}entry")) == 3
        assert len(items(log(record="contact:ct-new"))) == 3

    def test_topics_are_no_news_and_break_nothing(self):
        topic = Topic.objects.create(reference="tp-new", slug_fr="n", title_fr="Nouveau")
        changed(topic, title_fr="Autre")
        topic.delete()
        assert "Nothing has changed" in log()
        assert feed().findall(f"{ATOM}entry") == []

    def test_a_provision_of_an_act_nobody_can_read_does_not_appear(self):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        changed(provision, "Reread", heading_en="A new heading")
        assert len(items(log())) == 1
        LegalAct.objects.filter(pk=provision.act_id).update(status="draft")
        assert "new heading" not in log()
        assert "Reread" not in log()

    def test_newest_first_each_with_its_instant_in_luxembourg(self, question):
        with time_machine.travel("2026-12-01T22:59:00Z", tick=False):
            changed(question, "First", title_en="One?")
        with time_machine.travel("2026-12-01T23:01:00Z", tick=False):
            changed(question, "Second", title_en="Two?")
        with time_machine.travel("2027-07-01T22:01:00Z", tick=False):
            changed(question, "Third", title_en="Three?")
        third, second, first = items(log())
        assert "1 December 2026, 23:59" in first
        assert "2 December 2026, 00:01" in second
        assert "2 July 2027, 00:01" in third
        assert 'datetime="2026-12-02T00:01:00+0100"' in log()

    def test_what_triggered_it_is_told(self, question):
        with transaction.atomic(), history.change(reason="Read", trigger="act:eu-aiact"):
            question.title_en = "Another?"
            question.save()
        assert re.search('Because of: <a href="/en/laws/eu-aiact/"[^>]*>[^<]+</a>', log())

    def test_a_change_tells_what_it_was_read_again_for(self, question):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        law_changes(provision)
        contact = Contact.objects.get(reference="ct-police")
        claim = question.claims.get(order=1)
        claim.contacts.add(contact)
        changed(contact, "It moved", handles_en="Something else.")
        changed(question, "Read again", title_en="Another?", title_fr="Une autre ?")
        revision = history.standing(KEY)
        assert revision.trigger == "provision:lu-cp-383bis contact:ct-police"
        for language, words, name in [
            ("en", "Because of:", contact.name_en),
            ("fr", "En raison de\u00a0:", contact.name_fr),
        ]:
            title = history.title_of("provision", vars(provision), language)[0]
            with override(language):
                address = provision.get_absolute_url()
            first = log(language).split("<h2>")[1]
            assert re.search(f'{words} <a href="{address}" lang="{language}">{title}</a>', first)
            assert re.search(f', <a href="[^"]+" lang="{language}">{name}</a>', first)
            entry = feed(language).find(f"{ATOM}entry/{ATOM}summary").text
            assert f"{title}, {name}" in entry

    def test_what_is_no_cause_is_not_told_as_one(self, question, django_user_model):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        # Its own age, and that of what it cites, changed no law.
        with time_machine.travel("2036-01-01"):
            reviews.open_due()
        changed(question, "Reread", title_en="Two?")
        assert history.standing(KEY).trigger == ""
        law_changes(provision)
        # A slip of the pen is not told; another record has nothing to do with it.
        changed(question, is_editorial=True, title_en="Three?")
        assert history.standing(KEY).trigger == ""
        changed(Contact.objects.get(reference="ct-police"), "Moved", handles_en="Something else.")
        assert history.standing("contact:ct-police").trigger == ""
        for task in ReviewTask.objects.open():
            task.close(
                django_user_model.objects.get_or_create(username="r", is_superuser=True)[0], "Read."
            )
        changed(question, "Much later", title_en="Four?")
        assert history.standing(KEY).trigger == ""
        assert "Because of" not in log()

    def test_a_first_publication_has_no_cause(self, question):
        changed(question, "Withdrawn", status="draft")
        law_changes(Provision.objects.get(reference="lu-cp-383bis"))
        changed(question, "Back", status="published")
        assert history.standing(KEY).trigger == ""

    def test_a_cause_that_nobody_can_read_is_not_named(self, question):
        law_changes(Provision.objects.get(reference="lu-cp-383bis"))
        changed(question, "Read again", title_en="Another?")
        assert "Because of" in log()
        Provision.objects.filter(reference="lu-cp-383bis").update(status="draft")
        assert "Because of" not in log()
        assert "383bis" not in items(log())[0]
        Revision.objects.filter(trigger__contains=":").update(trigger="topic:x what nobody:knows")
        assert "Because of" not in log()

    def test_parts_that_came_and_went_are_told_in_words(self, question):
        question.claims.get(order=6).delete()
        claim = Claim.objects.create(
            question=question,
            order=9,
            basis="advice",
            text_fr="Un conseil.",
            text_en="Some advice.",
        )
        claim.contacts.add(Contact.objects.get(reference="ct-police"))
        html = log()
        assert re.search("<ins>[^<]*Some advice", html)
        assert "<del>" in html
        assert "ct-police" in html
        assert re.search("<ins>[^<]*Un conseil", log("fr"))

    def test_a_version_with_penalties_is_told_in_words(self):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        provision.versions.get(number=1).delete()
        penalty = provision.versions.get(number=2).penalties.first()
        changed(penalty, "Fines rose", fine_max=999_999)
        for language in ("en", "fr"):
            html = log(language)
            assert "999999" in html
            assert html.count("<del>") >= 2

    def test_every_field_of_every_kind_can_be_told(self):
        """Whatever column changes, in whatever kind, its line can be written."""
        for name, kind in history.kinds.items():
            record = kind.model.objects.first()
            data = history._plain(history.snapshot(record, kind.parts))
            empty = {key: [] if isinstance(value, list) else None for key, value in data.items()}
            for before, after in [(empty, data), (data, empty)]:
                rows = history.differences({**before, "pk": 1}, {**after, "pk": 1}, kind)
                assert rows, name
                Revision.objects.create(
                    kind=name,
                    reference=record.reference,
                    number=Revision.objects.filter(reference=record.reference).count() + 1,
                    at=Revision.objects.first().at,
                    until=Revision.objects.first().at,
                    is_public=True,
                    is_told="status" in data,
                    changes=[{**row, "silent": False} for row in rows],
                    data=data,
                )
        for language in ("fr", "en"):
            assert items(log(language))
            assert feed(language).findall(f"{ATOM}entry")

    def test_html_in_texts_is_escaped(self, question):
        evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
        changed(question, f"Why {evil}", title_en=f"T {evil}", short_answer_en=f"S {evil}")
        html = log()
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "&lt;script&gt;" in html


class TestOneRecord:
    def test_its_own_changes_only(self, question):
        changed(question, "Mine", title_en="Mine?")
        changed(Contact.objects.get(reference="ct-police"), "Another's", phone="113 113")
        (item,) = items(log(record=KEY))
        assert "Mine" in item
        assert len(items(log())) == 2
        assert question.get_absolute_url() in log(record=KEY)

    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_it_is_named_in_the_reader_s_language(self, question, language):
        html = log(language, record=KEY)
        shown = main(html).replace("\u00a0", " ").replace("\u202f", " ").replace("&#x27;", "'")
        title = {"fr": question.title_fr, "en": question.title_en}[language]
        assert title.replace("\u00a0", " ").replace("\u202f", " ") in shown

    @pytest.mark.parametrize(
        "path",
        [
            "/en/questions/creating-is-already-an-offence/",
            "/en/laws/lu-code-penal/lu-cp-383bis/",
            "/en/laws/lu-code-penal/",
            "/en/contacts/ct-police/",
            "/en/statements/st-creation-is-offence/",
        ],
    )
    def test_its_page_leads_there(self, path):
        page = Client().get(path, follow=True)
        assert page.status_code == 200
        address = re.search(r'href="(/en/changes/\?record=[^"]+)"', page.content.decode())[1]
        assert Client().get(address).status_code == 200

    @pytest.mark.parametrize(
        "key",
        [
            "question:unknown",
            "question:",
            "question",
            ":",
            "nothing:q-creation-offence",
            "topic:tp-criminal-law",
            "speaker:x",
            "__class__:x",
            "question:q-creation-offence:x",
            "question:q-creation-offence' OR 1=1 --",
            "question:\0",
            "\0",
            "question:" + "x" * 10_000,
            "é:ü",
            "question:%",
            "😀",
        ],
        ids=range(16),
    )
    @pytest.mark.parametrize("address", ["/en/changes/", "/fr/changes/feed/"])
    def test_an_unknown_or_hostile_one_is_not_found(self, key, address):
        assert Client().get(address, {"record": key}).status_code == 404

    @pytest.mark.parametrize("status", ["draft", "withdrawn"])
    def test_one_that_is_not_published_is_not_found(self, question, status):
        changed(question, "Out", status=status)
        assert Client().get("/en/changes/", {"record": KEY}).status_code == 404
        assert Client().get("/en/changes/feed/", {"record": KEY}).status_code == 404

    def test_a_repeated_one_is_the_last(self, question):
        page = Client().get(f"/en/changes/?record=nothing:x&record={KEY}")
        assert page.status_code == 200


class TestPages:
    @pytest.fixture
    def many(self, question):
        for number in range(30):
            changed(question, f"Reason {number}.", title_en=f"Title {number}?")

    def test_the_log_turns_pages(self, many):
        first, second = log(), log(page=2)
        assert (len(items(first)), len(items(second))) == (25, 5)
        assert "Reason 29." in first
        assert "Reason 0." in second
        assert "page=2" in first
        assert f"record={KEY.replace(':', '%3A')}" in log(record=KEY) or KEY in log(record=KEY)
        assert len(items(log(record=KEY, page=2))) == 5

    def test_a_page_there_is_not_is_not_found(self, many):
        for page in ("3", "0", "-1", "x", "9" * 5000, "\0"):
            assert Client().get("/en/changes/", {"page": page}).status_code == 404, page[:9]

    def test_the_feed_holds_the_newest(self, many):
        assert len(feed().findall(f"{ATOM}entry")) == 25

    def test_queries_do_not_grow_with_the_changes(self, question):
        client = Client()

        def cost(address):
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            return len(queries)

        for record in self.records(1):
            changed(record, "Once", order=1, **self.texts(record, "One"))
        few = cost("/en/changes/"), cost("/en/changes/feed/")
        for record in self.records(5):
            changed(record, "Twice", **self.texts(record, "Two"))
        assert (cost("/en/changes/"), cost("/en/changes/feed/")) == few
        assert max(few) <= 12

    def records(self, count):
        for model in (LegalAct, Provision, Contact, Statement, Question):
            yield from model.objects.published()[:count]

    def texts(self, record, text):
        kind = history.kind_of(type(record))
        return {f"{name}_en": text for name in kind.titles}


class TestFeed:
    def test_it_is_atom_with_absolute_links_and_dates(self, question):
        with time_machine.travel("2026-12-01T23:01:00Z", tick=False):
            changed(question, "The law was renamed.", title_en="Another title?")
        root = feed()
        assert root.tag == f"{ATOM}feed"
        (entry,) = root.findall(f"{ATOM}entry")
        assert "Another title?" in entry.findtext(f"{ATOM}title")
        assert "The law was renamed." in entry.findtext(f"{ATOM}summary")
        assert "<ins>" in entry.findtext(f"{ATOM}summary")
        updated = entry.findtext(f"{ATOM}updated")
        assert updated in ("2026-12-02T00:01:00+01:00", "2026-12-01T23:01:00+00:00")
        assert root.findtext(f"{ATOM}updated") == updated
        for link in root.iter(f"{ATOM}link"):
            assert link.get("href").startswith("http://testserver/en/changes/")
        address, _hash, anchor = entry.find(f"{ATOM}link").get("href").partition("#")
        page = Client().get(address.removeprefix("http://testserver"))
        assert page.status_code == 200
        assert f'id="{anchor}"' in page.content.decode()

    def test_every_entry_s_link_leads_somewhere(self, question):
        changed(question, "Reread", title_en="Another title?")
        changed(Contact.objects.get(reference="ct-police"), "Out", status="withdrawn")
        entries = feed().findall(f"{ATOM}entry")
        assert len(entries) == 2
        for entry in entries:
            address, _hash, anchor = entry.find(f"{ATOM}link").get("href").partition("#")
            page = Client().get(address.removeprefix("http://testserver"))
            assert page.status_code == 200
            assert f'id="{anchor}"' in page.content.decode()
            assert "ct-police" not in address

    def test_its_ids_are_unique(self, question):
        for number in range(3):
            changed(question, f"{number}", title_en=f"{number}?")
        ids = [entry.findtext(f"{ATOM}id") for entry in feed().findall(f"{ATOM}entry")]
        assert len(set(ids)) == 3

    def test_it_speaks_the_reader_s_language(self, question):
        changed(question, "Raison", title_fr="Un titre ?", title_en="A title?")
        (french,) = feed("fr").findall(f"{ATOM}entry")
        (english,) = feed("en").findall(f"{ATOM}entry")
        assert "Un titre ?" in french.findtext(f"{ATOM}title")
        assert "A title?" in english.findtext(f"{ATOM}title")

    def test_of_one_record(self, question):
        changed(question, "Mine", title_en="Mine?")
        changed(Contact.objects.get(reference="ct-police"), "Another's", phone="113 113")
        (entry,) = feed(record=KEY).findall(f"{ATOM}entry")
        assert "Mine" in entry.findtext(f"{ATOM}title")

    def test_html_in_texts_does_not_become_html_of_the_feed_reader(self, question):
        evil = "<script>alert(1)</script>"
        changed(question, f"Why {evil}", title_en=f"T {evil}", short_answer_en=f"S {evil}")
        (entry,) = feed().findall(f"{ATOM}entry")
        # The summary is HTML, the title is plain text.
        assert "<script>" not in entry.findtext(f"{ATOM}summary")
        assert "&lt;script&gt;" in entry.findtext(f"{ATOM}summary")
        assert entry.find(f"{ATOM}title").get("type") in (None, "text")

    def test_signs_that_xml_cannot_hold_do_not_break_it(self, question):
        changed(question, "Pasted\x0bfrom\x1f a letter", title_en="A\x0btitle?")
        (entry,) = feed().findall(f"{ATOM}entry")
        assert "A title?" in entry.findtext(f"{ATOM}title")

    def test_it_is_empty_before_anything_changed(self):
        assert feed().findall(f"{ATOM}entry") == []


def test_an_editorial_change_opens_no_task_whatever_it_changes():
    contact = Contact.objects.get(reference="ct-police")
    changed(contact, is_editorial=True, phone="113 113")
    assert not ReviewTask.objects.exists()
