"""The log: a line a request, an error once with its stack, and nothing of who asked or of what."""

import copy
import io
import json
import logging
import logging.config
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from kb_site import logs, urls
from kb_site.pages.layer import KeptPages
from tests.test_settings import read, start

ROOT = Path(__file__).resolve().parent.parent
MARK = "somebody"
ID = "0123456789abcdef0123456789abcdef"


# Views that fail, and quote in their errors what they were sent


def fails(request):
    try:
        int(request.GET["q"])
    except ValueError as error:
        raise RuntimeError(f"{request.GET['q']} is no number") from error


def saves(request):
    user = get_user_model()
    user.objects.create(username=request.GET["q"])
    user.objects.create(username=request.GET["q"])


def asks(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [request.GET["q"]])
    return HttpResponse("asked")


def suspects(request):
    raise SuspiciousOperation(request.GET["q"])


def refuses(request):
    raise BadRequest(request.GET["q"])


def lacks(request):
    raise OSError(28, "No space left on device", f"/var/{request.GET['q']}")


def warns(request):
    logging.getLogger("kb_site.search").warning("The index rests.")
    return HttpResponse("warned")


def pattern(view):
    name = view.__name__
    return path(f"{name}/<word>/", lambda request, word: view(request), name=name)


urlpatterns = [
    *map(pattern, (fails, saves, asks, suspects, refuses, lacks, warns)),
    *urls.urlpatterns,
]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture
def written(settings):
    """Returns a function that reads what the log of a production site has got."""
    stream = io.StringIO()
    config = copy.deepcopy(settings.LOGGING)
    config["handlers"]["console"] |= {"stream": stream, "formatter": "json"}
    config["root"]["level"] = "DEBUG"
    logging.config.dictConfig(config)
    yield stream.getvalue
    logging.config.dictConfig(settings.LOGGING)


def lines(written):
    return [json.loads(line) for line in written().splitlines()]


def ask(address, method="get", **extra):
    """A request that is full of marks."""
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.cookies["sessionid"] = f"{MARK}-cookie"
    headers = {
        "user-agent": f"{MARK}-agent",
        "referer": f"http://testserver/?{MARK}",
        "x-forwarded-for": "192.0.2.78",
        "x-request-id": MARK,
        **extra.pop("headers", {}),
    }
    return getattr(client, method)(
        f"{address}?q={MARK}-query&{MARK}=1", headers=headers, REMOTE_ADDR="192.0.2.77", **extra
    )


# A line a request


def test_a_request_is_one_line_of_what_was_asked_and_how_it_was_answered(written):
    response = ask(f"/en/questions/{MARK}/")
    assert response.status_code == 404
    [line] = lines(written)
    assert line.pop("at").endswith("+00:00")
    assert isinstance(line.pop("ms"), int)
    assert line == {
        "level": "INFO",
        "logger": "kb_site.access",
        "message": "GET articles:question-detail 404",
        "request": response["X-Request-ID"],
        "method": "GET",
        "route": "articles:question-detail",
        "status": 404,
    }


@pytest.mark.parametrize(
    ("address", "method", "status", "extra"),
    [
        ("/en/search/", "get", 200, {}),
        ("/en/search/suggest/", "get", None, {}),
        ("/en/report/", "post", None, {"data": {"text": f"{MARK}-body", "email": "a@somebody.lu"}}),
        ("/accounts/login/", "post", 403, {"data": {"login": MARK, "password": f"{MARK}-pw"}}),
        (f"/{MARK}/", "get", 404, {}),
        (f"/r/{MARK}/", "get", 404, {}),
        ("/en/", "get", 400, {"headers": {"host": f"{MARK}.example"}}),
        ("/en/", "generic", None, {}),
        (f"/fails/{MARK}/", "get", 500, {}),
        (f"/asks/{MARK}/", "get", 200, {}),
        (f"/suspects/{MARK}/", "get", 400, {}),
        (f"/refuses/{MARK}/", "get", 400, {}),
        (f"/lacks/{MARK}/", "get", 500, {}),
        (f"/admin/{MARK}/", "get", None, {}),
        (f"/api/v1/questions/{MARK}", "get", 404, {}),
        ("/api/v1/search", "get", None, {}),
    ],
)
def test_nothing_of_a_request_reaches_the_log(written, capfd, address, method, status, extra):
    if method == "generic":
        client = Client(raise_request_exception=False)
        response = client.generic(MARK.upper(), f"{address}?q={MARK}", REMOTE_ADDR="192.0.2.77")
    else:
        response = ask(address, method, **extra)
    if status:
        assert response.status_code == status
    assert [line["logger"] for line in lines(written)].count("kb_site.access") == 1
    # Whatever has no handler goes to the error output.
    told = written() + "".join(capfd.readouterr())
    for kept in (MARK, MARK.upper(), "192.0.2.7"):
        assert kept not in told


