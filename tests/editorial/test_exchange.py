"""Records leave as CSV, XLSX and JSON, and come back: checked, all or nothing, and read by two."""

import datetime
import io
import json
import os
import re
import zipfile

import openpyxl
import pytest
from django.conf import settings as site
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from articles.models import (
    Advice,
    Claim,
    Contact,
    Event,
    Question,
    Source,
    Speaker,
    Statement,
    Term,
    Topic,
)
from kb_site.editorial import exchange, history, sheets, workflow
from kb_site.editorial.models import PendingRevision, Revision
from kb_site.editorial.sheets import CSV, JSON, XLSX
from kb_site.search import updates
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion
from tests.laws.test_admin import admin_url

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

# Each after what it names.
MODELS = [
    Topic,
    Speaker,
    Source,
    LegalAct,
    Provision,
    ProvisionVersion,
    Penalty,
    Contact,
    Advice,
    Statement,
    Question,
    Claim,
    Event,
    Term,
]
FORMATS = [CSV, XLSX, JSON]
HOLDERS = {Claim: Question, Penalty: ProvisionVersion}
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
every_format = pytest.mark.parametrize("file_format", FORMATS, ids=lambda one: one.__name__)


@pytest.fixture(autouse=True)
def four_eyes(settings, tmp_path):
    settings.FOUR_EYES = True
    settings.REQUIRE_MFA = False
    settings.DATA_DIR = tmp_path


def somebody(django_user_model, name, *permissions, apps=("laws", "articles")):
    user = django_user_model.objects.create_user(name, f"{name}@example.org", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=apps)
        | Permission.objects.filter(codename__in=permissions)
    )
    return user


@pytest.fixture
def ada(django_user_model):
    return somebody(django_user_model, "ada")


@pytest.fixture
def rosa(django_user_model):
    return somebody(django_user_model, "rosa", "publish_record", "close_reviewtask")


def client_of(user):
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def resource_of(model):
    """The resource that the admin offers for a model."""
    classes = admin.site._registry[HOLDERS.get(model, model)].resource_classes
    return next(one for one in classes if one._meta.model is model)()


def exported(model, file_format=JSON, queryset=None):
    dataset = resource_of(model).export(model.objects.all() if queryset is None else queryset)
    return file_format().export_data(dataset)


def cells_of(model, **named):
    """The cells of rows as an export writes them, one dict a row."""
    return json.loads(exported(model, JSON, model.objects.filter(**named)))


def imported(model, rows, user, file_format=JSON, dry_run=False):
    """Imports rows (dicts) or a file's bytes; returns the outcome."""
    data = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
    dataset = file_format().create_dataset(data)
    return resource_of(model).import_data(dataset, dry_run, user=user, reason="New figures")


def errors_of(outcome):
    """Every error as (line, column, text)."""
    found = [(0, "", str(error.error)) for error in outcome.base_errors]
    for row in outcome.invalid_rows:
        for column, problems in row.error_dict.items():
            found += [(row.number, column, problem) for problem in problems]
    return found


def refused(outcome, line, column, words):
    """Whether these words are among the errors of a line and a column."""
    errors = errors_of(outcome)
    assert any(e[:2] == (line, column) and words in e[2] for e in errors), errors
    return True


def counts():
    return [
        Revision.objects.count(),
        PendingRevision.objects.count(),
        *(model.objects.count() for model in MODELS),
    ]


# What a file holds


@every_model
def test_a_file_names_its_rows_first_and_holds_all_that_they_say(model):
    columns = resource_of(model).get_export_headers()
    key = {
        Claim: ["question", "order"],
        ProvisionVersion: ["provision", "number"],
        Penalty: ["provision", "version", "order"],
    }.get(model, ["reference"])
    assert columns[: len(key)] == key
    assert not {"id", "pk", "created_at", "updated_at"} & set(columns)
    said = {column.name for column in history.columns(model)}
    said |= {column.name for column in model._meta.many_to_many}
    assert said - set(columns) == set()
    for column, (base, _language) in history.base_names(model).items():
        assert column in columns
        assert base not in columns


def test_cells_are_references_iso_dates_truths_and_codes():
    Contact.objects.filter(reference="ct-police").update(languages=["lb", "fr"], free=None)
    (contact,) = cells_of(Contact, reference="ct-police")
    assert contact["languages"] == "lb, fr"
    assert (contact["free"], contact["for_minors"]) == ("", "true")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", contact["verified_on"])
    claims = cells_of(Claim, question__reference="q-creation-offence")
    assert [claim["order"] for claim in claims] == ["1", "2", "3", "4", "5", "6"]
    assert claims[0]["provisions"] == "lu-cp-383bis"
    assert claims[2]["provisions"].count(", ") == 1
    penalty = cells_of(Penalty, version__provision__reference="lu-cp-383bis")[0]
    assert penalty["provision"] == "lu-cp-383bis"
    assert penalty["version"].isdecimal()


