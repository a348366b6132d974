"""The help page: who is named in which situation, who is never, and what is kept: nothing."""

import re
from itertools import chain, combinations, product

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.translation import override

from articles import help
from articles.fields import QUESTIONS, Case, Need
from articles.models import Advice, Contact
from kb_site.editorial import history, previews, reviews
from kb_site.editorial.models import ReviewTask
from laws.models import Provision
from tests.pages import ADMIN_URL

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

LANGUAGES = ["fr", "en"]


@pytest.fixture
def client():
    """A strict client: a failure is the answer 500 readers would get, not an exception."""
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def ask(client, answers="", language="en", status=200):
    """The contacts and the advice of an answer, as references in their order, and the response.

    Takes what is ticked as "who=minor what=image what=threat".
    """
    data = {}
    for pair in answers.split():
        name, _separator, value = pair.partition("=")
        data.setdefault(name, []).append(value)
    response = client.post(f"/{language}/help/", data)
    assert response.status_code == status, answers
    html = response.content.decode()
    return (
        re.findall(rf'<h3><a href="/{language}/contacts/(ct-[\w-]+)/"', html),
        re.findall(rf'<a class="why" href="/{language}/help/(ad-[\w-]+)/"', html),
        response,
    )


# Written by hand from what each contact says it does and does not do. The first is the one to turn
# to first; the others are in any order.
SITUATIONS = """
danger=no-danger who=minor needs=talk | kjt | one-116000 bee-secure-helpline sos-detresse scas-victimes wrl cnvv
danger=no-danger who=minor what=image needs=talk | kjt | one-116000 bee-secure-helpline sos-detresse scas-victimes wrl cnvv
danger=no-danger who=minor what=dispute by=known needs=talk | kjt | one-116000 bee-secure-helpline sos-detresse scas-victimes wrl cnvv
danger=no-danger who=minor what=threat by=stranger needs=talk | kjt | one-116000 bee-secure-helpline sos-detresse scas-victimes wrl cnvv
danger=no-danger who=adult needs=talk | bee-secure-helpline | sos-detresse scas-victimes wrl cnvv
danger=no-danger who=adult what=image online=on-x needs=talk | bee-secure-helpline | sos-detresse scas-victimes wrl cnvv
danger=no-danger who=adult what=dispute by=known needs=talk | bee-secure-helpline | sos-detresse scas-victimes wrl cnvv
danger=no-danger needs=talk | kjt | one-116000 bee-secure-helpline sos-detresse scas-victimes wrl cnvv
danger=no-danger who=minor what=image online=on-x needs=remove | takeitdown | bee-secure-helpline x-platform
danger=no-danger who=minor what=image online=elsewhere needs=remove | takeitdown | bee-secure-helpline
danger=no-danger who=minor what=image online=offline needs=remove | takeitdown | bee-secure-helpline
danger=no-danger who=minor what=image needs=remove | takeitdown | bee-secure-helpline x-platform
danger=no-danger who=minor what=dispute online=on-x needs=remove | bee-secure-helpline | x-platform
danger=no-danger who=minor what=dispute online=elsewhere needs=remove | bee-secure-helpline |
danger=no-danger who=adult what=image online=on-x needs=remove | stopncii | bee-secure-helpline x-platform
danger=no-danger who=adult what=image online=elsewhere needs=remove | stopncii | bee-secure-helpline
danger=no-danger who=adult what=image online=offline needs=remove | stopncii | bee-secure-helpline
danger=no-danger who=adult what=threat online=offline needs=remove | stopncii | bee-secure-helpline
danger=no-danger who=adult what=dispute online=elsewhere needs=remove | bee-secure-helpline |
danger=no-danger who=adult what=dispute online=on-x needs=remove | bee-secure-helpline | x-platform
danger=no-danger what=image online=elsewhere needs=remove | takeitdown | bee-secure-helpline
danger=no-danger who=minor what=image online=on-x needs=report | bee-secure-stopline | police childprotection parquet-luxembourg parquet-diekirch x-platform
danger=no-danger who=minor what=image online=elsewhere needs=report | bee-secure-stopline | police childprotection parquet-luxembourg parquet-diekirch
danger=no-danger who=minor what=image online=elsewhere by=known needs=report | bee-secure-stopline | police childprotection parquet-luxembourg parquet-diekirch
danger=no-danger who=minor what=image online=offline needs=report | childprotection | police parquet-luxembourg parquet-diekirch
danger=no-danger who=minor what=threat online=elsewhere needs=report | childprotection | police parquet-luxembourg parquet-diekirch
danger=no-danger who=minor what=dispute online=elsewhere by=known needs=report | police | parquet-luxembourg parquet-diekirch
danger=no-danger who=minor what=threat what=dispute online=elsewhere needs=report | childprotection | police parquet-luxembourg parquet-diekirch
danger=no-danger who=minor what=image what=dispute online=elsewhere needs=report | bee-secure-stopline | police childprotection parquet-luxembourg parquet-diekirch
danger=no-danger who=adult what=image online=on-x needs=report | police | parquet-luxembourg parquet-diekirch x-platform
danger=no-danger who=adult what=image online=elsewhere needs=report | police | parquet-luxembourg parquet-diekirch
danger=no-danger who=adult what=threat online=offline needs=report | police | parquet-luxembourg parquet-diekirch
danger=no-danger what=image online=elsewhere needs=report | bee-secure-stopline | police childprotection parquet-luxembourg parquet-diekirch
danger=no-danger who=minor what=image needs=complain | police | parquet-luxembourg parquet-diekirch barreau
danger=no-danger who=adult what=image by=stranger needs=complain | police | parquet-luxembourg parquet-diekirch barreau
danger=no-danger who=adult what=dispute by=known needs=complain | police | parquet-luxembourg parquet-diekirch barreau
danger=no-danger who=minor what=image online=elsewhere needs=rights | okaju | barreau saij cnpd autorite-concurrence cij
danger=no-danger who=minor what=image online=offline needs=rights | okaju | barreau saij cnpd cij
danger=no-danger who=adult what=image online=on-x needs=rights | barreau | saij cnpd autorite-concurrence
danger=no-danger who=adult what=image online=offline needs=rights | barreau | saij cnpd
danger=no-danger who=adult what=image online=elsewhere needs=remove needs=complain | stopncii police | bee-secure-helpline parquet-luxembourg parquet-diekirch barreau
danger=no-danger who=minor what=image online=elsewhere needs=talk needs=remove | bee-secure-helpline | kjt one-116000 sos-detresse scas-victimes wrl cnvv takeitdown
danger=danger who=minor what=image online=on-x needs=remove | 112 police | takeitdown bee-secure-helpline x-platform
danger=danger who=minor what=threat needs=talk | 112 police | kjt one-116000 bee-secure-helpline sos-detresse scas-victimes wrl cnvv
danger=danger who=adult what=threat by=known needs=complain | 112 police | parquet-luxembourg parquet-diekirch barreau
danger=danger who=adult what=image online=elsewhere needs=remove | 112 police | stopncii bee-secure-helpline
danger=danger who=minor what=dispute online=elsewhere by=known needs=report | 112 police | parquet-luxembourg parquet-diekirch
who=adult needs=talk | 112 police | bee-secure-helpline sos-detresse scas-victimes wrl cnvv
who=minor what=image online=offline needs=report | 112 police | childprotection parquet-luxembourg parquet-diekirch
who=adult what=image online=offline needs=rights | 112 police | barreau saij cnpd
 | 112 police | bee-secure-helpline kjt one-116000 sos-detresse bee-secure-stopline childprotection parquet-luxembourg parquet-diekirch scas-victimes wrl cnvv barreau saij takeitdown x-platform cnpd autorite-concurrence okaju cij
""".strip("\n").splitlines()  # noqa: E501


