"""Writes the whole published graph into a folder, the same bytes for the same records.

JSON Lines hold every record whole; the tables (CSV) have a file a kind and one for each of its
parts; `citations.csv` says who cites whom; `graph.jsonld` and `graph.ttl` are the linked data.
"""

import contextlib
import csv
import datetime
import json
import os
import tempfile
from pathlib import Path

from django.db import connection, models, transaction

from kb_site.graph import linked, package
from kb_site.graph.shapes import LANGUAGES, registry

CITATIONS = "citations.csv"
CITATION_FIELDS = ("citing_kind", "citing", "part", "field", "cited_kind", "cited")
JSON_LD, TURTLE = "graph.jsonld", "graph.ttl"


class Refused(Exception):
    """A folder that is not written to: the message says why."""


def export(folder, base):
    """Writes the published graph into a folder and returns {kind: number of records}.

    Takes a path, and the site's address, which names the records in the linked data. The folder is
    empty, or holds an earlier export, which stays whole until the new one is. Raises `Refused`.
    """
    folder = Path(folder)
    if folder.exists():
        if not folder.is_dir():
            raise Refused(f"{folder} is no folder: name another.")
        if any(folder.iterdir()) and not (folder / package.DESCRIPTION).is_file():
            raise Refused(f"{folder} holds something else: name an empty or a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as name:
        new = Path(name)
        with one_moment():
            counts = _write(new, base)
        kept = {path.name for path in new.iterdir()}
        for path in folder.iterdir():
            if path.is_file() and path.name not in kept and path.suffix[1:] in package.MEDIA_TYPES:
                path.unlink()
        # The description, with the checksums, comes last.
        for path in sorted(new.iterdir(), key=lambda path: path.name == package.DESCRIPTION):
            os.replace(path, folder / path.name)
    return counts


@contextlib.contextmanager
def one_moment():
    """Inside, every query sees the database as it stands now, whoever writes meanwhile."""
    is_outermost = not connection.in_atomic_block
    mode = getattr(connection, "transaction_mode", None)
    if is_outermost and connection.vendor == "sqlite":
        # Reading keeps no editor waiting.
        connection.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic():
            if is_outermost and connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        if connection.vendor == "sqlite":
            connection.transaction_mode = mode


def _write(folder, base):
    counts, files = {}, []
    with contextlib.ExitStack() as stack:

        def text_file(name):
            return stack.enter_context((folder / name).open("w", encoding="utf-8", newline=""))

        citations = _Table(text_file(CITATIONS), CITATION_FIELDS)
        turtle, json_ld = text_file(TURTLE), text_file(JSON_LD)
        turtle.write(linked.prefixes())
        json_ld.write(f'{{"@context": {_line(linked.CONTEXT)}, "@graph": [')
        separator = "\n"
        for shape in registry.values():
            lines = text_file(f"{shape.plural}.jsonl")
            files.append((f"{shape.plural}.jsonl", f"Every {shape.name}, one a line.", None))
            tables = list(_tables(shape, text_file))
            files += [(table.name, table.text, table.fields) for table in tables]
            counts[shape.name] = 0
            for record in shape.in_batches():
                row = shape.row(record)
                counts[shape.name] += 1
                lines.write(_line(row) + "\n")
                for table in tables:
                    table.add(row)
                citations.write(citations_of(shape, row))
                if shape.linked:
                    for address, types, values in linked.describe(shape, row, base):
                        turtle.write(linked.as_turtle(address, types, values))
                        json_ld.write(separator + _line(linked.as_json(address, types, values)))
                        separator = ",\n"
        json_ld.write("\n]}\n")
    files += [
        (CITATIONS, "Which record cites which, and where.", [_field(n) for n in CITATION_FIELDS]),
        (JSON_LD, "The graph as linked data, in JSON-LD.", None),
        (TURTLE, "The same in Turtle.", None),
    ]
    package.describe(folder, base, files)
    return counts


def _line(data):
    return json.dumps(data, ensure_ascii=False, default=datetime.date.isoformat)


# Citations


def citations_of(shape, row):
    """Yields (citing kind, citing, part, field, cited kind, cited) of all that a row names.

    A part is named by its place: "claims/3", "versions/1/penalties/2", "" for the record itself.
    """
    for part, attribute, reference in _named(shape.attributes, row, ""):
        cited = next((s.name for s in registry.values() if s.model is attribute.target), "")
        yield shape.name, row["reference"], part, attribute.name, cited, reference


def _named(attributes, row, part):
    for attribute in attributes:
        value = row[attribute.name]
        if attribute.parts:
            for item in value:
                inner = f"{part}/{attribute.name}/{item[attribute.label]}".strip("/")
                yield from _named(attribute.parts, item, inner)
        elif attribute.target:
            references = value if attribute.is_many else [value] if value else []
            yield from ((part, attribute, reference) for reference in references)


# Tables


class _Table:
    """A table, whose cells are what the records say: programs read it.

    No apostrophe keeps a spreadsheet from computing a text, as in the desk's own `sheets`. It would
    stand before every phone number, and what is here are published texts, which editors have read.
    """

    def __init__(self, file, headers):
        self.writer = csv.writer(file, lineterminator="\r\n")
        self.writer.writerow(headers)

    def write(self, rows):
        self.writer.writerows(rows)


class _PartTable(_Table):
    """A table of one kind's records, or of one of their parts, which begin with what they are of.

    `path` leads to the part: pairs of the attribute that holds it and its own name for one of it.
    """

    def __init__(self, shape, path, attributes, text_file):
        self.path = path
        self.attributes = [a for a in attributes if not a.parts]
        names = [shape.plural, *(attribute.name for attribute in path)]
        self.name = f"{'-'.join(names)}.csv"
        self.text = f"{' / '.join(names)} as a table.".capitalize()
        holders = [
            _field(shape.name if not n else f"{path[n - 1].name}_{path[n - 1].label}")
            for n in range(len(path))
        ]
        self.fields = holders + [
            _field(f"{a.name}_{code}" if code else a.name, a)
            for a in self.attributes
            for code in (LANGUAGES if a.is_translated else [""])
        ]
        super().__init__(text_file(self.name), [field["name"] for field in self.fields])

    def add(self, row):
        self.write(self.rows(row, self.path, ()))

    def rows(self, row, path, holders):
        if not path:
            yield [*holders, *(cell for a in self.attributes for cell in _cells(a, row[a.name]))]
            return
        holder = row["reference"] if not holders else row[self.path[-len(path) - 1].label]
        for item in row[path[0].name]:
            yield from self.rows(item, path[1:], (*holders, holder))


def _tables(shape, text_file, path=(), attributes=None):
    """Yields the tables of a kind: the records, then those of each of their parts."""
    attributes = attributes or shape.attributes
    yield _PartTable(shape, path, attributes, text_file)
    for attribute in attributes:
        if attribute.parts:
            yield from _tables(shape, text_file, (*path, attribute), attribute.parts)


def _cells(attribute, value):
    """The cells of a value: one a language where it is translated; lists are joined by spaces."""
    if attribute.is_translated:
        return list(value.values())
    if isinstance(value, list):
        return [" ".join(map(str, value))]
    if isinstance(value, bool):
        return [str(value).lower()]
    return [value]


def _field(name, attribute=None):
    """The description of a table's column, in the words of Frictionless' Table Schema."""
    column = attribute and attribute.column
    kinds = {
        models.DateField: "date",
        models.BooleanField: "boolean",
        models.DecimalField: "number",
        models.IntegerField: "integer",
    }
    kind = "string"
    if column is not None and not attribute.target:
        kind = next((kinds[type_] for type_ in kinds if isinstance(column, type_)), "string")
    return {"name": name, "type": kind}