# Round trips


@pytest.mark.each
@every_format
@every_model
def test_what_was_exported_changes_nothing_when_it_comes_back(model, file_format, ada):
    before = counts()
    outcome = imported(model, exported(model, file_format), ada, file_format)
    assert not errors_of(outcome)
    assert outcome.total_rows == model.objects.count() > 0
    assert not outcome.changed
    assert counts() == before


def test_an_import_that_changes_nothing_asks_little(ada, django_assert_max_num_queries):
    data = exported(Claim)
    with django_assert_max_num_queries(12):
        imported(Claim, data, ada)


def empty():
    """Leaves a site without content and without a past."""
    with workflow.quietly(), history.paused(), updates.paused():
        for model in reversed(MODELS):
            model.objects.all().delete()
    Revision.objects.all().delete()


@pytest.mark.each
# One format stands for all here, since it takes long: each is read back for each model above.
@pytest.mark.parametrize("file_format", [CSV], ids=lambda one: one.__name__)
def test_an_empty_site_filled_from_files_exports_the_same_files(file_format, rosa, settings):
    settings.FOUR_EYES = False
    files = {model: exported(model, file_format) for model in MODELS}
    empty()
    # A question is published once it has its claims.
    questions = [
        {name: cell for name, cell in row.items() if name != "status"}
        for row in file_format().create_dataset(files[Question]).dict
    ]
    with updates.paused():
        for model in MODELS:
            rows, one = (questions, JSON) if model is Question else (files[model], file_format)
            rows = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
            outcome = imported(model, rows, rosa, one)
            assert not errors_of(outcome)
            assert len(outcome.changed) == outcome.total_rows
        assert not errors_of(imported(Question, files[Question], rosa, file_format))
    assert {model: exported(model, file_format) for model in MODELS if file_format is not XLSX} == {
        model: data for model, data in files.items() if file_format is not XLSX
    }
    for model, data in files.items():
        there, back = (
            file_format().create_dataset(d) for d in (data, exported(model, file_format))
        )
        assert there.headers == back.headers
        assert list(there) == list(back)


def test_an_editor_fills_an_empty_site_with_drafts_only(ada):
    rows = cells_of(Contact)
    empty()
    outcome = imported(Contact, rows, ada)
    assert refused(outcome, 1, "status", "publishes nothing")
    assert not Contact.objects.exists()
    outcome = imported(Contact, [row | {"status": "in_review"} for row in rows], ada)
    assert not errors_of(outcome)
    assert set(Contact.objects.values_list("status", flat=True)) == {"in_review"}