def test_the_table_is_long_enough():
    assert len(SITUATIONS) >= 40


@pytest.mark.parametrize("row", SITUATIONS, ids=lambda row: row.partition("|")[0].strip() or "none")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_situation_leads_to_its_contacts(client, row, language):
    answers, first, others = row.split("|")
    first = [f"ct-{name}" for name in first.split()]
    found, _advice, _response = ask(client, answers, language)
    assert found[: len(first)] == first
    assert sorted(found[len(first) :]) == sorted(f"ct-{name}" for name in others.split())


def subsets(values):
    return chain.from_iterable(combinations(values, n) for n in range(len(values) + 1))


def every_situation():
    """Every way to answer the questions, and every choice of needs."""
    one = [
        [(), *([case] for case in QUESTIONS[name])] for name in ("danger", "who", "online", "by")
    ]
    for danger, who, online, by in product(*one):
        for what in subsets(QUESTIONS["what"]):
            yield {"danger": danger, "who": who, "what": what, "online": online, "by": by}


FOR_MINORS = {
    "ct-kjt",
    "ct-one-116000",
    "ct-bee-secure-stopline",
    "ct-childprotection",
    "ct-takeitdown",
    "ct-okaju",
    "ct-cij",
}
# Not for a fake image, not a first contact, or no way known to reach it.
NEVER = {"ct-umedo", "ct-parquet-general", "ct-ministere-justice", "ct-alupse"}


