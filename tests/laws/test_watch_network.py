"""The law watch over the network, against a local server that misbehaves in every way we know."""

import gzip
import io
import json
import socket
import time
import tracemalloc
import zipfile
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command

from kb_site import fetch
from laws.management.commands.watch_laws import Command
from laws.models import OfficialText, Provision, Publication
from laws.watch import addresses, record
from laws.watch.fetch import Fetcher, FetchError, Limits
from tests import misbehaving
from tests.laws.test_watch import ARTICLE_5, AUGUST, JULY, POINT_BA, akoma_ntoso, formex

pytestmark = pytest.mark.anywhere

XML = {"Content-Type": "application/xml"}


@pytest.fixture
def server():
    with misbehaving.running() as server:
        yield server


@pytest.fixture
def limits():
    return Limits(
        timeout=0.3,
        deadline=1,
        max_bytes=100_000,
        retries=2,
        backoff=0.01,
        longest_wait=5,
        pause=0,
        allow_loopback=True,
    )


@pytest.fixture
def get(limits):
    def get(address, **options):
        return Fetcher(limits).get(address, "application/xml", **options)

    return get


@pytest.fixture
def naps(monkeypatch):
    """How long the fetcher meant to sleep; it does not."""
    naps = []
    monkeypatch.setattr(fetch.time, "sleep", naps.append)
    return naps


