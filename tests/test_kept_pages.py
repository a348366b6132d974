"""Pages kept ready: what is kept, when it is forgotten, and what readers get when Django fails."""

import datetime
import gzip
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import brotli
import pytest
import time_machine
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction

from articles.models import Contact
from kb_site.pages import stamp, writes
from kb_site.pages.layer import KeptPages
from kb_site.pages.models import Stamp
from kb_site.pages.store import LARGEST, Memory, Page

# Where machines share a database, the stamp is a row of it too.
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def pages_dir(settings, tmp_path):
    settings.PAGES_DIR = tmp_path / "pages"
    return settings.PAGES_DIR


class Site:
    """A stand-in for Django that counts how often it is asked."""

    def __init__(self):
        self.asked = []
        self.status = "200 OK"
        self.headers = [("Content-Type", "text/html"), ("Cache-Control", "public, max-age=30")]
        self.body = b"<p>One</p>" * 50

    def __call__(self, environ, start_response):
        self.asked.append(environ)
        length = ("Content-Length", str(len(self.body)))
        start_response(self.status, [length, *self.headers])
        return [self.body]


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def layer(site, pages_dir):
    return KeptPages(site, pages_dir)


def get(application, path="/fr/", query="", method="GET", **headers):
    """Returns (status, {header: value}, body)."""
    told = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": "testserver",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **headers,
    }
    answer = application(environ, lambda status, headers: told.extend([status, dict(headers)]))
    return told[0], told[1], b"".join(answer)


# What is kept


def test_a_page_is_made_once(layer, site):
    first = get(layer)
    assert first == get(layer)
    assert first[2] == site.body
    assert len(site.asked) == 1


def test_another_worker_reads_the_page_instead_of_making_it(layer, site, pages_dir):
    get(layer)
    other = KeptPages(site, pages_dir)
    assert get(other)[2] == site.body
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("status", "header"),
    [
        ("404 Not Found", None),
        ("500 Internal Server Error", None),
        ("302 Found", None),
        ("200 OK", ("Cache-Control", "no-store")),
        ("200 OK", ("Set-Cookie", "a=b")),
        ("200 OK", ("Vary", "Accept-Encoding, Cookie")),
    ],
)
def test_what_may_not_be_kept_is_not(layer, site, status, header):
    site.status = status
    if header:
        site.headers = [pair for pair in site.headers if pair[0] != header[0]] + [header]
    for _time in range(2):
        assert get(layer)[0] == status
    assert len(site.asked) == 2


def test_what_is_large_or_streamed_is_not_kept(layer, site):
    site.body = bytes(LARGEST + 1)
    for _time in range(2):
        assert len(get(layer)[2]) == LARGEST + 1
    assert len(site.asked) == 2


def test_made_up_hosts_and_schemes_do_not_fill_the_disk(layer, site, pages_dir, monkeypatch):
    monkeypatch.setattr("kb_site.pages.store.PLACES", 4)
    for number in range(50):
        host, scheme = f"testserver:{number}", f"scheme{number}"
        for _time in range(2):
            assert get(layer, HTTP_HOST=host, HTTP_X_FORWARDED_PROTO=scheme)[2] == site.body
    assert len(site.asked) == 50
    assert len([path for path in pages_dir.rglob("*") if path.is_file()]) <= 4 + 1
    # Two pages that fall on one place are never taken for each other.
    other = KeptPages(site, pages_dir)
    site.body = b"Other"
    hosts = [get(other, HTTP_HOST=f"testserver:{number}")[2] for number in range(50, 100)]
    assert hosts == [b"Other"] * 50


@pytest.mark.parametrize("path", ["/admin/", "/accounts/login/", "/static/site.css"])
def test_the_admin_and_files_pass_by(layer, site, path):
    get(layer, path)
    get(layer, path)
    assert len(site.asked) == 2


def test_forms_that_are_sent_pass_by(layer, site):
    get(layer)
    get(layer, method="POST")
    get(layer, method="POST")
    assert len(site.asked) == 3


def test_pages_differ_by_host_path_and_query(layer, site):
    asked = [{"HTTP_HOST": "a"}, {"HTTP_HOST": "b"}, {"path": "/en/"}, {"query": "page=2"}]
    asked.append({"HTTP_X_FORWARDED_PROTO": "https"})
    for options in asked * 2:
        get(layer, **options)
    assert len(site.asked) == len(asked)


