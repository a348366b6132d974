"""Signing in: two factors, what a stranger can learn or try, and when a session ends."""

import re
import threading
import time
from urllib.parse import quote

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from django.urls import reverse

from kb_site.accounts.roles import ADMINISTRATOR, EDITOR, REVIEWER
from kb_site.accounts.signals import remove_factors
from tests.accounts.conftest import PASSWORD, code_now, sign_in
from tests.pages import ADMIN_URL

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
SECOND = "/accounts/2fa/authenticate/"
WRONG = "username and/or password you specified are not correct"


def enter(client, code):
    return client.post(SECOND, {"code": code}, follow=True)


def is_in(client):
    return client.get(ADMIN_URL).status_code == 200


def errors(page):
    return " ".join(re.findall(r'<ul class="errorlist.*?</ul>', page.content.decode(), re.DOTALL))


def form_of(page):
    """A page without what is drawn for each visit, and without what was typed."""
    html = page.content.decode()
    return re.sub(r'name="(csrfmiddlewaretoken|login|email)" value="[^"]*"', r'name="\1"', html)


# Two factors


@pytest.mark.parametrize("login", ["rosa", "ROSA", "rosa@example.org", "Rosa@Example.org"])
def test_a_reviewer_signs_in_with_name_or_address_and_a_code(person, visitor, login):
    person("rosa", REVIEWER)
    page = sign_in(visitor, login)
    assert page.redirect_chain[-1] == (SECOND, 302)
    assert not is_in(visitor)
    page = enter(visitor, code_now())
    assert page.redirect_chain[-1] == (ADMIN_URL, 302)
    assert is_in(visitor)


def test_one_comes_to_the_page_one_asked_for(person, visitor):
    person("rosa", REVIEWER)
    asked = visitor.get(reverse("admin:articles_question_changelist"), follow=True)
    assert [step for step, _status in asked.redirect_chain] == [
        f"{ADMIN_URL}login/?next={ADMIN_URL}articles/question/",
        f"/accounts/login/?next={quote(ADMIN_URL, safe='')}articles%2Fquestion%2F",
    ]
    sign_in(visitor, "rosa", next=f"{ADMIN_URL}articles/question/")
    page = enter(visitor, code_now())
    assert page.redirect_chain[-1] == (f"{ADMIN_URL}articles/question/", 302)


def test_one_never_comes_to_another_site(person, visitor):
    person("ada", EDITOR, factor=False)
    page = sign_in(visitor, "ada", next="https://evil.example/")
    assert page.redirect_chain == [(ADMIN_URL, 302)]


@pytest.mark.parametrize("code", ["000000", "", "12345", "abcdef", "1" * 200])
def test_a_wrong_code_is_refused(person, visitor, code):
    person("rosa", REVIEWER)
    sign_in(visitor, "rosa")
    page = enter(visitor, code)
    assert page.status_code == 200
    assert errors(page)
    assert not is_in(visitor)


def test_a_code_is_good_once(person, visitor):
    person("rosa", REVIEWER)
    code, thief = code_now(), Client()
    sign_in(visitor, "rosa")
    sign_in(thief, "rosa")
    enter(visitor, code)
    enter(thief, code)
    assert is_in(visitor)
    assert not is_in(thief)


def test_an_old_code_is_refused(person, visitor):
    person("rosa", REVIEWER)
    with time_machine.travel(time.time() - 120):
        old = code_now()
    sign_in(visitor, "rosa")
    enter(visitor, old)
    assert not is_in(visitor)


def test_a_recovery_code_is_good_once(person, visitor):
    user = person("rosa", REVIEWER)
    factor = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    code, *others = factor.wrap().get_unused_codes()
    assert len(others) == 9
    sign_in(visitor, "rosa")
    enter(visitor, code)
    assert is_in(visitor)
    second = Client()
    sign_in(second, "rosa")
    enter(second, code)
    assert not is_in(second)
    enter(second, others[0])
    assert is_in(second)