class TestFetcher:
    def test_takes_the_body_and_what_makes_the_next_request_conditional(self, server, get):
        headers = {**XML, "ETag": '"a"', "Last-Modified": "Mon, 23 Nov 2026 06:00:00 GMT"}
        response = get(server.set("/a", (200, headers, b"<a/>")), language="fra")
        assert response.data == b"<a/>"
        assert (response.etag, response.last_modified) == ('"a"', headers["Last-Modified"])
        (request,) = server.requests
        assert request.headers["Accept"] == "application/xml"
        assert request.headers["Accept-Language"] == "fra"
        assert "law-watch" in request.headers["User-Agent"]

    def test_asks_whether_there_is_anything_newer(self, server, get):
        address = server.set("/a", (304, {}, b""))
        assert get(address, etag='"a"', last_modified="Mon").data is None
        assert server.requests[0].headers["If-None-Match"] == '"a"'
        assert server.requests[0].headers["If-Modified-Since"] == "Mon"

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    def test_asks_a_faltering_server_again(self, server, get, status):
        address = server.set("/a", (status, {}, b"oops"), (200, XML, b"<a/>"))
        assert get(address).data == b"<a/>"

    def test_waits_longer_each_time_and_gives_up(self, server, get, naps):
        with pytest.raises(FetchError, match=r"/a: the server answered 500\. Run the watch again"):
            get(server.set("/a", (500, {}, b"")))
        assert [nap for nap in naps if nap] == [0.01, 0.02]
        assert len(server.requests) == 3

    def test_waits_as_long_as_the_server_asks(self, server, get, naps):
        address = server.set("/a", (429, {"Retry-After": "4"}, b""), (200, XML, b"<a/>"))
        assert get(address).data == b"<a/>"
        assert 4 in naps

    def test_leaves_a_server_alone_that_asks_for_more(self, server, get, naps):
        with pytest.raises(FetchError, match="again in 3600 seconds"):
            get(server.set("/a", (429, {"Retry-After": "3600"}, b"")))
        assert len(server.requests) == 1
        assert 3600 not in naps

    def test_gives_up_on_silence(self, server, get):
        started = time.monotonic()
        with pytest.raises(FetchError, match="could not be reached"):
            get(server.set("/a", lambda request: request.server.released.wait(5)))
        assert time.monotonic() - started < 4

    def test_gives_up_on_a_trickle(self, server, get):
        def trickle(request):
            request.begin(200, {**XML, "Content-Length": "1000"})
            while not request.server.released.wait(0.05):
                request.wfile.write(b" ")

        started = time.monotonic()
        with pytest.raises(FetchError, match="took over 1 seconds"):
            get(server.set("/a", trickle))
        assert time.monotonic() - started < 6

    def test_gives_up_on_headers_that_never_end(self, server, get):
        def trickle(request):
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not request.server.released.wait(0.05):
                request.wfile.write(b"x")

        started = time.monotonic()
        with pytest.raises(FetchError, match="could not be reached"):
            get(server.set("/a", trickle))
        assert time.monotonic() - started < 6

    def test_asks_again_when_an_answer_breaks_off(self, server, get):
        def break_off(request):
            request.begin(200, {**XML, "Content-Length": "1000"})
            request.wfile.write(b"<a>")

        assert get(server.set("/a", break_off, (200, XML, b"<a/>"))).data == b"<a/>"
        with pytest.raises(FetchError, match="broke off"):
            get(server.set("/b", break_off))

    def test_asks_again_when_a_compressed_answer_is_damaged(self, server, get):
        headers = {**XML, "Content-Encoding": "gzip"}
        damaged, whole = (200, headers, b"no gzip at all"), (200, headers, gzip.compress(b"<a/>"))
        assert get(server.set("/a", damaged, whole)).data == b"<a/>"
        with pytest.raises(FetchError, match="broke off"):
            get(server.set("/b", damaged))

    def test_stops_an_endless_body(self, server, get, limits):
        def endless(request):
            request.begin(200, {**XML, "Transfer-Encoding": "chunked"})
            while not request.server.released.is_set():
                request.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")

        with pytest.raises(FetchError, match="over 100000 bytes"):
            get(server.set("/a", endless))
        assert len(server.requests) == 1

    def test_stops_a_compressed_bomb(self, server, get):
        bomb = gzip.compress(b"\0" * 300_000_000, 9)
        address = server.set("/a", (200, {**XML, "Content-Encoding": "gzip"}, bomb))
        tracemalloc.start()
        with pytest.raises(FetchError, match="over 100000 bytes"):
            get(address)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20_000_000

    @pytest.mark.parametrize("content_type", ["text/html", "application/xhtml+xml", ""])
    def test_refuses_what_is_no_xml(self, server, get, content_type):
        with pytest.raises(FetchError, match="not xml"):
            get(server.set("/a", (200, {"Content-Type": content_type}, b"<html/>")))

    def test_says_what_to_do_when_there_is_nothing(self, server, get):
        with pytest.raises(FetchError, match=r"answered 404\. Look whether the act's ELI"):
            get(server.address + "/nothing")

    def test_follows_redirections_and_not_for_ever(self, server, get):
        server.set("/end", (200, XML, b"<a/>"))
        assert get(server.set("/a", (303, {"Location": "/end"}, b""))).data == b"<a/>"
        with pytest.raises(FetchError, match="redirects more than 5 times"):
            get(server.set("/loop", (302, {"Location": "/loop"}, b"")))

    @pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/", "gopher:x"])
    def test_is_not_led_away_from_the_web(self, server, get, target):
        with pytest.raises(FetchError, match="is not a web address"):
            get(server.set("/a", (302, {"Location": target}, b"")))

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
    def test_reaches_no_machine_in_here(self, server, host):
        with pytest.raises(FetchError, match=r"not on the public internet|could not be reached"):
            Fetcher(Limits(retries=0)).get(f"http://{host}:{server.server_port}/", "*/*")
        assert server.requests == []

    def test_is_not_redirected_to_a_machine_in_here(self, server, get, limits):
        def lead_in(request):
            limits.allow_loopback = False
            location = f"http://localhost:{server.server_port}/secret"
            request.begin(302, {"Location": location, "Content-Length": "0"})

        server.set("/secret", (200, XML, b"<secret/>"))
        with pytest.raises(FetchError, match="not on the public internet"):
            get(server.set("/a", lead_in))
        assert [request.path for request in server.requests] == ["/a"]

    def test_says_that_nobody_answers(self, get):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        with pytest.raises(FetchError, match="could not be reached"):
            get(f"http://127.0.0.1:{port}/")

    def test_pauses_between_two_requests_to_one_host(self, server, limits):
        limits.pause = 0.2
        fetcher, address = Fetcher(limits), server.set("/a", (200, XML, b"<a/>"))
        started = time.monotonic()
        for _ in range(3):
            fetcher.get(address, "*/*")
        assert time.monotonic() - started >= 0.4


