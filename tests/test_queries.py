"""What a page costs does not grow with the content: measured with 5 and with 500 of everything."""

import copy
import re
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models.base import ModelState
from django.test import Client
from django.test.utils import CaptureQueriesContext

from articles.models import Claim, Contact, Event, Question, Statement, Term, Topic
from kb_site.search import counts
from kb_site.search.documents import registry
from kb_site.search.engines import get_engine
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

FEW, MANY = 5, 200
MOST_QUERIES = 12
MOST_BYTES = 60_000

PAGES = {
    "home": "/en/",
    "about": "/en/about/",
    "privacy": "/en/privacy/",
    "report": "/en/report/question/copy-0/",
    "search, empty": "/en/search/",
    "search": "/en/search/?q=police",
    "search in one kind": "/en/search/?q=police&kind=contact",
    "questions": "/en/questions/",
    "questions, last page": "/en/questions/?page=last",
    "questions of a topic": "/en/questions/?topic=tp-criminal-law",
    "question": "/en/questions/copy-0/",
    "statements": "/en/statements/",
    "statement": "/en/statements/copy-0/",
    "timeline": "/en/timeline/",
    "timeline, last page": "/en/timeline/?page=last",
    "glossary": "/en/glossary/",
    "glossary, last page": "/en/glossary/?page=last",
    "contacts": "/en/contacts/",
    "contact": "/en/contacts/copy-0/",
    "acts": "/en/laws/",
    "act": "/en/laws/copy-0/",
    "act, last page": "/en/laws/copy-0/?page=last",
    "provision": "/en/laws/copy-0/copy-0/",
}
LISTS = {
    "questions": 25,
    "questions, last page": 25,
    "questions of a topic": 25,
    "statements": 25,
    "contacts": 50,
    "acts": 25,
    # An act lists its provisions, a page at a time, and up to 50 answers that cite it.
    "act": 75,
    "act, last page": 75,
    "search": 10,
    "search in one kind": 10,
}


@dataclass(frozen=True)
class Cost:
    queries: tuple
    html: str

    @property
    def records(self):
        """Addresses of the copies that the page's content links, each once."""
        main = re.search(r"<main.*?</main>", self.html, re.DOTALL)[0]
        return set(re.findall(r'href="(/en/[a-z/]+/[^"?]*copy-\d+/)"', main))


def copies(record, count, **values):
    """Adds copies of a record, named copy-0, copy-1…; values are functions of their number."""
    made = []
    for number in range(count):
        made.append(copy.copy(record))
        made[-1]._state = ModelState()
        made[-1].pk = None
        for name, value in values.items():
            setattr(made[-1], name, value(number))
    return type(record)._base_manager.bulk_create(made)


def link(field, *pairs):
    """Adds the rows of a many-to-many relation."""
    through = field.through
    source, target = field.field.m2m_field_name(), field.field.m2m_reverse_field_name()
    through.objects.bulk_create(
        through(**{f"{source}_id": a.pk, f"{target}_id": b.pk}) for a, b in pairs
    )


