"""Files that were damaged, or made to do damage: each is read whole, or refused with a reason."""

import csv
import hashlib
import io
import json
import zipfile

import openpyxl
import pytest
import yaml
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import given, note
from hypothesis import strategies as st

from kb_site.editorial.models import PendingRevision, Revision
from kb_site.editorial.sheets import JSON, XLSX
from kb_site.management.commands.load_fixtures import content_models
from kb_site.search import updates
from tests.editorial.test_exchange import MODELS, client_of, confirm, exported, upload
from tests.fuzz import hostile
from tests.fuzz.plan import marks, tries
from tests.graph.test_round_trip import empty

pytestmark = [*marks, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def no_index(monkeypatch, settings, tmp_path):
    """The search index is not what is tried here."""
    monkeypatch.setattr(updates, "rebuild", lambda: None)
    settings.DATA_DIR = tmp_path


def state():
    """All the content, and what its history and its editors hold."""
    models = [*content_models(), Revision, PendingRevision, apps.get_model("auth.User")]
    return [list(model._base_manager.order_by("pk").values_list()) for model in models]


def told(command, *arguments):
    """What a command says that refuses; nothing when it does what was asked."""
    try:
        call_command(command, *arguments, verbosity=0)
    except CommandError as error:
        return str(error)
    return ""


# Damage

nested = st.recursive(
    hostile.pieces,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile.pieces, inner, max_size=2),
    max_leaves=4,
)
NUMBERS = [0, -1, 2**31, 2**63, 10**400, 0.1, 1e300, float("nan"), float("inf")]
values = st.one_of(hostile.texts, hostile.texts, st.sampled_from([None, True, *NUMBERS]), nested)


@st.composite
def damaged(draw, data, signs=()):
    """Bytes of a file, cut, doubled, and with other bytes put between them."""
    put = st.one_of(hostile.binary, hostile.texts.map(str.encode), st.sampled_from([*signs, b" "]))
    for _change in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        to = at + draw(st.integers(0, 9) | st.integers(0, len(data)))
        how = draw(st.sampled_from(["put", "put", "over", "cut", "double", "end"]))
        if how == "double":
            data = data[:to] + data[at:]
        else:
            new = b"" if how in ("cut", "end") else draw(put)
            data = data[:at] + new + data[at if how == "put" else to : None if how != "end" else 0]
    return data


