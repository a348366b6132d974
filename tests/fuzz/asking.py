"""Requests to every address of the site, as strategies, and what must be true of every answer.

Addresses come from the URL resolver, as `tests/test_unpublished.py` reads it; what they take, from
the content. A request is changed back once it is answered, so that each meets the same site.
"""

import functools
import gzip
import json
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import lxml.html
from django.apps import apps
from django.contrib import admin
from django.core.signals import got_request_exception
from django.db import transaction
from django.http.request import split_domain_port
from django.urls import get_resolver
from hypothesis import note
from hypothesis import strategies as st

from kb_site.api import document
from kb_site.editorial import history, previews
from kb_site.handler import site as application
from tests.fuzz import hostile
from tests.fuzz.plan import SLOW
from tests.pages import sample
from tests.test_unpublished import PATTERN, routes, slugs

HOST = "localhost"
CSRF = "a" * 32

ROUTES = sorted({*routes(get_resolver().url_patterns, left_out=())})


def rooms():
    """Returns {room: its routes}: of an app of the admin, or of a folder; small ones together."""
    found = {}
    for route in ROUTES:
        folder = re.match(r"admin/(\w+/)?|(fr/)?\w*", route)[0]
        found.setdefault(folder.removeprefix("fr/").strip("/"), []).append(route)
    small = [room for room in found if len(found[room]) < 3]
    for room in small:
        rest = "admin" if room.startswith("admin") else "pages"
        found.setdefault(rest, []).extend(found.pop(room))
    return found


ROOMS = rooms()


@dataclass
class Request:
    """What is sent, as it is sent: all parts are ASCII or Latin-1 texts, but the body."""

    path: str
    query: str = ""
    method: str = "GET"
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    route: str = ""


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes
    error: BaseException | None = None


# Asking


def send(request):
    """Asks the site as a server does and returns its `Answer`. What it wrote is taken back."""
    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_HOST": HOST,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    errors, started = [], {}

    def keep(**kwargs):
        errors.append(sys.exc_info()[1])

    def start(status, headers, exc_info=None):
        started.update(status=int(status[:3]), headers={n.lower(): v for n, v in headers})

    got_request_exception.connect(keep)
    try:
        with transaction.atomic():
            result = application(environ, start)
            body = b"".join(result)
            getattr(result, "close", lambda: None)()
            transaction.set_rollback(True)
    finally:
        got_request_exception.disconnect(keep)
    if started["headers"].get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Answer(body=body, error=errors[0] if errors else None, **started)


@dataclass
class Figures:
    """What was asked, and what became of it."""

    statuses: Counter = field(default_factory=Counter)
    routes: Counter = field(default_factory=Counter)
    slowest: list = field(default_factory=list)
    slow: int = 0

    def note(self, request, status, seconds):
        self.statuses[status] += 1
        self.routes[request.route] += 1
        self.slow += seconds > SLOW
        if len(self.slowest) < 10 or seconds > self.slowest[-1][0]:
            told = f"{request.method} {request.path[:200]}?{request.query[:300]}"
            self.slowest = sorted([*self.slowest, [seconds, told]], reverse=True)[:10]

    def write(self, folder):
        (Path(folder) / f"{os.getpid()}.json").write_text(json.dumps(vars(self)))


FIGURES = Figures()


def ask(request):
    """Sends a request; fails unless its answer is one that the site may give."""
    note(repr(request))
    seconds = 0
    # The machine may be busy with something else: only what is slow again is slow.
    for _attempt in range(3):
        before = time.perf_counter()
        answer = send(request)
        taken = time.perf_counter() - before
        seconds = min(seconds or taken, taken)
        if seconds < SLOW:
            break
    FIGURES.note(request, answer.status, seconds)
    judge(request, answer)
    return answer


def judge(request, answer):
    if answer.error:
        raise AssertionError(f"It answers {answer.status}.") from answer.error
    assert 200 <= answer.status < 500, answer.status
    if location := answer.headers.get("location"):
        # A browser takes a backslash for a slash, and leaves out tabs and line ends.
        target = urlsplit(re.sub(r"[\t\r\n]", "", location).replace("\\", "/"))
        host = split_domain_port(target.netloc)[0]
        assert target.scheme in ("", "http", "https"), location
        assert host in ("", "localhost", "127.0.0.1", "[::1]", "testserver"), location
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html"):
        assert hostile.MARKER.encode() not in answer.body.lower()
    if answer.status >= 400 and request.method != "HEAD":
        if request.path.startswith("/api/"):
            assert kind == "application/problem+json"
            assert json.loads(answer.body)["title"]
        else:
            assert kind == "text/html; charset=utf-8"
            page = lxml.html.fromstring(answer.body.decode())
            assert page.xpath("string(//h1)").strip(), "The page has no heading."
            assert len(page.xpath("string(//body)").split()) > 5, "The page says nothing."
            if (found := re.match("/(fr|en)/", request.path)) and answer.status != 403:
                assert page.get("lang") == found[1], "It speaks another language."


