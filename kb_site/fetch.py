"""Asks public web servers: patient with one that falters, strict with one that misbehaves.

What the law watch and the link check share. No machine of this network is ever asked, whatever an
address, a name or a redirection says.
"""

import contextlib
import ipaddress
import re
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

FALTERING = {429, 500, 502, 503, 504}
REDIRECTS = {301, 302, 303, 307, 308}
CHUNK = 64 * 1024


class FalteredError(Exception):
    """A failure that may pass.

    `wait` is how many seconds the server asks to wait, if it does; `status` what it answered, if
    it did. What went wrong on the way to it is the `__cause__`.
    """

    def __init__(self, message, wait=None, status=None):
        super().__init__(message)
        self.wait = wait
        self.status = status


class RefusedError(Exception):
    """An address that is not asked. `why` is one word.

    "address" (it cannot be read as one), "scheme" (not http or https), "password" (it holds a
    name or a password), "port" (not the web's), "number" (an IP address in disguise) or "private"
    (the machine is not on the public internet).
    """

    def __init__(self, message, why):
        super().__init__(message)
        self.why = why


@dataclass
class Limits:
    """How long to wait and how much to take. Durations in seconds, sizes in bytes."""

    timeout: float = 30  # for one connection, or one silence of the server
    deadline: float = 180  # for all the headers of an answer, and for its whole body
    max_bytes: int = 40 * 1024 * 1024  # after decompression; whoever reads a body counts
    retries: int = 4
    backoff: float = 2  # 2, 4, 8, 16 between tries, unless the server says how long
    longest_wait: float = 300  # a server that asks for more is left alone
    pause: float = 1  # between two requests to one host
    redirects: int = 5
    allow_loopback: bool = False  # for tests: every other machine here stays out of reach