def test_the_values_that_a_database_refuses_do_not_reach_the_log(written, capfd):
    assert ask(f"/saves/{MARK}/").status_code == 500
    told = written() + "".join(capfd.readouterr())
    assert "IntegrityError" in told
    assert MARK not in told


def test_queries_are_not_logged_even_when_django_notes_them(written):
    with CaptureQueriesContext(connection):
        assert ask(f"/asks/{MARK}/").status_code == 200
    assert "SELECT" not in written()
    assert MARK not in written()


def test_a_failure_of_the_api_is_logged_as_any_other(written, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError(f"{MARK} broke it")

    monkeypatch.setattr("kb_site.api.v1.find", fail)
    assert ask("/api/v1/search").status_code == 500
    assert "RuntimeError" in written()
    assert MARK not in written()


# Errors


def test_an_error_is_logged_once_by_its_kind_and_its_stack(written):
    ask(f"/fails/{MARK}/")
    error, line = lines(written)
    assert (error["logger"], error["level"]) == ("django.request", "ERROR")
    assert error["message"] == "fails: Internal Server Error"
    assert error["request"] == line["request"]
    first, second = error["stack"].split("\nafter which came:\n")
    assert first.endswith("builtins.ValueError")
    assert second.endswith("builtins.RuntimeError")
    assert "in fails" in second
    assert (line["logger"], line["status"]) == ("kb_site.access", 500)


def test_an_error_of_the_machine_tells_its_number(written):
    ask(f"/lacks/{MARK}/")
    assert lines(written)[0]["stack"].endswith("builtins.OSError ENOSPC")


def test_errors_are_not_mailed_with_their_request(written):
    logger = logging.getLogger("django")
    assert (logger.handlers, logger.propagate) == ([], True)


def test_whatever_is_logged_beside_a_request_bears_its_name(written):
    response = ask(f"/warns/{MARK}/")
    warning, line = lines(written)
    assert warning["message"] == "The index rests."
    assert warning["request"] == line["request"] == response["X-Request-ID"]
    logging.getLogger("kb_site").info("A command.")
    assert "request" not in lines(written)[-1]


def test_pages_that_the_site_asks_itself_for_are_not_told(written):
    with logs.silent():
        ask("/health/live")
    assert written() == ""
    ask("/health/live")
    assert len(lines(written)) == 1


# Its name


@pytest.mark.parametrize("given", [ID, "01234567-89ab-cdef-0123-456789abcdef"])
def test_a_well_formed_name_of_a_proxy_is_kept(given):
    assert Client().get("/health/live", headers={"x-request-id": given})["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", "a", ID[:-1], ID + "0", ID.upper(), f"{ID}\n", "rosa@example.org", "é" * 32]
)
def test_any_other_name_is_replaced(given):
    name = Client().get("/health/live", headers={"x-request-id": given})["X-Request-ID"]
    assert name != given
    assert logs.WELL_FORMED.fullmatch(name)


def test_a_page_that_is_kept_bears_no_name(tmp_path, settings):
    settings.PAGES_DIR = tmp_path
    layer = KeptPages(get_wsgi_application(), tmp_path)
    for _reader in range(2):
        told = {}
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/en/about/",
            "HTTP_HOST": "testserver",
            "HTTP_X_REQUEST_ID": ID,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
        }
        layer(environ, lambda status, headers, told=told: told.update(headers))
        assert "ETag" in told
        assert "X-Request-ID" not in told


# Its form


def test_a_person_reads_it_in_plain_lines(written):
    record = logging.LogRecord("kb_site.access", 20, "", 0, "GET home 200", None, None)
    record.ms = 12
    assert logs.Plain().format(record) == "INFO kb_site.access: GET home 200 12 ms"
    try:
        int(MARK)
    except ValueError:
        record = logging.LogRecord("kb_site", 40, "", 0, "It failed.", None, sys.exc_info())
    assert logs.Plain().format(record).startswith("ERROR kb_site: It failed.\n  File ")
    assert MARK not in logs.Plain().format(record)


@pytest.mark.anywhere
def test_it_is_json_but_on_ones_own_machine(tmp_path):
    assert read(tmp_path, "LOG_FORMAT") == {"LOG_FORMAT": "json"}
    assert read(tmp_path, "LOG_FORMAT", DEBUG="true") == {"LOG_FORMAT": "plain"}
    assert read(tmp_path, "LOG_FORMAT", LOG_FORMAT="plain") == {"LOG_FORMAT": "plain"}
    refused = start(tmp_path, "LOG_FORMAT", DEBUG="true", LOG_FORMAT="xml")
    assert "LOG_FORMAT must be one of json, plain, not 'xml'" in refused.stderr