# What is asked


class Site:
    """The content's own names, and a session of an administrator: what requests begin with."""

    def __init__(self, session):
        self.session = session
        self.slugs = slugs()
        kinds = list(history.kinds)
        keys = [f"{k.name}:{r}" for k in history.record_kinds() for r in references_of(k)[:9]]
        self.arguments = {
            "kind": kinds,
            "key": keys,
            "kind/reference": [key.replace(":", "/") for key in keys],
            "token": [previews.token_of(sample("question"))],
            **{name: ["1", "2"] for name in ("point", "number", "revision", "pk", "id")},
            **{name: ["fr", "en"] for name in ("lang", "language")},
            **{name: ["bib", "ris", "json"] for name in ("extension", "format")},
        }
        self.words = [
            *keys[:40],
            *kinds,
            *self.slugs[:60],
            "fr",
            "en",
            "image",
            "deepfake",
            "383bis",
        ]
        self.pages = {}

    @functools.cache  # noqa: B019 - a site lives as long as its test
    def values_of(self, route, name):
        """What an argument of a route takes."""
        if name in ("reference", "slug", "act_reference", "record"):
            return self.slugs
        model = model_of(route)
        if model and name in ("object_id", "pk", "id"):
            pks = model._base_manager.values_list("pk", flat=True)[:20]
            return [str(pk) for pk in pks] or ["1"]
        if name in self.arguments:
            return self.arguments[name]
        return ["1", "2", "9", *self.slugs[:9], *self.words[:9]]

    def fields_of(self, path, headers):
        """The fields of the forms of a page, as [(name, value)]."""
        key = path, headers.get("Cookie")
        if key not in self.pages:
            answer = send(Request(path, headers=headers))
            html = answer.headers.get("content-type", "").startswith("text/html")
            page = lxml.html.fromstring(answer.body.decode().strip() or "<p>") if html else None
            self.pages[key] = [] if page is None else list(fields(page))
        return self.pages[key]


def references_of(kind):
    return list(kind.model.objects.published().values_list("reference", flat=True))


def fields(page):
    for element in page.xpath("//form//input | //form//textarea | //form//select | //form//button"):
        if not element.get("name") or element.get("type") in ("checkbox", "radio"):
            if element.get("name") and element.get("checked") is not None:
                yield element.get("name"), element.get("value") or "on"
            continue
        if element.tag == "select":
            chosen = (
                element.xpath(".//option[@selected]/@value")
                or element.xpath(".//option/@value")[:1]
            )
            yield from ((element.get("name"), str(value)) for value in chosen)
        elif element.tag == "textarea":
            yield element.get("name"), element.text or ""
        else:
            yield element.get("name"), element.get("value") or ""


def model_of(route):
    """The model that a route of the admin is about, if any."""
    parts = route.split("/")
    try:
        return apps.get_model(*parts[1:3]) if parts[0] == "admin" else None
    except (LookupError, ValueError):
        return None


def parameters():
    """The names that pages and the API look for in a query."""
    asked = (
        "q page kind topic jurisdiction lang language rev as_of record of after before speaker next"
    )
    built = document.build()["paths"].values()
    named = {p["name"] for path in built for p in path.get("get", {}).get("parameters", ())}
    return sorted({*asked.split(), *named})


PARAMETERS = parameters()
ADMIN_PARAMETERS = (
    "q o p all e _popup _to_field _changelist_filters next term app_label model_name field_name "
    "language record"
).split()
LOOKUPS = [
    "",
    "__exact",
    "__isnull",
    "__in",
    "__gte",
    "__id__exact",
    "__year",
    "__regex",
    "__range",
]


@functools.cache
def names_of(route):
    """The names that a query of a route may hold."""
    if not route.startswith("admin/"):
        return PARAMETERS
    model = model_of(route)
    if model is None:
        return ADMIN_PARAMETERS
    options = admin.site._registry.get(model)
    filters = [f[0] if isinstance(f, tuple) else f for f in getattr(options, "list_filter", ())]
    filters = [getattr(f, "parameter_name", f) for f in filters]
    columns = [column.name for column in model._meta.fields]
    found = [f"{name}{lookup}" for name in {*filters, *columns} for lookup in LOOKUPS]
    return [*ADMIN_PARAMETERS * 4, *sorted(found)]


