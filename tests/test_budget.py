"""A page and its style sheet arrive in the first network round trip: 14 kB compressed.

Ten packets of 1,460 bytes are what a server sends before it waits for the first answer, less what
the headers take. The style sheet is compressed as the build does (Brotli at its strongest, what
WhiteNoise keeps beside the file), the page as the server sends it: when it does not compress, as
the proxy in front would, with gzip at its usual level 6.
"""

import zlib

import brotli
import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from articles.models import Question
from tests.pages import LANGUAGES, as_it_stands, pages
from tests.test_pages import Page

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

BUDGET = 14 * 1024  # bytes


def weight_of(response):
    """The bytes of a page as they are sent."""
    if response.get("Content-Encoding"):
        return len(response.content)
    compress = zlib.compressobj(6, zlib.DEFLATED, 31)
    return len(compress.compress(response.content) + compress.flush())


def sheets_of(tree):
    return [node.attrs["href"] for node in tree.all("link", rel="stylesheet")]


def weight_of_sheet():
    with open(finders.find("site.css"), "rb") as file:
        return len(brotli.compress(file.read()))


def light_pages(language):
    """The addresses of home, every question, the contacts and every page of help."""
    with override(language):
        questions = [question.get_absolute_url() for question in Question.objects.published()]
        lists = [reverse("home"), reverse("articles:contact-list")]
    help_pages = [page.address for page in pages(language) if "help" in page.name]
    return [*lists, *help_pages, *questions]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_and_its_style_sheet_arrive_at_once(language):
    client = Client(headers={"accept-encoding": "br, gzip"})
    sheet = weight_of_sheet()
    weights = {address: weight_of(client.get(address)) + sheet for address in light_pages(language)}
    assert len(weights) > 40
    assert {address: n for address, n in weights.items() if n > BUDGET} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_holds_a_page_back(language):
    """One style sheet, no image, and no script that is waited for."""
    for page in pages(language):
        tree = Page(as_it_stands(page.address)).tree
        assert sheets_of(tree) == ["/static/site.css"], page
        assert not tree.all("img"), page
        for script in tree.all("script"):
            if script.attrs.get("type") == "application/ld+json":
                continue  # Data is not run.
            assert "defer" in script.attrs or "async" in script.attrs, page
            assert "src" in script.attrs, page
        preloads = {node.attrs.get("rel") for node in tree.all("link")}
        assert not preloads & {"preload", "modulepreload", "prefetch", "preconnect"}, page


def test_the_style_sheet_loads_nothing_else():
    with open(finders.find("site.css")) as file:
        sheet = file.read()
    for loads in ("@import", "url(", "@font-face"):
        assert loads not in sheet