def test_the_bare_address_is_kept_for_each_language_asked_for(layer, site):
    for accepted in ("fr", "en", "fr", "en"):
        get(layer, "/", HTTP_ACCEPT_LANGUAGE=accepted)
    for accepted in ("fr", "en"):
        get(layer, "/fr/", HTTP_ACCEPT_LANGUAGE=accepted)
    assert len(site.asked) == 3


# What browsers ask for


@pytest.mark.parametrize(
    ("accepted", "encoding", "unpack"),
    [
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
        ("identity", None, bytes),
        ("", None, bytes),
    ],
)
def test_a_page_travels_as_the_browser_can_read_it(layer, site, accepted, encoding, unpack):
    for _time in range(2):
        _status, headers, body = get(layer, HTTP_ACCEPT_ENCODING=accepted)
        assert headers.get("Content-Encoding") == encoding
        assert headers["Content-Length"] == str(len(body))
        assert headers["Vary"] == "Accept-Encoding"
        assert unpack(body) == site.body


def test_a_page_that_arrives_compressed_is_kept_for_all(layer, site):
    plain = site.body
    site.headers.append(("Content-Encoding", "gzip"))
    site.body = gzip.compress(plain)
    assert get(layer)[2] == plain
    assert gzip.decompress(get(layer, HTTP_ACCEPT_ENCODING="gzip")[2]) == plain


def test_a_browser_that_has_the_page_is_told_so(layer, site):
    _status, headers, _body = get(layer)
    for condition in (
        {"HTTP_IF_NONE_MATCH": headers["ETag"]},
        {"HTTP_IF_NONE_MATCH": f'"other", {headers["ETag"]}'},
        {"HTTP_IF_MODIFIED_SINCE": headers["Last-Modified"]},
    ):
        status, told, body = get(layer, **condition)
        assert (status, body) == ("304 Not Modified", b"")
        assert told["ETag"] == headers["ETag"]
    site.body = b"Two"
    stamp.move()
    status, _headers, body = get(layer, HTTP_IF_NONE_MATCH=headers["ETag"])
    assert (status, body) == ("200 OK", b"Two")


def test_the_same_page_after_a_change_elsewhere_is_not_sent_again(layer):
    _status, headers, _body = get(layer)
    with time_machine.travel(datetime.timedelta(hours=1)):
        stamp.move()
        assert get(layer, HTTP_IF_NONE_MATCH=headers["ETag"])[0] == "304 Not Modified"
        assert get(layer)[1]["Last-Modified"] == headers["Last-Modified"]


def test_head_says_what_get_does_without_the_page(layer):
    status, headers, body = get(layer, method="HEAD")
    assert (status, body) == ("200 OK", b"")
    assert headers == get(layer)[1]


# Forgetting


def test_a_page_is_forgotten_when_the_stamp_moves(layer, site, pages_dir):
    other = KeptPages(site, pages_dir)
    get(layer), get(other)
    site.body = b"Two"
    stamp.move()
    assert get(layer)[2] == get(other)[2] == b"Two"
    assert len(site.asked) == 2


def test_a_page_is_forgotten_when_another_worker_moves_the_stamp(layer, site):
    get(layer)
    new = stamp.file().with_name("new")
    new.write_text("another")
    new.replace(stamp.file())
    time.sleep(2 * stamp.LOOK_SECONDS)
    get(layer)
    assert len(site.asked) == 2


def test_a_page_made_while_something_changed_is_not_taken_for_new(site, pages_dir):
    class Changing(Site):
        def __call__(self, environ, start_response):
            answer = super().__call__(environ, start_response)
            if len(self.asked) == 1:
                stamp.move()
            return answer

    changing = Changing()
    layer = KeptPages(changing, pages_dir)
    get(layer)
    changing.body = b"Two"
    assert get(layer)[2] == b"Two"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-12-01T22:59:59Z", "2026-12-01T23:00:00Z"),  # winter: an hour before UTC's midnight
        ("2026-07-01T21:59:59Z", "2026-07-01T22:00:00Z"),  # summer: two hours
        ("2026-12-02T12:00:00Z", "2026-12-01T12:00:00Z"),  # the clock was wrong, and is put right
    ],
)
def test_pages_are_made_anew_at_midnight_in_luxembourg(layer, site, before, after):
    with time_machine.travel(before, tick=False) as clock:
        get(layer)
        get(layer)
        assert len(site.asked) == 1
        clock.move_to(after)
        get(layer)
    assert len(site.asked) == 2