def build(count):
    """Makes `count` published records of each kind, alike; all cite the first of the others."""
    named = {
        "reference": lambda n: f"copy-{n}",
        "order": lambda n: n,
        "status": lambda n: "published",
    }
    unordered = {name: value for name, value in named.items() if name != "order"}
    act = LegalAct.objects.get(reference="lu-code-penal")
    provision = Provision.objects.get(reference="lu-cp-383bis")
    question = Question.objects.get(reference="q-creation-offence")
    topic = Topic.objects.get(reference="tp-criminal-law")

    acts = copies(act, count, **named)
    provisions = copies(provision, count, act=lambda n: acts[0], **named)
    for version in ProvisionVersion.objects.filter(provision=provision):
        made = copies(version, count, provision=lambda n: provisions[n])
        for penalty in Penalty.objects.filter(version=version):
            copies(penalty, count, version=lambda n, made=made: made[n])
    contacts = copies(Contact.objects.get(reference="ct-police"), count, **named)
    statements = copies(Statement.objects.get(reference="st-creation-is-offence"), count, **named)
    questions = copies(
        question,
        count,
        slug_fr=lambda n: f"copy-{n}",
        slug_en=lambda n: f"copy-{n}",
        **named,
    )
    events = copies(Event.objects.get(reference="ev-2026-01-26-dsa"), count, **unordered)
    terms = copies(
        Term.objects.get(reference="term-delit"),
        count,
        term_fr=lambda n: f"zyzzyva{n}",
        term_en=lambda n: f"zyzzyva{n}" if n else "offence",
        other_forms_fr=lambda n: "",
        other_forms_en=lambda n: "",
        **unordered,
    )
    link(Event.provisions, *((e, provisions[i % 3]) for e in events for i in (0, 1)))
    link(Event.statements, *((e, statements[0]) for e in events))
    link(Term.provisions, *((t, provisions[0]) for t in terms))
    link(Statement.mapped_provisions, *((s, provisions[0]) for s in statements))
    link(Statement.contacts, *((s, contacts[0]) for s in statements))
    link(Question.topics, *((q, topic) for q in questions))
    link(Question.contacts, *((q, contacts[0]) for q in questions))
    link(Question.related, *((q, other) for q in questions for other in questions[1:4]))
    for claim in Claim.objects.filter(question=question):
        claims = copies(claim, count, question=lambda n: questions[n])
        link(Claim.provisions, *((c, provisions[i % 3]) for c in claims for i in (0, 1)))
        link(Claim.statements, *((c, statements[0]) for c in claims))
        link(Claim.contacts, *((c, contacts[0]) for c in claims))


def measure(count):
    """Builds the site anew with `count` records of each kind and reads every page once."""
    with transaction.atomic():
        for model in (Event, Term, Question, Statement, Contact, Provision, LegalAct):
            model.objects.update(status="draft")
        build(count)
        # One kind is enough for the search, and soon written.
        contacts = registry[Contact]
        get_engine().rebuild(contacts.documents(contacts.queryset()))
        client, costs = Client(), {}
        for name, address in PAGES.items():
            client.get(address)  # What a worker reads once and keeps is not the page's.
            with CaptureQueriesContext(connection) as captured:
                response = client.get(address)
            assert response.status_code == 200, address
            queries = tuple(query["sql"] for query in captured)
            costs[name] = Cost(queries, response.content.decode())
        transaction.set_rollback(True)
    return costs


@pytest.fixture(scope="module")
def costs(django_db_setup, django_db_blocker, tmp_path_factory):
    """{count: {page: Cost}}"""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(settings, "SEARCH_INDEX_DIR", tmp_path_factory.mktemp("search"))
        # What people searched is written now and then, with whichever search comes next.
        patch.setattr(counts, "note", lambda *args, **kwargs: None)
        return {count: measure(count) for count in (FEW, MANY)}


def test_the_pages_are_of_the_size_they_are_measured_for(costs):
    assert len(costs[FEW]["questions"].records) == FEW
    assert len(costs[MANY]["questions"].records) > FEW
    assert len(costs[FEW]["provision"].records) > 2 * FEW
    assert costs[FEW]["search"].records


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_the_database_as_often_with_much_content_as_with_little(costs, name):
    few, many = costs[FEW][name].queries, costs[MANY][name].queries
    assert len(many) == len(few), "\n".join(many)
    assert len(many) <= MOST_QUERIES, "\n".join(many)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_stays_light_with_much_content(costs, name):
    assert len(costs[MANY][name].html.encode()) < MOST_BYTES


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_a_page_at_a_time(costs, name):
    html, records = costs[MANY][name].html, costs[MANY][name].records
    # Besides, how to cite it and what changed: pages on the record itself.
    assert len(records) <= LISTS[name] + 2
    assert 'class="pager"' in html
    assert 'class="pager"' not in costs[FEW][name].html or "search" in name


@pytest.mark.parametrize("name", ["provision", "statement", "contact", "question", "home"])
def test_a_list_inside_a_page_ends(costs, name):
    assert len(costs[MANY][name].records) < 120


def test_the_pages_of_a_list_hold_every_record_once(client):
    found, page = [], "/en/questions/"
    while page:
        html = client.get(page).content.decode()
        found += re.findall(r'<li><h2><a href="([^"]+)"', html)
        after = re.search(r'rel="next" href="([^"]+)"', html)
        page = after and f"/en/questions/{after[1]}"
    assert len(found) == len(set(found)) == Question.objects.published().count() > 25
