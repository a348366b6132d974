"""The whole published graph leaves the site and comes back, the same to the byte."""

import csv
import hashlib
import io
import json
import re
import shutil
import threading
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rdflib import RDF, Graph, Namespace, URIRef
from rdflib.compare import isomorphic

from articles.models import Advice, Claim, Contact, Event, Question, Statement, Term, Topic
from kb_site.editorial import history
from kb_site.editorial.models import PendingRevision, ReviewTask, Revision
from kb_site.graph import downloads
from kb_site.graph.export import one_moment
from kb_site.graph.shapes import registry
from kb_site.management.commands.load_fixtures import content_models
from kb_site.search import updates
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion

pytestmark = [
    pytest.mark.anywhere,
    pytest.mark.django_db,
    # rdflib's own reader of JSON-LD.
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
]

BASE = "https://reperes.example"
SCHEMA = Namespace("https://schema.org/")
ELI = Namespace("http://data.europa.eu/eli/ontology#")
SECRET = "nobody-may-read-this"


def export(folder):
    call_command("export_graph", folder, base=BASE, verbosity=0)
    return folder


def load(folder, **options):
    call_command("import_graph", folder, verbosity=0, **options)


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows(folder, plural):
    lines = (folder / f"{plural}.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["reference"]: row for row in map(json.loads, lines)}


def edit(folder, name, change):
    """Writes a file of a folder anew, and its checksum with it."""
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    description = json.loads((folder / "datapackage.json").read_text())
    for resource in description["resources"]:
        if resource["path"] == name:
            resource["hash"] = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    (folder / "datapackage.json").write_text(json.dumps(description))


def change_row(folder, plural, reference, /, **values):
    def change(data):
        lines = [json.loads(line) for line in data.splitlines()]
        for row in lines:
            if row["reference"] == reference:
                row |= values
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines).encode()

    edit(folder, f"{plural}.jsonl", change)


def empty():
    """Leaves a site without content and without a past."""
    with history.paused(), updates.paused():
        Claim.objects.all().delete()
        for model in (
            Event, Term, Advice, Question, Statement, Provision, LegalAct, Contact, Topic
        ):  # fmt: skip
            if model is Provision:
                ProvisionVersion.objects.all().delete()
            model.objects.all().delete()
        for model in reversed(content_models()):
            model.objects.all().delete()
    Revision.objects.all().delete()
    ReviewTask.objects.all().delete()


@pytest.fixture(scope="module")
def whole(django_db_setup, django_db_blocker, tmp_path_factory):
    """An export of the content as it stands."""
    with django_db_blocker.unblock():
        return export(tmp_path_factory.mktemp("export") / "graph")


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of it, of the test's own."""
    return shutil.copytree(whole, tmp_path / "graph")


# The round trip


@pytest.mark.each
def test_export_import_into_an_empty_site_and_export_are_the_same_bytes(
    folder, tmp_path, index_dir
):
    before = bytes_of(folder)
    numbers = {model: model.objects.count() for model in content_models()}
    empty()
    load(folder)
    assert bytes_of(export(tmp_path / "again")) == before
    assert {m: m.objects.count() for m in (Claim, Penalty, ProvisionVersion, Question)} == {
        m: numbers[m] for m in (Claim, Penalty, ProvisionVersion, Question)
    }
    revision = Revision.objects.get(kind="question", reference="q-school", until=None)
    assert (revision.number, revision.reason) == (1, "Import of open data")


@pytest.mark.each
def test_an_export_read_back_where_it_came_from_changes_nothing(folder):
    revisions = Revision.objects.count()
    load(folder)
    assert Revision.objects.count() == revisions


