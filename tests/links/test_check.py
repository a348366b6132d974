"""One link after the other, against a server that misbehaves in every way we know."""

import gzip
import socket
import time
import tracemalloc
from contextlib import closing

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from kb_site.links import rules as link_rules
from kb_site.links.check import Checker, Outcome, read_page
from kb_site.links.models import NO_FAILURE, WORDS

pytestmark = pytest.mark.anywhere

HTML = {"Content-Type": "text/html; charset=utf-8"}
PDF = {"Content-Type": "application/pdf"}


def page(title="A page", body=""):
    return f"<!doctype html><html><head><title>{title}</title></head><body>{body}".encode()


def moved(target, status=301):
    return (status, {"Location": target}, b"")


@pytest.fixture
def checker():
    with closing(Checker()) as checker:
        yield checker


@pytest.fixture
def visit():
    """Visits an address; fails when that takes longer than any limit explains."""

    def visit(address, whole=False):
        started = time.monotonic()
        with closing(Checker()) as checker:
            outcome = checker.visit(address, whole)
        assert time.monotonic() - started < 8
        assert outcome.reason in WORDS
        return outcome

    return visit


class TestWhatWorks:
    def test_a_page(self, server, visit):
        outcome = visit(server.set("/a", (200, HTML, page())))
        assert (outcome.reason, outcome.code, outcome.final_url) == ("fine", 200, "")
        assert [request.method for request in server.requests] == ["HEAD", "GET"]

    def test_a_file_needs_no_more_than_its_head(self, server, visit):
        assert visit(server.set("/a.pdf", (200, PDF, b"x"))).reason == "fine"
        assert [request.method for request in server.requests] == ["HEAD"]

    def test_says_who_asks(self, server, visit, settings):
        settings.ALLOWED_HOSTS = ["reperes.example.org"]
        visit(server.set("/a", (200, HTML, page())))
        agent = server.requests[0].headers["User-Agent"]
        assert "link-check" in agent
        assert "reperes.example.org" in agent

    @pytest.mark.parametrize("status", [400, 403, 404, 405, 500, 501, 503])
    def test_a_server_that_refuses_head(self, server, visit, status):
        server.heads["/a"] = (status, {}, b"")
        assert visit(server.set("/a", (200, HTML, page()))).reason == "fine"

    @pytest.mark.parametrize(
        "head",
        [
            lambda request: None,
            lambda request: request.wfile.write(b"no HTTP at all\r\n\r\n"),
            lambda request: request.server.released.wait(5),
        ],
    )
    def test_a_server_that_chokes_on_head(self, server, visit, head):
        server.heads["/a"] = head
        assert visit(server.set("/a", (200, HTML, page()))).reason == "fine"

    def test_a_head_with_a_body_does_not_spoil_the_next_answer(self, server, visit):
        def head(request):
            request.begin(200, {**HTML, "Content-Length": "30"})
            request.wfile.write(b"HTTP/1.1 404 Not Found\r\n\r\n    ")

        server.heads["/a"] = head
        assert visit(server.set("/a", (200, HTML, page()))).reason == "fine"

    def test_a_server_that_stumbles_once(self, server, visit):
        address = server.set("/a", (500, {}, b"oops"), (200, HTML, page()))
        server.heads["/a"] = (500, {}, b"")
        assert visit(address).reason == "fine"

    def test_a_page_too_big_to_be_read_whole_is_a_page(self, server, visit):
        def endless(request):
            request.begin(200, {**HTML, "Transfer-Encoding": "chunked"})
            data = page() + b"x" * 4096
            while request.command == "GET" and not request.server.released.is_set():
                request.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

        outcome = visit(server.set("/a", endless), whole=True)
        assert outcome.reason == "fine"
        assert outcome.at("part").reason == "fine"  # nobody knows

    def test_a_compressed_bomb_is_not_unpacked(self, server, visit):
        bomb = gzip.compress(page() + b"\0" * 300_000_000, 9)
        address = server.set("/a", (200, {**HTML, "Content-Encoding": "gzip"}, bomb))
        tracemalloc.start()
        outcome = visit(address)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert outcome.reason == "fine"
        assert peak < 20_000_000

    def test_a_page_longer_than_it_says(self, server, visit):
        def reply(request):
            request.begin(200, {**HTML, "Content-Length": "60"})
            request.wfile.write(page(body="x" * 500))

        assert visit(server.set("/a", reply)).reason == "fine"

    def test_an_accent_in_an_address(self, server, visit):
        server.set("/caf%C3%A9", (200, HTML, page()))
        assert visit(f"{server.address}/café").reason == "fine"