def test_whoever_must_have_a_second_factor_is_led_to_set_it_up(person, visitor):
    person("rosa", REVIEWER, factor=False)
    page = sign_in(visitor, "rosa")
    assert page.redirect_chain == [(ADMIN_URL, 302), ("/accounts/2fa/", 302)]
    assert b"Your role needs a second factor" in page.content

    set_up = reverse("mfa_activate_totp")
    page = visitor.get(set_up, follow=True)  # the password, once more
    page = visitor.post(
        reverse("account_reauthenticate"), {"password": PASSWORD, "next": set_up}, follow=True
    )
    assert page.redirect_chain == [(set_up, 302)]
    secret = page.context["form"].secret
    assert b"data:image/svg+xml" in page.content
    assert not is_in(visitor)
    page = visitor.post(set_up, {"code": "000000"})
    assert errors(page)
    page = visitor.post(set_up, {"code": code_now(secret)}, follow=True)
    assert page.redirect_chain == [(reverse("mfa_view_recovery_codes"), 302)]
    assert len(re.findall(r"^\d{8}\b", page.content.decode(), re.MULTILINE)) >= 9
    assert is_in(visitor)


def test_a_password_alone_does_not_change_the_second_factor(person, visitor):
    user = person("rosa", REVIEWER)
    sign_in(visitor, "rosa")
    enter(visitor, code_now())
    remove = reverse("mfa_deactivate_totp")
    visitor.post(remove)
    page = visitor.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": remove})
    assert page["Location"].startswith(reverse("mfa_reauthenticate"))
    visitor.post(remove)
    assert Authenticator.objects.filter(user=user).count() == 2
    cache.clear()  # the code may be used again
    visitor.post(reverse("mfa_reauthenticate"), {"code": code_now(), "next": remove})
    visitor.post(remove)
    assert not Authenticator.objects.filter(user=user).exists()
    assert visitor.get(ADMIN_URL)["Location"] == "/accounts/2fa/"


def test_pages_obey_the_policy_of_the_site(person, visitor):
    """Scripts come from files; what stands in the page is data, which is not run."""
    person("rosa", REVIEWER)
    pages = [visitor.get(LOGIN), visitor.get(reverse("account_reset_password"))]
    pages.append(sign_in(visitor, "rosa"))
    enter(visitor, code_now())
    cache.clear()
    visitor.post(reverse("mfa_reauthenticate"), {"code": code_now(), "next": reverse("mfa_index")})
    for name in ("mfa_index", "mfa_add_webauthn", "mfa_list_webauthn", "mfa_view_recovery_codes"):
        pages.append(visitor.get(reverse(name)))
    pages.append(visitor.get(reverse("account_change_password")))
    for page in pages:
        assert page.status_code == 200
        html = page.content.decode()
        assert "script-src 'self';" in page.headers["Content-Security-Policy"] + ";"
        for attributes, text in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL):
            assert 'type="application/json"' in attributes or ("src=" in attributes and not text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)
        assert not re.search(r'(src|href)="(https?:)?//', html)


def test_pages_speak_french(visitor, person):
    person("rosa", REVIEWER)
    french = Client(headers={"accept-language": "fr"})
    for address in (LOGIN, reverse("account_reset_password")):
        page = french.get(address)
        assert b'<html lang="fr"' in page.content
        assert b"Sign In" not in page.content
        assert page.content != visitor.get(address).content


# What a stranger learns


def test_an_unknown_name_and_a_wrong_password_read_the_same(person, visitor):
    person("rosa", REVIEWER)
    person("gone", EDITOR, is_active=False)
    known = sign_in(visitor, "rosa", "not-her-password")
    unknown = sign_in(visitor, "nobody", "not-her-password")
    closed = sign_in(visitor, "gone", PASSWORD)
    assert {page.status_code for page in (known, unknown, closed)} == {200}
    assert WRONG in errors(known)
    assert form_of(known) == form_of(unknown) == form_of(closed)
    address = sign_in(visitor, "rosa@example.org", "not-her-password")
    no_address = sign_in(visitor, "nobody@example.org", "not-her-password")
    assert form_of(address) == form_of(no_address)


@pytest.mark.parametrize("login", ["rosa", "rosa@example.org", "nobody", "n@example.org", "empty"])
def test_every_failure_costs_one_password_hash(person, visitor, login, monkeypatch):
    person("rosa", REVIEWER)
    empty = person("empty", EDITOR)
    empty.set_unusable_password()
    empty.save()
    hashes = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda self, password, salt: hashes.append(1) or encode(self, password, salt),
    )
    sign_in(visitor, login, "not-the-password")
    assert len(hashes) == 1


