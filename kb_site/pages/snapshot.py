"""The public site as plain files, for a web server to show while the site itself does not answer.

A snapshot is a folder of its own, `current` points to the newest: whoever reads it never sees half
of one. What needs the site (search, forms) is left out: in its place a web server shows the page
of `NOTICES` that says so, with everybody to turn to.
"""

import gzip
import io
import os
import shutil
import tempfile
from collections import deque
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import resolve, reverse
from django.utils.translation import get_language_from_path, override

CURRENT = "current"
# What is of no use without the site: not written, nor what lies below it.
RESTING = ("search:search", "reports:report")
# What a web server says by itself, in `fr-503.html` and so on: {status: template}.
NOTICES = {413: "413.html", 503: "resting.html"}


class SnapshotFailed(Exception):
    """A page could not be made; the former snapshot stays. The message says which."""


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        href = dict(attributes).get("href")
        if tag in ("a", "link") and href:
            self.found.append(href)


def make(folder, host, progress=lambda path: None, depth=None):
    """Writes the public site below `folder` and points `current` to it. Returns how many pages.

    Takes the host name that the pages are for, a function that is told of each page, and how many
    links away from a home page it goes: all the way when None. Raises `SnapshotFailed`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder, prefix="pages-"))
    try:
        count = _write_pages(new, host, progress, depth) + _write_notices(new, host)
        # mkdtemp lets nobody else in, and a web server is somebody else.
        new.chmod(0o755)
        link = folder / f".{CURRENT}-{new.name}"
        link.symlink_to(new.name)
        os.replace(link, folder / CURRENT)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    for former in folder.glob("pages-*"):
        if former.name != new.name:
            shutil.rmtree(former, ignore_errors=True)
    return count


def _write_pages(root, host, progress, depth):
    application = get_wsgi_application()
    homes = tuple(f"/{code}/" for code, _name in settings.LANGUAGES)
    resting = _addresses(RESTING)
    waiting, seen, count = deque((home, 0) for home in homes), set(homes), 0
    while waiting:
        path, away = waiting.popleft()
        status, kind, body = _read(application, host, path)
        if status >= 500:
            raise SnapshotFailed(f"{path} answered {status}. The former snapshot stays.")
        if status != 200 or not kind.startswith("text/html"):
            continue
        _write(root / path.strip("/") / "index.html", body)
        count += 1
        progress(path)
        if away == depth:
            continue
        links = _Links()
        links.feed(body.decode())
        for link in (*links.found, *_framed(path)):
            parts = urlsplit(link)
            if parts.netloc not in ("", host) or parts.query or parts.path in seen:
                continue
            if parts.path.startswith(homes) and not parts.path.startswith(resting):
                seen.add(parts.path)
                waiting.append((parts.path, away + 1))
    return count


def _framed(path):
    """The page that other sites may frame, of the record that a page says how to cite."""
    with override(get_language_from_path(path)):
        match = resolve(path)
        if match.view_name == "citing:cite":
            yield reverse("citing:embed", kwargs=match.kwargs)


def _write_notices(root, host):
    contacts = apps.get_model("articles", "Contact").objects.published().by_kind()
    context = {"contacts": contacts, "size": filesizeformat(settings.MAX_BODY)}
    for code, _name in settings.LANGUAGES:
        with override(code):
            request = WSGIRequest(_environ(host, f"/{code}/"))
            for status, template in NOTICES.items():
                page = render_to_string(template, {**context, "LANGUAGE_CODE": code}, request)
                _write(root / f"{code}-{status}.html", page.encode())
    return len(settings.LANGUAGES) * len(NOTICES)


def _addresses(names):
    """The addresses of pages, in every language."""
    found = []
    for code, _name in settings.LANGUAGES:
        with override(code):
            found += [reverse(name) for name in names]
    return tuple(found)


def _write(file, body):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(body, 9, mtime=0))


def _read(application, host, path):
    """Asks the site for a page. Returns (status, content type, body)."""
    told = []
    answer = application(
        _environ(host, path), lambda status, headers: told.extend([status, dict(headers)])
    )
    try:
        body = b"".join(answer)
    finally:
        answer.close()
    return int(told[0][:3]), told[1].get("Content-Type", ""), body


def _environ(host, path):
    scheme = "https" if settings.HTTPS else "http"
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "HTTP_HOST": host,
        "HTTP_X_FORWARDED_PROTO": scheme,
        "SERVER_NAME": host,
        "SERVER_PORT": "443" if settings.HTTPS else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(),
    }