class TestRedirections:
    def test_moved_for_good_proposes_the_new_address(self, server, visit):
        server.set("/b", moved("/c", 308))
        end = server.set("/c", (200, HTML, page()))
        outcome = visit(server.set("/a", moved("/b")))
        assert (outcome.reason, outcome.code, outcome.final_url) == ("moved", 200, end)

    def test_proposes_nothing_beyond_a_temporary_one(self, server, visit):
        middle = server.set("/b", moved("/c", 302))
        server.set("/c", moved("/d"))
        server.set("/d", (200, HTML, page()))
        assert visit(server.set("/a", moved("/b"))).final_url == middle

    @pytest.mark.parametrize("status", [302, 303, 307])
    def test_for_now_is_fine(self, server, visit, status):
        end = server.set("/b", (200, PDF, b""))
        outcome = visit(server.set("/a", moved("/b", status)))
        assert (outcome.reason, outcome.final_url) == ("forwarded", end)

    def test_a_name_made_to_redirect_is_cited_as_it_is(self, server, visit, rules):
        rules["persistent"] = r"/eli/"
        server.set("/doc", (200, PDF, b""))
        assert visit(server.set("/eli/etat/leg/1", moved("/doc"))).reason == "forwarded"

    @pytest.mark.parametrize(
        "address",
        [
            "http://data.legilux.public.lu/eli/etat/leg/code/penal",
            "http://data.europa.eu/eli/reg/2016/679/oj",
            "https://doi.org/10.1000/182",
        ],
    )
    def test_knows_such_names(self, address):
        assert link_rules.matches("persistent", address)

    def test_to_what_is_gone(self, server, visit):
        outcome = visit(server.set("/a", moved("/nothing")))
        assert (outcome.reason, outcome.code) == ("missing", 404)
        assert outcome.final_url == server.address + "/nothing"

    def test_without_end(self, server, visit):
        server.set("/b", moved("/a"))
        assert visit(server.set("/a", moved("/b"))).reason == "loop"
        assert len(server.requests) == 2
        for number in range(10):
            server.set(f"/{number}", moved(f"/{number + 1}", 302))
        assert visit(f"{server.address}/0").reason == "loop"

    def test_round_and_round_for_who_brings_no_cookie(self, server, visit):
        reply = (302, {"Location": "/a", "Set-Cookie": "seen=1"}, b"")
        assert visit(server.set("/a", reply)).reason == "robots"

    def test_to_nowhere(self, server, visit):
        assert visit(server.set("/a", (302, {}, b""))).reason == "odd"
        assert visit(server.set("/b", moved("http://["))).reason == "odd"

    @pytest.mark.parametrize(
        ("target", "why"),
        [
            ("file:///etc/hostname", "scheme"),
            ("ftp://example.org/", "scheme"),
            ("javascript:alert(1)", "scheme"),
            ("http://a:b@example.org/", "password"),
            ("http://2130706433/", "number"),
            ("http://10.0.0.1/", "private"),
            ("http://169.254.169.254/latest/meta-data/", "private"),
            ("http://[::ffff:10.0.0.1]/", "private"),
            ("http://[fe80::1]/", "private"),
            ("http://224.0.0.1/", "private"),
            ("http://[ff0e::1]/", "private"),
            ("http://0.0.0.0/", "private"),
            ("http://example.org/\0", "address"),
        ],
    )
    def test_to_where_nobody_is_sent(self, server, visit, target, why):
        outcome = visit(server.set("/a", moved(target)))
        assert outcome.reason == why
        assert outcome.final_url.startswith(target[:5])

    def test_to_another_port(self, server, checker):
        """The same server, asked as in production but for the first request."""

        def reply(request):
            checker.limits.allow_loopback = False
            request.begin(302, {"Location": "http://example.org:8080/", "Content-Length": "0"})

        assert checker.visit(server.set("/a", reply)).reason == "port"

    def test_to_a_machine_in_here(self, server, checker):
        def reply(request):
            checker.limits.allow_loopback = False
            request.begin(302, {"Location": "http://localhost/secret", "Content-Length": "0"})

        assert checker.visit(server.set("/a", reply)).reason == "private"
        assert len(server.requests) == 1