NASTY = st.text(
    st.one_of(
        st.sampled_from(
            list("=+-@\t\r\n'\"“«;,|\\ \u200f\u202e\u2028\ufeff\u00a0é😀\U0001f469\u200d")
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
)


@pytest.mark.parametrize("file_format", FORMATS, ids=lambda one: one.__name__)
def test_any_text_comes_back_as_it_was(file_format):
    @hypothesis_settings(max_examples=60, deadline=None, database=None)
    @given(st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=4))
    @example(
        [("=1+1", "'=1"), ("\r\n", "''x"), ("a;b", '"'), ("+352", "_x000D_"), ("\ufeff", "\r")]
    )
    def check(rows):
        rows = [(f"r{number}", *cells) for number, cells in enumerate(rows)]
        dataset = sheets.table([["reference", "one", "two"], *rows], 2)
        if file_format is XLSX and any(XLSX.UNFIT.search(cell) for row in rows for cell in row):
            # It says what it cannot hold, and loses nothing.
            with pytest.raises(ValueError, match="Choose CSV or JSON"):
                XLSX().export_data(dataset)
            return
        data = file_format().export_data(dataset)
        assert list(file_format().create_dataset(data)) == rows

    check()


@pytest.mark.each
@every_format
def test_nasty_texts_reach_the_database_and_come_back(file_format, ada):
    @hypothesis_settings(max_examples=15, deadline=None, database=None)
    @given(NASTY.filter(lambda text: "\0" not in text and not XLSX.UNFIT.search(text)))
    @example('=cmd|"/c calc"!A1; “a”,\r\n\t-b')
    @example("\u200fעברית، =1")
    def check(text):
        Topic.objects.filter(reference="criminal-law").update(summary_en=text)
        topic = Topic.objects.order_by("reference").first()
        Topic.objects.filter(pk=topic.pk).update(summary_en=text)
        data = exported(Topic, file_format)
        assert not imported(Topic, data, ada, file_format).changed
        Topic.objects.filter(pk=topic.pk).update(summary_en="before")
        outcome = imported(Topic, data, ada, file_format)
        assert not errors_of(outcome)
        topic.refresh_from_db()
        assert topic.summary_en == text

    check()


# Formats


@pytest.mark.parametrize("text", ["=1+1", "+352 113", "-5", "@SUM(A1)", "\t=1", "\r=1", "'=1"])
def test_no_spreadsheet_computes_what_it_opens(text):
    dataset = sheets.table([["reference", "text"], ["a", text]], 2)
    assert f"'{text}" in CSV().export_data(dataset).decode()
    book = openpyxl.load_workbook(io.BytesIO(XLSX().export_data(dataset)))
    cell = book.worksheets[0]["B2"]
    assert (cell.value, cell.data_type) == (f"'{text}", "s")


def test_csv_with_semicolons_as_excel_writes_it_in_french_is_read():
    data = '\ufeffreference;title_fr\r\na;"b, c; d"\r\n'.encode()
    assert CSV().create_dataset(data).dict == [{"reference": "a", "title_fr": "b, c; d"}]


def test_what_a_spreadsheet_made_of_texts_is_read_as_the_texts_they_were():
    book = openpyxl.Workbook()
    book.active.append(["a", "b", "c", "d", "e", "f"])
    day = datetime.datetime(2026, 11, 23)
    book.active.append([day, day.date(), True, 113, 2.0, 4.5])
    stream = io.BytesIO()
    book.save(stream)
    assert list(XLSX().create_dataset(stream.getvalue())) == [
        ("2026-11-23", "2026-11-23", "true", "113", "2", "4.5")
    ]


def archive(**parts):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return stream.getvalue()


def sheet(xml):
    """A workbook whose sheet is this XML."""
    book = openpyxl.Workbook()
    stream, result = io.BytesIO(), io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item, xml if item.filename.endswith("sheet1.xml") else old.read(item))
    return result.getvalue()


NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    f'<worksheet xmlns="{NAMESPACE}"><sheetData><row r="1"><c t="inlineStr"><is><t>&b;</t></is></c>'
    "</row></sheetData></worksheet>"
)
WIDE = (
    f'<worksheet xmlns="{NAMESPACE}"><dimension ref="A1:XFD1048576"/><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>reference</t></is></c></row>'
    '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
    "</sheetData></worksheet>"
)
UNREADABLE = {
    "not-utf-8": (CSV, "reference,title_fr\na,été\n".encode("latin-1"), "not in UTF-8"),
    "utf-16": (CSV, "reference\na\n".encode("utf-16"), "not in UTF-8"),
    "open-quote": (CSV, b'reference\n"a\n', "is no CSV"),
    "huge-cell": (CSV, b"reference\n" + b"a" * 200_000, "is no CSV"),
    "ragged": (CSV, b"reference,a\nx\n", "Line 2 has 1 cells, and the header 2"),
    "too-wide": (CSV, b"reference,a\nx,y,z\n", "Line 2 has 3 cells"),
    "too-long": (CSV, b"reference\n" + b"x\n" * 1001, "more than 1000 lines"),
    "json-broken": (JSON, b"[{", "is no JSON"),
    "json-deep": (JSON, b"[" * 100_000, "is no JSON"),
    "json-number": (JSON, b"[" + b"1" * 5000 + b"]", "is no JSON"),
    "json-object": (JSON, b'{"reference": "a"}', "list of objects"),
    "json-texts": (JSON, b'["a"]', "list of objects"),
    "json-keys": (JSON, b'[{"reference": "a"}, {"order": 1}]', "Record 2 has not the same keys"),
    "json-nested": (JSON, b'[{"reference": {"a": 1}}]', "Write texts"),
    "json-latin": (JSON, '[{"reference": "é"}]'.encode("latin-1"), "not in UTF-8"),
    "no-archive": (XLSX, b"reference,order\n", "no XLSX"),
    "bomb": (XLSX, archive(xl__workbook_xml="0" * 50_000_000), "unpacks to more"),
    "archive": (XLSX, archive(hello="world"), "cannot be read"),
    "laughs": (XLSX, sheet(LAUGHS), "cannot be read"),
}
unreadable = pytest.mark.parametrize(
    ("file_format", "data", "words"), UNREADABLE.values(), ids=UNREADABLE.keys()
)


