"""What readers get: every public page of the real content, in both languages.

The pages are read once, as they stand; tests that change a record read anew what they need.
"""

import gzip
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as site_settings
from django.db import transaction
from django.test import Client
from django.urls import resolve, reverse
from django.utils.translation import gettext, override

from articles.models import (
    Claim,
    Contact,
    Event,
    FormerSlug,
    Question,
    Statement,
    Term,
    Topic,
)
from kb_site.search.find import find
from laws.models import LegalAct, Provision, ProvisionVersion
from tests.pages import as_it_stands

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

LANGUAGES = ("fr", "en")
RECORDS = (Question, Statement, Contact, LegalAct, Provision)
PLAIN = (
    "home",
    "about",
    "articles:help",
    "accessibility",
    "leaving",
    "privacy",
    "reports:report",
    "search:search",
    "articles:question-list",
    "articles:statement-list",
    "articles:contact-list",
    "articles:timeline",
    "articles:glossary",
    "laws:act-list",
)
VOID = set("area base br col embed hr img input link meta source track wbr".split())


class Node:
    def __init__(self, tag, attrs=(), parent=None):
        self.tag, self.attrs, self.parent = tag, dict(attrs), parent
        self.children = []

    def __iter__(self):
        """Every element inside, in the order of the page."""
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child

    def all(self, tag=None, **attrs):
        return [
            node
            for node in self
            if tag in (None, node.tag)
            and all(
                value in (node.attrs.get(name) or "").split()
                if name == "class_"
                else node.attrs.get(name) == value
                for name, value in attrs.items()
            )
        ]

    def classed(self, name):
        return [node for node in self if name in (node.attrs.get("class") or "").split()]

    @property
    def text(self):
        whole = "".join(c.text if isinstance(c, Node) else c for c in self.children)
        return re.sub(r"\s+", " ", whole).strip()

    @property
    def links(self):
        return [node.attrs["href"] for node in self.all("a") if "href" in node.attrs]


class Page(HTMLParser):
    """A page as a tree; an element that is closed wrongly is an error."""

    def __init__(self, response):
        super().__init__()
        self.response = response
        self.tree = self.open = Node("page")
        self.feed(response.content.decode())
        self.close()
        assert self.open is self.tree, f"<{self.open.tag}> is never closed"

    def handle_starttag(self, tag, attrs):
        node = Node(tag, attrs, self.open)
        self.open.children.append(node)
        if tag not in VOID:
            self.open = node

    def handle_endtag(self, tag):
        assert self.open.tag == tag, f"<{self.open.tag}> is closed by </{tag}>"
        self.open = self.open.parent

    def handle_data(self, data):
        self.open.children.append(data)

    @property
    def main(self):
        return self.tree.all("main")[0]

    @property
    def alternates(self):
        return {
            node.attrs["hreflang"]: urlsplit(node.attrs["href"])._replace(scheme="", netloc="")
            for node in self.tree.all("link", rel="alternate")
            if node.attrs.get("hreflang", "x-default") != "x-default"
        }


def read(address, status=200, **headers):
    response = Client(headers=headers).get(address)
    assert response.status_code == status, f"{address} answers {response.status_code}"
    return Page(response)


def address_of(record, language):
    with override(language):
        return record.get_absolute_url()


def said(message, language):
    """A text of the interface as readers of a language see it."""
    with override(language):
        return " ".join(gettext(message).split())


def words(text):
    """Text without the differences that typography makes."""
    return re.sub(r"\s+", " ", text).replace("’", "'").strip()


@pytest.fixture(scope="module")
def records(django_db_setup, django_db_blocker):
    """Every published record."""
    with django_db_blocker.unblock():
        return [
            record
            for model in RECORDS
            for record in model.objects.published().select_related(
                *(["act"] if model is Provision else [])
            )
        ]


