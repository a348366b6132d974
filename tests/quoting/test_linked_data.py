"""What pages say to machines: one vocabulary, no unknown word, and identifiers that lead here."""

import json
import re

import pytest
from django.test import Client
from pyld import jsonld
from rdflib import SDO

from articles.models import Contact, Question, Statement
from kb_site.editorial import history
from kb_site.quoting import linked_data
from laws.models import LegalAct, Provision
from tests.pages import as_it_stands
from tests.test_pages import LANGUAGES, PLAIN, address_of, override, reverse

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

SCHEMA, ELI = "http://schema.org/", "http://data.europa.eu/eli/ontology#"
SCHEMA_TERMS = {*SDO.__annotations__, "query-input"}
# Of the ontology of the European Legislation Identifier, 1.5.
ELI_TERMS = set(
    """
    LegalResource LegalResourceSubdivision InForce-inForce InForce-notInForce date_applicability
    date_document date_no_longer_in_force first_date_entry_in_force id_local in_force is_part_of
    """.split()
)
# What schema.org's own context does: every term is one of its vocabulary.
CONTEXT = {
    "@vocab": SCHEMA,
    "https://schema.org/": SCHEMA,
    **{name: {"@id": f"{SCHEMA}{name}", "@type": "@id"} for name in ("url", "sameAs", "license")},
}


def load(address, options):
    """Contexts are held here: nothing is fetched."""
    assert address == "https://schema.org", address
    document = {"@context": {k: v for k, v in CONTEXT.items() if not k.startswith("https")}}
    return {"contextUrl": None, "documentUrl": address, "document": document}


def data_of(address):
    html = as_it_stands(address).content.decode()
    scripts = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert len(scripts) == 1, address
    assert not set("<>&") & set(scripts[0])
    return json.loads(scripts[0])


def expanded(data):
    return jsonld.expand(data, {"documentLoader": load})


def nodes(value):
    """Every object in expanded data."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker):
    """{address: JSON-LD data} of every record and list, in both languages."""
    with django_db_blocker.unblock():
        addresses = []
        for language in LANGUAGES:
            for kind in history.record_kinds():
                for record in kind.model.objects.published():
                    addresses.append(address_of(record, language))
            with override(language):
                addresses += [reverse(name) for name in PLAIN] + [reverse("citing:data")]
        return {address: data_of(address) for address in addresses}


def test_every_page_has_some(pages):
    assert len(pages) > 350


def test_a_processor_reads_it_and_knows_every_term(pages):
    for address, data in pages.items():
        for node in nodes(expanded(data)):
            terms = [key for key in node if not key.startswith("@")]
            types = node.get("@type", [])
            terms += [types] if isinstance(types, str) else types
            if node.get("@id", "").startswith((ELI, "https://schema.org/")):
                terms.append(node["@id"].replace("https://schema.org/", SCHEMA))
            for term in terms:
                if term.startswith("http://www.w3.org/2001/XMLSchema#"):
                    continue
                known = SCHEMA_TERMS if term.startswith(SCHEMA) else ELI_TERMS
                assert re.split("[/#]", term)[-1] in known, (address, term)


def test_nothing_is_lost_on_the_way(pages):
    """A key that a processor drops says nothing: as many are read as are written."""
    for address, data in pages.items():
        written = {key for node in nodes(data["@graph"]) for key in node if not key.startswith("@")}
        read = {
            re.split("[/#]", key)[-1]
            for node in nodes(expanded(data))
            for key in node
            if not key.startswith("@")
        }
        assert {key.removeprefix("eli:") for key in written} == read, address


def test_every_identifier_of_ours_leads_to_a_page(pages):
    ids = {
        node["@id"]
        for data in pages.values()
        for node in nodes(data["@graph"])
        if "@id" in node and not node["@id"].startswith(("eli:", "https://schema.org/"))
    }
    assert len(ids) > 300
    known = {address.partition("#")[0] for address in pages}
    for identifier in ids:
        assert identifier.startswith("http://testserver/"), identifier
        response = as_it_stands(identifier.removeprefix("http://testserver"))
        # What has been read once is there.
        if response.status_code != 302 or response["Location"].partition("#")[0] not in known:
            assert response.status_code == 200, identifier


def node_of(pages, record, language="en"):
    page = pages[address_of(record, language)]["@graph"][0]
    assert page["mainEntity"]["@id"] == f"http://testserver/r/{record.reference}"
    return page, page["mainEntity"]


def test_an_answer_is_an_faq_page_that_names_what_it_rests_on(pages):
    for question in Question.objects.published():
        page, node = node_of(pages, question)
        assert (page["@type"], node["@type"]) == ("FAQPage", "Question")
        answer = node["acceptedAnswer"]
        assert answer["@type"] == "Answer"
        cited = {
            f"http://testserver/r/{record.reference}"
            for claim in question.claims.all()
            for record in [*claim.provisions.all(), *claim.statements.all()]
        }
        assert {source["@id"] for source in answer.get("isBasedOn", [])} == cited


def test_a_paraphrase_is_no_quotation(pages):
    for statement in Statement.objects.published():
        _page, node = node_of(pages, statement)
        assert node["@type"] == "Claim"
        assert node["isBasedOn"]["url"] == statement.source.url
        assert ("datePublished" in node["isBasedOn"]) == bool(statement.source.published_on)
        assert ("dateCreated" in node) == bool(statement.said_on)
        voice = statement.speaker.name if statement.speaker else statement.source.publisher
        assert node["author"]["name"] == voice


def test_what_is_verbatim_is_one(rf):
    statement = Statement.objects.published().first()
    statement.wording = "verbatim"
    data = linked_data.page(rf.get("/en/x/"), "http://testserver", statement)
    assert data["@graph"][0]["mainEntity"]["@type"] == "Quotation"


def test_law_is_legislation_with_its_identifier_and_its_standing(pages):
    for record in [*Provision.objects.published(), *LegalAct.objects.published()]:
        _page, node = node_of(pages, record)
        assert node["@type"][0] == "Legislation"
        if record.eli:
            assert node["sameAs"] == record.eli
        status = record.legal_status
        if status and status.code != "case-law":
            force = "InForce" if status.is_applicable else "NotInForce"
            assert node["legislationLegalForce"]["@id"] == f"https://schema.org/{force}"


def test_contacts_have_their_numbers(pages):
    for contact in Contact.objects.published():
        _page, node = node_of(pages, contact)
        assert node["@type"] in ("ContactPoint", "GovernmentService")
        if any(letter.isdigit() for letter in contact.phone):
            assert "telephone" in json.dumps(node)


def test_the_home_page_offers_the_search(pages):
    site = pages["/en/"]["@graph"][1]
    assert site["@type"] == "WebSite"
    target = site["potentialAction"]["target"]["urlTemplate"]
    assert target == "http://testserver/en/search/?q={search_term_string}"


def test_text_cannot_end_its_element():
    data = linked_data.as_script({"x": "</script><!--<script>&"})
    assert not set("<>&") & set(data)
    assert json.loads(data) == {"x": "</script><!--<script>&"}


def test_errors_previews_and_the_past_say_nothing():
    question = Question.objects.get(reference="q-school")
    for path in ("/en/nothing/", f"{address_of(question, 'en')}?rev=1", "/en/search/?q=%3F"):
        html = Client().get(path).content.decode()
        if "?q=" not in path:
            assert "ld+json" not in html
            assert "canonical" not in html