def test_a_sheet_that_lies_about_its_size_is_read_as_far_as_it_goes():
    assert len(XLSX().create_dataset(sheet(WIDE))) == 0


def test_texts_that_xlsx_cannot_hold_are_named():
    for text in ("a" * 40_000, "\x0b", "\ud800"):
        dataset = sheets.table([["reference", "note"], ["q-one", text]], 2)
        with pytest.raises(ValueError, match="“note” in “q-one”"):
            XLSX().export_data(dataset)


# Errors name the line and the column


def test_columns_that_are_unknown_missing_or_twice_are_named(ada):
    assert refused(imported(Topic, [{"reference": "a", "titel": ""}], ada), 0, "", "“titel”")
    assert refused(imported(Topic, [{"title_fr": "a"}], ada), 0, "", "“reference” is missing")
    assert refused(
        imported(Topic, b"reference,order,order\na,1,1\n", ada, CSV), 0, "", "is there twice"
    )
    assert refused(imported(Topic, b"reference,,order\na,1,1\n", ada, CSV), 0, "", "Column 2")
    assert refused(imported(Topic, [{"reference": "a", "id": 1}], ada), 0, "", "“id” is unknown")


NEW_CONTACT = {
    "reference": "ct-new",
    "kind": "helpline",
    "name_fr": "Aide",
    "name_en": "Help",
    "verified_on": "",
    "url_fr": "",
    "languages": "fr",
    "needs": "talk",
    "for_adults": "true",
    "order": "3",
    "status": "draft",
}
WRONG_CELLS = {
    "verified_on": ("23/11/2026", "YYYY-MM-DD"),
    "url_fr": ("nowhere", "valid URL"),
    "languages": ("fr, tlh", "list of codes"),
    "needs": ("talk, money", "list of codes"),
    "for_adults": ("perhaps", "true or false"),
    "order": ("one", "integer"),
    "kind": ("helper", "one of: emergency"),
    "status": ("published", "publishes nothing"),
    "reference": ("Ct New", "small letters"),
    "name_fr": ("", "may not be empty"),
    "name_en": ("a" * 200, "at most 160"),
}


@pytest.mark.parametrize("column", WRONG_CELLS)
def test_a_cell_that_is_wrong_is_named_with_what_to_do(column, ada):
    cell, words = WRONG_CELLS[column]
    rows = [NEW_CONTACT | {"reference": "ct-other"}, NEW_CONTACT | {column: cell}]
    outcome = imported(Contact, rows, ada)
    assert refused(outcome, 2, column, words)
    assert not Contact.objects.filter(reference__in=["ct-other", "ct-new"]).exists()


@pytest.mark.each
@pytest.mark.parametrize("cell", ["a\0b", "a\ud800b"])
def test_what_no_database_holds_is_refused(cell, ada):
    outcome = imported(Contact, [NEW_CONTACT | {"name_en": cell}], ada)
    assert errors_of(outcome)[0][:2] == (1, "name_en")


@pytest.mark.each
@pytest.mark.parametrize(("column", "cell"), [("order", "-1"), ("order", "9" * 30), ("order", "")])
def test_numbers_out_of_range_are_refused(column, cell, ada):
    outcome = imported(Contact, [NEW_CONTACT | {column: cell}], ada)
    assert errors_of(outcome)[0][:2] == (1, column)


def test_a_missing_column_that_a_new_record_needs_is_named(ada):
    rows = [{name: cell for name, cell in NEW_CONTACT.items() if name != "kind"}]
    assert refused(imported(Contact, rows, ada), 1, "kind", "The column is missing")
    # One that is there already keeps what the file leaves out.
    police = Contact.objects.get(reference="ct-police")
    assert not errors_of(imported(Contact, [{"reference": "ct-police", "order": 7}], ada))
    assert workflow.pending_of(police).data["kind"] == police.kind


def test_unknown_references_are_named(ada):
    claim = cells_of(Claim, question__reference="q-school")[0]
    wrong = claim | {"provisions": "lu-cp-383bis, lu-no-1, lu-no-2"}
    assert refused(imported(Claim, [wrong], ada), 1, "provisions", "“lu-no-1”, “lu-no-2”")
    statement = cells_of(Statement)[0] | {"source": "src-none"}
    assert refused(imported(Statement, [statement], ada), 1, "source", "“src-none”")
    outcome = imported(Claim, [claim | {"question": "q-none"}], ada)
    assert refused(outcome, 1, exchange.NON_FIELD_ERRORS, "“q-none”")