@pytest.fixture(scope="module")
def site(records, django_db_blocker):
    """Every page a reader can reach from the lists and the records: {address: Page}."""
    with django_db_blocker.unblock():
        addresses = []
        for language in LANGUAGES:
            addresses += [address_of(record, language) for record in records]
            with override(language):
                addresses += [reverse(name) for name in PLAIN]
        pages, todo = {}, dict.fromkeys(addresses)
        while todo:
            address = next(iter(todo))
            del todo[address]
            response = as_it_stands(address)
            assert response.status_code == 200, f"{address} answers {response.status_code}"
            pages[address] = page = Page(response)
            for link in page.tree.links:
                link = link.partition("#")[0]
                if link.startswith("?"):
                    link = urlsplit(address).path + link
                if link.startswith("/") and link not in pages and is_crawled(link):
                    todo[link] = None
        return pages


def is_page(link):
    path = urlsplit(link).path
    return not path.endswith("/feed/") and not path.startswith(("/api/", "/data/"))


def is_crawled(link):
    """Of the pages on a record's changes, errors or citation, two stand for all."""
    parts = urlsplit(link)
    if not is_page(link):
        return False
    if parts.path[3:].startswith("/cite/"):
        return parts.path[9:] in ("q-school/", "ct-police/")
    if re.match("/../report/.", parts.path):
        return parts.path[3:] in ("/report/question/q-school/", "/report/act/eu-dsa/")
    return "record=" not in parts.query or parts.query in (
        "record=question:q-school",
        "record=act:eu-dsa",
    )


def every(pages, condition):
    """The addresses of the pages for which a condition does not hold."""
    return [address for address, page in pages.items() if not condition(page)]


# Every page


def test_the_content_is_there(records):
    assert {type(record) for record in records} == set(RECORDS)
    assert len(records) > 150


def test_every_record_has_a_page_in_both_languages(records, site):
    for record in records:
        for language in LANGUAGES:
            address = address_of(record, language)
            assert address.startswith(f"/{language}/")
            assert site[address].response.status_code == 200


def test_every_link_inside_the_site_leads_to_a_page_of_the_same_language(site):
    """The crawl has followed them all: only the language links leave the page's language."""
    for address, page in site.items():
        for node in page.tree.all("a"):
            if node.attrs["href"].startswith("/") and is_page(node.attrs["href"]):
                language = node.attrs.get("hreflang", address[1:3])
                assert node.attrs["href"].startswith(f"/{language}/"), address


def test_pages_say_their_language(site):
    for address, page in site.items():
        assert page.tree.all("html")[0].attrs["lang"] == address[1:3]
        assert page.response.headers["Content-Language"] == address[1:3]


def test_pages_have_one_main_heading(site):
    assert every(site, lambda page: [bool(h.text) for h in page.tree.all("h1")] == [True]) == []


def test_pages_name_no_element_twice(site):
    def once(page):
        ids = [node.attrs["id"] for node in page.tree if "id" in node.attrs]
        return len(ids) == len(set(ids))

    assert every(site, once) == []


def test_headings_skip_no_level(site):
    def in_steps(page):
        levels = [int(n.tag[1]) for n in page.tree if re.fullmatch("h[1-6]", n.tag)]
        return all(b <= a + 1 for a, b in pairwise(levels))

    assert every(site, in_steps) == []


def test_pages_lead_to_the_same_record_in_the_other_language_and_back(records, site):
    for record in records:
        addresses = {language: address_of(record, language) for language in LANGUAGES}
        for address in addresses.values():
            found = {code: url.geturl() for code, url in site[address].alternates.items()}
            assert found == addresses
            assert set(site[address].tree.all("header")[0].links) & set(addresses.values()) == (
                set(addresses.values()) - {address}
            )


def test_lists_and_topics_lead_to_the_other_language_and_back(site):
    for address, page in site.items():
        found = {code: url.geturl() for code, url in page.alternates.items()}
        assert set(found) == set(LANGUAGES)
        if "page=" not in address:
            assert found[address[1:3]] == address
            for other in found.values():
                assert {c: u.geturl() for c, u in site[other].alternates.items()} == found


def test_pages_set_no_cookie_and_do_not_depend_on_one(site):
    for page in site.values():
        assert not page.response.cookies
        assert "cookie" not in page.response.headers.get("Vary", "").lower()


def test_an_editor_who_is_signed_in_gets_the_same_public_page(editor_client, site):
    address = "/fr/questions/"
    response = editor_client.get(address)
    assert response.content == site[address].response.content
    assert not response.cookies
    assert "cookie" not in response.headers.get("Vary", "").lower()


