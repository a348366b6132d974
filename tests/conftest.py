"""What every test may rely on: the real content in the database, and its search index.

Tests that change rows do so inside a transaction that is rolled back. Tests that need real
commits (`transactional_db`, `live_server`) ask for `live_content`, which loads the content anew.
Such a test leaves an empty database; whichever test comes next finds the content all the same.
"""

import gc
import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.utils import translation
from pytest_django.plugin import blocking_manager_key

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Debian keeps it where only root's shell looks.
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def pytest_configure(config):
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    # What tests assert does not depend on where they run.
    settings.SECURE_SSL_REDIRECT = False
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The tests of sign-in ask for it themselves.
    settings.REQUIRE_MFA = False
    settings.FOUR_EYES = False
    # Those of the limit ask for it themselves.
    settings.SEARCH_PER_MINUTE = 0


def pytest_collection_modifyitems(config, items):
    """What is about SQLite, or about no database, is no test on another: not collected there."""
    is_sqlite = "sqlite" in settings.DATABASES["default"]["ENGINE"]
    names = ("postgresql",) if is_sqlite else ("sqlite", "browser", "anywhere")
    foreign = [
        item
        for item in items
        if any(item.get_closest_marker(name) for name in names)
        and not item.get_closest_marker("each")
    ]
    if foreign:
        config.hook.pytest_deselected(items=foreign)
        items[:] = [item for item in items if item not in foreign]


def pytest_collection_finish():
    """What is loaded by now stays: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"Database: {connection.vendor}")
    if not CHROMIUM:
        terminalreporter.section("BROWSER TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.write_line("Chromium is not installed: `apt-get install chromium`.")
    if not NGINX:
        terminalreporter.section("TESTS OF NGINX DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.write_line(
            "nginx is not installed: `apt-get install nginx-light libnginx-mod-http-brotli-static`."
        )


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker, tmp_path_factory):
    # Not what a site run from here has made.
    settings.DATA_DIR = tmp_path_factory.mktemp("data")
    settings.SEARCH_INDEX_DIR = settings.DATA_DIR / "search"
    with django_db_blocker.unblock():
        # The index of each engine is built below, once; `test_fixtures` looks for problems.
        with (
            mock.patch("kb_site.search.updates.rebuild"),
            mock.patch("kb_site.management.commands.load_fixtures.Command.problems", list),
        ):
            call_command("load_fixtures", verbosity=0)
        build_indexes()
        with connection.cursor() as cursor:
            for table in tables():
                cursor.execute(f"CREATE TABLE {kept(table)} AS SELECT * FROM {quoted(table)}")  # noqa: S608


# {"index": the folder of Whoosh's index of the content}
KEPT = {}


def build_indexes():
    """Builds the index of each engine; no test does so again but those that are about it."""
    from kb_site.search import updates

    usual = settings.SEARCH_ENGINE
    for settings.SEARCH_ENGINE in ("database", "whoosh"):
        updates.rebuild()
    settings.SEARCH_ENGINE = usual
    KEPT["index"] = settings.DATA_DIR / "search-kept"
    shutil.copytree(settings.SEARCH_INDEX_DIR, KEPT["index"])


def tables():
    return connection.introspection.django_table_names(only_existing=True, include_views=False)


def quoted(table):
    return connection.ops.quote_name(table)


def kept(table):
    """The table that keeps what another begins with, for `load_content`."""
    return quoted(f"kept_{table}"[: connection.ops.max_name_length() or 60])


def load_content():
    """Gives the content back where it is gone."""
    from kb_site.editorial.models import Revision

    if not Revision.objects.exists():
        # Their order does not matter: foreign keys are checked at the commit.
        with transaction.atomic(), connection.cursor() as cursor:
            for table in tables():
                cursor.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608
            for table in tables():
                cursor.execute(f"INSERT INTO {quoted(table)} SELECT * FROM {kept(table)}")  # noqa: S608
            for reset in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
                cursor.execute(reset)


def commits(item):
    """Whether a test commits to the database, which is emptied after it."""
    marker = item.get_closest_marker("django_db")
    return bool(
        {"transactional_db", "live_server"} & set(item.fixturenames)
        or (marker and marker.kwargs.get("transaction"))
    )


EMPTIED = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Gives the content back to a test that takes it as given, where one that commits went before.

    pytest-django runs tests that commit last, but a worker that has run its own takes others over.
    """
    if commits(item):
        item.config.stash[EMPTIED] = True
    elif item.config.stash.get(EMPTIED, False):
        with item.config.stash[blocking_manager_key].unblock():
            load_content()
            settings.SEARCH_INDEX_DIR = Path(tempfile.mkdtemp(dir=settings.DATA_DIR)) / "search"
            shutil.copytree(KEPT["index"], settings.SEARCH_INDEX_DIR)
        item.config.stash[EMPTIED] = False


@pytest.fixture(autouse=True)
def english():
    """Messages are asserted in English; a page speaks the language of its address."""
    with translation.override("en"):
        yield


@pytest.fixture
def index_dir(tmp_path, settings):
    """A search folder of the test's own, built from the content."""
    settings.SEARCH_ENGINE = "whoosh"
    settings.SEARCH_INDEX_DIR = tmp_path / "search"
    shutil.copytree(KEPT["index"], settings.SEARCH_INDEX_DIR)
    return settings.SEARCH_INDEX_DIR


@pytest.fixture
def live_content(transactional_db, tmp_path, settings):
    """The content, committed, with a search folder of the test's own."""
    settings.SEARCH_INDEX_DIR = tmp_path / "search"
    shutil.copytree(KEPT["index"], settings.SEARCH_INDEX_DIR)
    load_content()


@pytest.fixture
def one_connection():
    """Requests do not close the connection that the test's transaction is in."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def editor_client(client, django_user_model):
    """A client signed in as somebody who may edit everything."""
    client.force_login(
        django_user_model.objects.create_superuser(
            "editor", "editor@example.org", "a-long-password"
        )
    )
    return client


@pytest.fixture
def editor(editor_client):
    """The same, reading English, the language of the messages that tests assert."""
    editor_client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield editor_client


@pytest.fixture
def question():
    """Published; claims 1 to 3 rest on the law, 4 on a statement, 5 and 6 are advice."""
    from articles.models import Question

    return Question.objects.get(reference="q-creation-offence")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium driven by Playwright."""
    if not CHROMIUM:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("REQUIRE_BROWSER is set and Chromium is not installed.")
        pytest.skip("Chromium is not installed.")
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread; Django must not take it for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()
