"""The audit list: who signed in, and who changed whose rights."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from kb_site.accounts.models import AuditEvent
from kb_site.accounts.roles import ADMINISTRATOR, EDITOR, REVIEWER
from tests.accounts.conftest import PASSWORD, code_now, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """Returns what was added to the list since: [(who, what, about, detail)], oldest first."""
    seen = []

    def told():
        rows = AuditEvent.objects.exclude(pk__in=seen).order_by("pk")
        found = list(rows.values_list("pk", "who", "what", "about", "detail"))
        seen.extend(pk for pk, *_rest in found)
        return [tuple(rest) for _pk, *rest in found]

    return told


def test_signing_in_failing_and_signing_out(person, visitor, told):
    person("rosa", REVIEWER)
    told()
    sign_in(visitor, "rosa", "not-her-password")
    sign_in(visitor, "pa55word-in-the-wrong-box", "x")
    sign_in(visitor, "rosa")
    visitor.post("/accounts/2fa/authenticate/", {"code": "000000"})
    visitor.post("/accounts/2fa/authenticate/", {"code": code_now()})
    visitor.post("/accounts/logout/")
    assert told() == [
        ("", "sign-in-failed", "rosa", ""),
        ("", "sign-in-failed", "", ""),
        ("", "sign-in-failed", "rosa", "totp"),
        ("rosa", "signed-in", "", ""),
        ("rosa", "signed-out", "", ""),
    ]


def test_second_factors(person, visitor, told, django_capture_on_commit_callbacks):
    person("rosa", REVIEWER, factor=False)
    sign_in(visitor, "rosa")
    set_up = reverse("mfa_activate_totp")
    page = visitor.post(
        reverse("account_reauthenticate"), {"password": PASSWORD, "next": set_up}, follow=True
    )
    code = code_now(page.context["form"].secret)
    told()
    with django_capture_on_commit_callbacks(execute=True):
        visitor.post(set_up, {"code": code})
    assert told() == [
        ("rosa", "factor-added", "rosa", "totp"),
        ("rosa", "codes-made", "rosa", "recovery_codes"),
    ]
    with django_capture_on_commit_callbacks(execute=True):
        visitor.post(reverse("mfa_generate_recovery_codes"))
    assert told() == [("rosa", "codes-made", "rosa", "recovery_codes")]
    visitor.post(reverse("mfa_deactivate_totp"))
    assert told() == [
        ("rosa", "factor-removed", "rosa", "totp"),
        ("rosa", "factor-removed", "rosa", "recovery_codes"),
    ]


def test_a_recovery_code(person, visitor, told):
    user = person("rosa", REVIEWER)
    [codes] = user.authenticator_set.filter(type="recovery_codes")
    sign_in(visitor, "rosa")
    told()
    code = codes.wrap().get_unused_codes()[0]
    visitor.post("/accounts/2fa/authenticate/", {"code": code})
    assert told() == [("rosa", "code-used", "", ""), ("rosa", "signed-in", "", "")]


def test_second_factors_removed_in_the_admin(signed_in, person, told):
    client = signed_in("anna", ADMINISTRATOR)
    lost, boss = person("rosa", REVIEWER), person("boss", is_superuser=True)
    told()
    data = {"action": "remove_second_factors", "_selected_action": [lost.pk, boss.pk]}
    page = client.post(reverse("admin:auth_user_changelist"), data, follow=True)
    assert b"1 account signs in with its password alone" in page.content
    assert told() == [
        ("anna", "factor-removed", "rosa", "totp"),
        ("anna", "factor-removed", "rosa", "recovery_codes"),
    ]
    assert boss.authenticator_set.count() == 2


def test_passwords_however_they_are_changed(signed_in, person, told):
    client = signed_in("anna", ADMINISTRATOR)
    other = person("ada", EDITOR, factor=False)
    told()
    new = {"password1": "another-long-password", "password2": "another-long-password"}
    client.post(reverse("account_change_password"), {"oldpassword": PASSWORD, **new})
    client.post(
        reverse("admin:auth_user_password_change", args=[other.pk]),
        {**new, "usable_password": "true"},
    )
    other.refresh_from_db()
    other.set_password("a-third-long-password")
    other.save()
    assert told() == [
        ("anna", "password-changed", "anna", ""),
        ("anna", "password-changed", "ada", ""),
        ("", "password-changed", "ada", ""),
    ]


def test_accounts_and_their_rights(signed_in, told, django_user_model):
    client = signed_in("anna", ADMINISTRATOR)
    editors, reviewers = (Group.objects.get(name=name) for name in (EDITOR, REVIEWER))
    told()
    data = {"username": "new", "email": "new@example.org", "usable_password": "false"}
    client.post(reverse("admin:auth_user_add"), {**data, "groups": [editors.pk]})
    assert told() == [
        ("anna", "account-created", "new", "staff"),
        ("anna", "rights-changed", "new", "+Editor"),
    ]
    account = django_user_model.objects.get(username="new")
    change = reverse("admin:auth_user_change", args=[account.pk])
    data = {"username": "new", "email": "other@example.org", "is_staff": "on"}
    client.post(change, {**data, "groups": [reviewers.pk]})
    assert told() == [
        ("anna", "account-closed", "new", ""),
        ("anna", "account-changed", "new", "email"),
        ("anna", "rights-changed", "new", "−Editor"),
        ("anna", "rights-changed", "new", "+Reviewer"),
    ]
    client.post(change, {**data, "is_active": "on", "is_staff": "", "groups": [reviewers.pk]})
    assert told() == [
        ("anna", "account-opened", "new", ""),
        ("anna", "rights-changed", "new", "−staff"),
    ]
    client.post(change, {**data, "is_active": "on", "is_staff": "", "groups": [reviewers.pk]})
    assert told() == []


def test_rights_given_by_a_program(person, told):
    user = person("ada", EDITOR, factor=False)
    group = Group.objects.create(name="Guests")
    right = Permission.objects.get(codename="view_question")
    told()
    user.user_permissions.add(right)
    group.permissions.add(right)
    group.user_set.add(user)
    user.groups.clear()
    user.is_superuser = True
    user.save()
    user.delete()
    assert told() == [
        ("", "rights-changed", "ada", "+articles.view_question"),
        ("", "rights-changed", "Guests", "+articles.view_question"),
        ("", "rights-changed", "ada", "+Guests"),
        ("", "rights-changed", "ada", "−*"),
        ("", "rights-changed", "ada", "+superuser"),
        ("", "account-deleted", "ada", ""),
    ]


def test_the_list_is_read_and_never_written(signed_in):
    client = signed_in("anna", ADMINISTRATOR, is_superuser=True)
    page = client.get(reverse("admin:accounts_auditevent_changelist"))
    assert b"signed in" in page.content
    event = AuditEvent.objects.first()
    data = {"action": "delete_selected", "_selected_action": [event.pk], "post": "yes"}
    client.post(reverse("admin:accounts_auditevent_changelist"), data)
    assert AuditEvent.objects.filter(pk=event.pk).exists()


def test_the_list_holds_no_address():
    kept = {field.name for field in AuditEvent._meta.get_fields()}
    assert kept == {"id", "at", "who", "what", "about", "detail"}
