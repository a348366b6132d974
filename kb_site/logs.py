"""The log: what happened and where in the code, nothing of who asked nor of what they sent.

A request is one line: its method, the name of its address, its status, its time. (A page that was
kept is only counted, see `metrics`: there the line would cost more than the page.) An exception is
told by its kind and its stack; its message is left out, because databases and parsers quote in
theirs what somebody typed.
"""

import contextlib
import contextvars
import datetime
import errno
import json
import logging
import re
import time
import traceback
import uuid
from http import HTTPMethod, HTTPStatus

from kb_site import metrics

access = logging.getLogger("kb_site.access")

HEADER = "X-Request-ID"
# As nginx's `$request_id` makes it, or as a UUID: nothing else can be hidden in it.
WELL_FORMED = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")
# What a line of the log may hold besides its words.
FIELDS = ("method", "route", "status", "ms")

_request_id = contextvars.ContextVar("request_id", default="")


class LogMiddleware:
    """Names each request, tells that name in the answer, and writes and counts one line for it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        given = request.headers.get(HEADER, "")
        name = given if WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
        token = _request_id.set(name)
        start = time.perf_counter()
        try:
            response = self.get_response(request)
            seconds = time.perf_counter() - start
            # A method may be any word.
            method = request.method if request.method in HTTPMethod.__members__ else "other"
            route = route_of(request)
            line = {"method": method, "route": route, "status": response.status_code}
            access.info(
                "%(method)s %(route)s %(status)d", line, extra={**line, "ms": round(seconds * 1000)}
            )
            metrics.count_request(method, route, response.status_code, seconds)
        finally:
            _request_id.reset(token)
        response[HEADER] = name
        return response


@contextlib.contextmanager
def silent():
    """Inside, the site asks itself for pages: no line is written for them."""
    access.disabled = True
    try:
        yield
    finally:
        access.disabled = False


def route_of(request):
    """Returns the name of the address that was asked for, as in `urls.py`, or "none"."""
    match = getattr(request, "resolver_match", None)
    return (match.view_name or match.route) if match else "none"


def stack(error):
    """Returns an exception and what led to it as text: kinds, files, lines; no message."""
    parts, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        if isinstance(error, OSError) and error.errno in errno.errorcode:
            kind += f" {errno.errorcode[error.errno]}"
        parts.append("".join(traceback.format_tb(error.__traceback__)) + kind)
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)
    return "\nafter which came:\n".join(reversed(parts))


def words(record):
    """Returns the message of a log record. Django puts the address in what it says of a request."""
    if hasattr(record, "request"):
        status = HTTPStatus(getattr(record, "status_code", 500))
        return f"{route_of(record.request)}: {status.phrase}"
    return record.getMessage()


class Plain(logging.Formatter):
    """For a person at a terminal."""

    def format(self, record):
        line = f"{record.levelname} {record.name}: {words(record)}"
        if hasattr(record, "ms"):
            line += f" {record.ms} ms"
        return f"{line}\n{stack(record.exc_info[1])}" if record.exc_info else line


class Json(logging.Formatter):
    """One JSON object a line, for a program."""

    def format(self, record):
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": words(record),
        }
        if name := _request_id.get():
            line["request"] = name
        line |= {field: vars(record)[field] for field in FIELDS if field in vars(record)}
        if record.exc_info and record.exc_info[1]:
            line["stack"] = stack(record.exc_info[1])
        return json.dumps(line, default=str)