RESOURCES = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "form": ("action",),
    "button": ("formaction",),
}


def test_pages_load_nothing_from_another_host(site):
    loaded = set()
    for page in site.values():
        for node in page.tree:
            loaded |= {
                node.attrs[name] for name in RESOURCES.get(node.tag, ()) if name in node.attrs
            }
            if node.tag == "link" and node.attrs.get("rel") not in ("alternate", "canonical"):
                loaded.add(node.attrs["href"])
            assert "style" not in node.attrs
            assert not [name for name in node.attrs if name.startswith("on")]
            assert node.tag not in ("style", "base")
    assert "/static/site.css" in loaded
    assert [address for address in loaded if not re.match(r"/(?!/)", address)] == []


def test_style_sheets_load_nothing_from_another_host():
    for sheet in Path(site_settings.BASE_DIR / "kb_site" / "static").rglob("*.css"):
        assert not re.search(r"https?:|//[a-z]|@import", sheet.read_text(), re.IGNORECASE), sheet


def test_the_browser_is_told_to_load_nothing_from_another_host(site):
    for page in site.values():
        policy = page.response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert not re.search(r"unsafe-|https?:|\*", policy)


def test_links_that_leave_the_site_say_nothing_of_where_the_reader_comes_from(site):
    for address, page in site.items():
        for node in page.tree.all("a"):
            if node.attrs["href"].startswith("http"):
                assert "noreferrer" in node.attrs.get("rel", ""), (address, node.attrs)


def test_pages_are_light(site):
    assert {a: n for a, p in site.items() if (n := len(p.response.content)) > 60_000} == {}


# Titles