def test_two_lines_about_one_record_are_refused(ada):
    rows = [NEW_CONTACT, NEW_CONTACT | {"order": "4"}]
    assert refused(imported(Contact, rows, ada), 2, exchange.NON_FIELD_ERRORS, "Line 1")


def test_lines_are_counted_as_the_file_shows_them(ada):
    data = b"reference,order\n\nct-police,x\n"
    assert refused(imported(Contact, data, ada, CSV), 3, "order", "integer")


def test_the_rules_of_a_record_hold(ada):
    statement = cells_of(Statement, reference="st-creation-is-offence")[0]
    assert refused(
        imported(Statement, [statement | {"speaker": ""}], ada), 1, "speaker", "Name the"
    )
    version = cells_of(ProvisionVersion, provision__reference="lu-cp-383bis")[0]
    outcome = imported(ProvisionVersion, [version | {"applies_until": "2024-01-01"}], ada)
    assert refused(outcome, 1, exchange.NON_FIELD_ERRORS, "overlap")
    topics = list(Topic.objects.order_by("reference")[:2])
    taken = {"reference": topics[0].reference, "slug_fr": topics[1].slug_fr}
    assert refused(imported(Topic, [taken], ada), 1, "slug_fr", "already exists")


# How it reaches readers


def test_what_readers_see_waits_and_drafts_are_written_as_one_change(ada):
    Contact.objects.filter(reference="ct-okaju").update(status="draft")
    with history.change(is_editorial=True):
        Contact.objects.get(reference="ct-okaju").save()
    before = Revision.objects.count()
    rows = [
        {"reference": "ct-police", "summary_en": "Call 113.", "summary_fr": "Appelez le 113."},
        {"reference": "ct-okaju", "summary_en": "A draft.", "summary_fr": "Un brouillon."},
    ]
    outcome = imported(Contact, rows, ada)
    assert not errors_of(outcome)
    assert [(row.name, row.waits) for row in outcome.changed] == [
        ("ct-police", True),
        ("ct-okaju", False),
    ]
    assert Contact.objects.get(reference="ct-police").summary_en != "Call 113."
    pending = PendingRevision.objects.get()
    assert (pending.key, pending.by, pending.reason) == (
        "contact:ct-police",
        ada,
        "New figures",
    )
    assert pending.data["summary_en"] == "Call 113."
    assert Revision.objects.count() == before + 1
    revision = history.standing("contact:ct-okaju")
    assert (revision.by, revision.reason) == (ada, "New figures")
    assert Contact.objects.get(reference="ct-okaju").summary_fr == "Un brouillon."


def test_what_waits_is_approved_as_any_other_change(ada, rosa):
    rows = [{"question": "q-school", "order": 1, "text_en": "New words.", "text_fr": "Nouveau."}]
    assert not errors_of(imported(Claim, rows, ada))
    question = Question.objects.get(reference="q-school")
    assert question.claims.get(order=1).text_en != "New words."
    workflow.approve(question, rosa)
    assert question.claims.get(order=1).text_en == "New words."


def test_a_second_file_builds_upon_one_s_own_change(ada, rosa, django_user_model):
    provision = {"reference": "lu-cp-383bis", "heading_en": "Another heading"}
    version = {"provision": "lu-cp-383bis", "number": 2, "summary_en": "Another summary"}
    assert not errors_of(imported(Provision, [provision], ada))
    # The whole line, as it was exported before: only what differs from the published one counts.
    whole = cells_of(Provision, reference="lu-cp-383bis")[0] | {"label_en": "art. X"}
    assert not errors_of(imported(Provision, [whole], ada))
    assert not errors_of(imported(ProvisionVersion, [version], ada))
    new = {"provision": "lu-cp-383bis", "version": 2, "order": 9, "label_fr": "Neuf"}
    assert not errors_of(imported(Penalty, [new], ada))
    again = imported(Penalty, [new], ada)
    assert not errors_of(again)
    assert not again.changed
    data = PendingRevision.objects.get().data
    assert (data["heading_en"], data["label_en"]) == ("Another heading", "art. X")
    assert data["versions"][1]["summary_en"] == "Another summary"
    assert data["versions"][1]["penalties"][-1]["label_fr"] == "Neuf"
    outcome = imported(Provision, [provision | {"heading_en": "Mine"}], rosa)
    assert refused(outcome, 1, exchange.NON_FIELD_ERRORS, "by ada waits")
    workflow.approve(Provision.objects.get(reference="lu-cp-383bis"), rosa)
    assert Penalty.objects.get(order=9).label_fr == "Neuf"


