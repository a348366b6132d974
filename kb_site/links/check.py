"""One address -> what a reader who follows it finds, as far as a robot can tell."""

import contextlib
import time
from dataclasses import dataclass, replace
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from lxml import etree

from kb_site import fetch
from kb_site.fetch import FALTERING, REDIRECTS, FalteredError, RefusedError, Web
from kb_site.links import rules

HEADERS = {
    "Accept": "text/html, application/xhtml+xml, application/pdf, */*;q=0.8",
    "Accept-Language": "fr, en;q=0.8, de;q=0.6",
}
PERMANENT = {301, 308}
# Answers by which the walls before some sites say that they took us for a robot.
WALLS = ("cf-mitigated", "x-amzn-waf-action", "x-datadome", "x-sucuri-block")


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    `reason` is a key of `models.WORDS`, which say what it is; `code` the last HTTP status, if
    any; `final_url` where the address leads, or for "moved" the one to put in its place;
    `evidence` what the words quote. `anchors` are the names of the page's parts, None if unknown.
    """

    reason: str = "fine"
    code: int | None = None
    final_url: str = ""
    evidence: str = ""
    anchors: frozenset | None = None

    def at(self, fragment):
        """Returns the outcome for a part of the page, as named after the # of an address."""
        outcome = self
        if self.reason == "moved" and fragment and "#" not in self.final_url:
            outcome = replace(self, final_url=f"{self.final_url}#{fragment}")
        name = fragment.partition(":~:")[0]
        # #/… and #!… are for scripts; #top is in every page.
        if self.anchors is None or not name or name.startswith(("/", "!")) or name == "top":
            return outcome
        if {name, unquote(name)} & self.anchors:
            return outcome
        return replace(outcome, reason="anchor", evidence=unquote(name)[:200])


@dataclass(frozen=True)
class _Answer:
    code: int
    target: str | None = None  # of a redirection
    is_wall: bool = False
    sets_cookie: bool = False
    is_html: bool = False
    title: str = ""
    anchors: frozenset | None = None


