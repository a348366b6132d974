"""Searches are braked by address, without keeping one."""

import pytest
from django.test import Client

from kb_site.search import limits

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

HERE, ELSEWHERE = "93.184.215.14", "93.184.215.15"
MOST = 4


class Clock:
    now = 1000.0


@pytest.fixture(autouse=True)
def braked(settings, monkeypatch):
    settings.SEARCH_PER_MINUTE = MOST
    limits._left.clear()
    clock = Clock()
    monkeypatch.setattr(limits, "monotonic", lambda: clock.now)
    return clock


def ask(path="/en/search/?q=image", address=HERE, **headers):
    return Client(REMOTE_ADDR=address, headers=headers).get(path)


def spend(path="/en/search/?q=image", address=HERE, times=MOST):
    for _ in range(times):
        assert ask(path, address).status_code == 200


@pytest.mark.parametrize(
    "path", ["/en/search/?q=image", "/en/search/feed/?q=image", "/api/v1/search?q=image"]
)
def test_an_address_that_asks_too_often_waits(path, braked):
    spend(path)
    refused = ask(path)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "15"
    assert refused["Cache-Control"] == "no-store"
    # Others are not held up, and it may ask again after so long.
    assert ask(path, ELSEWHERE).status_code == 200
    braked.now += 15
    assert ask(path).status_code == 200
    assert ask(path).status_code == 429


def test_the_page_says_who_can_help_first_and_when_to_search_again():
    spend()
    html = ask().content.decode()
    assert "Wait 15 seconds" in html
    main = html[html.index("<main") :]
    assert main.index("/en/contacts/") < main.index("tel:112") < main.index("Wait 15 seconds")
    assert "Attendez 15 secondes" in ask("/fr/search/?q=image").content.decode()


def test_the_api_says_so_as_a_problem():
    spend("/api/v1/search?q=image")
    refused = ask("/api/v1/search?q=image")
    assert refused["Content-Type"] == "application/problem+json"
    assert "in 15 seconds" in refused.json()["detail"]
    assert "Retry-After" in refused["Access-Control-Expose-Headers"]


def test_searching_as_one_types_costs_a_quarter():
    spend("/en/search/suggest/?q=ima", times=4 * MOST)
    assert ask("/en/search/suggest/?q=ima").status_code == 429


def test_all_kinds_of_search_count_together():
    spend("/en/search/?q=image", times=MOST - 1)
    spend("/api/v1/search?q=image", times=1)
    assert ask("/en/search/feed/?q=image").status_code == 429


def test_other_pages_and_the_empty_search_are_never_braked():
    spend()
    for path in ("/en/search/", "/en/search/?q=", "/en/contacts/", "/api/v1/"):
        assert ask(path).status_code == 200


def test_a_household_counts_as_one(settings):
    spend(address="2a00:1450:4001::1")
    assert ask(address="2a00:1450:4001::2").status_code == 429
    assert ask(address="2a00:1450:4002::1").status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "fd00::1", "", "unix:"])
def test_an_address_that_may_be_a_proxy_s_is_nobody_s(address):
    spend(address=address, times=3 * MOST)


def test_behind_a_proxy_the_reader_s_own_address_counts(settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for _ in range(MOST):
        assert ask(address="10.0.0.1", **{"x-forwarded-for": HERE}).status_code == 200
    assert ask(address="10.0.0.1", **{"x-forwarded-for": f"8.8.8.8, {HERE}"}).status_code == 429
    assert ask(address="10.0.0.1", **{"x-forwarded-for": ELSEWHERE}).status_code == 200


def test_proxies_counted_wrongly_stop_no_search(settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 3
    for _ in range(3 * MOST):
        assert ask(**{"x-forwarded-for": "93.184.215.14"}).status_code == 200


def test_nought_is_no_limit(settings):
    settings.SEARCH_PER_MINUTE = 0
    spend(times=3 * MOST)


def test_no_address_is_kept_and_few_are_remembered(monkeypatch, django_assert_num_queries, rf):
    monkeypatch.setattr(limits, "REMEMBERED", 3)
    with django_assert_num_queries(0):
        for number in range(9):
            limits.wait(rf.get("/", REMOTE_ADDR=f"93.184.215.{number}"))
    assert len(limits._left) == 3
    assert "93.184" not in str(limits._left)
    assert all(isinstance(name, bytes) and len(name) == 16 for name in limits._left)
