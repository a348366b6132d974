"""One address -> bytes: what the watch reads, and what it says when that fails."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from kb_site import fetch
from kb_site.fetch import FALTERING, REDIRECTS, FalteredError, RefusedError, Web
from laws.watch.safe_xml import MAX_BYTES

USER_AGENT = "Reperes-law-watch/1 (reads consolidated texts; one request at a time)"


class FetchError(Exception):
    """An address could not be read. The message names it and says what to do."""


@dataclass(frozen=True)
class Response:
    """What a server answered. `data` is None when it has nothing newer (304)."""

    data: bytes | None
    etag: str = ""
    last_modified: str = ""


@dataclass
class Limits(fetch.Limits):
    max_bytes: int = MAX_BYTES


class Fetcher:
    """Reads addresses one at a time. Raises `FetchError` from `get` for all that goes wrong."""

    def __init__(self, limits=None):
        self.limits = limits or Limits()
        self._web = Web(self.limits, USER_AGENT)

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
        try:
            return self._web.patiently(lambda: self._follow(address, headers, types))
        except RefusedError as error:
            raise FetchError(f"{address}: {error}. It was not read.") from error
        except FalteredError as error:
            later = f"in {error.wait:.0f} seconds or later" if error.wait else "later"
            raise FetchError(f"{address}: {error}. Run the watch again {later}.") from error

    def _follow(self, address, headers, types):
        """One try: the answer at the end of the redirections."""
        here = address
        for _ in range(self.limits.redirects + 1):
            if urlsplit(here).scheme not in ("http", "https"):
                raise FetchError(f"{address}: it leads to {here}, which is not a web address.")
            with self._web.ask("GET", here, headers) as response:
                if response.status not in REDIRECTS:
                    return self._answer(address, response, types)
                here = fetch.location(here, response)
        raise FetchError(
            f"{address}: it redirects more than {self.limits.redirects} times. Look at the address "
            "of the act."
        )

    def _answer(self, address, response, types):
        if response.status == 304:
            return Response(None)
        if response.status in FALTERING:
            raise FalteredError(
                f"the server answered {response.status}", fetch.retry_after(response)
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
        chunks, size = [], 0
        for chunk in self._web.chunks(response):
            size += len(chunk)
            if size > self.limits.max_bytes:
                raise FetchError(
                    f"{address}: it is over {self.limits.max_bytes} bytes, more than any act. It "
                    "was not read: look at the address in a browser."
                )
            chunks.append(chunk)
        return b"".join(chunks)
