"""People with each role, and an authenticator app to sign in with."""

import time

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

PASSWORD = "a-long-password"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def sign_in_as_on_the_site(settings, db):
    settings.REQUIRE_MFA = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()


@pytest.fixture
def person(django_user_model):
    """Makes an account: of a role or of none, with a second factor or without."""

    def person(name, role=None, factor=True, **fields):
        user = django_user_model.objects.create_user(
            name, f"{name}@example.org", PASSWORD, **{"is_staff": True, **fields}
        )
        if role:
            user.groups.add(Group.objects.get(name=role))
        if factor:
            TOTP.activate(user, SECRET)
            RecoveryCodes.activate(user)
        return user

    return person


@pytest.fixture
def signed_in(person):
    """Makes an account and returns a client that is signed in with it."""

    def signed_in(name, role=None, factor=True, **fields):
        client = Client(headers={"accept-language": "en"})
        client.user = person(name, role, factor, **fields)
        client.force_login(client.user)
        return client

    return signed_in


@pytest.fixture
def visitor():
    return Client(headers={"accept-language": "en"})


def code_now(secret=SECRET):
    """What the authenticator app shows at this moment."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def sign_in(client, login, password=PASSWORD, **more):
    """Sends the form to sign in; returns the page one ends on."""
    data = {"login": login, "password": password, **more}
    return client.post("/accounts/login/", data, follow=True)
