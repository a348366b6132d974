"""Who may do what, over every address of the site.

The addresses come from the URL resolver, the expectations from the tables below. An address that
no table knows fails the test: whoever adds a view says here who may use it.
"""

import re

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, URLResolver, get_resolver, reverse
from django.utils import timezone

from articles.models import Question, Topic
from kb_site.accounts.roles import ADMINISTRATOR, EDITOR, REVIEWER
from kb_site.editorial.models import ReviewTask
from laws.models import Provision
from tests.editorial.test_exchange import is_quiet
from tests.pages import ADMIN_URL

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

CONTENT = "(laws_(legalact|provision|provisionversion)|articles_[a-z]+)"
RULES = "search_(synonymgroup|promotedresult|hiddenword)"
# Written by the machine, or by people on another page.
WATCH = "laws_(publication|officialtext)"
READ = f"({WATCH}|editorial_translation|links_linkcheck)"
COUNTS = "search_searchcount"
AUDIT = "accounts_auditevent"
REPORTS = "reports_errorreport"
TASKS = "editorial_reviewtask"

# Name of an address in the admin: who gets its page (GET), and whose form it takes (POST), of
# E(ditor), R(eviewer) and A(dministrator). None: the address does not answer the method.
ADMIN = {
    "index": ("ERA", "ERA"),
    "app_list": ("ERA", "ERA"),
    "view_on_site": ("ERA", "ERA"),
    "password_change": ("ERA", "ERA"),
    "password_change_done|jsi18n|autocomplete": ("ERA", None),
    f"({CONTENT}|{READ}|{TASKS}|{REPORTS})_(changelist|history)": ("ERA", "ERA"),
    f"({RULES}|{COUNTS})_(changelist|history)": ("RA", "RA"),
    f"({AUDIT}|auth_(user|group))_(changelist|history)": ("A", "A"),
    f"{CONTENT}_(add|change|import|export)": ("ERA", "ERA"),
    f"{CONTENT}_process_import": (None, "ERA"),
    f"{CONTENT}_delete": ("A", "A"),
    # Done by a button. Who may publish, and whose work, is up to `workflow`: its tests say so.
    f"{CONTENT}_(approve|send_back|discard|verify|restore)": (None, "ERA"),
    f"({READ}|{TASKS}|{COUNTS}|{AUDIT}|{REPORTS})_add": ("", ""),
    f"(editorial_translation|links_linkcheck|{TASKS}|{AUDIT})_delete": ("", ""),
    f"({WATCH}|{COUNTS}|{REPORTS})_delete": ("A", "A"),
    f"{READ}_change": ("ERA", ""),
    f"{TASKS}_change": ("ERA", "RA"),
    # Only to mark it as done.
    f"{REPORTS}_change": ("ERA", "ERA"),
    f"{COUNTS}_change": ("RA", ""),
    # It lists the records that a search may mean; to add the words needs the right to change one.
    f"{COUNTS}_another_way": ("RA", "RA"),
    f"{AUDIT}_change": ("A", ""),
    f"{RULES}_change": ("RA", "A"),
    f"{RULES}_(add|delete)": ("A", "A"),
    "auth_user_(add|change|password_change)": ("A", "A"),
    "auth_user_delete": ("", ""),
    "auth_group_(add|change|delete)": ("A", "A"),
}
# Left out of the loop: they sign in and out.
DOORS = {"login", "logout"}

# allauth's pages: open to anybody, to whoever is signed in, or to whoever is half-way in.
ACCOUNTS = {
    "account_(login|logout|inactive|signup)": "anybody",
    "account_reset_password(_done|_from_key|_from_key_done)?": "anybody",
    "mfa_login_webauthn": "anybody",
    "mfa_authenticate": "half-way",
    "account_(change_password|set_password|reauthenticate)": "signed in",
    "mfa_(index|reauthenticate|activate_totp|deactivate_totp)": "signed in",
    "mfa_((view|generate|download)_recovery_codes)": "signed in",
    "mfa_(list|add|reauthenticate|remove|edit)_webauthn": "signed in",
}