def test_nobody_publishes_by_import_but_at_a_desk_of_one(rosa, settings):
    with history.change(is_editorial=True):
        contact = Contact.objects.get(reference="ct-okaju")
        contact.status = "in_review"
        contact.save()
    rows = [{"reference": "ct-okaju", "status": "published"}]
    assert refused(imported(Contact, rows, rosa), 1, "status", "publishes nothing")
    settings.FOUR_EYES = False
    assert not errors_of(imported(Contact, rows, rosa))
    assert Contact.objects.published().filter(reference="ct-okaju").exists()
    new = [NEW_CONTACT | {"status": "withdrawn"}]
    assert refused(imported(Contact, new, rosa), 1, "status", "begins as draft")


def test_a_question_is_not_published_without_its_claims(rosa, settings):
    settings.FOUR_EYES = False
    row = cells_of(Question, reference="q-school")[0]
    row |= {"reference": "q-new", "slug_fr": "neuve", "slug_en": "new"}
    outcome = imported(Question, [row], rosa)
    assert refused(outcome, 1, exchange.NON_FIELD_ERRORS, "has no claim")
    assert not Question.objects.filter(reference="q-new").exists()


def test_a_published_question_keeps_what_publication_asks_for(ada, rosa, settings):
    rows = cells_of(Claim, question__reference="q-creation-offence")
    wrong = [rows[0] | {"provisions": ""}, rows[1], rows[4] | {"text_en": ""}]
    for user, four_eyes in [(ada, True), (rosa, False)]:
        settings.FOUR_EYES = four_eyes
        outcome = imported(Claim, wrong, user)
        assert refused(outcome, 3, exchange.NON_FIELD_ERRORS, "Claim 1")
        assert refused(outcome, 3, exchange.NON_FIELD_ERRORS, "Claim 5")
    assert not PendingRevision.objects.exists()


@pytest.mark.each
def test_new_questions_may_name_each_other(ada):
    row = cells_of(Question, reference="q-school")[0] | {"status": "draft"}
    names = ["q-one", "q-two"]
    rows = [
        row | {"reference": name, "related": other, "slug_fr": name, "slug_en": name}
        for name, other in zip(names, reversed(names), strict=True)
    ]
    assert not errors_of(imported(Question, rows, ada))
    assert Question.objects.get(reference="q-one").related.get().reference == "q-two"


def test_the_next_version_of_the_law_comes_in_one_file(ada, rosa):
    version = cells_of(ProvisionVersion, provision__reference="lu-cp-383bis")[1]
    rows = [
        version | {"applies_until": "2026-12-31"},
        version | {"number": 3, "applies_from": "2027-01-01", "summary_en": "Next."},
    ]
    assert not errors_of(imported(ProvisionVersion, rows, ada))
    assert ProvisionVersion.objects.filter(provision__reference="lu-cp-383bis").count() == 2
    workflow.approve(Provision.objects.get(reference="lu-cp-383bis"), rosa)
    assert ProvisionVersion.objects.get(number=3, provision__reference="lu-cp-383bis")


@pytest.mark.each
def test_one_bad_line_and_nothing_is_imported(ada):
    before = counts()
    rows = [NEW_CONTACT, {**dict.fromkeys(NEW_CONTACT, ""), "reference": "ct-police"}]
    assert errors_of(imported(Contact, rows, ada))
    assert counts() == before


def test_a_dry_run_writes_nothing(ada):
    before = counts()
    rows = [NEW_CONTACT, NEW_CONTACT | {"reference": "ct-police", "status": "published"}]
    outcome = imported(Contact, rows, ada, dry_run=True)
    assert [row.import_type for row in outcome.changed] == ["new", "update"]
    assert counts() == before


# In the admin


def page_url(model, page):
    return admin_url(HOLDERS.get(model, model), page)


def upload(client, model, data, name="rows.json", resource=None):
    file_format = {"csv": 0, "xlsx": 1, "json": 2}[name.rpartition(".")[2]]
    classes = admin.site._registry[HOLDERS.get(model, model)].resource_classes
    index = next(n for n, one in enumerate(classes) if one._meta.model is model)
    file = SimpleUploadedFile(name, data if isinstance(data, bytes) else json.dumps(data).encode())
    return client.post(
        page_url(model, "import"),
        {"import_file": file, "format": file_format, "resource": index},
    )


def confirm(client, page, model, **changes):
    token = page.context["confirm_form"].initial["token"]
    data = {"token": token, "reason": "New figures"} | changes
    return client.post(page_url(model, "process_import"), data, follow=True)


def is_quiet(page):
    """Whether a page holds nothing that our Content-Security-Policy blocks."""
    html = page.content.decode()
    assert not re.search(r"<[^>]+\s(style|on\w+)=", html)
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)", html)
    for address in re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', html):
        assert re.match(r"/(?!/)", address), address
    return True


