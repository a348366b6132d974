"""The public site as plain files, for a web server to show while the site itself does not answer.

A snapshot is a folder of its own, `current` points to the newest: whoever reads it never sees half
of one. What needs the site (search, forms) is there as a page that says so, with whom to call.
"""

import gzip
import io
import os
import shutil
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import override

CURRENT = "current"
# Pages that need the site: in their place stands one that says it is resting.
RESTING = ("search:search",)


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


def make(folder, host, progress=lambda path: None):
    """Writes the public site below `folder` and points `current` to it. Returns how many pages.

    Takes the host name that the pages are for, and a function that is told of each page. Raises
    `SnapshotFailed`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder, prefix="pages-"))
    try:
        count = _write_pages(new, host, progress)
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


def _write_pages(root, host, progress):
    application = get_wsgi_application()
    homes = [f"/{code}/" for code, _name in settings.LANGUAGES]
    waiting, seen, count = list(homes), set(homes), 0
    resting = _resting_pages()
    while waiting:
        path = waiting.pop()
        if path in resting:
            body = resting[path].encode()
        else:
            status, kind, body = _read(application, host, path)
            if status >= 500:
                raise SnapshotFailed(f"{path} answered {status}. The former snapshot stays.")
            if status != 200 or not kind.startswith("text/html"):
                continue
        file = root / path.strip("/") / "index.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        file.with_name("index.html.gz").write_bytes(gzip.compress(body, 9, mtime=0))
        count += 1
        progress(path)
        links = _Links()
        links.feed(body.decode())
        for link in links.found:
            parts = urlsplit(link)
            if parts.netloc not in ("", host) or parts.query:
                continue
            if parts.path.startswith(tuple(homes)) and parts.path not in seen:
                seen.add(parts.path)
                waiting.append(parts.path)
    return count


def _resting_pages():
    """{address: the page that stands in for one that needs the site}"""
    pages = {}
    for code, _name in settings.LANGUAGES:
        with override(code):
            page = render_to_string("resting.html", {"LANGUAGE_CODE": code})
            pages |= {reverse(name): page for name in RESTING}
    return pages


def _read(application, host, path):
    """Asks the site for a page. Returns (status, content type, body)."""
    told = []
    scheme = "https" if settings.HTTPS else "http"
    environ = {
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
    answer = application(environ, lambda status, headers: told.extend([status, dict(headers)]))
    try:
        body = b"".join(answer)
    finally:
        answer.close()
    return int(told[0][:3]), told[1].get("Content-Type", ""), body