class TestWhatFails:
    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (401, "login"),
            (404, "missing"),
            (410, "gone"),
            (418, "odd"),
            (500, "server"),
            (502, "server"),
            (599, "server"),
            (999, "server"),
        ],
    )
    def test_an_answer_that_is_no_page(self, server, visit, status, reason):
        outcome = visit(server.set("/a", (status, {}, b"")))
        assert (outcome.reason, outcome.code) == (reason, status)

    def test_a_head_that_promises_a_page_that_is_not_there(self, server, visit):
        server.heads["/a"] = (200, HTML, b"")
        assert visit(server.set("/a", (404, HTML, page()))).reason == "missing"

    def test_a_page_forbidden_on_a_site_that_lets_us_in(self, server, visit):
        server.set("/", (200, HTML, page()))
        assert visit(server.set("/a", (403, HTML, page()))).reason == "forbidden"

    def test_silence(self, server, visit):
        silent = server.set("/a", lambda request: request.server.released.wait(5))
        assert visit(silent).reason == "silent"

    def test_headers_that_never_end(self, server, visit):
        def trickle(request):
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not request.server.released.wait(0.05):
                request.wfile.write(b"x")

        assert visit(server.set("/a", trickle)).reason == "silent"

    def test_a_body_that_trickles(self, server, visit):
        def trickle(request):
            request.begin(200, {**HTML, "Content-Length": "1000"})
            while request.command == "GET" and not request.server.released.wait(0.05):
                request.wfile.write(b" ")

        assert visit(server.set("/a", trickle)).reason == "silent"

    def test_a_body_cut_off(self, server, visit):
        def cut_off(request):
            request.begin(200, {**HTML, "Content-Length": "1000"})
            request.wfile.write(b"<title>")

        assert visit(server.set("/a", cut_off)).reason == "garbled"

    def test_a_body_that_is_not_as_compressed_as_it_says(self, server, visit):
        headers = {**HTML, "Content-Encoding": "gzip"}
        assert visit(server.set("/a", (200, headers, b"no gzip at all"))).reason == "garbled"

    @pytest.mark.parametrize(
        "answer",
        [
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"\0" * 50,
            b"x" * 200_000,
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
            b"",
        ],
    )
    def test_an_answer_that_is_no_http(self, server, visit, answer):
        server.set("/a", lambda request: request.wfile.write(answer))
        assert visit(f"{server.address}/a").reason in ("garbled", "fine")

    def test_nobody_there(self, visit):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        assert visit(f"http://127.0.0.1:{port}/").reason == "unreachable"

    def test_no_such_name(self, visit):
        assert visit("http://no-such-name.invalid/").reason == "name"

    def test_no_encryption_where_there_should_be(self, server, visit):
        assert visit(server.address.replace("http:", "https:")).reason == "tls"

    @pytest.mark.parametrize("address", ["", "x", "http://", "http://a b/", "tel:113", "http://[/"])
    def test_what_is_no_address(self, visit, address):
        assert visit(address).reason not in NO_FAILURE

    @hypothesis.settings(
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        scheme=st.sampled_from(["http://", "https://", "HTTP://", "http:", ""]),
        rest=st.text(st.sampled_from("a1.:/@[]?#%\\\0 \n\té１℀。-xX\ud800"), max_size=12),
    )
    def test_what_nobody_thought_of(self, checker, scheme, rest):
        checker.limits.backoff = 0
        assert checker.visit(scheme + rest).reason not in NO_FAILURE

    @hypothesis.settings(
        deadline=None,
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(target=st.text(st.sampled_from("a1.:/@[]?#%\\\t é１xhtp;\xff"), max_size=12))
    def test_a_redirection_nobody_thought_of(self, server, checker, target):
        checker.limits.backoff = 0
        headers = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        server.set("/a", lambda request: request.wfile.write(headers.encode("utf-8")))
        assert checker.visit(f"{server.address}/a").reason in WORDS

    def test_a_nul_in_the_headers(self, server, visit):
        headers = {"Location": "/b\0c", "X-Nul": "\0", "Content-Length": "0"}
        assert visit(server.set("/a", (302, headers, b""))).reason == "address"
        nul = (200, {**HTML, "X-Nul": "a\0b"}, page("a\0b"))
        assert visit(server.set("/b", nul)).reason in ("fine", "garbled")


class TestSoft404:
    def test_the_front_page_instead_of_the_page(self, server, visit):
        server.set("/fr.html", (200, HTML, page()))
        outcome = visit(server.set("/law/7", moved("/fr.html")))
        assert (outcome.reason, outcome.final_url) == ("front", f"{server.address}/fr.html")

    def test_a_front_page_that_chooses_a_language_is_no_such_thing(self, server, visit):
        server.set("/fr/", (200, HTML, page()))
        assert visit(server.set("/", moved("/fr/", 302))).reason == "forwarded"

    def test_a_query_may_be_the_page(self, server, visit):
        server.set("/index.php", (200, HTML, page()))
        assert visit(server.set("/law/7", moved("/index.php?id=7", 302))).reason == "forwarded"

    @pytest.mark.parametrize("path", ["/404", "/error/404.html", "/page-not-found", "/fr/erreur"])
    def test_an_error_page(self, server, visit, path):
        server.set(path, (200, HTML, page()))
        assert visit(server.set("/a", moved(path, 302))).reason == "error-page"

    @pytest.mark.parametrize("path", ["/loi/4040", "/terror", "/terreur/", "/mirror.html"])
    def test_no_error_page(self, path):
        assert not link_rules.matches("error_paths", path)

    @pytest.mark.parametrize(
        "title",
        [
            "Page not found | Site",
            "404",
            "Erreur 404 - Portail",
            "Page introuvable",
            "Cette page n’existe plus",
            "Seite nicht gefunden",
            "Not\n  Found",
        ],
    )
    def test_a_title_that_says_so(self, server, visit, title):
        outcome = visit(server.set("/a", (200, HTML, page(title))))
        assert outcome.reason == "title"
        assert outcome.evidence == " ".join(title.split())

    @pytest.mark.parametrize("title", ["", "Article 404 du Code civil", "Foundation", "Founding"])
    def test_a_title_that_does_not(self, server, visit, title):
        assert visit(server.set("/a", (200, HTML, page(title)))).reason == "fine"

    def test_the_rules_are_settings(self, server, visit, rules):
        rules["error_titles"] = "verschwunden"
        assert visit(server.set("/a", (200, HTML, page("Not found")))).reason == "fine"
        assert visit(server.set("/b", (200, HTML, page("Verschwunden")))).reason == "title"


class TestSitesThatTurnRobotsAway:
    def test_one_that_refuses_everything(self, server, visit):
        server.set("/", (403, {}, b""))
        assert visit(server.set("/a", (403, {}, b""))).reason == "robots"

    def test_its_front_page_is_asked_once(self, server, checker):
        server.set("/", (403, {}, b""))
        for path in ("/a", "/b", "/c"):
            assert checker.visit(server.set(path, (403, {}, b""))).reason == "robots"
        assert sum(request.path == "/" for request in server.requests) == 2  # HEAD and GET

    def test_one_that_is_known(self, server, visit, rules):
        rules["hosts_that_block"] = ["127.0.0.1"]
        server.set("/", (200, HTML, page()))
        assert visit(server.set("/a", (403, {}, b""))).reason == "robots"

    @pytest.mark.parametrize("status", [202, 403, 405, 503])
    def test_a_wall_before_it(self, server, visit, status):
        headers = {**HTML, "x-amzn-waf-action": "challenge"}
        assert visit(server.set("/a", (status, headers, b""))).reason == "robots"

    def test_one_that_finds_us_too_busy(self, server, visit):
        outcome = visit(server.set("/a", (429, {}, b"")))
        assert (outcome.reason, outcome.code) == ("busy", 429)


class TestPatience:
    @pytest.fixture
    def naps(self, monkeypatch):
        naps = []
        monkeypatch.setattr(time, "sleep", lambda seconds: naps.append(round(seconds, 1)))
        return naps

    def test_waits_as_long_as_the_server_asks(self, server, checker, naps):
        server.heads["/a"] = (200, HTML, b"")
        busy = (503, {"Retry-After": "4"}, b"")
        assert checker.visit(server.set("/a", busy, (200, HTML, page()))).reason == "fine"
        assert 4 in naps

    def test_a_server_that_asks_for_more_is_left_alone(self, server, checker, naps):
        busy = server.set("/a", (429, {"Retry-After": "3600"}, b""))
        other = server.set("/b", (200, HTML, page()))
        assert checker.visit(busy).reason == "busy"
        assert checker.visit(other).reason == "busy"
        assert len(server.requests) == 1
        assert not any(naps)

    @pytest.mark.parametrize("value", ["soon", "-5", "9" * 400, "Mon, 99 Foo 2026", "\0"])
    def test_an_odd_wish_is_no_wish(self, server, checker, naps, value):
        odd = (503, {"Retry-After": value}, b"")
        outcome = checker.visit(server.set("/a", odd))
        assert outcome.reason in ("server", "busy", "garbled")

    def test_pauses_between_two_requests_to_one_site(self, server, checker, naps):
        checker.limits.pause = 2
        checker.visit(server.set("/a", (200, HTML, page())))
        assert naps.count(2) == 1  # between HEAD and GET


class TestParts:
    @pytest.fixture
    def outcome(self, server, visit):
        body = "<h2 id=art_1>1</h2><a name='caf&eacute;'></a>"
        return visit(server.set("/a", (200, HTML, page(body=body))), whole=True)

    @pytest.mark.parametrize("name", ["", "top", "art_1", "caf%C3%A9", "café", "/route", "!/x"])
    def test_a_part_that_is_there(self, outcome, name):
        assert outcome.at(name).reason == "fine"

    @pytest.mark.parametrize("name", ["art_2", "ART_1", "art_2:~:text=x", "%ff"])
    def test_a_part_that_is_not(self, outcome, name):
        assert outcome.at(name).reason == "anchor"

    def test_quoted_words_need_no_name(self, outcome):
        assert outcome.at(":~:text=some%20words").reason == "fine"

    def test_a_file_has_no_parts_to_miss(self, server, visit):
        outcome = visit(server.set("/a.pdf", (200, PDF, b"")), whole=True)
        assert outcome.at("page=3").reason == "fine"

    def test_the_new_address_keeps_the_part(self):
        outcome = Outcome("moved", 200, "https://a.lu/b", anchors=frozenset({"x"}))
        assert outcome.at("x").final_url == "https://a.lu/b#x"
        assert outcome.at("y").reason == "anchor"

    @pytest.mark.parametrize(
        "data", [b"", b"\0\0", b"<", b"<title>", "é".encode("utf-16"), b"<a id='\xff'>"]
    )
    def test_any_bytes_are_read(self, data):
        read_page(data)
        read_page(data, "text/html; charset=no-such")

    def test_no_page_takes_long_to_read(self):
        many = b" ".join(b"a%d=1" % number for number in range(300_000))
        started = time.monotonic()
        for data in (b"<a " + many + b">", b"<div>" * 500_000, b"<!--" * 500_000):
            read_page(data)
        assert time.monotonic() - started < 10


def test_a_rule_nobody_knows_is_said(settings):
    settings.LINK_CHECK = {"puase": 1}
    with pytest.raises(Exception, match="knows no puase"):
        link_rules.rule("pause")