def package(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.xml", data)
    return buffer.getvalue()


class TestPackage:
    def test_gives_the_act_and_not_its_description(self):
        act = formex("2026-07-27", "")
        assert addresses.unpacked(package(doc=b"<DOC/>", act=act), "x") == act

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (package(doc=b"<DOC/>"), "holds 0 consolidated acts"),
            (package(a=formex("2026-07-27", ""), b=formex("2026-07-27", " ")), "holds 2"),
            (package(bomb=b" " * 3_000_000), "holds over 100000 bytes"),
            (package(doc=b"<DOC/>" * 100)[:60], "is damaged"),
            (package(doc=b"<DOC/>" * 100).replace(b"DOC", b"COD"), "holds 0|is damaged"),
        ],
        # Two workers that collect a package's bytes a moment apart would not name the same test.
        ids=["no act", "two acts", "too big", "cut short", "changed"],
    )
    def test_says_what_is_wrong_with_it(self, data, message):
        with pytest.raises(FetchError, match=message):
            addresses.unpacked(data, "x", max_bytes=100_000)


@pytest.fixture
def publishers(server, limits, monkeypatch):
    """Legilux and the Publications Office, played by the local server."""
    limits.max_bytes = 10_000_000
    monkeypatch.setattr(Command, "fetcher_class", staticmethod(lambda: Fetcher(limits)))
    monkeypatch.setattr(addresses, "LEGILUX", server.address)
    monkeypatch.setattr(addresses, "LEGILUX_SPARQL", f"{server.address}/legilux-sparql")
    monkeypatch.setattr(addresses, "CELLAR", f"{server.address}/celex")
    monkeypatch.setattr(addresses, "CELLAR_SPARQL", f"{server.address}/cellar-sparql")
    server.set("/legilux-sparql", rows())
    server.set("/cellar-sparql", rows())
    return server


def rows(*results):
    """A SPARQL answer with these results, {variable: text}."""
    bindings = [{name: {"value": text} for name, text in row.items()} for row in results]
    body = json.dumps({"results": {"bindings": bindings}}).encode()
    return (200, {"Content-Type": "application/sparql-results+json"}, body)


def consolidations(*days):
    """What Legilux answers for the Criminal Code consolidated on these days."""
    eli = "http://data.legilux.public.lu/eli/etat/leg/code/penal"
    return rows(*({"consolidation": f"{eli}/{d.replace('-', '')}", "day": d} for d in days))


