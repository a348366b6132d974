"""The settings: what the environment changes, what stops the start, and what SQLite is told."""

import json
import os
import re
import runpy
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from django.conf import global_settings, settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection
from django.utils.module_loading import import_string

from kb_site import urls
from kb_site.environment import Environment

pytestmark = pytest.mark.anywhere

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a-secret-of-the-tests-" + "x" * 40

# Reads the settings without a developer's own .env, and prints what it is asked to.
READ = """
import json, sys
import environ
environ.Env.read_env = lambda *args, **kwargs: None
import kb_site.settings as s
print(json.dumps({name: getattr(s, name) for name in sys.argv[1:]}, default=str))
"""


def start(data_dir, *names, **variables):
    """Reads the settings in a process of their own, with nothing else in the environment."""
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", READ, *names],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def read(data_dir, *names, **variables):
    result = start(data_dir, *names, **{"SECRET_KEY": SECRET, **variables})
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


# The secret


@pytest.mark.parametrize("variables", [{}, {"SECRET_KEY": ""}, {"DEBUG": "false"}])
def test_a_missing_secret_stops_the_start_and_says_what_to_do(tmp_path, variables):
    result = start(tmp_path, "SECRET_KEY", **variables)
    assert result.returncode != 0
    message = result.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in message
    for way_out in ("make secret", "SECRET_KEY", "DEBUG=true", str(tmp_path / "secret_key")):
        assert way_out in message


def test_manage_py_says_what_to_do_when_the_secret_is_missing(tmp_path):
    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path),
            "SECRET_KEY": "",
            "SECRET_KEY_FILE": str(tmp_path / "none"),
            "DEBUG": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode != 0
    assert "make secret" in result.stderr


def test_an_empty_secret_file_is_no_secret(tmp_path):
    (tmp_path / "secret_key").write_text("\n")
    result = start(tmp_path, "SECRET_KEY")
    assert result.returncode != 0
    assert "make secret" in result.stderr


def test_development_starts_without_a_secret(tmp_path):
    result = start(tmp_path, "SECRET_KEY", "DEBUG", DEBUG="true")
    assert json.loads(result.stdout)["DEBUG"] is True


def test_a_secret_is_read_from_the_data_folder_or_from_the_file_named(tmp_path):
    (tmp_path / "secret_key").write_text(f"{SECRET}\n")
    assert json.loads(start(tmp_path, "SECRET_KEY").stdout) == {"SECRET_KEY": SECRET}
    (tmp_path / "elsewhere").write_text("another")
    named = start(tmp_path, "SECRET_KEY", SECRET_KEY_FILE=str(tmp_path / "elsewhere"))
    assert json.loads(named.stdout) == {"SECRET_KEY": "another"}
    assert read(tmp_path, "SECRET_KEY", SECRET_KEY="of-the-environment") == {
        "SECRET_KEY": "of-the-environment"
    }


def test_production_hides_errors_unless_told_otherwise(tmp_path):
    assert read(tmp_path, "DEBUG") == {"DEBUG": False}


# The database