def test_no_answer_of_the_api_may_be_kept_over_midnight(real):
    def cache_control(instant):
        with time_machine.travel(instant, tick=False):
            return get(real, "/api/v1/questions")[1]["Cache-Control"]

    assert cache_control("2026-12-01T22:54:59Z") == "public, max-age=300"
    assert cache_control("2026-12-01T22:55:01Z") == "public, max-age=0"
    assert cache_control("2026-12-01T22:59:59Z") == "public, max-age=0"
    assert cache_control("2026-12-01T23:00:00Z") == "public, max-age=300"


def test_whoever_comes_while_a_page_is_made_gets_the_former_one(site, pages_dir):
    entered, leave = threading.Event(), threading.Event()

    class Slow(Site):
        def __call__(self, environ, start_response):
            if self.asked:
                entered.set()
                assert leave.wait(10)
            return super().__call__(environ, start_response)

    slow = Slow()
    layers = [KeptPages(slow, pages_dir) for _worker in range(3)]
    get(layers[0])
    slow.body = b"Two"
    stamp.move()
    with ThreadPoolExecutor() as pool:
        maker = pool.submit(get, layers[0])
        assert entered.wait(10)
        assert get(layers[1])[2] == get(layers[2])[2] == Site().body
        leave.set()
        assert maker.result(10)[2] == b"Two"
    assert get(layers[1])[2] == b"Two"
    assert len(slow.asked) == 2


@pytest.mark.parametrize("known", [False, True])
def test_nobody_waits_for_a_copy_of_what_is_not_kept(site, pages_dir, known):
    together = threading.Barrier(2)

    class Uncached(Site):
        def __call__(self, environ, start_response):
            if known and len(self.asked) > 1:
                # Both are being made at once, or this ends in an error.
                together.wait(10)
            return super().__call__(environ, start_response)

    uncached = Uncached()
    uncached.headers = [("Cache-Control", "no-store")]
    layers = [KeptPages(uncached, pages_dir) for _worker in range(2)]
    if known:
        [get(layer) for layer in layers]
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(get, layer) for layer in layers]
        assert [answer.result(10)[2] for answer in answers] == [uncached.body] * 2


def test_a_worker_killed_while_it_made_a_page_keeps_nobody_waiting(layer, site):
    key = ("testserver", False, "/fr/", "", None)
    assert layer.folder._take(layer.folder._path(key).with_suffix(".lock"))
    with time_machine.travel(datetime.timedelta(seconds=5)):
        assert get(layer)[2] == site.body
    assert len(site.asked) == 1


# When something fails


def test_the_former_page_stays_while_the_site_fails(layer, site):
    get(layer)
    site.status, site.body = "500 Internal Server Error", b"Broken"
    stamp.move()
    for _time in range(2):
        status, _headers, body = get(layer)
        assert (status, body) == ("200 OK", Site().body)
    assert get(layer, "/fr/new/")[0].startswith("500")
    site.status, site.body = "200 OK", b"Mended"
    assert get(layer)[2] == b"Mended"


def test_a_page_that_is_gone_is_no_failure(layer, site):
    get(layer)
    site.status = "404 Not Found"
    stamp.move()
    assert get(layer)[0] == "404 Not Found"


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_file_is_made_anew(layer, site, pages_dir, damage):
    get(layer)
    [file] = [path for path in pages_dir.rglob("*") if path.is_file() and path.name != "stamp"]
    file.write_bytes(file.read_bytes()[:-9] if damage is None else damage)
    assert get(KeptPages(site, pages_dir))[2] == site.body
    assert len(site.asked) == 2


def test_a_folder_that_cannot_be_written_costs_no_reader_a_page(layer, site, pages_dir):
    stamp.current()
    (pages_dir / "not-a-folder").write_text("")
    layer.folder.folder = pages_dir / "not-a-folder"
    assert get(layer)[2] == site.body
    assert get(layer)[2] == site.body
    assert len(site.asked) == 1


