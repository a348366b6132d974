"""One address -> bytes: patient with a server that falters, strict with one that misbehaves."""

import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

from laws.watch.safe_xml import MAX_BYTES

USER_AGENT = "Reperes-law-watch/1 (reads consolidated texts; one request at a time)"
FALTERING = {429, 500, 502, 503, 504}
REDIRECTS = {301, 302, 303, 307, 308}
CHUNK = 64 * 1024


class FetchError(Exception):
    """An address could not be read. The message names it and says what to do."""


class _FalteredError(Exception):
    """A failure that may pass; `wait` is how many seconds the server asks to wait, if it does."""

    def __init__(self, message, wait=None):
        super().__init__(message)
        self.wait = wait


class _PrivateAddressError(Exception):
    """The name leads to a machine that is not on the public internet."""


@dataclass(frozen=True)
class Response:
    """What a server answered. `data` is None when it has nothing newer (304)."""

    data: bytes | None
    etag: str = ""
    last_modified: str = ""


@dataclass
class Limits:
    """How long to wait and how much to take. Durations in seconds, sizes in bytes."""

    timeout: float = 30  # for one connection, or one silence of the server
    deadline: float = 180  # for one whole answer
    max_bytes: int = MAX_BYTES  # after decompression
    retries: int = 4
    backoff: float = 2  # 2, 4, 8, 16 between tries, unless the server says how long
    longest_wait: float = 300  # a server that asks for more is left alone
    pause: float = 1  # between two requests to one host
    redirects: int = 5
    allow_loopback: bool = False  # for tests: every other machine here stays out of reach