def delivered():
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join()
    return mail.outbox


def test_a_forgotten_password_reads_the_same_whether_there_is_an_account(person, visitor):
    person("rosa", REVIEWER)
    person("gone", EDITOR, is_active=False)
    reset = reverse("account_reset_password")
    pages = [
        visitor.post(reset, {"email": f"{name}@example.org"}, follow=True)
        for name in ("rosa", "nobody", "gone")
    ]
    assert {page.redirect_chain[0] for page in pages} == {(f"{reset}done/", 302)}
    assert len({form_of(page) for page in pages}) == 1
    assert [message.to for message in delivered()] == [["rosa@example.org"]]


def test_the_answer_does_not_wait_for_the_mail(person, visitor, monkeypatch):
    person("rosa", REVIEWER)
    gate, sent = threading.Event(), []
    monkeypatch.setattr(
        EmailMultiAlternatives, "send", lambda self: gate.wait(20) and sent.append(1)
    )
    page = visitor.post(reverse("account_reset_password"), {"email": "rosa@example.org"})
    assert page.status_code == 302
    assert not sent
    gate.set()
    delivered()
    assert sent


def test_a_mail_that_cannot_be_sent_is_logged_without_the_address(
    person, visitor, monkeypatch, caplog
):
    def refuse(self):
        raise OSError("rosa@example.org refused")

    person("rosa", REVIEWER)
    monkeypatch.setattr(EmailMultiAlternatives, "send", refuse)
    visitor.post(reverse("account_reset_password"), {"email": "rosa@example.org"})
    delivered()
    assert "A mail could not be sent: OSError" in caplog.text
    assert "rosa@example.org" not in caplog.text


def link_in(message):
    [link] = re.findall(r"http://testserver(/accounts/password/reset/key/\S+)", message.body)
    return link


def new_password(client, link, password):
    page = client.get(link, follow=True)
    return client.post(
        page.request["PATH_INFO"], {"password1": password, "password2": password}, follow=True
    )


def test_a_new_password_is_chosen_by_mail_and_does_not_sign_in(person, visitor):
    person("rosa", REVIEWER)
    visitor.post(reverse("account_reset_password"), {"email": "Rosa@example.org"})
    [message] = delivered()
    assert message.subject.startswith("[Repères] ")
    link = link_in(message)
    new_password(visitor, link, "another-long-password")
    assert not is_in(visitor)
    assert b"password1" not in new_password(Client(), link, "a-third-long-password").content
    sign_in(visitor, "rosa")
    assert visitor.get(SECOND).status_code == 302
    page = sign_in(visitor, "rosa", "another-long-password")
    assert page.redirect_chain[-1] == (SECOND, 302)  # the second factor is still asked for


def test_a_link_to_a_former_address_is_dead(person, visitor):
    user = person("rosa", REVIEWER)
    visitor.post(reverse("account_reset_password"), {"email": "rosa@example.org"})
    [message] = delivered()
    user.email = "new@example.org"
    user.save()
    assert b"password1" not in visitor.get(link_in(message), follow=True).content
    mail.outbox.clear()
    visitor.post(reverse("account_reset_password"), {"email": "rosa@example.org"})
    assert not delivered()


# What a stranger may try


def test_after_five_wrong_passwords_an_account_rests(person, visitor):
    person("ada", EDITOR, factor=False)
    for _ in range(5):
        assert WRONG in errors(sign_in(visitor, "ada", "not-her-password"))
    page = sign_in(visitor, "ada")
    assert "Too many failed login attempts" in errors(page)
    assert not is_in(visitor)
    with time_machine.travel(time.time() + 301):
        sign_in(visitor, "ada")
    assert visitor.get(ADMIN_URL).status_code == 200


def test_a_name_that_nobody_has_rests_too(visitor):
    for _ in range(5):
        sign_in(visitor, "nobody", "guess")
    assert "Too many failed login attempts" in errors(sign_in(visitor, "nobody", "guess"))


