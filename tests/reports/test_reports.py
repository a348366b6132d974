"""Readers say what is wrong: nothing they type is lost, nothing about them is kept."""

import datetime
import re
from html import unescape
from io import StringIO

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from articles.models import Question
from kb_site.accounts.roles import ADMINISTRATOR, EDITOR, REVIEWER
from kb_site.editorial.desk import panels
from kb_site.reports import forms, limits
from kb_site.reports.models import ErrorReport
from tests.pages import ADMIN_URL

pytestmark = pytest.mark.django_db

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
FORM = "/en/report/question/q-school/"
TEXT = "The number is wrong.\n\nIt is 113 & not <112>."


@pytest.fixture(autouse=True)
def clock():
    cache.clear()
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def client():
    """A strict client: a failure is the answer 500 readers would get, not an exception."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


@pytest.fixture
def send(client, clock):
    """Opens the form, waits, and sends it."""

    def send(text=TEXT, address=FORM, wait=10, extra=None, **headers):
        token = token_of(client.get(address))
        clock.shift(wait)
        data = {"text": text, "website": "", "token": token, **(extra or {})}
        return client.post(address, data, **headers)

    return send


def token_of(response):
    return re.search(r'name="token" value="([^"]+)"', response.content.decode())[1]


def typed(response):
    """What the box of the form holds."""
    [value] = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", response.content.decode(), re.S)
    return unescape(value)


def said(response):
    """What the page says is in the way."""
    [box] = re.findall(r'role="alert">(.*?)</div>', response.content.decode(), re.S)
    return unescape(re.sub(r"<[^>]+>", " ", box))


# Sending


@pytest.mark.parametrize(
    ("address", "page", "language"),
    [
        ("/en/report/", "", "en"),
        ("/fr/report/", "", "fr"),
        ("/fr/report/question/q-school/", "question:q-school", "fr"),
        ("/en/report/provision/lu-cp-383bis/", "provision:lu-cp-383bis", "en"),
        ("/en/report/act/eu-dsa/", "act:eu-dsa", "en"),
        ("/en/report/contact/ct-police/", "contact:ct-police", "en"),
        ("/fr/report/statement/st-creation-is-offence/", "statement:st-creation-is-offence", "fr"),
    ],
)
def test_a_report_is_kept_with_its_page_language_and_day(client, send, address, page, language):
    response = send(address=address)
    assert (response.status_code, response["Location"]) == (302, f"/{language}/report/thanks/")
    assert client.get(response["Location"]).status_code == 200
    [report] = ErrorReport.objects.values()
    del report["id"]
    # All there is: no address, no browser, no hour.
    assert report == {
        "reported_on": datetime.date(2026, 11, 23),
        "page": page,
        "language": language,
        "text": TEXT,
        "is_done": False,
    }


def test_every_record_leads_to_its_form(client):
    for address, form in (
        ("/en/contacts/ct-police/", "/en/report/contact/ct-police/"),
        ("/fr/laws/eu-dsa/", "/fr/report/act/eu-dsa/"),
        ("/en/laws/lu-code-penal/lu-cp-383bis/", "/en/report/provision/lu-cp-383bis/"),
        ("/en/statements/st-creation-is-offence/", "/en/report/statement/st-creation-is-offence/"),
        (
            "/en/questions/creating-is-already-an-offence/",
            "/en/report/question/q-creation-offence/",
        ),
    ):
        assert f'href="{form}"' in client.get(address).content.decode()
        assert f'href="{address}"' in client.get(form).content.decode()


@pytest.mark.parametrize("address", ["/en/report/", FORM, "/en/report/thanks/"])
def test_the_form_is_kept_by_no_cache_and_sets_no_cookie(client, address):
    response = client.get(address)
    assert "no-store" in response["Cache-Control"]
    assert "noindex" in response.content.decode()
    assert not response.cookies
    assert "cookie" not in response.headers.get("Vary", "").lower()


def test_sending_sets_no_cookie_and_needs_none(send):
    for response in (send(), send(text="")):
        assert not response.cookies
        assert "cookie" not in response.headers.get("Vary", "").lower()


def test_the_form_asks_for_the_text_alone(client):
    html = client.get(FORM).content.decode().partition('<form class="report"')[2]
    names = re.findall(
        r'<(?:input|textarea|select)[^>]* name="(\w+)"', html.partition("</form>")[0]
    )
    assert names == ["text", "website", "token"]
    # The trap is seen by nobody, with or without a style sheet.
    assert re.search(r'<p hidden><label for="website">', html)


@pytest.mark.parametrize(
    "address",
    [
        "/en/report/question/no-such/",
        "/en/report/nothing/q-school/",
        "/en/report/topic/tp-criminal-law/",
        "/en/report/question/%00/",
        "/en/report/question/" + "x" * 5000 + "/",
        "/en/report/question/q-school/more/",
    ],
    ids=lambda address: address[:40],
)
def test_a_page_that_does_not_exist_takes_no_report(client, address):
    assert client.get(address).status_code == 404
    assert client.post(address, {"text": TEXT}).status_code in (404, 405)
    assert not ErrorReport.objects.exists()


def test_a_draft_has_no_form(client):
    Question.objects.filter(reference="q-school").update(status="draft")
    assert client.get(FORM).status_code == 404


def test_a_report_of_a_page_withdrawn_meanwhile_arrives(client, clock):
    token = token_of(client.get(FORM))
    clock.shift(60)
    Question.objects.filter(reference="q-school").update(status="withdrawn")
    page = client.post(FORM, {"text": "", "token": token})
    assert page.status_code == 400
    assert "pupil" not in page.content.decode()
    assert client.post(FORM, {"text": TEXT, "token": token}).status_code == 302
    assert ErrorReport.objects.get().page == "question:q-school"


# What is refused


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "in a sentence"),
        (" \r\n\t ", "in a sentence"),
        ("x" * 2001, "2001 characters"),
        ("é" * 20_000, "20000 characters"),
        ("a\0b", "cannot be kept"),
    ],
    ids=["empty", "blank", "2001", "120 kB", "NUL"],
)
def test_a_text_that_cannot_be_kept_comes_back_with_what_is_wrong(send, text, word):
    response = send(text=text)
    assert response.status_code == 400
    assert word in said(response)
    assert typed(response).strip() == text.strip()
    html = response.content.decode()
    assert 'aria-invalid="true"' in html
    assert "text-error" in html
    assert "Not sent yet" in re.search("<title>(.*?)</title>", html)[1]
    assert not ErrorReport.objects.exists()


def test_two_thousand_characters_fit_however_lines_end(send):
    text = "x\r\n" * 999 + "xy"
    assert send(text=text).status_code == 302
    assert ErrorReport.objects.get().text == text.replace("\r\n", "\n")


def test_what_is_typed_never_becomes_an_element(send):
    hostile = "</textarea><script>alert(1)</script>"
    response = send(text=hostile, extra={"website": '"><b>'})
    assert typed(response) == hostile
    assert "<script>alert" not in response.content.decode()
    assert '"><b>' not in response.content.decode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"text=%ED%A0%80&website=%FF", "application/x-www-form-urlencoded"),
        (b"text=\\ud800", "application/x-www-form-urlencoded; charset=unicode_escape"),
        (
            b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\\ud800\r\n--x--\r\n',
            "multipart/form-data; boundary=x; charset=unicode_escape",
        ),
        (b"text=x", "application/x-www-form-urlencoded; charset=utf-16"),
        (b'{"text": "x"}', "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"--x", "multipart/form-data"),
        (
            b"&".join(b"text%d=x" % number for number in range(3200)),
            "application/x-www-form-urlencoded",
        ),
        (b"", ""),
    ],
    ids=lambda value: str(value)[:44],
)
def test_a_body_that_no_browser_sends_is_a_bad_request(client, body, kind):
    response = client.generic("POST", FORM, body, content_type=kind)
    assert response.status_code == 400
    assert "<h1>" in response.content.decode()
    assert not ErrorReport.objects.exists()


def test_a_robot_that_fills_every_field_is_refused_and_loses_nothing(send):
    response = send(extra={"website": "https://example.org/"})
    assert response.status_code == 400
    assert "trap" in said(response)
    assert typed(response) == TEXT
    # Now a person who met the trap sees it, and can empty it.
    assert re.search(r'<p><label for="website">', response.content.decode())
    assert not ErrorReport.objects.exists()


@pytest.mark.parametrize("wait", [0, forms.TOO_QUICK - 1])
def test_whoever_is_too_quick_may_send_the_same_form_a_moment_later(client, clock, send, wait):
    response = send(wait=wait)
    assert response.status_code == 400
    assert "very fast" in said(response)
    assert typed(response) == TEXT
    clock.shift(10)
    data = {"text": typed(response), "token": token_of(response)}
    assert client.post(FORM, data).status_code == 302


def test_a_form_that_was_open_for_days_comes_back_with_its_text(client, clock, send):
    response = send(wait=3 * 24 * 3600)
    assert response.status_code == 400
    assert "too long" in said(response)
    clock.shift(10)
    data = {"text": typed(response), "token": token_of(response)}
    assert client.post(FORM, data).status_code == 302


@pytest.mark.parametrize("token", ["", "shown", "shown:1:x", "\0", "é" * 5000])
def test_a_token_that_is_not_ours_is_refused(send, token):
    response = send(extra={"token": token})
    assert response.status_code == 400
    assert typed(response) == TEXT
    assert not ErrorReport.objects.exists()


# How many


def test_one_address_sends_so_many_an_hour_and_loses_nothing(send, clock):
    for _ in range(limits.AN_HOUR):
        assert send().status_code == 302
    response = send()
    assert response.status_code == 429
    assert typed(response) == TEXT
    assert "in an hour" in said(response)
    assert ErrorReport.objects.count() == limits.AN_HOUR
    # Somebody else, and the same person later, are heard.
    assert send(REMOTE_ADDR="192.0.2.7").status_code == 302
    clock.shift(3700)
    assert send().status_code == 302


def test_what_is_refused_is_not_counted(send):
    for _ in range(limits.AN_HOUR + 1):
        assert send(text="").status_code == 400
    assert send().status_code == 302


def test_a_household_counts_as_one_address(send):
    for number in range(limits.AN_HOUR):
        assert send(REMOTE_ADDR=f"2001:db8::{number}").status_code == 302
    assert send(REMOTE_ADDR="2001:db8::ffff").status_code == 429
    assert send(REMOTE_ADDR="2001:db8:1::1").status_code == 302


@pytest.mark.parametrize("address", ["::ffff:192.0.2.1", "", "unix:", "fe80::1%eth0"])
def test_an_address_of_another_form_is_counted_too(send, address):
    for _ in range(limits.AN_HOUR):
        assert send(REMOTE_ADDR=address).status_code == 302
    assert send(REMOTE_ADDR=address).status_code == 429


def test_two_addresses_of_the_old_form_written_the_new_way_are_two(send):
    for _ in range(limits.AN_HOUR):
        send(REMOTE_ADDR="::ffff:192.0.2.1")
    assert send(REMOTE_ADDR="::ffff:192.0.2.2").status_code == 302


def test_all_together_send_so_many_a_day(send, clock, monkeypatch):
    monkeypatch.setattr(limits, "A_DAY", 2)
    for number in range(2):
        assert send(REMOTE_ADDR=f"192.0.2.{number}").status_code == 302
    assert send(REMOTE_ADDR="192.0.2.9").status_code == 429
    clock.shift(24 * 3600)
    assert send(REMOTE_ADDR="192.0.2.9").status_code == 302


def test_addresses_are_counted_under_names_that_change_every_day(send, clock):
    def names():
        with connection.cursor() as cursor:
            cursor.execute("SELECT cache_key, value FROM accounts_cache")
            return dict(cursor.fetchall())

    send(REMOTE_ADDR="192.0.2.7")
    first = names()
    assert len(first) == 1
    assert "192.0.2.7" not in str(first)
    clock.shift(24 * 3600)
    cache.clear()
    send(REMOTE_ADDR="192.0.2.7")
    assert not first.keys() & names().keys()


# How long


def kept(days):
    """A report that came so many days ago."""
    day = NOW.date() - datetime.timedelta(days=days)
    return ErrorReport.objects.create(reported_on=day, language="fr", text=f"{days} days")


def test_the_command_deletes_what_is_ninety_days_old():
    young, _old, _older = kept(89), kept(90), kept(400)
    out = StringIO()
    call_command("purge_reports", stdout=out)
    assert list(ErrorReport.objects.all()) == [young]
    assert out.getvalue() == "Deleted 2 reports.\n"
    call_command("purge_reports", verbosity=0, stdout=out)
    assert out.getvalue() == "Deleted 2 reports.\n"


def test_the_next_report_deletes_what_is_too_old(send):
    old = kept(90)
    send()
    assert not ErrorReport.objects.filter(pk=old.pk).exists()


# The desk


@pytest.fixture
def signed_in(django_user_model):
    def signed_in(role):
        user = django_user_model.objects.create_user(role, f"{role}@example.org", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client(headers={"accept-language": "en"})
        client.force_login(user)
        client.user = user
        return client

    return signed_in


@pytest.mark.parametrize("role", [EDITOR, REVIEWER, ADMINISTRATOR])
def test_the_desk_shows_what_waits_and_marks_it_done(signed_in, role):
    client = signed_in(role)
    report = kept(3)
    kept(90)
    page = client.get(ADMIN_URL).content.decode()
    assert "Errors that readers report (1)" in page
    address = reverse("admin:reports_errorreport_change", args=[report.pk])
    assert f'href="{address}"' in page
    assert client.get(address).status_code == 200
    response = client.post(address, {"is_done": "on", "text": "changed", "page": "changed"})
    assert response.status_code == 302
    report.refresh_from_db()
    assert report.is_done
    assert (report.text, report.page) == ("3 days", "")
    assert "Errors that readers report (0)" in client.get(ADMIN_URL).content.decode()


def test_several_are_marked_done_at_once(signed_in):
    client = signed_in(EDITOR)
    reports = [kept(1), kept(2), kept(90)]
    data = {"action": "mark_done", "_selected_action": [report.pk for report in reports]}
    client.post(reverse("admin:reports_errorreport_changelist"), data)
    # What is too old is shown to nobody, and not touched either.
    assert list(ErrorReport.objects.filter(is_done=True)) == reports[:2]


def test_what_is_too_old_is_not_shown_while_it_waits_for_the_night(signed_in):
    client = signed_in(ADMINISTRATOR)
    old = kept(90)
    assert "90 days" not in client.get(reverse("admin:reports_errorreport_changelist")).text
    address = reverse("admin:reports_errorreport_change", args=[old.pk])
    assert client.get(address).status_code == 302


def test_a_report_leads_to_its_record_and_its_text_stays_text(signed_in):
    client = signed_in(EDITOR)
    report = ErrorReport.objects.create(
        page="question:q-school", language="en", text="<script>alert(1)</script>"
    )
    for address in (
        reverse("admin:reports_errorreport_change", args=[report.pk]),
        reverse("admin:reports_errorreport_changelist"),
        ADMIN_URL,
    ):
        assert "<script>alert" not in client.get(address).text
    question = Question.objects.get(reference="q-school")
    form = client.get(reverse("admin:reports_errorreport_change", args=[report.pk])).text
    assert reverse("admin:articles_question_change", args=[question.pk]) in form


def test_the_name_that_the_log_keeps_says_nothing_of_the_text(signed_in):
    client = signed_in(ADMINISTRATOR)
    report = kept(3)
    address = reverse("admin:reports_errorreport_change", args=[report.pk])
    client.post(address, {"is_done": "on"})
    client.post(reverse("admin:reports_errorreport_delete", args=[report.pk]), {"post": "yes"})
    entries = client.user.logentry_set.all()
    assert len(entries) == 2
    assert not [entry for entry in entries if "3 days" in f"{entry} {entry.object_repr}"]


def test_whoever_has_no_right_to_read_reports_sees_none(django_user_model):
    kept(1)
    user = django_user_model.objects.create_user("guest", is_staff=True)
    [panel] = [panel for panel in panels(user) if "readers report" in panel.title]
    assert (panel.count, panel.rows) == (0, [])
