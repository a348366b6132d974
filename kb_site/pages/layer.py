"""Answers readers from pages kept ready, before Django is asked.

Kept is what Django says anybody may keep (`Cache-Control: public`) and no cookie changes. A page is
shown as long as the stamp it was made under is the current one. When it no longer is, one worker
makes the page anew while others show the former one, for a second at most; when it cannot be made,
because the database is gone, the former one stays.
"""

import functools
import gzip
import time
from http import HTTPStatus

from django.conf import settings

from kb_site.pages import stamp
from kb_site.pages.store import LARGEST, Folder, Memory, Page

# Never pages for readers.
OTHERS = (f"/{settings.ADMIN_PATH}", "/accounts/", "/static/", "/health/")
KEPT = {HTTPStatus.OK, HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.GONE}
# How often, and how long, whoever has no former page to show waits for the one who makes it.
WAIT_SECONDS, WAITS = 0.02, 50
MOST_PASSING = 1000

# How often this worker answered how, for `kb_site.metrics`. Two threads may lose a count to each
# other: a lock would cost every reader more than a count is worth.
answered = {"kept": 0, "made": 0, "former": 0, "unchanged": 0}


class KeptPages:
    """A WSGI application around another one. Takes the folder that the workers share."""

    def __init__(self, application, folder):
        self.application = application
        self.memory = Memory()
        self.folder = Folder(folder)
        # Addresses that were not kept when they were last made: nobody waits for another's copy.
        self.passing = set()

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method != "GET" and method != "HEAD":
            return self.application(environ, start_response)
        query = environ.get("QUERY_STRING", "")
        key = (
            environ.get("HTTP_HOST"),
            "https" in (environ.get("HTTP_X_FORWARDED_PROTO"), environ.get("wsgi.url_scheme")),
            path,
            query,
            # The bare address and permalinks ask which language the reader wants.
            None if path.startswith(("/fr/", "/en/")) else environ.get("HTTP_ACCEPT_LANGUAGE"),
        )
        try:
            now = stamp.current()
        except OSError:
            return self.application(environ, start_response)
        page = self.memory.get(key)
        if page is not None and page.stamp == now:
            return _answer(page, environ, start_response)
        if path.startswith(OTHERS):
            return self.application(environ, start_response)
        return self._find(key, now, page, not query, environ, start_response)

    def _find(self, key, now, former, is_shared, environ, start_response):
        """Answers with a page from the folder, or made now, or with the former one."""
        if not is_shared or key in self.passing:
            return self._make(key, now, former, is_shared, environ, start_response)
        found = self.folder.get(key)
        if found is not None:
            former = found
            if found.stamp == now:
                self.memory.put(key, found)
                return _answer(found, environ, start_response)
        with self.folder.making(key) as mine:
            if mine:
                return self._make(key, now, former, is_shared, environ, start_response)
        if former is not None:
            return _answer(former, environ, start_response, "former")
        for _wait in range(WAITS):
            time.sleep(WAIT_SECONDS)
            is_over = not self.folder.is_being_made(key)
            found = self.folder.get(key)
            if found is not None:
                self.memory.put(key, found)
                return _answer(found, environ, start_response)
            if is_over:
                break
        return self._make(key, now, former, is_shared, environ, start_response)

    def _make(self, key, now, former, is_shared, environ, start_response):
        """Asks Django; keeps what it answers if it may be kept."""
        told = []
        asked = {**environ, "REQUEST_METHOD": "GET"}
        for condition in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"):
            asked.pop(condition, None)
        answer = self.application(
            asked, lambda *status_and_headers: told.extend(status_and_headers)
        )
        status, headers = told[:2]
        code = int(status[:3])
        fields = {name.lower(): value for name, value in headers}
        if code >= HTTPStatus.INTERNAL_SERVER_ERROR and former is not None:
            _close(answer)
            return _answer(former, environ, start_response, "former")
        if not _may_be_kept(code, fields):
            if len(self.passing) >= MOST_PASSING:
                self.passing.clear()
            self.passing.add(key)
            start_response(status, headers)
            if environ["REQUEST_METHOD"] == "GET":
                return answer
            _close(answer)
            return []
        try:
            body = b"".join(answer)
        finally:
            _close(answer)
        if fields.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        page = Page.make(now, status, _kept_headers(headers, fields), body, former)
        self.passing.discard(key)
        self.memory.put(key, page)
        if is_shared:
            self.folder.put(key, page)
        return _answer(page, environ, start_response, "made")


def _may_be_kept(code, fields):
    # What is streamed, or is a file to save, tells no length or a large one.
    return (
        code in KEPT
        and int(fields.get("content-length", LARGEST + 1)) <= LARGEST
        and "public" in fields.get("cache-control", "")
        and "set-cookie" not in fields
        and "cookie" not in fields.get("vary", "").lower()
    )


def _kept_headers(headers, fields):
    """The headers of a page whatever its form; those of each form are added to them."""
    of_one_form = {"content-length", "content-encoding", "etag", "last-modified", "vary"}
    of_one_form.add("x-request-id")
    kept = [(name, value) for name, value in headers if name.lower() not in of_one_form]
    vary = {part.strip() for part in fields.get("vary", "").split(",")} - {""}
    return [*kept, ("Vary", ", ".join(sorted(vary | {"Accept-Encoding"})))]


def _close(answer):
    if hasattr(answer, "close"):
        answer.close()


def _answer(page, environ, start_response, how="kept"):
    answered[how] += 1
    if _has_it(page, environ):
        answered["unchanged"] += 1
        start_response("304 Not Modified", page.headers_without_body)
        return []
    headers, body = page.forms[_encoding(environ.get("HTTP_ACCEPT_ENCODING", ""))]
    start_response(page.status, headers)
    return [body] if environ["REQUEST_METHOD"] == "GET" else []


def _has_it(page, environ):
    """Whether the reader has this very page, by its tag, or else by its date."""
    if not page.status.startswith("200"):
        return False
    if tags := environ.get("HTTP_IF_NONE_MATCH"):
        return page.etag in tags or tags.strip() == "*"
    return environ.get("HTTP_IF_MODIFIED_SINCE") == page.modified


@functools.lru_cache(maxsize=512)
def _encoding(accepted):
    """The best form for an Accept-Encoding header."""
    offered = {}
    for part in accepted.lower().split(","):
        name, _semicolon, parameters = part.strip().partition(";")
        offered[name.strip()] = parameters.replace(" ", "") not in (
            "q=0",
            "q=0.0",
            "q=0.00",
            "q=0.000",
        )
    return next((name for name in ("br", "gzip") if offered.get(name)), "")