class Web:
    """Asks one address at a time, no host more often than the limits allow."""

    def __init__(self, limits, user_agent):
        self.limits = limits
        self._last_request = {}
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(limits.timeout),
            headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
        )
        self._pool.pool_classes_by_scheme = {
            "http": _pool_of(urllib3.HTTPConnectionPool, HTTPConnection, limits),
            "https": _pool_of(urllib3.HTTPSConnectionPool, HTTPSConnection, limits),
        }

    @contextlib.contextmanager
    def ask(self, method, address, headers):
        """The server's answer, read up to its body, redirections not followed.

        Raises `FalteredError` when none comes, `RefusedError` when the machine may not be asked.
        """
        self._be_polite(address)
        try:
            response = self._pool.request(
                method,
                address,
                headers={**self._pool.headers, **headers},
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.LocationValueError as error:
            raise RefusedError(f"it is not a web address ({error})", "address") from error
        except urllib3.exceptions.HTTPError as error:
            raise FalteredError(f"the server could not be reached ({error})") from error
        try:
            yield response
        finally:
            # Closed first: what an unfinished answer still sends must not reach the next one.
            response.close()
            response.release_conn()

    def chunks(self, response):
        """Yields the body, decompressed, in pieces of `CHUNK` bytes at most.

        Raises `FalteredError` when it breaks off or takes longer than the deadline.
        """
        end = time.monotonic() + self.limits.deadline
        try:
            while chunk := response.read1(CHUNK, decode_content=True):
                if time.monotonic() > end:
                    raise FalteredError(f"its answer took over {self.limits.deadline:.0f} seconds")
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise FalteredError(f"its answer broke off ({error})") from error

    def patiently(self, attempt):
        """What `attempt()` returns, tried again after longer and longer pauses.

        Raises the last `FalteredError`, or one whose server asks for more patience than we have.
        """
        for tries in range(self.limits.retries + 1):
            try:
                return attempt()
            except FalteredError as error:
                wait = self.limits.backoff * 2**tries if error.wait is None else error.wait
                if tries == self.limits.retries or wait > self.limits.longest_wait:
                    raise
                time.sleep(wait)

    def close(self):
        """Hangs up on every server."""
        self._pool.clear()

    def _be_polite(self, address):
        host = urlsplit(address).netloc
        if host in self._last_request:
            time.sleep(max(0, self._last_request[host] + self.limits.pause - time.monotonic()))
        self._last_request[host] = time.monotonic()


def retry_after(response):
    """Seconds to wait, from a Retry-After header (a number or a date), or None without one."""
    value = response.headers.get("Retry-After")
    try:
        return Retry().parse_retry_after(value) if value else None
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def location(address, response):
    """Where a redirection from an address leads; "" when it says nothing that can be read."""
    target = response.headers.get("Location", "")
    with contextlib.suppress(UnicodeError):
        # Header lines are read as Latin-1; an address that is not ASCII was sent as UTF-8.
        target = target.encode("latin-1").decode()
    try:
        return urljoin(address, target) if target else ""
    except ValueError:
        return ""


# Who may be asked

_AUTHORITY = re.compile(r"(https?://)([^\\/?#]*)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def public_address(address, any_port=False):
    """Returns an address as it may be asked for: its name in ASCII, without its fragment.

    Raises `RefusedError` for one that no page for the public has, before anybody is asked. Which
    machine a name leads to is looked at when connecting.
    """
    address = address.partition("#")[0]
    match = _AUTHORITY.match(address)
    if not match:
        raise RefusedError("it is not a web address", "scheme")
    try:
        host = match[2].encode("idna").decode() if not match[2].isascii() else match[2]
        address = match[1] + host + address[match.end() :]
        url = urllib3.util.parse_url(address)
        urlsplit(address)  # the two do not agree on what is malformed
    except ValueError as error:  # LocationValueError and UnicodeError are such
        raise RefusedError("it cannot be read as a web address", "address") from error
    if _CONTROL.search(address) or " " in host:
        raise RefusedError("it holds signs that no web address has", "address")
    if "@" in host:
        raise RefusedError("it holds a user name or a password", "password")
    if not url.host:
        raise RefusedError("it names no site", "address")
    if not any_port and url.port not in (None, 80, 443):
        raise RefusedError(f"its port is {url.port}", "port")
    # As browsers do: a name whose last part is a number is an IPv4 address, however spelled.
    if _NUMBER.fullmatch(url.host.rstrip(".").rpartition(".")[2]):
        try:
            ipaddress.IPv4Address(url.host)
        except ValueError as error:
            raise RefusedError(f"{url.host} is an IP address in disguise", "number") from error
    return address


def is_public(machine):
    """Whether an IP address, as text, is one of the public internet's, for one receiver."""
    machine = _machine(machine)
    return machine.is_global and not (
        machine.is_multicast
        or machine.is_reserved
        # IPv6 ranges that lead back to IPv4, or are forgotten forms of private ones.
        or getattr(machine, "sixtofour", None)
        or getattr(machine, "teredo", None)
        or getattr(machine, "is_site_local", False)
    )


def _machine(text):
    machine = ipaddress.ip_address(text.partition("%")[0])
    return getattr(machine, "ipv4_mapped", None) or machine


def _pool_of(pool_class, connection_class, limits):
    """A connection pool that talks to public machines only, and not for ever.

    The machines of a name are looked at before it is called, and the one that answers again once
    connected, before a byte is sent: a name that changes its address in between gains nothing.
    """

    def check(machine):
        if limits.allow_loopback and _machine(machine).is_loopback:
            return
        if not is_public(machine):
            raise RefusedError(f"{machine} is not on the public internet", "private")

    class Connection(connection_class):
        def _new_conn(self):
            # A name that leads nowhere is told below.
            with contextlib.suppress(OSError, UnicodeError):
                for found in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
                    check(found[4][0])
            connection = super()._new_conn()
            try:
                check(connection.getpeername()[0])
            except BaseException:
                connection.close()
                raise
            return connection

        def getresponse(self):
            # A time-out starts again with each byte: a server that sends its headers one by one
            # is hung up on when the deadline comes. (A TLS greeting has one time-out in all.)
            hung_up = threading.Event()

            def hang_up():
                hung_up.set()
                with contextlib.suppress(OSError, AttributeError):
                    self.sock.shutdown(socket.SHUT_RDWR)

            timer = threading.Timer(limits.deadline, hang_up)
            timer.daemon = True
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
