"""No link of the site is broken: pages, fragments, forms and files, from `/` on, both languages.

Links to other sites are only collected: `check_links` follows those (`tests/links`).
"""

from collections import defaultdict, deque
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.staticfiles import finders
from lxml import html

from tests.pages import LANGUAGES, as_it_stands
from tests.test_pages import is_crawled

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

# More pages than this would be a loop: an address that makes another one.
MOST = 5_000
HERE = "http://testserver"
# What links, loads and sends: (tag, attribute).
POINTERS = [
    ("a", "href"),
    ("form", "action"),
    ("button", "formaction"),
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
]


class Crawl:
    """Every page reached from `/`.

    `ids` are the ids of each page, `wanted` the fragments asked of each, `elsewhere` the addresses
    on other sites; `broken` says what leads nowhere, and from where.
    """

    def __init__(self):
        self.ids, self.wanted = {}, defaultdict(set)
        self.elsewhere, self.broken, self.files = set(), [], set()
        self.todo, self.known = deque(), set()
        for start in ("/", *(f"/{language}/" for language in LANGUAGES)):
            self.add(start, "/")
        while self.todo:
            assert len(self.known) < MOST, f"{len(self.known)} pages: {self.todo[-1]}"
            self.read(*self.todo.popleft())
        for (address, fragment), sources in self.wanted.items():
            if address in self.ids and fragment not in self.ids[address]:
                self.broken.append(f"{address}#{fragment} is not there, from {sorted(sources)[0]}")

    def add(self, link, source):
        parts = urlsplit(urljoin(HERE + source, link))
        if parts.scheme not in ("http", "https"):
            if parts.scheme not in ("mailto", "tel"):
                self.broken.append(f"{link} in {source} is no address")
        elif f"{parts.scheme}://{parts.netloc}" != HERE:
            self.elsewhere.add(link)
        elif parts.path.startswith("/static/"):
            if parts.path not in self.files and not finders.find(parts.path[len("/static/") :]):
                self.broken.append(f"{parts.path} is no file, from {source}")
            self.files.add(parts.path)
        else:
            address = parts._replace(scheme="", netloc="", fragment="").geturl()
            if parts.fragment:
                self.wanted[address, parts.fragment].add(source)
            if address not in self.known and (is_crawled(address) or parts.path.endswith("/feed/")):
                self.known.add(address)
                self.todo.append((address, source))

    def read(self, address, source):
        response = as_it_stands(address)
        if response.status_code in (301, 302):
            self.add(response["Location"], address)
            return
        if response.status_code != 200:
            self.broken.append(f"{address} answers {response.status_code}, from {source}")
            return
        if not response["Content-Type"].startswith("text/html"):
            return
        tree = html.document_fromstring(response.content)
        self.ids[address] = set(tree.xpath("//@id"))
        for tag, attribute in POINTERS:
            for node in tree.iter(tag):
                # A form that sends by POST is no link.
                if attribute in node.attrib and node.get("method", "get").lower() == "get":
                    self.add(node.get(attribute), address)


@pytest.fixture(scope="module")
def crawl(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        return Crawl()


def test_no_link_form_fragment_or_file_is_broken(crawl):
    assert crawl.broken == []


def test_the_crawl_reached_the_site(crawl):
    for language in LANGUAGES:
        assert len([address for address in crawl.ids if address[1:3] == language]) > 150
    assert "/static/site.css" in crawl.files
    # Addresses with a fragment are asked for, and links to other sites are there.
    assert len(crawl.wanted) > 2
    assert len(crawl.elsewhere) > 50


def test_links_to_other_sites_are_whole(crawl):
    for link in crawl.elsewhere:
        assert "." in urlsplit(link).netloc, link


def test_a_broken_link_would_be_found(monkeypatch, django_db_setup):
    """The crawl can fail: here nothing is where the first page says."""
    crawl = Crawl.__new__(Crawl)
    crawl.ids, crawl.wanted, crawl.known = {}, defaultdict(set), set()
    crawl.elsewhere, crawl.broken, crawl.files, crawl.todo = set(), [], set(), deque()
    crawl.add("/static/none.css", "/fr/")
    crawl.add("javascript:go()", "/fr/")
    crawl.read("/fr/nowhere/", "/fr/")
    assert len(crawl.broken) == 3