def excluded(answers):
    """Who does not deal with a situation, written by hand from what each contact says."""
    found = set(NEVER)
    what, online = set(answers["what"]), list(answers["online"])
    if list(answers["who"]) == [Case.ADULT]:
        found |= FOR_MINORS
    else:
        found |= {"ct-stopncii"}
    if list(answers["danger"]) == [Case.NO_DANGER]:
        found |= {"ct-112"}
    if what == {Case.DISPUTE}:
        found |= {"ct-stopncii", "ct-takeitdown", "ct-childprotection"}
    if what and Case.IMAGE not in what:
        found |= {"ct-bee-secure-stopline"}
    if online == [Case.OFFLINE]:
        found |= {"ct-bee-secure-stopline", "ct-autorite-concurrence"}
    if online in ([Case.OFFLINE], [Case.ELSEWHERE]):
        found |= {"ct-x-platform"}
    return found


def test_no_answer_in_no_situation_holds_who_does_not_deal_with_it():
    contacts = list(Contact.objects.published())
    texts = {
        (contact, language): contact
        for contact in contacts
        for language in LANGUAGES
        if getattr(contact, f"name_{language}") and getattr(contact, f"summary_{language}")
    }
    assert len(texts) == 2 * len(contacts) == 2 * 26
    count = 0
    for answers in every_situation():
        cases, barred = help.situation_of(answers), excluded(answers)
        for needs in subsets(Need):
            found = help.contacts_for(contacts, cases, needs)
            names = [contact.reference for contact in found]
            said = (answers, needs, names)
            assert names, said
            assert len(set(names)) == len(names), said
            assert not barred.intersection(names), said
            rest = found
            if list(answers["danger"]) != [Case.NO_DANGER]:
                assert names[:2] == ["ct-112", "ct-police"], said
                rest = found[2:]
            assert rest, said
            for contact in rest:
                assert set(contact.needs) & set(needs or Need), said
            if needs == (Need.REMOVE,):
                # It cannot delete anything.
                assert "ct-autorite-concurrence" not in names, said
                assert {"ct-police"}.isdisjoint(c.reference for c in rest), said
            count += 1
    assert count == 3 * 3 * 8 * 4 * 3 * 32


def test_no_advice_about_a_minor_is_to_keep_anything():
    advice = list(Advice.objects.published())
    for answers in every_situation():
        cases = help.situation_of(answers)
        told = {a.reference for a in advice if help.suits(a, cases)}
        if list(answers["who"]) == [Case.ADULT]:
            assert "ad-never-pass-on" in told
        else:
            assert {"ad-never-keep", "ad-note-words"} <= told
            assert "ad-note-adult" not in told
        assert ("ad-never-pay" in told) == (Case.THREAT in answers["what"])
        assert ("ad-danger" in told) == (list(answers["danger"]) != [Case.NO_DANGER])