@st.composite
def altered(draw, value):
    """A JSON value with something else somewhere inside of it."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 9)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        copy = value.copy()
        how = draw(st.integers(0, 12))
        if how == 0:
            del copy[key]
        elif how == 1 and isinstance(value, dict):
            copy[draw(hostile.pieces)] = draw(values)
        elif how == 1:
            copy.append(copy[key])
        else:
            copy[key] = draw(altered(value[key]))
        return copy
    return draw(values)


# Imports in the admin


def written(rows, name):
    """The bytes of a file of rows, whatever their cells are."""
    if name == "json":
        return json.dumps(rows).encode()
    lines = [list(rows[0]) if rows else [], *([*row.values()] for row in rows)]
    if name == "csv":
        stream = io.StringIO(newline="")
        csv.writer(stream).writerows(lines)
        return stream.getvalue().encode("utf-8", "surrogatepass")
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for line in lines:
        book.active.append([XLSX.UNFIT.sub("", str(cell))[:30_000] for cell in line])
    book.save(stream)
    return stream.getvalue()


FORMATS = ["csv", "xlsx", "json"]


@st.composite
def sheets(draw, exports, files):
    """(model, name of a file, its bytes)"""
    model = draw(st.sampled_from(MODELS))
    name = draw(st.sampled_from(FORMATS))
    rows = exports[model]
    how = draw(st.sampled_from(["cells", "cells", "cells", "bytes", "parts"]))
    if how == "cells":
        rows = draw(altered(draw(altered(rows))))
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            name = "json"
        return model, f"rows.{name}", written(rows, name)
    data = files[model, name]
    if how == "bytes" or name != "xlsx":
        return model, f"rows.{name}", draw(damaged(data, [b",", b";", b'"', b"\n", b"[", b"{"]))
    # One part of the archive.
    new = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(new, "w") as archive:
        names = old.namelist()
        one = draw(st.sampled_from(names))
        for part in names:
            inside = old.read(part)
            archive.writestr(
                part, draw(damaged(inside, [b"<", b">", b"&x;"])) if part == one else inside
            )
    return model, f"rows.{name}", new.getvalue()


def test_an_import_writes_all_or_says_why_not(django_user_model):
    client = client_of(django_user_model.objects.create_superuser("fuzz"))
    some = {model: list(model.objects.values_list("pk", flat=True)[:3]) for model in MODELS}
    exports = {
        model: json.loads(exported(model, JSON, model.objects.filter(pk__in=pks)))
        for model, pks in some.items()
    }
    # Once: an XLSX file holds when it was written, and takes a byte more a second later.
    files = {
        (model, name): written(rows, name) for model, rows in exports.items() for name in FORMATS
    }
    before = state()

    @tries(0.03)
    @given(sheets(exports, files))
    def check(case):
        model, name, data = case
        note(repr(case))
        with transaction.atomic():
            page = upload(client, model, data, name)
            assert page.status_code == 200
            assert state() == before
            if "confirm_form" in page.context:
                done = confirm(client, page, model)
                assert done.status_code == 200
                assert done.redirect_chain, "What could be confirmed was not written."
            else:
                html = page.content.decode()
                assert "errorlist" in html or "Line " in html or "Nothing in this file" in html
            transaction.set_rollback(True)

    check()


# Folders of open data

LINES = {"topics": 3, "contacts": 3, "acts": 2, "provisions": 3, "statements": 3, "questions": 3}


def write_folder(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)
    resources = [
        {"path": name, "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        for name, data in files.items()
    ]
    text = json.dumps({"version": "1", "resources": resources})
    (folder / "datapackage.json").write_text(text)


@st.composite
def folders(draw, files):
    files = dict(files)
    name = draw(st.sampled_from(sorted(files)))
    lines = files[name].splitlines()
    if draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(lines) - 1))
        row = draw(altered(json.loads(lines[at])))
        lines[at] = json.dumps(row).encode()
        files[name] = b"\n".join(lines) + b"\n"
    else:
        files[name] = draw(damaged(files[name], [b"\n", b'"', b"{", b"\\u0000", b"\\ud800"]))
    return files


def test_a_folder_of_open_data_is_imported_whole_or_refused_with_reasons(tmp_path):
    call_command("export_graph", tmp_path / "all", base="https://reperes.example", verbosity=0)
    files = {
        f"{name}.jsonl": b"".join(
            (tmp_path / "all" / f"{name}.jsonl").read_bytes().splitlines(keepends=True)[:number]
        )
        for name, number in LINES.items()
    }
    folder = tmp_path / "some"
    folder.mkdir()
    before = state()

    @tries(0.04)
    @given(folders(files), st.none() | damaged(b'{"version": "1", "resources": [{"path": "a"}]}'))
    def check(files, description):
        note(repr(files))
        write_folder(folder, files)
        if description is not None and files[min(files)].startswith(b"{"):
            (folder / "datapackage.json").write_bytes(description)
        with transaction.atomic():
            if problem := told("import_graph", folder):
                assert problem.startswith("Nothing was imported:\n")
                assert len(problem.split()) > 5
                assert state() == before
            transaction.set_rollback(True)

    check()


# Fixtures

SIGNS = [
    b"!!python/object/apply:os.system ['true']",
    b"!!python/name:os.system",
    b"!!binary x",
    b"!!timestamp x",
    b"!!int x",
    b"!!set {a, b}",
    b"&a [*a]",
    b"*nothing",
    b"&a",
    b"*a",
    b"<<: *a",
    b"<<: 1",
    b"? [a]",
    b"- - -",
    b"\t",
    b"|",
    b">-",
    b"%YAML 9.9\n---\n",
    b"---\n",
    b"...\n",
    b"{",
    b"]",
    b"#",
    b": ",
    b"\n",
    b"2026-99-99",
    b"1_0:99",
    b".inf",
    b"pk: 1",
    b"model: auth.nothing",
    b"model: articles.claim",
]  # fmt: skip
BASE = ["topics", "contacts", "laws_lu", "statements"]


@st.composite
def fixtures(draw, rows):
    if draw(st.booleans()):
        rows = draw(altered(rows))
        if draw(st.booleans()):
            rows = draw(altered(rows))
    text = yaml.safe_dump(rows, allow_unicode=True, sort_keys=False).encode()
    return draw(damaged(text, SIGNS)) if draw(st.booleans()) else text


def test_fixtures_load_whole_or_not_at_all_and_say_why(tmp_path, settings):
    rows = []
    for name in BASE:
        text = (settings.BASE_DIR / "fixtures" / f"{name}.yaml").read_text()
        rows += yaml.safe_load(text)[:3]
    settings.FIXTURE_DIRS = [tmp_path]
    empty()
    before = state()

    @tries(0.06)
    @given(fixtures(rows))
    def check(data):
        note(repr(data))
        (tmp_path / "content.yaml").write_bytes(data)
        with transaction.atomic():
            if problem := told("load_fixtures"):
                assert problem.startswith("Nothing was loaded")
                assert len(problem.split()) > 5
                assert state() == before
            transaction.set_rollback(True)

    check()