def test_after_five_wrong_codes_an_account_rests(person, visitor):
    person("rosa", REVIEWER)
    sign_in(visitor, "rosa")
    for _ in range(5):
        assert "Incorrect code" in errors(enter(visitor, "000000"))
    assert "Too many" in errors(enter(visitor, code_now()))
    assert not is_in(visitor)


def test_one_address_tries_ten_times_a_minute(visitor):
    for number in range(10):
        sign_in(visitor, f"name-{number}", "guess")
    assert "Too many" in errors(sign_in(visitor, "name-11", "guess"))
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert "Too many" not in errors(sign_in(elsewhere, "name-11", "guess"))


def test_a_flood_gets_a_page_that_says_to_wait(visitor):
    for number in range(20):
        visitor.post(reverse("account_reset_password"), {"email": f"n{number}@example.org"})
    page = visitor.post(reverse("account_reset_password"), {"email": "n@example.org"})
    assert page.status_code == 429
    assert b"Wait a few minutes" in page.content


def test_attempts_are_counted_for_all_processes_and_no_address_can_be_read(visitor):
    sign_in(visitor, "nobody", "guess")
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM accounts_cache")
        keys = [key for (key,) in cursor.fetchall()]
    assert keys
    assert all(re.fullmatch("[0-9a-f]{40,64}", key) for key in keys)


# When a session ends


@pytest.fixture
def two_sessions(person):
    """Two browsers of one administrator, both signed in."""
    person("anna", ADMINISTRATOR)
    clients = [Client(headers={"accept-language": "en"}) for _ in range(2)]
    for client in clients:
        sign_in(client, "anna")
        enter(client, code_now())
        cache.clear()
        assert is_in(client)
    return clients


def test_a_new_password_ends_the_other_sessions(two_sessions):
    here, there = two_sessions
    data = {"oldpassword": PASSWORD, "password1": "another-long-password"}
    data["password2"] = data["password1"]
    assert here.post(reverse("account_change_password"), data).status_code == 302
    assert is_in(here)
    assert not is_in(there)


def test_a_new_password_by_the_admin_s_page_ends_the_other_sessions(two_sessions):
    here, there = two_sessions
    data = {"old_password": PASSWORD, "new_password1": "another-long-password"}
    data["new_password2"] = data["new_password1"]
    assert here.post(reverse("admin:password_change"), data).status_code == 302
    assert is_in(here)
    assert not is_in(there)


def test_new_recovery_codes_end_the_other_sessions(two_sessions):
    here, there = two_sessions
    again = reverse("mfa_generate_recovery_codes")
    here.post(reverse("mfa_reauthenticate"), {"code": code_now(), "next": again})
    assert here.post(again).status_code == 302
    assert is_in(here)
    page = there.get(ADMIN_URL, follow=True)
    assert page.redirect_chain == [(f"/accounts/login/?next={ADMIN_URL}", 302)]
    assert b"your second factors were changed" in page.content
    assert "_auth_user_id" not in there.session


def test_second_factors_removed_by_an_administrator_end_every_session(two_sessions):
    remove_factors(User.objects.get(username="anna"))
    assert not any(is_in(client) for client in two_sessions)


def test_an_account_that_is_closed_is_out_at_once(two_sessions):
    User.objects.filter(username="anna").update(is_active=False)
    assert not any(is_in(client) for client in two_sessions)


def test_a_session_ends_with_the_browser_and_after_twelve_hours(person, visitor):
    person("ada", EDITOR, factor=False)
    sign_in(visitor, "ada")
    cookie = visitor.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["max-age"] == ""
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert is_in(visitor)
    with time_machine.travel(time.time() + 12 * 3600 + 60):
        assert not is_in(visitor)


@pytest.mark.parametrize("address", ["/accounts/logout/", f"{ADMIN_URL}logout/"])
def test_one_signs_out_by_a_button_only(signed_in, address):
    client = signed_in("ada", EDITOR, factor=False)
    client.get(address)
    assert is_in(client)
    client.post(address)
    assert not is_in(client)


def test_a_form_without_its_token_is_refused(person):
    person("ada", EDITOR, factor=False)
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(LOGIN, {"login": "ada", "password": PASSWORD}).status_code == 403