def test_an_export_takes_the_place_of_an_earlier_one(folder):
    Question.objects.filter(reference="q-school").update(status="withdrawn")
    export(folder)
    assert "q-school" not in rows(folder, "questions")
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_an_export_writes_to_no_folder_that_holds_something_else(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(CommandError, match="holds something else"):
        export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_an_export_needs_an_address_that_names_the_records(tmp_path):
    with pytest.raises(CommandError, match="is no address"):
        call_command("export_graph", tmp_path / "graph", base="example.org")


@pytest.mark.each
@pytest.mark.django_db(transaction=True)
def test_whoever_writes_meanwhile_neither_waits_nor_gets_into_an_export(live_content, tmp_path):
    def change():
        Contact.objects.filter(reference="ct-police").update(order=4711)
        connection.close()

    with one_moment():
        [before] = Contact.objects.filter(reference="ct-police").values_list("order")
        writer = threading.Thread(target=change)
        writer.start()
        writer.join(timeout=60)
        assert not writer.is_alive()
        assert Contact.objects.filter(reference="ct-police").values_list("order").get() == before
    assert Contact.objects.get(reference="ct-police").order == 4711


@pytest.mark.each
def test_an_export_costs_the_same_queries_for_every_record():
    for shape in registry.values():
        with CaptureQueriesContext(connection) as captured:
            found = [shape.row(record) for record in shape.in_batches()]
        assert found
        assert len(captured) <= 10, shape.name


# Import


@pytest.mark.each
def test_an_import_updates_what_is_here_says_why_and_leaves_the_rest_alone(folder, index_dir):
    title = {"fr": "Un autre titre ?", "en": "Another title?"}
    change_row(folder, "questions", "q-school", title=title)
    (kept,) = Claim.objects.filter(question__reference="q-school", order=1)
    edit(folder, "topics.jsonl", lambda data: data)
    before = Question.objects.count()
    load(folder, reason="The researchers sent a correction")
    question = Question.objects.get(reference="q-school")
    assert (question.title_fr, question.title_en) == ("Un autre titre ?", "Another title?")
    assert Claim.objects.get(pk=kept.pk) == kept
    assert Question.objects.count() == before
    changed = Revision.objects.filter(reason="The researchers sent a correction")
    assert [revision.key for revision in changed] == ["question:q-school"]
    assert {row["field"] for row in changed[0].changes} == {"title_fr", "title_en"}


@pytest.mark.each
def test_an_import_adds_and_removes_parts(folder, index_dir):
    row = rows(folder, "questions")["q-school"]
    first, *_others, last = row["claims"]
    change_row(folder, "questions", "q-school", claims=[last | {"order": 1}, first | {"order": 2}])
    load(folder)
    claims = Claim.objects.filter(question__reference="q-school").order_by("order")
    assert [claim.text_fr for claim in claims] == [last["text"]["fr"], first["text"]["fr"]]


def test_an_import_keeps_what_never_left(folder, index_dir):
    question = Question.objects.get(reference="q-school")
    draft = Contact.objects.create(reference="ct-draft", name_fr="B", name_en="D", kind="police")
    question.contacts.add(draft)
    question.verified_by = "A. Person"
    question.review_on = "2027-01-01"
    question.save()
    change_row(folder, "questions", "q-school", order=7)
    load(folder)
    question.refresh_from_db()
    assert question.order == 7
    assert question.verified_by == "A. Person"
    assert str(question.review_on) == "2027-01-01"
    assert draft in question.contacts.all()


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_an_import_publishes_what_is_not_published_here_only_when_told_to(
    folder, index_dir, status
):
    statement = Statement.objects.filter(claims=None).first() or Statement.objects.first()
    statement.status = status
    statement.save()
    with pytest.raises(CommandError, match=rf"{statement.reference} is here, and not published"):
        load(folder)
    load(folder, republish=True)
    statement.refresh_from_db()
    assert statement.is_published


def test_a_file_that_was_changed_is_refused(folder):
    path = folder / "contacts.jsonl"
    path.write_bytes(path.read_bytes().replace(b"113", b"112", 1))
    with pytest.raises(CommandError, match=r"contacts\.jsonl is not what datapackage\.json says"):
        load(folder)


def test_a_file_that_is_missing_is_refused(folder):
    (folder / "graph.ttl").unlink()
    with pytest.raises(CommandError, match=r"graph\.ttl cannot be read"):
        load(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"version": "1"}', '{"version": "2", "resources": []}']
)
def test_a_folder_that_is_no_open_data_is_refused(tmp_path, text):
    if text:
        (tmp_path / "datapackage.json").write_text(text)
    with pytest.raises(CommandError, match=r"datapackage\.json|no record"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["../secrets", "/etc/passwd", "a/b", "..", "", 7])
