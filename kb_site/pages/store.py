"""Where pages are kept: in each worker's memory, and in files that a machine's workers share."""

import contextlib
import gzip
import hashlib
import json
import os
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from wsgiref.handlers import format_date_time

import brotli

# Bytes of compressed pages in the memory of one worker.
MEMORY = 24_000_000
# What is larger, in bytes as it is sent, is made anew each time.
LARGEST = 300_000
# Places for pages on disk; two pages that fall on one place take it in turn. Whatever hosts and
# addresses are made up, the folder takes no more than that.
PLACES = 1 << 14
# Whoever makes a page has so long before somebody else tries; others show the former one meanwhile.
LOCK_SECONDS = 1.0


@dataclass(frozen=True)
class Page:
    """An answer of the site in each form browsers ask for, and the stamp it was made under."""

    stamp: tuple
    status: str
    headers: list
    # {encoding: body}; "" is the plain form.
    bodies: dict
    etag: str
    modified: str

    @classmethod
    def make(cls, stamp, status, headers, body, former=None):
        """Returns a page with its compressed forms.

        Takes the page it takes the place of, or None: readers who have the same page from before
        need not fetch it again.
        """
        digest = hashlib.blake2b(status.encode() + body, digest_size=12).hexdigest()
        etag = f'W/"{digest}"'
        if former is not None and former.etag == etag:
            return cls(stamp, status, headers, former.bodies, etag, former.modified)
        bodies = {
            "": body,
            "br": brotli.compress(body, quality=5),
            "gzip": gzip.compress(body, 6, mtime=0),
        }
        return cls(stamp, status, headers, bodies, etag, format_date_time(time.time()))

    @cached_property
    def headers_without_body(self):
        """The headers of the answer that nothing has changed."""
        left_out = {"content-type", "content-language"}
        kept = [(name, value) for name, value in self.headers if name.lower() not in left_out]
        return [*kept, ("ETag", self.etag), ("Last-Modified", self.modified)]

    @cached_property
    def forms(self):
        """{encoding: (headers, body)}"""
        common = [*self.headers, ("ETag", self.etag), ("Last-Modified", self.modified)]
        return {
            encoding: (
                [
                    *common,
                    *([("Content-Encoding", encoding)] if encoding else []),
                    ("Content-Length", str(len(body))),
                ],
                body,
            )
            for encoding, body in self.bodies.items()
        }

    @property
    def size(self):
        return sum(map(len, self.bodies.values())) + 4000

    def dumps(self, key):
        head = {
            "key": repr(key),
            "stamp": self.stamp,
            "status": self.status,
            "headers": self.headers,
            "etag": self.etag,
            "modified": self.modified,
            "sizes": {encoding: len(body) for encoding, body in self.bodies.items()},
        }
        whole = b"\n".join([json.dumps(head).encode(), b"".join(self.bodies.values())])
        # A file cut short by a full disk, or garbled, is noticed.
        return hashlib.blake2b(whole, digest_size=16).digest() + whole

    @classmethod
    def loads(cls, data, key):
        """Reads a page; raises `ValueError` when the file is damaged or of another page."""
        check, whole = data[:16], data[16:]
        if hashlib.blake2b(whole, digest_size=16).digest() != check:
            raise ValueError("The file of a page is damaged.")
        line, _newline, rest = whole.partition(b"\n")
        head = json.loads(line)
        if head["key"] != repr(key):
            raise ValueError("The file is of another page.")
        bodies, at = {}, 0
        for encoding, size in head["sizes"].items():
            bodies[encoding] = rest[at : at + size]
            at += size
        headers = [tuple(pair) for pair in head["headers"]]
        stamp = tuple(head["stamp"])
        return cls(stamp, head["status"], headers, bodies, head["etag"], head["modified"])


class Memory:
    """The pages of one worker, the least recently made or fetched leaving first."""

    def __init__(self, limit=MEMORY):
        self.limit = limit
        self.size = 0
        self._pages = OrderedDict()
        self._lock = threading.Lock()
        # Read without the lock.
        self.get = self._pages.get

    def put(self, key, page):
        with self._lock:
            self._drop(key)
            self._pages[key] = page
            self.size += page.size
            while self.size > self.limit and len(self._pages) > 1:
                self._drop(next(iter(self._pages)))

    def _drop(self, key):
        page = self._pages.pop(key, None)
        if page is not None:
            self.size -= page.size


class Folder:
    """Pages as files: another worker's page is read instead of made. What fails is only missed."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def get(self, key):
        try:
            return Page.loads(self._path(key).read_bytes(), key)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key, page):
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(page.dumps(key))
            os.replace(name, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)

    @contextlib.contextmanager
    def making(self, key):
        """Yields whether this is the only one that makes the page now."""
        lock = self._path(key).with_suffix(".lock")
        mine = self._take(lock)
        try:
            yield mine
        finally:
            if mine:
                with contextlib.suppress(OSError):
                    lock.unlink()

    def is_being_made(self, key):
        return self._path(key).with_suffix(".lock").exists()

    def _take(self, lock):
        for _attempt in range(2):
            try:
                lock.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                with contextlib.suppress(OSError):
                    if abs(time.time() - lock.stat().st_mtime) > LOCK_SECONDS:
                        # Whoever held it was killed, or takes too long.
                        lock.unlink()
                        continue
                return False
            except OSError:
                return True
            return True
        return False

    def _path(self, key):
        digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
        name = f"{int.from_bytes(digest) % PLACES:04x}"
        return self.folder / name[:2] / name
