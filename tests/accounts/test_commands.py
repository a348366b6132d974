"""`create_editor`, which `make editor` runs, and `remove_second_factors`."""

import io
import re
import subprocess
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from kb_site.accounts.roles import ADMINISTRATOR, EDITOR, REVIEWER
from tests.accounts.conftest import PASSWORD, code_now, sign_in
from tests.pages import ADMIN_URL

pytestmark = pytest.mark.django_db

OPTIONS = ["--username=anna", "--email=Anna@Example.org", "--role=administrator"]


@pytest.fixture
def typing(monkeypatch):
    """Answers what a command asks: texts or functions in order, and passwords."""

    def typing(*answers, passwords=(PASSWORD, PASSWORD)):
        answers, passwords = list(answers), list(passwords)

        def answer(question=""):
            given = answers.pop(0)
            if isinstance(given, BaseException):
                raise given
            return given() if callable(given) else given

        monkeypatch.setattr("builtins.input", answer)
        monkeypatch.setattr("getpass.getpass", lambda question="": passwords.pop(0))
        return answers

    return typing


def run(*arguments, stdin=None, monkeypatch=None):
    out, err = io.StringIO(), io.StringIO()
    if stdin is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    call_command("create_editor", *arguments, stdout=out, stderr=err)
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("role", [ADMINISTRATOR, REVIEWER, EDITOR])
def test_without_questions(monkeypatch, django_user_model, role):
    run(
        "--username=anna",
        "--email=Anna@Example.org",
        f"--role={role.lower()}",
        "--password-stdin",
        "--no-mfa",
        stdin=f"{PASSWORD}\n",
        monkeypatch=monkeypatch,
    )
    user = django_user_model.objects.get(username="anna")
    assert user.email == "anna@example.org"
    assert user.check_password(PASSWORD)
    assert user.is_staff
    assert user.is_superuser is (role == ADMINISTRATOR)
    assert [group.name for group in user.groups.all()] == [role]
    assert not Authenticator.objects.exists()


def test_the_first_administrator_is_walked_through_and_signs_in(typing, visitor, django_user_model):
    out = io.StringIO()

    def shown():
        return code_now(re.search(r"secret: (\w+)", out.getvalue())[1])

    left = typing("", "anna", "not an address", "anna@example.org", "boss", "", "000000", shown)
    err = io.StringIO()
    call_command("create_editor", stdout=out, stderr=err)
    assert left == []
    said = out.getvalue()
    assert "Administrator “anna” was created." in said
    assert re.search(r"otpauth://totp/anna%40example.org\?secret=\w+&issuer=Rep%C3%A8res", said)
    assert "█" in said or "▀" in said
    codes = re.findall(r"^  (\d{8})$", said, re.MULTILINE)
    assert len(codes) == 10
    assert "not the code" in err.getvalue()
    user = django_user_model.objects.get()
    assert user.is_superuser
    sign_in(visitor, "anna")
    visitor.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert visitor.get(ADMIN_URL).status_code == 200


@pytest.mark.parametrize(
    ("options", "password", "error"),
    [
        (["--username=ada", *OPTIONS[1:]], PASSWORD, "already"),
        (["--username=ADA", *OPTIONS[1:]], PASSWORD, "already"),
        (["--username=a b", *OPTIONS[1:]], PASSWORD, "valid username"),
        ([OPTIONS[0], "--email=ada@example.org", OPTIONS[2]], PASSWORD, "Another account"),
        ([OPTIONS[0], "--email=none", OPTIONS[2]], PASSWORD, "valid email"),
        (OPTIONS, "short", "too short"),
        (OPTIONS, "", "too short"),
        (OPTIONS, "anna@example.org", "similar"),
    ],
)
def test_what_is_refused_creates_nothing(
    person, monkeypatch, django_user_model, options, password, error
):
    person("ada", EDITOR)
    with pytest.raises(CommandError, match=error):
        run(*options, "--password-stdin", "--no-mfa", stdin=password, monkeypatch=monkeypatch)
    assert django_user_model.objects.count() == 1


def test_stopping_says_what_was_done(typing, django_user_model):
    typing("anna", KeyboardInterrupt())
    with pytest.raises(CommandError, match="Nothing was created"):
        run()
    assert not django_user_model.objects.exists()
    typing(EOFError())
    with pytest.raises(CommandError, match="Sign in to set up"):
        run(*OPTIONS)
    assert django_user_model.objects.get().username == "anna"
    assert not Authenticator.objects.exists()


def test_passwords_are_asked_again_until_they_agree(typing, django_user_model):
    typing(passwords=["short", PASSWORD, "another-one-is-typed", PASSWORD, PASSWORD])
    said = run(*OPTIONS, "--no-mfa")
    assert "too short" in said
    assert "differ" in said
    assert django_user_model.objects.get().check_password(PASSWORD)


def test_whoever_lost_their_phone_begins_again(person):
    user = person("rosa", REVIEWER)
    call_command("remove_second_factors", "Rosa@example.org", stdout=io.StringIO())
    assert not Authenticator.objects.filter(user=user).exists()
    with pytest.raises(CommandError, match="no account"):
        call_command("remove_second_factors", "nobody")


def test_make_editor_runs_the_command():
    root = Path(__file__).resolve().parents[2]
    shown = subprocess.run(
        ["make", "-n", "editor"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "manage.py create_editor" in shown.stdout