@every_format
@every_model
def test_every_kind_leaves_and_comes_back_through_the_pages(model, file_format, ada):
    client = client_of(ada)
    assert is_quiet(client.get(page_url(model, "export")))
    assert is_quiet(client.get(page_url(model, "import")))
    classes = admin.site._registry[HOLDERS.get(model, model)].resource_classes
    index = next(n for n, one in enumerate(classes) if one._meta.model is model)
    response = client.post(
        page_url(model, "export"), {"format": FORMATS.index(file_format), "resource": index}
    )
    name = re.search('filename="(.+)"', response["Content-Disposition"])[1]
    assert name.startswith(model._meta.model_name)
    assert len(file_format().create_dataset(response.content)) == model.objects.count()
    page = upload(client, model, response.content, name)
    assert is_quiet(page)
    assert "confirm_form" not in page.context
    assert "Nothing in this file differs" in page.content.decode()


def test_the_list_s_filters_choose_what_is_exported(ada):
    address = f"{page_url(Question, 'export')}?status=published&q=383bis"
    chosen = client_of(ada).get(f"{page_url(Question, 'changelist')}?status=published&q=383bis")
    expected = {question.reference for question in chosen.context["cl"].queryset}
    response = client_of(ada).post(address, {"format": 2, "resource": 0})
    assert {row["reference"] for row in response.json()} == expected
    claims = client_of(ada).post(address, {"format": 2, "resource": 1}).json()
    assert {row["question"] for row in claims} == expected


def test_first_the_difference_then_the_confirmation(ada):
    client = client_of(ada)
    rows = [
        {"reference": "ct-police", "summary_en": "Call 113 <b>now</b>.", "order": 5},
        {
            "reference": "ct-okaju",
            "summary_en": Contact.objects.get(reference="ct-okaju").summary_en,
            "order": Contact.objects.get(reference="ct-okaju").order,
        },
    ]
    page = upload(client, Contact, rows)
    html = page.content.decode()
    assert is_quiet(page)
    assert "Line 1: ct-police" in html
    assert "readers see it once somebody else has approved it" in html
    assert "1 line changes nothing" in html
    assert "&lt;b&gt;now" in html
    assert re.search("<strong>summary_en</strong>", html, re.IGNORECASE)
    assert not PendingRevision.objects.exists()
    done = confirm(client, page, Contact)
    assert done.redirect_chain[-1][0] == page_url(Contact, "changelist")
    assert "1 line waits until somebody else approves it" in done.content.decode()
    assert PendingRevision.objects.get().data["order"] == 5
    assert not list((site.DATA_DIR / "imports").iterdir())
    # The button pressed twice.
    assert "done already" in confirm(client, page, Contact).content.decode()


def test_what_readers_have_seen_changes_for_a_reason(ada, rosa):
    client = client_of(ada)
    page = upload(client, Contact, [{"reference": "ct-police", "summary_en": "Call 113."}])
    assert page.context["confirm_form"].fields["reason"].required
    again = confirm(client, page, Contact, reason=" ")
    assert is_quiet(again)
    assert "This changes what readers have seen" in again.content.decode()
    assert not PendingRevision.objects.exists()
    # The page that says so confirms the same upload.
    token = again.context["confirm_form"]["token"].value()
    done = confirm(client, page, Contact, token=token, reason="The number has changed")
    assert done.redirect_chain
    workflow.approve(Contact.objects.get(reference="ct-police"), rosa)
    assert history.standing("contact:ct-police").reason == "The number has changed"
    log = Client().get("/en/changes/").content.decode()
    assert "The number has changed" in log
    assert "rows.json" not in log
    assert not Revision.objects.filter(reason__contains="rows.json").exists()


def test_a_desk_of_one_says_why_too(rosa, settings):
    settings.FOUR_EYES = False
    client = client_of(rosa)
    page = upload(client, Contact, [{"reference": "ct-police", "summary_en": "Call 113."}])
    assert "say why" in confirm(client, page, Contact, reason="").content.decode()
    confirm(client, page, Contact, reason="Because")
    assert history.standing("contact:ct-police").reason == "Because"


def test_drafts_are_imported_without_a_reason(ada):
    client = client_of(ada)
    page = upload(client, Contact, [NEW_CONTACT])
    assert not page.context["confirm_form"].fields["reason"].required
    confirm(client, page, Contact, reason="")
    assert history.standing("contact:ct-new").reason == ""