METHODS = [
    *["GET"] * 8,
    *["POST"] * 5,
    *"HEAD OPTIONS PUT DELETE PATCH TRACE PROPFIND get brew".split(),
]
TYPES = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; charset=rot13",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=" + "x" * 300,
    "multipart/form-data; boundary=zz; charset=rot13",
    "multipart/form-data; boundary=zz; charset=utf-16",
    "multipart/form-data; boundary=zz; charset=idna",
    ";;;=",
    "",
]
HEADERS = {
    "Accept": ["*/*", "text/html", "application/json", "image/*;q=x", ",;,;q=",
        "text/html;q=9" * 200],
    "Accept-Language": ["fr", "en", "de", "lb,fr;q=0.5", "*", "en;q=nan", "zh-" + "x" * 600,
        ",," * 300],
    "Accept-Encoding": ["gzip", "gzip, br", "identity;q=0", "*;q=0", "deflate, *;q=0.5"],
    "If-None-Match": ["*", '"x"', 'W/"x"', '"', '"a", ' * 500, "W/"],
    "If-Modified-Since": ["Mon, 23 Nov 2026 00:00:00 GMT", "Mon, 31 Feb 0000 99:99:99 GMT", "0"],
    "If-Unmodified-Since": ["Mon, 23 Nov 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"],
    "If-Match": ["*", '"x"', '"'],
    "Range": ["bytes=0-10", "bytes=-1", "bytes=9-1", "bytes=0-0,1-1,2-2", "pages=1",
        "bytes=" + "0-," * 400],
    "X-Forwarded-For": ["127.0.0.1", "::1", "10.0.0.1, 10.0.0.2", "x" * 400, "1.2.3.4:80", "[::1"],
    "X-Forwarded-Host": ["evil.example", "a b"],
    "X-Forwarded-Proto": ["https", "ftp"],
    "X-HTTP-Method-Override": ["DELETE"],
    "X-Requested-With": ["XMLHttpRequest"],
    "HX-Request": ["true", "false"],
    "HX-Boosted": ["true"],
    "HX-Current-URL": ["http://localhost/fr/", "http://[", "//", "%ED%A0%80"],
    "HX-Current-URL-URI-AutoEncoded": ["true"],
    "HX-Target": ["results"],
    "HX-Target-URI-AutoEncoded": ["true"],
    "HX-History-Restore-Request": ["true"],
    "Host": ["localhost", "127.0.0.1:8000", "evil.example", "localhost:x", "[::1", "a b", "",
        "localhost,evil"],
    "Origin": ["null", "http://localhost", "http://evil.example", "http://["],
    "Referer": ["http://localhost/fr/", "http://[", "//"],
    "Sec-Fetch-Mode": ["navigate"],
    "User-Agent": [""],
    "Authorization": ["Basic eA==", "Basic x", "Bearer x"],
    "Content-Type": TYPES,
    "X-CSRFToken": [CSRF, "x", "é"],
}  # fmt: skip
COOKIES = [
    "sessionid=x",
    "sessionid=" + "x" * 5000,
    "sessionid=\xff\xfe",
    'sessionid="',
    "messages=x",
    'messages="[[\\"__json_message\\",0,25,\\"x\\"]]:x:y"',
    f"csrftoken={CSRF}; csrftoken=x",
    "csrftoken=\xe9",
    "django_language=xx",
    "=;=;;a",
    "a=b; " * 400,
]
# What a server lets through to the application.
LONGEST = 60_000
LENGTHS = ["", "0", "5", "999999"]
latin = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40
)


@st.composite
def paths(draw, site, route):
    """An address as its path, decoded as WSGI has it: bytes in a Latin-1 text."""
    path = re.sub(r"^fr/", draw(st.sampled_from(["fr/", "en/"])), route)
    is_right = draw(st.booleans())

    def fill(match):
        values = site.values_of(route, match[1] or match[2])
        value = draw(st.sampled_from(values).map(str.encode) if is_right else hostile.mixed(values))
        return value.decode("latin-1")

    path = PATTERN.sub(fill, path)
    if not is_right and draw(st.booleans()):
        path += draw(hostile.mixed([])).decode("latin-1")
    return "/" + path