# Pages for readers: no sign-in, no session. The previews' signed addresses are their own key.
PUBLIC = """
    root home about accessibility leaving privacy search:search search:suggest search:feed
    health-live health-ready reports:report reports:thanks robots security sitemap open-search
    quoting:permalink quoting:permalink-point quoting:cite quoting:cite-point quoting:embed
    citing:cite citing:cite-point citing:file citing:file-point citing:embed citing:data
    api-docs openapi api-not-found api:api-root api:entrance api:search api:list_records
    api:get_plain api:get_record api:list_revisions api:get_revision api:list_changes
    api:list_citations graph:download
    editorial:change-list editorial:change-feed editorial:preview
    laws:act-list laws:act-detail laws:provision-detail
    articles:question-list articles:question-detail articles:statement-list
    articles:statement-detail articles:contact-list articles:contact-detail
    articles:question-feed articles:statement-feed articles:timeline articles:glossary
    articles:help articles:advice-detail
""".split()


def names(resolver=None, spaces=()):
    """Yields the full name of every address; "admin:" for those that have none."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from names(pattern, inner)
        else:
            yield ":".join([*spaces, pattern.name or ""])


def row(table, name):
    """The only row of a table that names an address, or None."""
    found = [value for pattern, value in table.items() if re.fullmatch(pattern, name)]
    assert len(found) < 2, f"Two rows of the table name {name}."
    return found[0] if found else None


ALL = sorted(set(names()))
# Those without a name are Django's redirects from former addresses, and its page "not found".
OF_ADMIN = [name.removeprefix("admin:") for name in ALL if re.match("admin:.", name)]
OF_ACCOUNTS = [name for name in ALL if re.match("account_|mfa_", name)]


def test_every_address_is_in_a_table():
    known = {name for name in OF_ADMIN if row(ADMIN, name) or name in DOORS}
    assert set(OF_ADMIN) - known == set()
    assert [name for name in OF_ACCOUNTS if row(ACCOUNTS, name) is None] == []
    elsewhere = set(ALL) - {f"admin:{name}" for name in OF_ADMIN} - set(OF_ACCOUNTS) - {"admin:"}
    assert elsewhere == set(PUBLIC)


def test_every_row_is_needed():
    for table, addresses in ((ADMIN, OF_ADMIN), (ACCOUNTS, OF_ACCOUNTS)):
        for pattern in table:
            assert any(re.fullmatch(pattern, name) for name in addresses), pattern


# A record of every kind that the admin shows


@pytest.fixture
def samples(person):
    """Makes what the content lacks; returns a function from a model to one of its records."""
    provision = Provision.objects.get(reference="lu-cp-383bis")
    read = {"language": "fr", "consolidated_on": "2026-11-23", "retrieved_at": timezone.now()}
    person("somebody")
    makers = {
        "auth.Group": {"name": "a group of one's own"},
        "editorial.ReviewTask": {
            "target": provision,
            "subject": "provision:lu-cp-383bis",
            "reason": ReviewTask.Reason.ACT_CHANGED,
            "changed_on": "2026-11-23",
        },
        "editorial.Translation": {
            "kind": "provision",
            "reference": "lu-cp-383bis",
            "field": "heading",
            "language": "en",
        },
        "laws.OfficialText": {"provision": provision, "part": "383bis", **read},
        "laws.Publication": {"act": provision.act, **read},
        "links.LinkCheck": {"url": "https://example.org/"},
        "reports.ErrorReport": {"page": "question:q-school", "language": "fr", "text": "Faux."},
        "search.SearchCount": {
            "digest": "d",
            "language": "fr",
            "text": "qui appeler",
            "searches": 5,
            "last_day": "2026-11-23",
        },
    }

    def sample(model):
        if model._meta.label == "auth.Group":
            return model.objects.get_or_create(**makers["auth.Group"])[0]
        if model._meta.label == "auth.User":
            return model.objects.get(username="somebody")
        record = model._default_manager.first()
        return record or model.objects.create(**makers.get(model._meta.label, {}))

    return sample


def address_of(name, samples):
    """An address of the admin by its name, about a record of the right kind."""
    if name == "app_list":
        return reverse(f"admin:{name}", args=["articles"])
    if name == "view_on_site":
        question = Question.objects.published().first()
        kind = ContentType.objects.get_for_model(Question)
        return reverse(f"admin:{name}", args=[kind.pk, question.pk])
    if name == "autocomplete":
        query = "?term=a&app_label=articles&model_name=claim&field_name=provisions"
        return reverse(f"admin:{name}") + query
    try:
        return reverse(f"admin:{name}")
    except NoReverseMatch:
        app, model, *_action = name.split("_")
        return reverse(f"admin:{name}", args=[samples(apps.get_model(app, model)).pk])


def outcome(response):
    """What an answer means: "yes", "refused", "sign in" or "second factor".

    An empty form may be taken and lead nowhere: that is a "yes".
    """
    if response.status_code == 403:
        return "refused"
    if response.status_code == 302:
        if response["Location"].startswith((f"{ADMIN_URL}login/", "/accounts/login/")):
            return "sign in"
        if response["Location"] == "/accounts/2fa/":
            return "second factor"
    method = response.request["REQUEST_METHOD"]
    expected = (200, 302, 404) if method == "POST" else (200, 302)
    assert response.status_code in expected, (method, response.request["PATH_INFO"])
    return "yes"


def outcomes(client, samples):
    """What a client gets of every address: {(name, method): outcome}."""
    found = {}
    for name in OF_ADMIN:
        if name in DOORS:
            continue
        address = address_of(name, samples)
        for method, expected in zip(("get", "post"), row(ADMIN, name), strict=True):
            if expected is not None:
                found[name, method] = outcome(getattr(client, method)(address))
    return found


def expectations(letter):
    """What a role is to get: {(name, method): outcome}."""
    return {
        (name, method): "yes" if letter in expected else "refused"
        for name in OF_ADMIN
        if name not in DOORS
        for method, expected in zip(("get", "post"), row(ADMIN, name), strict=True)
        if expected is not None
    }


@pytest.mark.parametrize("role", [EDITOR, REVIEWER, ADMINISTRATOR])
def test_what_each_role_may_do(signed_in, samples, role):
    assert outcomes(signed_in("ada", role), samples) == expectations(role[0])


def test_an_editor_needs_no_second_factor(signed_in, samples):
    client = signed_in("ada", EDITOR, factor=False)
    assert outcome(client.get(ADMIN_URL)) == "yes"
    assert outcome(client.get(address_of("articles_question_change", samples))) == "yes"


@pytest.mark.parametrize("role", [REVIEWER, ADMINISTRATOR, None])
def test_without_a_second_factor_whoever_may_publish_gets_nothing(signed_in, samples, role):
    client = signed_in("rosa", role, factor=False, is_superuser=role is None)
    assert set(outcomes(client, samples).values()) == {"second factor"}


def test_a_role_may_change_while_somebody_is_signed_in(signed_in, person):
    client = signed_in("ada", EDITOR, factor=False)
    assert outcome(client.get(ADMIN_URL)) == "yes"
    client.user.groups.set(person("rosa", REVIEWER).groups.all())
    assert outcome(client.get(ADMIN_URL)) == "second factor"


def test_a_setting_lets_people_in_without_a_second_factor(signed_in, settings):
    settings.REQUIRE_MFA = False
    assert outcome(signed_in("rosa", REVIEWER, factor=False).get(ADMIN_URL)) == "yes"


def test_strangers_are_sent_to_sign_in(visitor, samples):
    assert set(outcomes(visitor, samples).values()) == {"sign in"}


def test_somebody_without_staff_status_gets_nothing(signed_in, samples):
    client = signed_in("reader", factor=False, is_staff=False)
    for name in ("index", "articles_question_changelist", "auth_user_add"):
        page = client.get(address_of(name, samples), follow=True)
        assert page.status_code == 403


# allauth's pages


def account_address(name):
    args = {"account_reset_password_from_key": ["1", "abc"]}.get(name, [])
    if re.search("(remove|edit)_webauthn", name):
        args = [1]
    return reverse(name, args=args)


@pytest.mark.parametrize("name", OF_ACCOUNTS)
def test_who_gets_the_pages_of_an_account(visitor, signed_in, name):
    address, rule = account_address(name), row(ACCOUNTS, name)
    stranger = visitor.get(address)
    if rule == "anybody":
        assert stranger.status_code in (200, 302)
        assert outcome(stranger) == "yes" or name in ("mfa_login_webauthn", "account_logout")
        return
    assert outcome(stranger) in ("sign in", "refused")
    # Signed in without the second factor one must have, one reaches what sets it up.
    page = signed_in("rosa", REVIEWER, factor=False).get(address)
    assert page.status_code in (200, 302, 404)
    if rule == "half-way":
        assert page["Location"] == ADMIN_URL


def test_nobody_makes_an_account_for_themselves(visitor, django_user_model):
    data = {"username": "stranger", "email": "s@example.org"}
    data |= {"password1": "a-long-password", "password2": "a-long-password"}
    page = visitor.post(reverse("account_signup"), data)
    assert b"sign up is currently closed" in page.content
    assert not django_user_model.objects.filter(username="stranger").exists()


def test_every_page_of_the_desk_obeys_the_policy(signed_in, samples):
    """Nothing stands in a page that a browser would run or style by: the policy forbids it."""
    client = signed_in("boss", is_superuser=True)
    addresses = [address_of(name, samples) for name in OF_ADMIN if name not in DOORS]
    pages = [client.get(address) for address in addresses]
    topics = list(Topic.objects.values_list("pk", flat=True)[:2])
    chosen = {"action": "delete_selected", "_selected_action": topics}
    pages.append(client.post(reverse("admin:articles_topic_changelist"), chosen))
    pages.append(client.post(reverse("admin:articles_topic_add"), {"_save": "1"}))
    in_popup = {"_popup": "1", "name": "own"}
    pages.append(client.post(reverse("admin:auth_group_add"), in_popup))
    assert "popup_response" in pages[-1].text
    pages.append(Client().post(reverse("admin:articles_topic_add"), {"_save": "1"}))
    assert pages[-1].templates[0].name == "admin/held.html"
    shown = [page for page in pages[:-1] if page.status_code == 200] + pages[-1:]
    shown = [page for page in shown if page["Content-Type"].startswith("text/html")]
    assert len(shown) > 100
    for page in shown:
        assert is_quiet(page), page.request["PATH_INFO"]
        # Nor does a cache keep it.
        assert "no-store" in page["Cache-Control"], page.request["PATH_INFO"]


# Administrators and superusers


def test_an_administrator_cannot_become_or_touch_a_superuser(signed_in, person):
    client = signed_in("anna", ADMINISTRATOR)
    boss = person("boss", is_superuser=True)
    for name in ("change", "password_change"):
        assert client.post(reverse(f"admin:auth_user_{name}", args=[boss.pk])).status_code == 403
    own = reverse("admin:auth_user_change", args=[client.user.pk])
    page = client.get(own)
    fields = page.context["adminform"].form.fields
    assert "is_superuser" not in fields
    assert "user_permissions" not in fields
    data = {"username": "anna", "email": "anna@example.org", "is_active": "on", "is_staff": "on"}
    client.post(own, {**data, "is_superuser": "on"})
    client.user.refresh_from_db()
    assert not client.user.is_superuser


def test_a_superuser_can_make_another(signed_in, person):
    client = signed_in("boss", is_superuser=True)
    other = person("other")
    page = client.get(reverse("admin:auth_user_change", args=[other.pk]))
    assert {"is_superuser", "user_permissions"} <= set(page.context["adminform"].form.fields)


@pytest.mark.parametrize("is_superuser", [True, False])
def test_what_a_role_may_do_is_not_changed_in_the_admin(signed_in, person, is_superuser):
    client = signed_in("anna", ADMINISTRATOR, is_superuser=is_superuser)
    group = client.user.groups.get()
    assert client.post(reverse("admin:auth_group_change", args=[group.pk])).status_code == 403
    assert client.post(reverse("admin:auth_group_delete", args=[group.pk])).status_code == 403


def test_an_account_made_in_the_admin_is_of_the_desk_and_may_lack_a_password(signed_in):
    client = signed_in("anna", ADMINISTRATOR)
    group = client.user.groups.get()
    data = {"username": "new", "email": "New@Example.org", "groups": [group.pk]}
    page = client.post(reverse("admin:auth_user_add"), {**data, "usable_password": "false"})
    assert page.status_code == 302
    account = type(client.user).objects.get(username="new")
    assert account.email == "new@example.org"
    assert account.is_staff
    assert not account.is_superuser
    assert not account.has_usable_password()
    again = client.post(
        reverse("admin:auth_user_add"), {**data, "username": "b", "usable_password": "false"}
    )
    assert b"Another account has this e-mail address." in again.content


# Pages for readers


@pytest.mark.parametrize("address", ["/fr/", "/en/questions/", "/en/search/?q=deepfake", "/fr/x/"])
def test_public_pages_know_nobody(signed_in, address):
    clients = Client(), signed_in("rosa", REVIEWER), signed_in("tess", REVIEWER, factor=False)
    pages = []
    for client in clients:
        with CaptureQueriesContext(connection) as queries:
            pages.append(client.get(address))
        asked = " ".join(query["sql"] for query in queries)
        for table in ("django_session", "auth_user", "mfa_authenticator", "accounts_cache"):
            assert table not in asked
    assert len({page.content for page in pages}) == 1
    for page in pages:
        assert not page.cookies
        assert "cookie" not in page.headers.get("Vary", "").lower()