# The answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_says_what_was_told_what_to_do_and_what_never_to_do(client, language):
    _found, advice, response = ask(client, "who=minor what=image needs=remove", language)
    html = response.content.decode()
    kinds = [Advice.objects.get(reference=reference).kind for reference in advice]
    assert kinds == sorted(kinds)  # "do" before "never"
    assert set(kinds) == {"do", "never"}
    told = html.partition('id="situation"')[2].partition("</section>")[0]
    for label in {
        "en": ["under 18", "nude image", "have it removed"],
        "fr": ["moins de 18 ans", "dénudée", "retirer le contenu"],
    }[language]:
        assert label in told
    assert "X (Twitter)" not in told


def test_danger_is_answered_before_all_else(client):
    _found, _advice, response = ask(client, "danger=danger who=minor")
    main = response.content.decode().partition("<main")[2]
    assert main.index("tel:112") < main.index("tel:113") < main.index("<h2")


def test_the_form_below_an_answer_is_filled_and_may_be_changed(client):
    response = ask(client, "who=adult what=image what=threat online=on-x needs=talk")[2]
    assert checked(response) == [
        ("danger", ""),
        ("who", "adult"),
        ("what", "image"),
        ("what", "threat"),
        ("online", "on-x"),
        ("by", ""),
        ("needs", "talk"),
    ]


def checked(response):
    """What is ticked in the form that readers see."""
    inputs = re.findall(
        r'<input type="(?:radio|checkbox)" name="(\w+)" value="([^"]*)"( checked)?',
        response.content.decode(),
    )
    return [(name, value) for name, value, is_checked in inputs if is_checked]


def test_the_other_language_gives_the_same_answer_without_an_address(client):
    answers = "danger=no-danger who=adult what=image what=threat needs=talk needs=remove"
    found, advice, response = ask(client, answers, "fr")
    html = response.content.decode()
    form = re.search(r'<form method="post" action="/en/help/" lang="en">(.*?)</form>', html)[1]
    assert "Read this answer in English" in form
    sent = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?>', form):
        sent.setdefault(name, []).append(value)
    response = client.post("/en/help/", sent)
    assert '<html lang="en">' in response.content.decode()
    assert ask(client, answers, "en")[:2] == (found, advice)
    assert checked(response) == checked(ask(client, answers, "en")[2])


def test_whoever_leaves_the_age_open_is_told_so(client):
    assert "You did not say who it is about" in ask(client)[2].content.decode()
    assert "You did not say" not in ask(client, "who=adult")[2].content.decode()


def test_each_contact_says_what_it_does_not_do(client):
    html = ask(client, "danger=no-danger who=minor what=image needs=report")[2].content.decode()
    assert "Personal disputes" in html
    assert "simple thefts only" in html


# What is kept, and what shows


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_kept_and_nothing_shows(client, language):
    responses = [
        client.get(f"/{language}/help/"),
        client.head(f"/{language}/help/"),
        ask(client, "who=minor what=image needs=remove", language)[2],
        ask(client, "who=nobody", language, status=400)[2],
        client.post(f"/{language}/help/", {"who": "x" * 150_000}),
    ]
    for response in responses:
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "no-referrer"
        assert "Location" not in response
        assert not response.cookies
    for response in responses[::2]:
        html = response.content.decode()
        title = {"fr": "Aide – Repères", "en": "Help – Repères"}[language]
        assert f"<title>{title}</title>" in html
        assert '<meta name="referrer" content="no-referrer">' in html
        # No address holds an answer.
        addresses = re.findall(r'(?:href|action)="([^"]*)"', html)
        assert not [address for address in addresses if "?" in address]
        assert 'method="get"' not in html