class Checker:
    """Checks addresses one at a time; remembers, while it lives, which hosts want to be left."""

    def __init__(self, limits=None):
        self.limits = limits or rules.limits()
        self._web = Web(self.limits, rules.user_agent())
        self._not_before = {}
        self._blocks = {}

    def close(self):
        self._web.close()

    def visit(self, address, whole=False):
        """Returns the `Outcome` of an address without its fragment; raises nothing.

        `whole` says that the names of the page's parts are wanted.
        """
        here, moved_to, forever, cookies, code = address, "", True, False, None
        seen = set()
        try:
            while True:
                if here in seen or len(seen) > self.limits.redirects:
                    # Sites that let in only who brings back a cookie send robots round.
                    return Outcome("robots" if cookies else "loop", code, here)
                seen.add(here)
                answer = self._ask(here, whole)
                code, cookies = answer.code, cookies or answer.sets_cookie
                if answer.target is None:
                    break
                here = answer.target
                forever = forever and code in PERMANENT
                moved_to = here if forever else moved_to
        except RefusedError as error:
            return Outcome(error.why, code, here if here != address else "")
        except FalteredError as error:
            return Outcome(_reason(error), error.status, here if here != address else "")
        return self._judge(address, here, moved_to, answer)

    def _ask(self, here, whole):
        """The answer to HEAD, or to GET where that says too little, cannot be believed or fails."""
        address = fetch.public_address(here, any_port=self.limits.allow_loopback)
        if not whole:
            with contextlib.suppress(FalteredError):
                answer = self._request("HEAD", address)
                if answer.target or (200 <= answer.code < 300 and not answer.is_html):
                    return answer
        return self._web.patiently(lambda: self._request("GET", address))

    def _request(self, method, address):
        host = urlsplit(address).netloc
        left = self._not_before.get(host, 0) - time.monotonic()
        if left > self.limits.longest_wait:
            raise FalteredError("the site asked us to come back later", left, 429)
        time.sleep(max(0, left))
        with self._web.ask(method, address, HEADERS) as response:
            is_wall = any(name in response.headers for name in WALLS)
            if response.status in FALTERING and not is_wall:
                wait = fetch.retry_after(response)
                self._not_before[host] = time.monotonic() + (wait or 0)
                raise FalteredError(f"the server answered {response.status}", wait, response.status)
            target = None
            if response.status in REDIRECTS:
                target = fetch.location(address, response) or None
            kind = response.headers.get("Content-Type", "text/html").lower()
            title, anchors = "", None
            if method == "GET" and response.status == 200 and "html" in kind:
                title, anchors = self._read(response, kind)
            return _Answer(
                response.status,
                target,
                is_wall,
                "Set-Cookie" in response.headers,
                "html" in kind,
                title,
                anchors,
            )

    def _read(self, response, kind):
        """(title, names of its parts) of a page; None for the names where it is too big."""
        data = bytearray()
        for chunk in self._web.chunks(response):
            data += chunk
            if len(data) > self.limits.max_bytes:
                break
        title, anchors = read_page(bytes(data[: self.limits.max_bytes]), kind)
        return title, None if len(data) > self.limits.max_bytes else anchors

    def _judge(self, address, here, moved_to, answer):
        code, led = answer.code, here if here != address else ""
        if answer.is_wall or (code in (403, 429) and self._host_blocks(here)):
            return Outcome("robots", code, led)
        if not 200 <= code < 300:
            known = {401: "login", 403: "forbidden", 404: "missing", 410: "gone"}
            return Outcome(known.get(code, "odd" if code < 500 else "server"), code, led)
        if led and _is_front(here) and not _is_front(address):
            return Outcome("front", code, led)
        if led and rules.matches("error_paths", urlsplit(here).path):
            return Outcome("error-page", code, led)
        if rules.matches("error_titles", answer.title):
            return Outcome("title", code, led, answer.title)
        if moved_to and not rules.matches("persistent", address):
            return Outcome("moved", code, moved_to, anchors=answer.anchors)
        return Outcome("forwarded" if led else "fine", code, led, anchors=answer.anchors)

    def _host_blocks(self, address):
        """Whether a site that refused a page refuses robots: known for it, or refusing them all."""
        parts = urlsplit(address)
        if parts.hostname in rules.rule("hosts_that_block"):
            return True
        if parts.netloc not in self._blocks:
            self._blocks[parts.netloc] = True
            front = urljoin(address, "/")
            if front != address:
                with contextlib.suppress(FalteredError, RefusedError):
                    self._blocks[parts.netloc] = self._ask(front, False).code in (403, 429)
        return self._blocks[parts.netloc]


def _is_front(address):
    parts = urlsplit(address)
    return not parts.query and rules.matches("front_paths", parts.path)


def read_page(data, content_type=""):
    """Returns (title, frozenset of the names of its parts) of an HTML page, however broken.

    Takes its bytes and its content type, which may name the encoding.
    """
    encoding = content_type.partition("charset=")[2].split(";")[0].strip(" \"'") or None
    page = _Page()
    try:
        parser = etree.HTMLParser(encoding=encoding, target=page)
    except LookupError:
        parser = etree.HTMLParser(target=page)
    with contextlib.suppress(etree.XMLSyntaxError, ValueError):
        etree.fromstring(data, parser)
    return " ".join("".join(page.title).split())[:200], frozenset(page.anchors)


class _Page:
    """What a page's parser tells: no tree, which some pages could make it build for ever."""

    def __init__(self):
        self.title, self.anchors = [], set()
        self._titles, self._in_title = 0, False

    def start(self, tag, attributes):
        if name := attributes.get("id"):
            self.anchors.add(name)
        if tag == "a" and (name := attributes.get("name")):
            self.anchors.add(name)
        # The first is the page's, others may be a drawing's.
        self._titles += tag == "title"
        self._in_title = tag == "title" and self._titles == 1

    def data(self, text):
        if self._in_title:
            self.title.append(text)

    def end(self, tag):
        self._in_title = False

    def close(self):
        pass


def _reason(error):
    """Why an address gave no answer, as a key of `models.WORDS`."""
    if error.status is not None:
        return "busy" if error.status == 429 else "server"
    cause = error.__cause__
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "name"
    if isinstance(cause, urllib3.exceptions.SSLError):
        return "tls"
    # Before the time-outs: urllib3 counts it among them.
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return "unreachable"
    if cause is None or isinstance(cause, urllib3.exceptions.TimeoutError):
        return "silent"
    return "garbled"