def test_without_a_stamp_nothing_is_kept(layer, site, pages_dir):
    pages_dir.write_text("not a folder")
    assert get(layer)[2] == get(layer)[2] == site.body
    assert len(site.asked) == 2
    stamp.move()


def test_the_memory_has_an_end():
    memory = Memory(limit=30_000)
    for number in range(20):
        memory.put(number, Page.make((1,), "200 OK", [], bytes(2000)))
    assert memory.size <= 30_000
    assert memory.get(19) is not None
    assert memory.get(0) is None


# Over the real site


@pytest.fixture
def real(live_content, pages_dir):
    return KeptPages(get_wsgi_application(), pages_dir)


def text(application, path, **headers):
    status, _headers, body = get(application, path, **headers)
    assert status == "200 OK"
    return body.decode()


def test_readers_see_every_edit_at_once(real):
    path = "/en/contacts/ct-police/"
    assert "Quagga" not in text(real, path)
    contact = Contact.objects.get(reference="ct-police")
    contact.summary_en = "Quagga."
    contact.save()
    assert "Quagga" in text(real, path)
    # A change that no signal tells.
    Contact.objects.filter(reference="ct-police").update(summary_en="Okapi.")
    assert "Okapi" in text(real, path)
    with transaction.atomic():
        Contact.objects.filter(reference="ct-police").update(summary_en="Dodo.")
        transaction.set_rollback(True)
    assert "Okapi" in text(real, path)


def test_what_no_page_shows_moves_nothing(real, django_user_model):
    before = stamp.current()
    django_user_model.objects.create_user("somebody")
    assert stamp.current() == before


def test_a_page_kept_asks_the_database_nothing(real, django_assert_num_queries):
    text(real, "/fr/contacts/")
    with django_assert_num_queries(0):
        text(real, "/fr/contacts/")


def test_searches_and_errors_are_not_kept(real):
    for path, query in (("/en/search/", "q=police"), ("/en/no-such-page/", "")):
        _status, headers, _body = get(real, path, query)
        assert "public" not in headers.get("Cache-Control", "")
        assert real.memory.get(("testserver", False, path, query, None)) is None


def test_a_reader_s_browser_asks_each_time(real):
    for path in ("/fr/", "/en/contacts/", "/fr/timeline/"):
        _status, headers, _body = get(real, path)
        parts = headers["Cache-Control"].split(",")
        told = dict(part.strip().partition("=")[::2] for part in parts)
        assert told == {
            "public": "",
            "max-age": "0",
            "stale-while-revalidate": "1",
            "stale-if-error": "86400",
        }
        assert {"ETag", "Last-Modified"} <= set(headers)
        assert "Set-Cookie" not in headers


def test_a_withdrawn_page_is_gone_at_once(real):
    path = "/en/contacts/ct-police/"
    text(real, path)
    contact = Contact.objects.get(reference="ct-police")
    contact.status = "withdrawn"
    contact.save()
    status, _headers, _body = get(real, path)
    assert status.startswith("410")


def test_a_connection_that_is_opened_again_and_again_is_watched_once(transactional_db):
    for _time in range(3):
        connection.close()
        connection.ensure_connection()
    assert connection.execute_wrappers.count(writes._notice) == 1


def test_every_table_is_shown_or_named_as_silent():
    """What a new app's tables are to readers has to be said: they are taken as shown."""
    tables = writes.shown_tables()
    assert {"articles_question", "articles_claim_provisions", "laws_provisionversion"} <= tables
    assert {"editorial_reviewtask", "editorial_revision", "search_promotedresult"} <= tables
    assert not {"auth_user", "django_session", "search_searchcount", "pages_stamp"} & tables
    existing = set(connection.introspection.django_table_names())
    assert tables <= existing
    assert writes.SILENT_TABLES - {"django_migrations", "accounts_cache"} <= existing


def test_other_machines_are_told(transactional_db, pages_dir, settings, tmp_path):
    stamp.current()
    Stamp.objects.update_or_create(pk=stamp.ROW, defaults={"value": 7})
    before = stamp.current()
    assert stamp.catch_up()
    assert stamp.current() != before
    assert not stamp.catch_up()