def test_pages_travel_compressed(client):
    plain = client.get("/en/contacts/")
    page = client.get("/en/contacts/", headers={"Accept-Encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page["Vary"]
    assert len(page.content) < len(plain.content) / 2
    assert gzip.decompress(page.content) == plain.content


def test_tab_titles_are_discreet(records, site):
    """What a person asks is not shown to whoever looks at the tabs or at the history."""
    for model, name in zip(
        RECORDS, ("title", "title", "name", "short_title", "label"), strict=True
    ):
        same_kind = [record for record in records if isinstance(record, model)]
        for language in LANGUAGES:
            titles = set()
            for record in same_kind:
                title = site[address_of(record, language)].tree.all("title")[0].text
                assert words(getattr(record, f"{name}_{language}")) not in words(title)
                titles.add(title)
            assert len(titles) == 1


def test_tab_titles_tell_the_kinds_of_page_apart(site):
    titles = {
        site[f"/fr/{path}"].tree.all("title")[0].text
        for path in (
            "",
            "about/",
            "search/",
            "questions/",
            "statements/",
            "contacts/",
            "laws/",
            "timeline/",
            "glossary/",
        )
    }
    assert len(titles) == 9


# Verification and sources


def test_every_record_shows_its_verification(records, site):
    for record in records:
        for language in LANGUAGES:
            [shown] = site[address_of(record, language)].tree.classed("verification")
            assert record.verified_on.isoformat() in [
                node.attrs["datetime"] for node in shown.all("time")
            ]
            assert str(record.verified_on.year) in shown.text
            assert record.verified_by in shown.text
            assert record.reference in shown.text
            if record.verified_url:
                assert record.verified_url in shown.links
            assert bool(shown.classed("secondary")) == (record.confidence == "secondary")


def test_a_record_that_nobody_checked_says_so(client):
    contact = Contact.objects.published().first()
    Contact.objects.filter(pk=contact.pk).update(verified_on=None, verified_by="", verified_url="")
    page = read(address_of(contact, "en"))
    [shown] = page.tree.classed("verification")
    assert said("Not checked yet.", "en") in shown.text
    assert not shown.all("time")
    assert shown.links == [
        f"/en/changes/?record=contact:{contact.reference}",
        f"/en/report/contact/{contact.reference}/",
        f"/en/cite/{contact.reference}/",
    ]


def test_statements_show_their_source(site):
    for statement in Statement.objects.published().select_related("source", "speaker"):
        for language in LANGUAGES:
            main = site[address_of(statement, language)].main
            source = statement.source
            assert source.url in main.links
            [cited] = main.all("cite")
            assert words(cited.text) == words(source.title)
            assert cited.attrs["lang"] == source.language
            assert source.publisher in main.text
            if statement.said_on is None:
                assert said("date not known", language) in main.text
            if statement.speaker:
                assert statement.speaker.name in main.text


def test_provisions_link_their_official_text(site):
    versions = ProvisionVersion.objects.filter(
        provision__in=Provision.objects.published()
    ).select_related("provision__act")
    for version in versions:
        for language in LANGUAGES:
            main = site[address_of(version.provision, language)].main
            if official := getattr(version, f"official_url_{language}"):
                assert official in main.links
            if version.consolidated_on:
                assert version.consolidated_on.isoformat() in [
                    node.attrs["datetime"] for node in main.all("time")
                ]


def test_an_official_address_is_linked_as_it_was_typed():
    act = LegalAct.objects.published().first()
    typed = "https://legilux.public.lu/eli/l'acte/2023"
    LegalAct.objects.filter(pk=act.pk).update(url_fr=typed)
    assert typed in read(address_of(act, "fr")).main.links


# Questions


def basis_in_words(claim, language):
    if claim.basis == "law":
        return said("The law says", language)
    if claim.basis == "advice":
        return said("What to do, how we read it", language)
    voices = {statement.voice for statement in claim.statements.all()}
    if len(voices) > 1:
        return said("What was reported", language)
    return said("The article says" if voices == {"source"} else "The minister said", language)


def test_each_point_of_an_answer_says_what_it_rests_on(site):
    claims = Claim.objects.select_related("question").prefetch_related("statements")
    seen = set()
    for claim in claims:
        for language in LANGUAGES:
            page = site[address_of(claim.question, language)]
            [point] = page.main.all("li", id=f"claim-{claim.order}")
            [basis] = point.classed("basis")
            assert basis_in_words(claim, language) in basis.text
            # The mark beside the words is not read aloud.
            [mark] = basis.all("span")
            assert mark.attrs["aria-hidden"] == "true"
            seen.add((language, basis.text))
    # The law, the minister, the article, both of them, what to do: in each language.
    assert len(seen) == 10


def test_each_point_of_an_answer_links_what_it_cites(site):
    claims = Claim.objects.select_related("question").prefetch_related(
        "provisions__act", "statements", "contacts"
    )
    for claim in claims:
        cited = [*claim.provisions.all(), *claim.statements.all(), *claim.contacts.all()]
        for language in LANGUAGES:
            [point] = site[address_of(claim.question, language)].main.all(
                "li", id=f"claim-{claim.order}"
            )
            links = [
                link
                for citations in point.classed("citations")
                for link in citations.links
                if not link.startswith("tel:")
            ]
            assert sorted(links) == sorted(address_of(record, language) for record in cited)


def test_points_come_in_their_order(site):
    for question in Question.objects.published().prefetch_related("claims"):
        points = site[address_of(question, "en")].tree.classed("claim")
        assert [p.attrs["id"] for p in points] == [
            f"claim-{claim.order}"
            for claim in sorted(question.claims.all(), key=lambda claim: claim.order)
        ]


def test_a_citation_of_law_that_does_not_apply_says_so():
    claim = Claim.objects.filter(basis="law").first()
    provision = claim.provisions.first()
    provision.versions.all().delete()
    provision.versions.create(number=1, applies_from="2999-01-01", summary_en="Later.")
    page = read(address_of(claim.question, "en"))
    [point] = page.main.all("li", id=f"claim-{claim.order}")
    [item] = [item for item in point.all("li") if address_of(provision, "en") in item.links]
    assert item.classed("status-not-yet-applicable")
    assert "2999" in item.text


def test_a_point_resting_on_somebody_else_is_not_given_to_the_minister():
    """A sentence of the article stays the article's when its record is withdrawn."""
    claim = Claim.objects.filter(basis="statement", statements__voice="source").first()
    for statement in claim.statements.all():
        Statement.objects.filter(pk=statement.pk).update(voice="source", speaker=None)
    Statement.objects.filter(pk__in=claim.statements.all()).update(status="withdrawn")
    [point] = read(address_of(claim.question, "en")).main.all("li", id=f"claim-{claim.order}")
    assert "minister said" not in point.classed("basis")[0].text


# Statements and provisions


def test_statements_say_they_are_paraphrases_and_that_the_law_is_our_own_reading(site):
    statements = Statement.objects.published().prefetch_related("mapped_provisions__act")
    for statement in statements:
        for language in LANGUAGES:
            main = site[address_of(statement, language)].main
            assert statement.wording == "paraphrase"
            assert "paraphrase" in main.text
            assert not main.all("blockquote")
            assert not main.all("q")
            provisions = statement.mapped_provisions.all()
            for law in main.all("section", **{"aria-labelledby": "law"}):
                assert said("The law it concerns: our own reading", language) in law.text
                assert set(law.links) == {address_of(p, language) for p in provisions}
            linked = {link for link in main.links if re.match(r"/../laws/.", link)}
            assert linked == {address_of(p, language) for p in provisions}


def test_statements_say_whose_voice_they_are(site):
    for statement in Statement.objects.published():
        [basis] = site[address_of(statement, "en")].main.classed("basis")
        in_its_own_voice = said("The source says this in its own voice", "en") in basis.text
        assert in_its_own_voice == (statement.voice == "source")


def test_provisions_list_the_answers_that_cite_them_and_no_other(site):
    provisions = list(Provision.objects.published().select_related("act"))
    questions = list(Question.objects.published())
    for language in LANGUAGES:
        citing = {
            address_of(question, language): {
                link
                for citations in site[address_of(question, language)].tree.classed("citations")
                for link in citations.links
            }
            for question in questions
        }
        cited = 0
        for provision in provisions:
            address = address_of(provision, language)
            [section] = site[address].main.all("section", **{"aria-labelledby": "cited-by"})
            listed = {link for link in section.links if "/questions/" in link}
            assert listed == {question for question, links in citing.items() if address in links}
            statements = {link for link in section.links if "/statements/" in link}
            assert statements == {
                address_of(statement, language)
                for statement in Statement.objects.filter(mapped_provisions=provision)
            }
            cited += bool(listed)
        assert cited > 30


def test_contacts_are_listed_once_under_each_kind(site):
    for language in LANGUAGES:
        address = f"/{language}/contacts/"
        kinds = [h.text for h in site[address].main.all("h2")]
        assert len(kinds) == len(set(kinds))


# Records that readers may not see


HIDDEN = [
    (Question, "q-creation-offence", "title"),
    (Statement, "st-creation-is-offence", "title"),
    (Contact, "ct-bee-secure-stopline", "name"),
    (Provision, "lu-cp-383bis", "heading"),
    (LegalAct, "lu-code-penal", "short_title"),
]


def two_of_each_kind(addresses):
    """Of pages that one view makes in one language, two stand for all."""
    kinds = {}
    for address in addresses:
        path = urlsplit(address).path
        with override(path[1:3]):
            kinds.setdefault((path[1:3], resolve(path).view_name), []).append(address)
    return [address for found in kinds.values() for address in found[:2]]


@pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn"])
@pytest.mark.parametrize(("model", "reference", "name"), HIDDEN)
def test_a_record_that_is_not_published_is_on_no_page(model, reference, name, status, site):
    record = model.objects.get(reference=reference)
    gone = {address_of(record, language) for language in LANGUAGES}
    if model is LegalAct:
        gone |= {
            address_of(provision, language)
            for provision in record.provisions.all()
            for language in LANGUAGES
        }
    before = two_of_each_kind(
        address
        for address, page in site.items()
        if gone & set(page.tree.links) and urlsplit(address).path not in gone
    )
    assert len(before) >= 4
    # A text of its own, to look for what is shown without a link.
    model.objects.filter(pk=record.pk).update(
        status=status, **{f"{name}_{language}": "Zyzzyva" for language in LANGUAGES}
    )
    for address in gone:
        page = read(address, 404)
        assert page.tree.all("html")[0].attrs["lang"] == address[1:3]
        assert "Zyzzyva" not in page.tree.text
    for address in before:
        page = read(address)
        assert gone & set(page.tree.links) == set(), address
        assert "Zyzzyva" not in page.tree.text, address


def test_an_act_that_is_not_published_is_not_named_by_what_it_amended():
    version = (
        ProvisionVersion.objects.filter(amended_by__isnull=False)
        .select_related("amended_by", "provision__act")
        .first()
    )
    page = read(address_of(version.provision, "fr"))
    assert address_of(version.amended_by, "fr") in page.main.links
    LegalAct.objects.filter(pk=version.amended_by.pk).update(
        status="withdrawn", short_title_fr="Zyzzyva"
    )
    assert "Zyzzyva" not in read(address_of(version.provision, "fr")).tree.text


@pytest.mark.parametrize(("model", "reference", "name"), HIDDEN)
def test_a_record_that_is_withdrawn_is_found_no_more(
    model, reference, name, index_dir, django_capture_on_commit_callbacks
):
    record = model.objects.get(reference=reference)
    title = getattr(record, f"{name}_fr")

    def found():
        return {result.url for page in range(1, 10) for result in find(title, "fr", page=page)}

    assert address_of(record, "fr") in found()
    with django_capture_on_commit_callbacks(execute=True):
        record.status = "withdrawn"
        record.save()
    left = found()
    assert left
    assert not [url for url in left if url.startswith(address_of(record, "fr"))]
    assert address_of(record, "fr") not in read(f"/fr/search/?q={title}").main.links


def test_the_former_address_of_a_withdrawn_question_is_gone_too():
    question = Question.objects.published().first()
    FormerSlug.objects.create(question=question, language="fr", slug="ancienne-adresse")
    client = Client()
    response = client.get("/fr/questions/ancienne-adresse/")
    assert (response.status_code, response["Location"]) == (301, address_of(question, "fr"))
    Question.objects.filter(pk=question.pk).update(status="withdrawn")
    assert client.get("/fr/questions/ancienne-adresse/").status_code == 404


def test_a_topic_without_a_published_question_is_not_offered():
    topic = Topic.objects.with_questions().first()
    link = f"/fr/questions/?topic={topic.reference}"
    assert link in read("/fr/").main.links
    topic.questions.update(status="draft")
    assert link not in read("/fr/").main.links
    assert link not in read("/fr/questions/").main.links
    assert not [n for n in read(link).main.all("h2") if n.links]


def test_an_empty_site_still_answers():
    for model in (*RECORDS, Event, Term):
        model.objects.update(status="draft")
    for language in LANGUAGES:
        with override(language):
            for name in PLAIN:
                page = read(reverse(name))
                assert len(page.tree.all("h1")) == 1


# The address without a language


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr", "fr"),
        ("en", "en"),
        ("de", "fr"),
        (None, "fr"),
        ("", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("fr-LU,fr;q=0.9,en;q=0.8", "fr"),
        ("lb,de;q=0.8,en;q=0.5,fr;q=0.3", "en"),
        ("*", "fr"),
        ("en;q=0,fr;q=0.1", "fr"),
        (";;,,=q" * 50, "fr"),
    ],
)
def test_the_bare_address_leads_to_the_language_the_browser_asks_for(client, accepted, language):
    headers = {} if accepted is None else {"accept-language": accepted}
    response = client.get("/", headers=headers)
    assert (response.status_code, response["Location"]) == (302, f"/{language}/")
    assert "Accept-Language" in response["Vary"]
    assert "Cookie" not in response["Vary"]
    assert not response.cookies


def test_the_browser_s_language_does_not_change_a_page_that_has_one(client):
    french, english = (
        client.get("/fr/", headers={"accept-language": language}) for language in ("fr", "en")
    )
    assert french.content == english.content


# One language is missing


def fallback(page, language):
    """The elements marked as being in a language, each with the notice that follows it."""
    return [
        (node, node.parent)
        for node in page.main.classed("other-language")
        if node.attrs["lang"] == language
    ]


@pytest.mark.parametrize(
    ("model", "reference", "field"),
    [
        (Provision, "lu-cp-383bis", "heading"),
        (Statement, "st-creation-is-offence", "claim"),
        (Contact, "ct-bee-secure-stopline", "handles"),
        (LegalAct, "lu-code-penal", "summary"),
        (Question, "q-creation-offence", "title"),
    ],
)
@pytest.mark.parametrize(("missing", "other"), [("en", "fr"), ("fr", "en")])
def test_a_text_that_is_missing_is_shown_in_the_other_language_and_says_so(
    model, reference, field, missing, other
):
    model.objects.filter(reference=reference).update(**{f"{field}_{missing}": ""})
    record = model.objects.get(reference=reference)
    text = words(getattr(record, f"{field}_{other}").splitlines()[0])
    page = read(address_of(record, missing))
    [(shown, around)] = fallback(page, other)
    assert words(shown.text).startswith(text)
    [notice] = around.classed("fallback")
    name = {"fr": "French", "en": "English"}[other]
    assert notice.text == said(f"(in {name}: not translated yet)", missing)
    assert "lang" not in notice.attrs
    # Its own page in the other language is whole.
    assert not read(address_of(record, other)).main.classed("fallback")


def test_lists_and_citations_mark_a_missing_text_too():
    question = Question.objects.published().order_by("order").first()
    provision = Provision.objects.published().filter(claims__question=question).first()
    Question.objects.filter(pk=question.pk).update(short_answer_en="")
    Provision.objects.filter(pk=provision.pk).update(label_en="")
    for address in ("/en/questions/", address_of(question, "en"), address_of(provision, "en")):
        page = read(address)
        assert page.main.classed("other-language"), address
        assert len(page.main.classed("other-language")) == len(page.main.classed("fallback"))


def test_a_question_without_an_address_in_a_language_has_the_other_s():
    question = Question.objects.published().first()
    Question.objects.filter(pk=question.pk).update(slug_en=None)
    question.refresh_from_db()
    address = f"/en/questions/{question.slug_fr}/"
    assert address_of(question, "en") == address
    page = read(address)
    assert page.alternates["en"].geturl() == address
    assert page.alternates["fr"].geturl() == address_of(question, "fr")


def test_hostile_text_in_any_field_stays_text():
    """An editor's text, or what was pasted into it, never becomes an element."""
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    question = Question.objects.published().first()
    claim = question.claims.first()
    changes = [
        (Question, "title short_answer"),
        (Claim, "text"),
        (Topic, "title summary"),
        (Contact, "name summary handles does_not_handle how hours note url"),
        (Statement, "title claim note office"),
        (Event, "title summary note source"),
        (Term, "definition other_forms"),
        (Provision, "label heading"),
        (ProvisionVersion, "summary note official_url"),
        (LegalAct, "short_title title summary note url"),
    ]
    with transaction.atomic():
        for model, fields in changes:
            model.objects.update(**{f"{name}_fr": hostile for name in fields.split()})
        Contact.objects.update(phone=hostile[:80], address=hostile, email=hostile)
    with override("fr"):
        addresses = [
            record.get_absolute_url()
            for record in (
                question,
                Statement.objects.first(),
                Contact.objects.first(),
                Provision.objects.filter(claims=claim).first(),
                LegalAct.objects.first(),
            )
        ] + [reverse(name) for name in PLAIN]
    shown = 0
    for address in addresses:
        page = read(address)
        # Only the site's own scripts, from a file, and data that nothing runs.
        for node in page.tree.all("script"):
            if node.attrs.get("type") == "application/ld+json":
                assert not set("<>&") & set(node.text)
                assert json.loads(node.text)
            else:
                assert not node.text
                assert "src" in node.attrs
        assert not page.tree.all("img")
        shown += page.main.text.count("alert(1)")
    assert shown > 20


def test_an_act_lists_the_answers_that_cite_its_provisions():
    act = LegalAct.objects.get(reference="lu-code-procedure-penale")
    page = read(address_of(act, "en"))
    cited = Question.objects.get(reference="q-time-limits")
    assert address_of(cited, "en") in page.main.links
    Question.objects.filter(pk=cited.pk).update(status="draft")
    assert address_of(cited, "en") not in read(address_of(act, "en")).main.links