def test_a_description_cannot_name_a_file_outside_of_its_folder(folder, name):
    path = folder / "datapackage.json"
    description = json.loads(path.read_text())
    description["resources"][0]["path"] = name
    path.write_text(json.dumps(description))
    with pytest.raises(CommandError, match="outside of its folder"):
        load(folder)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"order": -1}, "order: .*greater than or equal to 0"),
        ({"verified_url": "nowhere"}, "verified_url: Enter a valid URL"),
        ({"order": "three"}, "order: Input should be a valid integer"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"title": {"fr": "T"}}, "title.en: Field required"),
        ({"title": {"fr": "\0", "en": "T"}}, "NUL"),
        ({"confidence": "sure"}, "confidence"),
        ({"confidence": "unverified"}, "unverified record cannot be published"),
        ({"topics": ["tp-nowhere"]}, "there is no topic tp-nowhere"),
        ({"title": {"fr": "", "en": "T"}}, "title is missing in fr|Write this text"),
        ({"title": {"fr": "T" * 300, "en": "T"}}, "at most 200"),
        ({"claims": []}, "has no claim"),
        ({"slug": {"fr": "not a slug!", "en": "t"}}, "slug"),
        ({"reference": "Q SCHOOL"}, "reference"),
        ({"verified_on": "yesterday"}, "verified_on"),
    ],
)
def test_what_the_admin_would_refuse_is_refused_and_nothing_is_imported(
    folder, index_dir, values, told
):
    change_row(folder, "questions", "q-adult-images", order=1)
    change_row(folder, "questions", "q-school", **values)
    before = Question.objects.get(reference="q-adult-images").order
    with pytest.raises(CommandError, match=told) as error:
        load(folder)
    assert "Nothing was imported" in str(error.value)
    assert "questions.jsonl, line" in str(error.value)
    assert Question.objects.get(reference="q-adult-images").order == before


@pytest.mark.each
@pytest.mark.parametrize("percent", [1e300, 1e400, 12345.678, "7"])
def test_a_number_that_no_column_holds_is_refused(folder, percent):
    provision, row = next(
        (reference, row)
        for reference, row in rows(folder, "provisions").items()
        if row["versions"] and row["versions"][0]["penalties"]
    )
    row["versions"][0]["penalties"][0]["turnover_percent"] = percent
    change_row(folder, "provisions", provision, versions=row["versions"])
    with pytest.raises(CommandError, match="turnover_percent"):
        load(folder)


def test_a_line_that_is_no_json_or_there_twice_is_told_by_its_number(folder):
    edit(folder, "topics.jsonl", lambda data: data + b"not json\n" + data.splitlines()[0])
    with pytest.raises(CommandError) as error:
        load(folder)
    assert "topics.jsonl, line 10: Invalid JSON" in str(error.value)
    assert re.search(
        r"topics\.jsonl, line 11: \S+ is in topics\.jsonl, line 1 already", str(error.value)
    )


@pytest.mark.each
def test_two_versions_of_a_provision_cannot_apply_on_one_day(folder, index_dir):
    version = rows(folder, "provisions")["lu-cp-383bis"]["versions"][0]
    versions = [
        version
        | {"number": number, "applies_from": f"2020-0{number}-01", "applies_until": "2030-01-01"}
        for number in (1, 2)
    ]
    change_row(folder, "provisions", "lu-cp-383bis", versions=versions)
    with pytest.raises(CommandError, match="overlap"):
        load(folder)


# What never leaves


