"""Whatever is asked of whatever address, the site answers: never with an error of its own."""

import time

import pytest
from django.test import Client
from hypothesis import given

from tests.fuzz import asking
from tests.fuzz.plan import marks, tries

pytestmark = [*marks, pytest.mark.django_db, pytest.mark.usefixtures("one_connection")]

# Whoever asks: readers, and in rooms that they do not enter an administrator too.
VISITS = [
    *((room, room.startswith("admin")) for room in asking.ROOMS),
    *[("accounts", True), ("questions", True), ("admin", False), ("admin/articles", False)],
]


@pytest.fixture
def site(django_user_model):
    client = Client()
    admin = django_user_model.objects.create_superuser(
        "fuzz", "fuzz@example.org", "a-long-password"
    )
    client.force_login(admin)
    session = client.session
    # As if the password was typed just now: the pages of second factors ask for it.
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()
    return asking.Site(session.session_key)


@pytest.mark.parametrize(("room", "signed_in"), VISITS)
def test_nothing_that_is_asked_breaks_the_site(room, signed_in, site):
    @tries(1 / len(VISITS))
    @given(asking.requests(site, room, signed_in))
    def check(request):
        asking.ask(request)

    check()