def watch(*arguments):
    output = StringIO()
    call_command("watch_laws", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.django_db
class TestCommand:
    PENAL_XML = "/eli/etat/leg/code/penal/20230822/fr/xml"

    def test_reads_the_newest_consolidation_that_applies_today(self, publishers):
        publishers.set("/legilux-sparql", consolidations(JULY, "2099-01-01", AUGUST))
        publishers.set(self.PENAL_XML, (200, XML, akoma_ntoso(AUGUST, {"383bis": "Texte."})))
        output = watch("--act", "lu-code-penal")
        assert "1 articles read" in output
        assert OfficialText.objects.get(part="383bis").text == "Texte."
        query = parse_qs(urlsplit(publishers.requests[0].path).query)["query"][0]
        assert "<http://data.legilux.public.lu/eli/etat/leg/loi/1879/06/18/n1>" in query

    def test_is_conditional_once_all_that_is_watched_is_stored(self, publishers):
        publishers.set("/legilux-sparql", consolidations(AUGUST))
        data = akoma_ntoso(AUGUST, {"383bis": "Texte.", "999": "Neuf."})
        answer = (200, {**XML, "ETag": '"v1"'}, data)
        publishers.set(self.PENAL_XML, answer, (304, {}, b""), answer)
        watch("--act", "lu-code-penal")
        assert "20230822 (fr): nothing new" in watch("--act", "lu-code-penal")
        assert publishers.requests[-1].headers["If-None-Match"] == '"v1"'
        provision = Provision.objects.get(reference="lu-cp-383bis")
        Provision.objects.filter(pk=provision.pk).update(watched="383bis\n999")
        watch("--act", "lu-code-penal")
        assert publishers.requests[-1].headers["If-None-Match"] is None
        assert OfficialText.objects.get(part="999").text == "Neuf."

    def test_reads_formex_from_cellar_in_each_authentic_language(self, publishers, monkeypatch):
        flags = []
        monkeypatch.setattr(record.reviews, "flag", lambda *args, **kw: flags.append(args))
        cellar = "/celex/02024R1689-20260727"
        publishers.set(
            "/cellar-sparql",
            rows(
                {"consolidation": "02024R1689-20240712"},
                {"consolidation": "02024R1689-20260727"},
                {"consolidation": "02018R1139-20261001"},
            ),
        )
        zipped = {"Content-Type": "application/zip;mtype=fmx4"}
        french, english = (
            (200, zipped, package(doc=b"<DOC/>", act=formex("2026-07-27", article, language)))
            for article, language in [(ARTICLE_5.format(later=POINT_BA), "FR"), (ARTICLE_5, "EN")]
        )
        publishers.set(cellar, french, english)
        watch("--act", "eu-aiact")
        asked = [r.headers for r in publishers.requests if r.path == cellar]
        assert [headers["Accept-Language"] for headers in asked] == ["fra", "eng"]
        assert asked[0]["Accept"].startswith("application/zip;mtype=fmx4")
        assert OfficialText.objects.get(part="5(1)(ba)", language="fr").label == "b bis)"
        assert Publication.objects.filter(act__reference="eu-aiact").count() == 2
        assert flags == []

    def test_an_act_that_fails_stops_no_other(self, publishers):
        publishers.set("/legilux-sparql", consolidations(AUGUST))
        publishers.set(self.PENAL_XML, (200, {"Content-Type": "text/html"}, b"<html/>"))
        with pytest.raises(CommandError, match=r"1 failed:\nlu-code-penal \(fr\): .*text/html"):
            watch("--act", "lu-code-penal", "--act", "eu-gdpr")
        assert "/cellar-sparql" in publishers.requests[-1].path
        assert not Publication.objects.exists()

    def test_the_wrong_act_is_refused(self, publishers):
        publishers.set("/legilux-sparql", consolidations(AUGUST))
        other = akoma_ntoso(AUGUST, {"1": "Un."}, eli="http://x/eli/other")
        publishers.set(self.PENAL_XML, (200, XML, other))
        with pytest.raises(CommandError, match="what came is another act"):
            watch("--act", "lu-code-penal")
        assert not Publication.objects.exists()

    @pytest.mark.parametrize("body", [b"not json", b"[]", b'{"results": null}', b"null"])
    def test_an_answer_that_is_no_list_is_refused(self, publishers, body):
        publishers.set("/cellar-sparql", (200, {"Content-Type": "application/json"}, body))
        with pytest.raises(CommandError, match=r"eu-aiact: .* no list of results"):
            watch("--act", "eu-aiact")

    def test_an_act_never_consolidated_is_said_and_no_failure(self, publishers):
        assert "eu-aiact: its publisher has no consolidated text" in watch("--act", "eu-aiact")