def test_a_reason_too_long_for_the_log_is_refused(ada):
    client = client_of(ada)
    page = upload(client, Contact, [{"reference": "ct-police", "order": 5}])
    html = confirm(client, page, Contact, reason="x" * 301).content.decode()
    assert "at most 300" in html
    assert "say why" not in html
    assert not PendingRevision.objects.exists()


def test_errors_are_listed_by_line_and_nothing_can_be_confirmed(ada):
    page = upload(client_of(ada), Contact, [NEW_CONTACT | {"verified_on": "x", "order": "y"}])
    html = page.content.decode()
    assert is_quiet(page)
    assert "confirm_form" not in page.context
    assert "Line 1, <code>verified_on</code>: “x” value" in html
    assert "Line 1, <code>order</code>" in html


def test_what_was_confirmed_is_what_was_shown(ada):
    client = client_of(ada)
    page = upload(client, Contact, [{"reference": "ct-police", "order": 5}])
    contact = Contact.objects.get(reference="ct-police")
    contact.order = 4
    contact.save()
    done = confirm(client, page, Contact)
    assert "have changed since the preview" in done.content.decode()
    assert not PendingRevision.objects.exists()


def test_a_preview_is_confirmed_by_whoever_saw_it_alone(ada, rosa):
    page = upload(client_of(ada), Contact, [{"reference": "ct-police", "order": 5}])
    assert "not yours" in confirm(client_of(rosa), page, Contact).content.decode()
    for token in ("", "x", "a:b:c"):
        done = confirm(client_of(ada), page, Contact, token=token)
        assert "too old, or not yours" in done.content.decode()
    assert client_of(ada).get(page_url(Contact, "process_import")).status_code == 405
    assert not PendingRevision.objects.exists()


@unreadable
def test_a_file_that_cannot_be_read_says_why(file_format, data, words, ada):
    name = f"rows.{file_format.__name__.lower()}"
    page = upload(client_of(ada), Topic, data, name)
    assert page.status_code == 200
    assert words in page.content.decode()
    assert "confirm_form" not in page.context


def test_files_that_are_empty_or_too_large_are_refused(ada):
    client = client_of(ada)
    assert "is empty" in upload(client, Topic, b"").content.decode()
    assert "larger than 5 MB" in upload(client, Topic, b" " * (5 * 2**20 + 1)).content.decode()
    assert "No valid data" in upload(client, Topic, b"[]").content.decode()
    assert "No valid data" in upload(client, Topic, b"\n", "rows.csv").content.decode()
    wrong = upload(client, Topic, exported(Topic, XLSX), "rows.json")
    assert "not in UTF-8" in wrong.content.decode()


def test_a_file_of_another_kind_names_its_columns(ada):
    html = upload(client_of(ada), Topic, exported(Contact)).content.decode()
    assert "The column “status” is unknown" in html


def test_uploads_nobody_confirmed_go_after_a_day(ada):
    folder = site.DATA_DIR / "imports"
    folder.mkdir()
    old = folder / "old"
    old.write_text("x")
    stamp = (timezone.now() - datetime.timedelta(days=2)).timestamp()
    os.utime(old, (stamp, stamp))
    upload(client_of(ada), Contact, [{"reference": "ct-police", "order": 5}])
    assert not old.exists()
    assert len(list(folder.iterdir())) == 1


# Who may


def reader(django_user_model, *codenames):
    user = django_user_model.objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return client_of(user)


@every_model
def test_the_pages_ask_for_permission(model, django_user_model, client):
    name = model._meta.model_name
    holder = HOLDERS.get(model, model)._meta.model_name
    pages = ["import", "export", "process_import"]
    for page in pages:
        assert client.post(page_url(model, page)).status_code == 302
    user = reader(django_user_model, f"view_{holder}", f"add_{name}")
    codes = [user.post(page_url(model, page)).status_code for page in pages]
    assert codes == [403, 200, 403]
    html = user.get(page_url(model, "changelist")).content.decode()
    assert "export_link" in html
    assert "import_link" not in html


def test_somebody_without_permission_sees_neither(django_user_model):
    user = reader(django_user_model, "view_topic")
    assert user.get(page_url(Contact, "export")).status_code == 403
    assert user.get(page_url(Contact, "import")).status_code == 403


def test_whoever_may_not_change_claims_imports_none(django_user_model):
    user = reader(django_user_model, "view_question", "add_question", "change_question")
    rows = [{"question": "q-school", "order": 1, "text_en": "x"}]
    assert upload(user, Claim, rows).context["form"].errors["resource"]
    exports = user.post(page_url(Question, "export"), {"format": 2, "resource": 1})
    assert exports.context["form"].errors["resource"]