class Fetcher:
    """Reads addresses one at a time. Raises `FetchError` from `get` for all that goes wrong."""

    def __init__(self, limits=None):
        self.limits = limits or Limits()
        self._last_request = {}
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(self.limits.timeout),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
        )
        self._pool.pool_classes_by_scheme = {
            "http": _pool_of(urllib3.HTTPConnectionPool, HTTPConnection, self.limits),
            "https": _pool_of(urllib3.HTTPSConnectionPool, HTTPSConnection, self.limits),
        }

    def get(self, address, accept, *, language="", etag="", last_modified="", types=("xml",)):
        """The `Response` of an address, following redirections.

        `accept` and `language` are request headers; `etag` and `last_modified`, from an earlier
        response, make the request conditional; `types` are what the answer's content type may
        contain. Faltering servers are asked again, with longer and longer pauses.
        """
        headers = {"Accept": accept}
        for name, value in [
            ("Accept-Language", language),
            ("If-None-Match", etag),
            ("If-Modified-Since", last_modified),
        ]:
            if value:
                headers[name] = value
        for attempt in range(self.limits.retries + 1):
            try:
                return self._follow(address, headers, types)
            except _FalteredError as error:
                wait = self.limits.backoff * 2**attempt if error.wait is None else error.wait
                if attempt == self.limits.retries or wait > self.limits.longest_wait:
                    later = f"in {wait:.0f} seconds or later" if error.wait else "later"
                    raise FetchError(f"{address}: {error}. Run the watch again {later}.") from error
                time.sleep(wait)

    def _follow(self, address, headers, types):
        """One try: the answer at the end of the redirections."""
        here = address
        for _ in range(self.limits.redirects + 1):
            if urlsplit(here).scheme not in ("http", "https"):
                raise FetchError(f"{address}: it leads to {here}, which is not a web address.")
            self._be_polite(here)
            response = self._request(here, headers)
            try:
                if response.status not in REDIRECTS:
                    return self._answer(address, response, types)
                here = urljoin(here, response.headers.get("Location", ""))
            finally:
                # Closed first: what an unfinished answer still sends must not reach the next one.
                response.close()
                response.release_conn()
        raise FetchError(
            f"{address}: it redirects more than {self.limits.redirects} times. Look at the address "
            "of the act."
        )

    def _be_polite(self, address):
        host = urlsplit(address).netloc
        if host in self._last_request:
            time.sleep(max(0, self._last_request[host] + self.limits.pause - time.monotonic()))
        self._last_request[host] = time.monotonic()

    def _request(self, address, headers):
        try:
            return self._pool.request(
                "GET",
                address,
                headers={**self._pool.headers, **headers},
                redirect=False,
                preload_content=False,
            )
        except _PrivateAddressError as error:
            raise FetchError(f"{address}: {error}. It was not read.") from error
        except urllib3.exceptions.LocationValueError as error:
            raise FetchError(f"{address}: it is not a web address ({error}).") from error
        except urllib3.exceptions.HTTPError as error:
            raise _FalteredError(f"the server could not be reached ({error})") from error

    def _answer(self, address, response, types):
        if response.status == 304:
            return Response(None)
        if response.status in FALTERING:
            raise _FalteredError(
                f"the server answered {response.status}",
                _retry_after(response.headers.get("Retry-After")),
            )
        if response.status != 200:
            raise FetchError(
                f"{address}: the server answered {response.status}. Look whether the act's ELI or "
                "CELEX number is right and has a consolidated text."
            )
        content_type = response.headers.get("Content-Type", "").lower()
        if not any(kind in content_type for kind in types) or "html" in content_type:
            raise FetchError(
                f"{address}: the server sent {content_type or 'something it does not name'}, not "
                f"{' or '.join(types)}. Look at the address in a browser."
            )
        return Response(
            self._body(address, response),
            response.headers.get("ETag", "")[:200],
            response.headers.get("Last-Modified", "")[:60],
        )

    def _body(self, address, response):
        """The whole body, decompressed, within the limits of size and time."""
        limits, chunks, size = self.limits, [], 0
        end = time.monotonic() + limits.deadline
        try:
            while chunk := response.read1(CHUNK, decode_content=True):
                size += len(chunk)
                if size > limits.max_bytes:
                    raise FetchError(
                        f"{address}: it is over {limits.max_bytes} bytes, more than any act. It "
                        "was not read: look at the address in a browser."
                    )
                if time.monotonic() > end:
                    raise _FalteredError(f"its answer took over {limits.deadline:.0f} seconds")
                chunks.append(chunk)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _FalteredError(f"its answer broke off ({error})") from error
        return b"".join(chunks)


def _retry_after(value):
    """Seconds to wait, from a Retry-After header (a number or a date), or None without one."""
    try:
        return Retry().parse_retry_after(value) if value else None
    except urllib3.exceptions.InvalidHeader:
        return None


def _pool_of(pool_class, connection_class, limits):
    """A connection pool that talks to public machines only, and not for ever.

    The machine is looked at once connected, before a byte is sent: a name that changes its
    address between a look-up and the connection gains nothing.
    """

    class Connection(connection_class):
        def _new_conn(self):
            connection = super()._new_conn()
            machine = ipaddress.ip_address(connection.getpeername()[0].partition("%")[0])
            machine = getattr(machine, "ipv4_mapped", None) or machine
            if machine.is_global or (limits.allow_loopback and machine.is_loopback):
                return connection
            connection.close()
            raise _PrivateAddressError(f"{machine} is not on the public internet")

        def getresponse(self):
            # A time-out starts again with each byte: a server that sends its headers one by one
            # is hung up on when the deadline comes.
            hung_up = threading.Event()

            def hang_up():
                hung_up.set()
                self.sock.shutdown(socket.SHUT_RDWR)

            timer = threading.Timer(limits.deadline, hang_up)
            timer.start()
            try:
                response = super().getresponse()
            finally:
                timer.cancel()
            if hung_up.is_set():
                response.close()
                self.close()
                raise TimeoutError(f"its headers took over {limits.deadline:.0f} seconds")
            return response

    return type(pool_class.__name__, (pool_class,), {"ConnectionCls": Connection})