@st.composite
def queries(draw, site, route):
    """What follows the question mark."""
    if draw(st.integers(0, 3)) == 0:
        return ""
    names = hostile.mixed(names_of(route)) | st.sampled_from(names_of(route)).map(str.encode)
    pair = st.tuples(names, hostile.mixed(site.words))
    pairs = draw(st.lists(pair, min_size=1, max_size=5))
    if draw(st.integers(0, 30)) == 0:
        pairs = pairs[:1] * 1200
    if draw(st.integers(0, 6)) == 0:
        # As no browser sends it.
        safe = "".join(sign for sign in map(chr, range(33, 127)) if sign != "#")
        between = draw(st.sampled_from(["=", "=", "", "==", "&"]))
    else:
        safe, between = "", "="
    query = "&".join(between.join(hostile.quoted(part, safe) for part in pair) for pair in pairs)
    return query[:LONGEST]


@st.composite
def bodies(draw, site, route, path, headers):
    """Returns the body of a form and its type: the page's own form, changed here and there."""
    pairs = [(n.encode(), v.encode()) for n, v in site.fields_of(path, headers)]
    pairs = [pair for pair in pairs if pair[0] != b"csrfmiddlewaretoken"]
    managed = [i for i, (name, _v) in enumerate(pairs) if name.endswith(b"_FORMS")]
    for _change in range(draw(st.integers(0, 6))):
        value = draw(hostile.mixed(site.words))
        if not pairs or draw(st.integers(0, 5)) == 0:
            known = names_of(route) + [name for name, _value in pairs]
            pairs.append((draw(hostile.mixed(known)), value))
            continue
        everywhere = st.integers(0, len(pairs) - 1)
        at = draw(st.sampled_from(managed) | everywhere if managed else everywhere)
        how = draw(st.sampled_from(["change", "change", "change", "drop", "repeat", "rename"]))
        name = pairs[at][0]
        if how == "drop":
            # The places of the others stay.
            pairs[at] = (b"dropped", b"")
        elif how == "repeat":
            pairs.append((name, value))
        else:
            pairs[at] = (draw(hostile.mixed([name])) if how == "rename" else name, value)
    if draw(st.integers(0, 40)) == 0:
        pairs = pairs[:2] + [(b"x", b"")] * 1200
    if draw(st.integers(0, 9)):
        pairs.append((b"csrfmiddlewaretoken", CSRF.encode()))
    if draw(st.booleans()):
        body = "&".join(f"{hostile.quoted(n)}={hostile.quoted(v)}" for n, v in pairs).encode()
        return body, "application/x-www-form-urlencoded"
    lines = []
    # A field in the place of a file, at times.
    file = draw(st.integers(0, 4 * len(pairs)))
    for number, (name, value) in enumerate(pairs):
        named = b'; filename="a.json"' if b"file" in name or number == file else b""
        head = b'--zz\r\nContent-Disposition: form-data; name="%s"%s' % (name, named)
        lines.append(head + b"\r\n\r\n" + value + b"\r\n")
    body = b"".join(lines) + draw(st.sampled_from([b"--zz--\r\n", b"--zz--\r\n", b"--zz", b""]))
    return body, "multipart/form-data; boundary=zz"


@st.composite
def requests(draw, site, room, signed_in):
    """A request to some address of a room of the site."""
    route = draw(st.sampled_from(ROOMS[room]))
    path = draw(paths(site, route))
    session = f"sessionid={site.session}; " if signed_in else ""
    headers = {"Cookie": f"{session}csrftoken={CSRF}"}
    # Most of the site takes nothing else.
    reading = draw(st.booleans()) and room not in ("accounts", "report")
    method = "GET" if reading else draw(st.sampled_from(METHODS))
    body = b""
    if method not in ("GET", "HEAD"):
        body, headers["Content-Type"] = draw(bodies(site, route, path, headers))
        if draw(st.integers(0, 12)) == 0:
            body = draw(hostile.mixed(['{"a": 1}', "[]", '{"id": "x", "type": "public-key"}']))
    if draw(st.booleans()):
        for name in draw(st.lists(st.sampled_from(sorted(HEADERS)), min_size=1, max_size=4)):
            headers[name] = draw(st.sampled_from(HEADERS[name]) | latin)
        if draw(st.integers(0, 9)) == 0:
            headers["Cookie"] = draw(st.sampled_from(COOKIES) | latin)
        if draw(st.integers(0, 9)) == 0:
            headers["Content-Length"] = draw(st.sampled_from(LENGTHS))
    return Request(path, draw(queries(site, route)), method, headers, body, route)