def test_other_pages_keep_their_referrer_policy(client):
    assert b'<meta name="referrer" content="same-origin">' in client.get("/en/contacts/").content


def test_a_query_is_ignored(client):
    response = client.get("/en/help/?who=minor&what=image&needs=remove")
    assert response.status_code == 200
    assert {value for _name, value in checked(response)} == {""}
    assert b"help-contacts" not in response.content


def test_the_doors_of_the_home_page_put_nothing_in_an_address(client):
    html = client.get("/en/").content.decode()
    form = re.search(r'<form class="doors" method="post" action="/en/help/">.*?</form>', html, re.S)
    doors = re.findall(r'<button name="(\w+)" value="([\w-]+)"', form[0])
    assert len(doors) >= 3
    for name, value in doors:
        assert ask(client, f"{name}={value}")[0]


# What nobody should send, and somebody will


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "body",
    [
        "who=nobody&needs=talk",
        "who=minor%00&needs=talk",
        "who=%ED%A0%80&needs=talk",
        "who=%FF&needs=talk",
        "who=minor&who=adult&needs=talk",
        "what=image&what=%00&needs=talk",
        "online=" + "x" * 10_000 + "&needs=talk",
        "danger=%3Cscript%3Ealert(1)%3C/script%3E&needs=talk",
    ],
    ids=lambda body: body[:24],
)
def test_an_answer_that_is_none_is_marked_and_the_others_stay(client, body, language):
    response = client.post(
        f"/{language}/help/", body, content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 400
    html = response.content.decode()
    assert len(re.findall(r'<p class="error" id="(\w+)-error">', html)) == 1
    assert "<script>" not in html
    assert ("needs", "talk") in checked(response)
    assert "\ufffd" not in html
    assert 'href="tel:112"' in html


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("&".join(f"a{n}=1" for n in range(4000)), "application/x-www-form-urlencoded"),
        ("no parts", "multipart/form-data"),
        ("--b\r\nbroken", "multipart/form-data; boundary=" + "b" * 300),
    ],
    ids=["many", "no boundary", "long boundary"],
)
def test_what_cannot_be_read_gets_the_questions_again(client, body, kind):
    response = client.post("/en/help/", body, content_type=kind)
    assert response.status_code == 400
    assert "could not be read" in response.content.decode()
    assert 'name="who"' in response.content.decode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", "application/x-www-form-urlencoded"),
        ("a=1&b=2&csrfmiddlewaretoken=x", "application/x-www-form-urlencoded"),
        ('{"who": "minor"}', "application/json"),
        ("who=", "text/plain"),
        ("who=&danger=&needs=talk&needs=talk", "application/x-www-form-urlencoded"),
    ],
)
def test_an_empty_form_or_another_one_still_gets_an_answer(client, body, kind):
    response = client.post("/fr/help/", body, content_type=kind)
    assert response.status_code == 200
    assert b"/fr/contacts/ct-112/" in response.content


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client, method):
    assert getattr(client, method)("/en/help/").status_code == 405


# The rules are data


@pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn"])
def test_who_is_not_published_is_never_named(client, status):
    Contact.objects.filter(reference__in=["ct-kjt", "ct-112"]).update(status=status)
    Advice.objects.filter(reference="ad-danger").update(status=status)
    found, advice, _response = ask(client, "danger=danger who=minor needs=talk")
    assert found[0] == "ct-police"
    assert "ct-kjt" not in found
    assert "ad-danger" not in advice
    assert client.get("/en/help/ad-danger/").status_code in (404, 410)


def test_a_rule_changes_with_the_contact(client):
    Contact.objects.filter(reference="ct-bee-secure-helpline").update(
        excludes=["known", "offline"], needs=["rights"]
    )
    assert "ct-bee-secure-helpline" not in ask(client, "who=adult needs=talk")[0]
    assert "ct-bee-secure-helpline" in ask(client, "who=adult needs=rights")[0]
    assert "ct-bee-secure-helpline" not in ask(client, "who=adult by=known needs=rights")[0]