def test_sqlite_in_the_data_folder_is_the_database_when_none_is_named(tmp_path):
    for variables in ({}, {"DATABASE_URL": ""}):
        database = read(tmp_path, "DATABASES", **variables)["DATABASES"]["default"]
        assert database["ENGINE"] == "django.db.backends.sqlite3"
        assert Path(database["NAME"]) == tmp_path / "db.sqlite3"
        assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_an_address_chooses_postgresql(tmp_path):
    database = read(
        tmp_path,
        "DATABASES",
        DATABASE_URL="postgres://editor:p%40ss%2Fw@db.example:5433/reperes",
        CONN_MAX_AGE="7",
    )["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["USER"], database["PASSWORD"]) == ("editor", "p@ss/w")
    assert (database["HOST"], database["PORT"]) == ("db.example", 5433)
    assert (database["NAME"], database["CONN_MAX_AGE"]) == ("reperes", 7)
    assert database["CONN_HEALTH_CHECKS"] is True
    assert "init_command" not in database.get("OPTIONS", {})


def test_an_address_chooses_another_sqlite_file_with_the_same_care(tmp_path):
    file = tmp_path / "other.sqlite3"
    database = read(tmp_path, "DATABASES", DATABASE_URL=f"sqlite:///{file}")["DATABASES"]["default"]
    assert Path(database["NAME"]) == file
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_two_servers_may_be_named_of_which_one_can_be_written_to(tmp_path):
    url = "postgres://a:b@one:5432,two:5433/reperes?target_session_attrs=read-write"
    database = read(tmp_path, "DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    assert (database["HOST"], database["PORT"]) == ("one,two", "5432,5433")
    assert database["OPTIONS"]["target_session_attrs"] == "read-write"
    assert 0 < database["OPTIONS"]["connect_timeout"] <= 5


def test_replicas_are_named_beside_the_database(tmp_path):
    found = read(
        tmp_path,
        *("DATABASES", "DATABASE_ROUTERS"),
        DATABASE_URL="postgres://a:b@one/reperes",
        DATABASE_REPLICA_URLS="postgres://a:b@two/reperes,postgres://a:b@three/reperes",
    )
    hosts = {name: database["HOST"] for name, database in found["DATABASES"].items()}
    assert hosts == {"default": "one", "replica1": "two", "replica2": "three"}
    assert found["DATABASE_ROUTERS"] == ["kb_site.routing.Router"]
    assert {database["CONN_HEALTH_CHECKS"] for database in found["DATABASES"].values()} == {True}


def test_sqlite_has_no_replicas(tmp_path):
    result = start(
        tmp_path, "DATABASES", SECRET_KEY=SECRET, DATABASE_REPLICA_URLS="postgres://a:b@two/c"
    )
    assert result.returncode != 0
    assert "DATABASE_URL must be postgres://" in " ".join(result.stderr.split())


# Behind a proxy


def test_https_makes_cookies_secure_and_pages_strict(tmp_path):
    names = ["SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"]
    assert set(read(tmp_path, *names).values()) == {False}
    assert set(read(tmp_path, *names, HTTPS="true").values()) == {True}
    assert read(tmp_path, "SECURE_HSTS_SECONDS", HTTPS="true")["SECURE_HSTS_SECONDS"] > 10_000_000


def test_https_ties_cookies_to_the_host(tmp_path):
    kinds = ("SECURE", "HTTPONLY", "SAMESITE", "NAME")
    for cookie, name in (("SESSION", "sessionid"), ("CSRF", "csrftoken")):
        names = [f"{cookie}_COOKIE_{kind}" for kind in kinds]
        plain = list(read(tmp_path, *names).values())
        assert plain == [False, True, "Lax", name]
        secure = list(read(tmp_path, *names, HTTPS="true").values())
        assert secure == [True, True, "Lax", f"__Host-{name}"]


def test_passwords_are_long_and_not_common():
    for password, words in {
        "eleven-char": "at least 12 characters",
        "123456789101112": "entirely numeric",
        "qwerty123456": "too common",
    }.items():
        with pytest.raises(ValidationError, match=words):
            validate_password(password)
    validate_password("a sentence that nobody else knows")


def test_passwords_are_hashed_slowly():
    """ASVS asks for 310,000 rounds; the tests themselves hash with something faster."""
    assert "PASSWORD_HASHERS" not in settings_of({})
    [hasher, *_older] = map(import_string, global_settings.PASSWORD_HASHERS)
    assert hasher.algorithm == "pbkdf2_sha256"
    assert hasher.iterations >= 310_000


def test_the_site_answers_to_this_machine_only_unless_told_otherwise(tmp_path):
    assert read(tmp_path, "ALLOWED_HOSTS")["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert read(tmp_path, "ALLOWED_HOSTS", ALLOWED_HOSTS="a.lu,b.lu") == {
        "ALLOWED_HOSTS": ["a.lu", "b.lu"]
    }


# What is not as it should be

MALFORMED = [
    ("DEBUG", "2", "true or false"),
    ("HTTPS", "maybe", "true or false"),
    ("REQUIRE_MFA", "non!", "true or false"),
    ("FOUR_EYES", "peut-être", "true or false"),
    ("PORT", "abc", "a whole number"),
    ("PORT", "99999", "from 1 to 65535"),
    ("WORKERS", "two", "a whole number"),
    ("WORKERS", "0", "from 1 to"),
    ("TRUSTED_PROXIES", "yes", "a whole number"),
    ("TRUSTED_PROXIES", "-1", "from 0 to"),
    ("SEARCH_PER_MINUTE", "many", "a whole number"),
    ("SEARCH_ENGINE", "solr", "whoosh, database"),
    ("LOG_LEVEL", "LOUD", "DEBUG, INFO"),
    ("SITE_URL", "reperes.lu", "https://"),
    ("QUICK_EXIT_URL", "javascript:1", "https://"),
    ("SECURITY_CONTACT", "me@example.org", "mailto:"),
    ("DATABASE_URL", "nonsense", "postgres://user:password@host:5432/name"),
    ("DATABASE_URL", "oracle://a:s3cret@b/c", "postgres://"),
    ("DATABASE_URL", "postgres://a:s3cret/x@b:5432/c", "%2F"),
    ("DATABASE_URL", "postgres://a:s3cret@b", "postgres://"),
    ("DATABASE_URL", "postgres://a:s3cret@b:port/c", "postgres://"),
    ("EMAIL_URL", "s3cret", "smtp+tls://"),
    ("ADMIN_PATH", "/", "desk-7f3a/"),
    ("ADMIN_PATH", "my desk/", "small letters"),
    ("ADMIN_PATH", "<str:x>/", "small letters"),
    ("ADMIN_PATH", "api/desk/", "api is taken"),
    ("ADMIN_ALLOWED", "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
    ("ADMIN_ALLOWED", "10.0.0.0/8,office", "office"),
]


@pytest.mark.parametrize(("name", "value", "words"), MALFORMED)
def test_a_malformed_variable_stops_the_start_with_a_sentence(name, value, words):
    """`Environment` says it; what holds a password is not repeated."""
    lines = (ROOT / "kb_site" / "settings.py").read_text(encoding="utf-8").splitlines()
    assert any(f'"{name}"' in line for line in lines)
    with pytest.raises(ImproperlyConfigured) as raised:
        settings_of({name: value})
    message = str(raised.value)
    assert message.startswith(f"{name} must")
    assert words in message
    assert ".env.example" in message
    assert "s3cret" not in message
    assert raised.value.__suppress_context__


def settings_of(variables):
    """Reads the settings anew with these variables; the site's own stay as they are."""
    variables = {"PATH": "", "SECRET_KEY": SECRET, **variables}
    without_file = mock.patch.object(Environment, "read_env")
    with mock.patch.dict(os.environ, variables, clear=True), without_file:
        return runpy.run_path(str(ROOT / "kb_site" / "settings.py"))


def test_the_settings_are_read_anew_by_that_test():
    assert settings_of({"PORT": "8001"})["PORT"] == 8001
    assert settings_of({"PORT": ""})["PORT"] == 8000
    assert settings_of({"ADMIN_PATH": "/desk"})["ADMIN_PATH"] == "desk/"
    hosts = settings_of({"ALLOWED_HOSTS": "a.lu, b.lu,"})["ALLOWED_HOSTS"]
    assert hosts == ["a.lu", "b.lu"]


@pytest.mark.parametrize("command", ["check", "serve", "migrate"])
def test_manage_py_prints_that_sentence_alone(tmp_path, command):
    result = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path),
            "SECRET_KEY": SECRET,
            "PORT": "abc",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    [line] = result.stderr.strip().splitlines()
    assert line.startswith("The site cannot start: PORT must be a whole number, not 'abc'.")


def test_the_admin_takes_no_place_of_another_page():
    places = {str(pattern.pattern).strip("^").partition("/")[0] for pattern in urls.urlpatterns}
    places = {place for place in places if re.fullmatch("[a-z]+", place)}
    assert {"api", "accounts", "data"} <= places
    for place in {*places, "r", "embed", "static", "fr", "en"} - {settings.ADMIN_PATH.strip("/")}:
        with pytest.raises(ImproperlyConfigured, match="is taken"):
            settings_of({"ADMIN_PATH": f"{place}/desk/"})


# .env.example


def variables_of_the_example():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", "\n".join(lines), re.MULTILINE))


def test_every_variable_that_is_read_is_in_the_example_and_no_other():
    source = (ROOT / "kb_site" / "settings.py").read_text(encoding="utf-8")
    read_there = set(re.findall(r"\benv(?:\.\w+)?\(\s*[\"'](\w+)[\"']", source))
    read_there |= set(re.findall(r"environ(?:\.get)?[\[(]\s*[\"'](\w+)[\"']", source))
    assert len(read_there) > 8
    assert set(variables_of_the_example()) == read_there


def test_every_variable_of_the_example_is_explained():
    paragraphs = (ROOT / ".env.example").read_text(encoding="utf-8").split("\n\n")
    for paragraph in paragraphs[1:]:
        assert paragraph.lstrip().startswith("# "), paragraph


def test_the_values_of_the_example_are_the_defaults(tmp_path):
    example = variables_of_the_example()
    del example["SECRET_KEY"], example["DATA_DIR"]
    names = (
        "DEBUG ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS SECURE_SSL_REDIRECT SECRET_KEY_FILE DATABASES "
        "SEARCH_ENGINE PORT WORKERS LOGGING REQUIRE_MFA ALLAUTH_TRUSTED_PROXY_COUNT EMAIL_BACKEND "
        "DEFAULT_FROM_EMAIL LOG_FORMAT METRICS_PORT SENTRY_DSN RELEASE"
    ).split()
    assert read(tmp_path, *names, **example) == read(tmp_path, *names)
    postgres = {"DATABASE_URL": "postgres://a:b@c/d"}
    assert read(tmp_path, "DATABASES", **{**example, **postgres}) == read(
        tmp_path, "DATABASES", **postgres
    )


# SQLite, on the connection itself


@pytest.fixture
def sqlite(db):
    return Path(connection.settings_dict["NAME"])


def pragma(name):
    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.mark.sqlite
def test_sqlite_keeps_a_write_ahead_log_checks_keys_and_waits(sqlite):
    assert pragma("journal_mode") == "wal"
    assert pragma("foreign_keys") == 1
    assert pragma("busy_timeout") == 20_000


@pytest.mark.sqlite
def test_a_transaction_takes_the_write_lock_when_it_starts(sqlite):
    """The test itself runs in a transaction that has written nothing."""
    assert connection.in_atomic_block
    with closing(sqlite3.connect(sqlite, timeout=0, isolation_level=None)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        # Readers are not kept waiting.
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM articles_question").fetchone()[0] > 0
        other.execute("ROLLBACK")


# Quick exit


def test_quick_exit_leads_to_the_weather_unless_told_otherwise(tmp_path):
    assert read(tmp_path, "QUICK_EXIT_URL") == {"QUICK_EXIT_URL": "https://www.meteolux.lu/"}
    other = "https://weather.example/"
    assert read(tmp_path, "QUICK_EXIT_URL", QUICK_EXIT_URL=other) == {"QUICK_EXIT_URL": other}


@pytest.mark.parametrize("address", ["weather.example", "http://weather.example/", "javascript:1"])
def test_a_way_out_that_is_no_address_stops_the_start(tmp_path, address):
    result = start(tmp_path, "QUICK_EXIT_URL", SECRET_KEY=SECRET, QUICK_EXIT_URL=address)
    assert result.returncode != 0
    assert "QUICK_EXIT_URL must be" in result.stderr