@pytest.fixture
def secrets(django_user_model):
    """Something that readers cannot see in every place where one can be."""
    editor = django_user_model.objects.create_user(f"{SECRET}-person", f"{SECRET}@example.org")
    act = LegalAct.objects.create(
        reference=f"act-{SECRET}",
        kind="law",
        jurisdiction="lu",
        title_fr=SECRET,
        title_en=SECRET,
        short_title_fr=SECRET,
        short_title_en=SECRET,
    )
    hidden = Provision.objects.create(
        reference=f"provision-{SECRET}",
        act=act,
        status="published",
        confidence="confirmed",
        label_fr=SECRET,
        label_en=SECRET,
        heading_fr=SECRET,
        heading_en=SECRET,
    )
    contact = Contact.objects.create(
        reference=f"contact-{SECRET}",
        kind="police",
        name_fr=SECRET,
        name_en=SECRET,
        status="withdrawn",
        confidence="confirmed",
    )
    topic = Topic.objects.create(
        reference=f"topic-{SECRET}",
        slug_fr=SECRET,
        slug_en=SECRET,
        title_fr=SECRET,
        title_en=SECRET,
    )
    draft = Question.objects.create(
        reference=f"question-{SECRET}",
        slug_fr=SECRET,
        slug_en=SECRET,
        title_fr=SECRET,
        title_en=SECRET,
    )
    draft.topics.add(topic)
    question = Question.objects.get(reference="q-school")
    question.contacts.add(contact)
    question.related.add(draft)
    question.verified_by = f"{SECRET} editor"
    question.save()
    claim = question.claims.first()
    claim.provisions.add(hidden)
    version = ProvisionVersion.objects.filter(amended_by=None).first()
    version.amended_by = act
    version.save()
    PendingRevision.objects.create(
        kind="question", reference="q-school", base=1, data={"title_fr": SECRET}, by=editor
    )
    ReviewTask.objects.create(
        target=claim,
        subject="question:q-school",
        reason="review-due",
        cause=f"x:{SECRET}",
        changed_on="2026-01-01",
    )
    Revision.objects.filter(reference="q-school").update(by=editor)
    return hidden


@pytest.mark.each
@pytest.mark.usefixtures("secrets")
def test_drafts_tasks_and_people_never_leave(tmp_path):
    for name, data in bytes_of(export(tmp_path / "graph")).items():
        assert SECRET.encode() not in data, name


# The files