def test_a_site_without_contacts_still_answers(client):
    Contact.objects.update(status="draft")
    Advice.objects.update(status="draft")
    found, advice, response = ask(client, "danger=danger")
    assert found == advice == []
    assert "We know of nobody" in response.content.decode()
    assert 'href="tel:112"' in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("needs", ["money"]),
        ("needs", "talk"),
        ("needs", [["talk"]]),
        ("excludes", ["minor"]),
        ("excludes", {"a": 1}),
    ],
)
def test_a_rule_holds_known_codes_only(field, value):
    contact = Contact.objects.get(reference="ct-kjt")
    setattr(contact, field, value)
    with pytest.raises(ValidationError) as refusal:
        contact.full_clean()
    assert list(refusal.value.message_dict) == [field]


def test_the_age_has_one_field_a_contact():
    # `for_minors` and `for_adults` say it.
    for contact in Contact.objects.published():
        assert not {Case.MINOR, Case.ADULT} & set(contact.excludes)
        if contact.emergency:
            assert contact.for_minors
            assert contact.for_adults


def test_the_admin_offers_the_rules_as_boxes_to_tick(editor_client):
    contact = Contact.objects.get(reference="ct-bee-secure-stopline")
    html = editor_client.get(f"{ADMIN_URL}articles/contact/{contact.pk}/change/").content.decode()
    for name, values in [("needs", Need.values), ("excludes", ["no-danger", "dispute"])]:
        for value in values:
            assert re.search(rf'<input type="checkbox" name="{name}" value="{value}"', html)
    assert re.search(r'name="excludes" value="dispute"[^>]* checked', html)


# Advice as records


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_piece_of_advice_says_what_it_rests_on(client, language):
    html = client.get(f"/{language}/help/ad-never-keep/").content.decode()
    assert f'href="/{language}/laws/lu-code-penal/lu-cp-384/"' in html
    assert f'href="/{language}/contacts/ct-police/"' in html


def test_a_piece_of_advice_is_seen_as_it_stood_and_before_it_is_published(client):
    advice = Advice.objects.get(reference="ad-never-pay")
    advice.text_en = "Another sentence."
    advice.status = "draft"
    advice.save()
    assert client.get("/en/help/ad-never-pay/").status_code == 410
    address = dict(previews.addresses(advice))["en"]
    response = client.get(address)
    assert response.status_code == 200
    assert b"Another sentence." in response.content


def test_a_piece_of_advice_is_read_again_when_its_law_changes():
    provision = Provision.objects.get(reference="lu-cp-384")
    citing = {history.key_of(owner) for _row, owner, _languages in citing_of(provision)}
    assert {"advice:ad-never-keep", "advice:ad-never-pass-on"} <= citing
    reviews.flag(provision, ReviewTask.Reason.VERSION_CHANGED)
    assert ReviewTask.objects.filter(subject="advice:ad-never-keep").exists()


def citing_of(record):
    from articles.history import citing_advice

    return list(citing_advice(record))


# Weight


def test_an_answer_asks_the_database_as_often_whatever_it_holds(client, django_assert_num_queries):
    for answers in ("", "danger=no-danger who=adult what=dispute needs=remove"):
        with django_assert_num_queries(2):
            ask(client, answers)
    with django_assert_num_queries(0), override("en"):
        client.get("/en/help/")


# The list of contacts on paper


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_to_print_holds_hours_addresses_and_what_each_does(client, language):
    html = client.get(f"/{language}/contacts/").content.decode()
    printed = re.findall(r'<div class="printed">(.*?)</div>', html, re.S)
    assert len(printed) == Contact.objects.published().count()
    assert sum("<li>" in block for block in printed) == len(printed)
    assert any("Plateau du Saint-Esprit" in block for block in printed)
    assert any("stopline.bee-secure.lu" in block for block in printed)