def test_the_description_names_the_licence_and_every_file_with_its_checksum(folder):
    description = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert description["licenses"][0]["name"] == "CC-BY-4.0"
    assert description["homepage"] == BASE
    files = {resource["path"]: resource for resource in description["resources"]}
    assert {*files, "datapackage.json"} == {path.name for path in folder.iterdir()}
    for name, resource in files.items():
        data = (folder / name).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert resource["bytes"] == len(data)
    names = [resource["name"] for resource in description["resources"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


def test_every_table_holds_what_its_description_says(folder):
    description = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    tables = [r for r in description["resources"] if r["format"] == "csv"]
    assert {"questions.csv", "questions-claims.csv", "provisions-versions-penalties.csv"} <= {
        table["path"] for table in tables
    }
    for table in tables:
        with (folder / table["path"]).open(encoding="utf-8", newline="") as file:
            header, *lines = list(csv.reader(file, strict=True))
        assert header == [field["name"] for field in table["schema"]["fields"]]
        assert lines
        assert {len(line) for line in lines} == {len(header)}


def test_the_tables_say_what_the_records_say(folder):
    questions = rows(folder, "questions")
    with (folder / "questions-claims.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            claim = questions[line["question"]]["claims"][int(line["order"]) - 1]
            assert line["text_fr"] == claim["text"]["fr"]
            assert line["provisions"].split() == claim["provisions"]
    with (folder / "provisions-versions-penalties.csv").open(encoding="utf-8", newline="") as file:
        penalties = list(csv.DictReader(file))
    assert len(penalties) == Penalty.objects.count()
    assert penalties[0].keys() >= {"provision", "versions_number", "order", "custody_max"}


def test_citations_say_who_names_whom_and_where(folder):
    with (folder / "citations.csv").open(encoding="utf-8", newline="") as file:
        found = {tuple(line.values()) for line in csv.DictReader(file)}
    claim = Claim.objects.filter(provisions__isnull=False).first()
    provision = claim.provisions.first()
    assert (
        "question",
        claim.question.reference,
        f"claims/{claim.order}",
        "provisions",
        "provision",
        provision.reference,
    ) in found
    assert ("provision", "lu-cp-383bis", "", "act", "act", "lu-code-penal") in found


def test_the_linked_data_is_the_same_in_turtle_and_in_json_ld(folder):
    turtle = Graph().parse(folder / "graph.ttl", format="turtle")
    json_ld = Graph().parse(folder / "graph.jsonld", format="json-ld")
    assert len(turtle) > 3000
    # It holds no blank node, so sets of triples compare it whole.
    assert set(turtle) == set(json_ld)
    assert isomorphic(turtle, json_ld)


def test_the_linked_data_names_every_record_and_claim_in_both_languages(folder):
    graph = Graph().parse(folder / "graph.ttl", format="turtle")
    for shape in registry.values():
        for reference in shape.published().values_list("reference", flat=True):
            assert (URIRef(f"{BASE}/r/{reference}"), RDF.type, None) in graph
    for question in Question.objects.published().prefetch_related("claims"):
        node = URIRef(f"{BASE}/r/{question.reference}")
        names = {name.language: str(name) for name in graph.objects(node, SCHEMA.name)}
        assert names == {"fr": question.title_fr, "en": question.title_en}
        for claim in question.claims.all():
            part = URIRef(f"{node}/{claim.order}")
            assert (node, SCHEMA.hasPart, part) in graph
            texts = {text.language: str(text) for text in graph.objects(part, SCHEMA.text)}
            assert texts == {"fr": claim.text_fr, "en": claim.text_en}
    provision = URIRef(f"{BASE}/r/lu-cp-383bis")
    assert graph.value(provision, ELI.is_part_of) == URIRef(f"{BASE}/r/lu-code-penal")


def test_every_record_that_the_linked_data_points_to_is_in_it(folder):
    graph = Graph().parse(folder / "graph.ttl", format="turtle")
    ours = {node for node in graph.objects() if str(node).startswith(BASE)}
    assert ours
    assert ours <= set(graph.subjects())


@pytest.mark.parametrize(
    "text", ['"quoted" \\ and \\u0041', "line\nbreak\ttab\r", "\x01\x7f\u2028 é 🙂 <b> & '"]
)
def test_no_text_breaks_the_linked_data(tmp_path, text):
    Statement.objects.filter(reference="st-creation-is-offence").update(claim_fr=text, note_fr=text)
    Contact.objects.filter(reference="ct-police").update(
        url_fr='https://example.org/a b<c>"d"{e}|f\\g^h`i\u00e9'
    )
    folder = export(tmp_path / "graph")
    turtle = Graph().parse(folder / "graph.ttl", format="turtle")
    json_ld = Graph().parse(folder / "graph.jsonld", format="json-ld")
    node = URIRef(f"{BASE}/r/st-creation-is-offence")
    for graph in (turtle, json_ld):
        assert text in {str(t) for t in graph.objects(node, SCHEMA.text) if t.language == "fr"}
    assert set(turtle) == set(json_ld)


# The copy on the site


@pytest.fixture
def copy(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    call_command("export_graph", publish=True, base=BASE, verbosity=0)
    return downloads.offered()[0]


def test_a_dated_copy_is_offered_and_is_the_export(copy, client, folder, tmp_path):
    response = client.get(copy.get_absolute_url())
    assert response.status_code == 200
    assert response["Content-Type"] == "application/zip"
    assert f'filename="{copy.name}"' in response["Content-Disposition"]
    assert not response.cookies
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        found = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
        assert {name.partition("/")[0] for name in archive.namelist()} == {copy.name[:-4]}
    assert found == bytes_of(folder)
    assert f"reperes-{copy.day.isoformat()}.zip" == copy.name


def test_the_same_data_make_the_same_copy(copy):
    before = copy.path.read_bytes()
    call_command("export_graph", publish=True, base=BASE, verbosity=0)
    assert copy.path.read_bytes() == before
    assert downloads.offered() == [copy]


def test_a_copy_that_holds_what_was_withdrawn_since_is_not_offered(copy, client):
    contact = Contact.objects.get(reference="ct-police")
    contact.status = "withdrawn"
    contact.save()
    assert downloads.offered() == []
    assert client.get(copy.get_absolute_url()).status_code == 404


@pytest.mark.parametrize(
    "name",
    ["reperes-2026-01-01.zip", "..%2fdb.sqlite3", "db.sqlite3", "%00", "reperes-2026-11-23.json"],
)
def test_nothing_else_can_be_downloaded(copy, client, name):
    assert client.get(f"/data/{name}").status_code == 404
