"""The files that records leave and come back in: CSV, XLSX and JSON.

Each format hands over text cells, whatever the file holds, and the number of the first line.
"""

import contextlib
import csv
import datetime
import io
import itertools
import json
import re
import zipfile

import openpyxl
import tablib
from django.utils.translation import gettext as _
from import_export.formats import base_formats

MAX_BYTES = 5 * 1024 * 1024
# Ten seconds of writing at most: SQLite lets other editors wait for twenty.
MAX_LINES = 1000
MAX_COLUMNS = 200
# An XLSX file is an archive: how much it may hold, and how many times its own size once it holds
# more than a little. Ours hold six times theirs.
MAX_UNPACKED = 2 * MAX_BYTES
MAX_RATIO = 30
LITTLE = 1024 * 1024


class Refused(Exception):
    """A file, or a confirmation, that cannot be imported: its message says what to do."""


def table(lines, first_line):
    """Returns the dataset of lines of text cells, the first of which names the columns.

    Blank lines are left out; `numbers` keeps what a person counts, from `first_line` on. Raises
    `Refused` when there are too many, or when one is longer or shorter than the header.
    """
    lines = iter(lines)
    headers = next(lines, [])
    while headers and not headers[-1].strip():
        headers = headers[:-1]
    width = len(headers)
    dataset = tablib.Dataset(headers=[name.strip() for name in headers])
    numbers = []
    for number, cells in enumerate(lines, first_line):
        if not any(cells):
            continue
        if len(dataset) == MAX_LINES:
            raise Refused(
                _("The file has more than %(number)s lines: import it in several parts.")
                % {"number": MAX_LINES}
            )
        if len(cells) < width or any(cells[width:]):
            raise Refused(
                _(
                    "Line %(line)s has %(cells)s cells, and the header %(columns)s: give each "
                    "line a cell for each column."
                )
                % {"line": number, "cells": len(cells), "columns": width}
            )
        dataset.append(cells[:width])
        numbers.append(number)
    dataset.numbers = numbers
    return dataset


def decoded(data):
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            _("The file is not in UTF-8: save it again as “CSV UTF-8”, or as XLSX.")
        ) from error


# What a spreadsheet would compute instead of showing it; the apostrophe makes it a text.
DANGEROUS = re.compile(r"[=+\-@\t\r\n']")


def escaped(text):
    return f"'{text}" if DANGEROUS.match(text) else text


def unescaped(text):
    return text[1:] if text.startswith("'") and DANGEROUS.match(text, 1) else text


class Bytes:
    """The formats read bytes: text files opened as such would lose what ends their lines."""

    def is_binary(self):
        return True

    def get_read_mode(self):
        return "rb"


class CSV(Bytes, base_formats.CSV):
    """UTF-8 with a byte order mark, without which Excel misreads accents; commas or semicolons."""

    def create_dataset(self, data):
        text = decoded(data)
        header = text.partition("\n")[0]
        delimiter = ";" if header.count(";") > header.count(",") else ","
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            return table(([unescaped(cell) for cell in line] for line in lines), 2)
        except csv.Error as error:
            raise Refused(
                _("Line %(line)s of the file is no CSV: %(problem)s.")
                % {"line": lines.line_num, "problem": error}
            ) from error

    def export_data(self, dataset, **kwargs):
        stream = io.StringIO(newline="")
        writer = csv.writer(stream)
        writer.writerow(dataset.headers)
        writer.writerows([escaped(cell) for cell in cells] for cells in dataset)
        return stream.getvalue().encode("utf-8-sig")


class XLSX(Bytes, base_formats.XLSX):
    """The first sheet of a workbook."""

    # XML cannot hold the first, Excel reads the second as an escape, openpyxl drops the third.
    UNFIT = re.compile(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_|x005F_"
    )
    LONGEST_CELL = 32767

    def create_dataset(self, data):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                unpacked = sum(item.file_size for item in archive.infolist())
        except zipfile.BadZipFile as error:
            raise Refused(_("This is no XLSX file: save it as XLSX, or choose its format.")) from (
                error
            )
        if unpacked > min(MAX_UNPACKED, max(MAX_RATIO * len(data), LITTLE)):
            raise Refused(_("The XLSX file unpacks to more than it should: save its texts as CSV."))
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        with contextlib.closing(book):
            sheet = book.worksheets[0]
            # What a sheet says of its size may be wrong.
            sheet.reset_dimensions()
            lines = sheet.iter_rows(max_row=MAX_LINES + 2, max_col=MAX_COLUMNS, values_only=True)
            lines = [[unescaped(self.text(value)) for value in line] for line in lines]
        return table(lines, 2)

    @staticmethod
    def text(value):
        """What a cell holds as text: spreadsheets make dates, numbers and truths of texts."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        if isinstance(value, datetime.datetime) and value.time() == datetime.time():
            return value.date().isoformat()
        return str(value)

    def export_data(self, dataset, **kwargs):
        for cells in dataset:
            for name, cell in zip(dataset.headers, cells, strict=True):
                if len(cell) >= self.LONGEST_CELL or self.UNFIT.search(cell):
                    raise ValueError(
                        _(
                            "XLSX cannot hold the text of “%(column)s” in “%(reference)s”: it is "
                            "too long, or has an invisible character. Choose CSV or JSON."
                        )
                        % {"column": name, "reference": cells[0]}
                    )
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.freeze_panes = "B2"
        for cells in [dataset.headers, *dataset]:
            sheet.append([escaped(cell) for cell in cells])
        stream = io.BytesIO()
        book.save(stream)
        return stream.getvalue()


class JSON(Bytes, base_formats.JSON):
    """A list of objects, the cells of one line each."""

    def create_dataset(self, data):
        try:
            rows = json.loads(decoded(data))
        except (ValueError, RecursionError) as error:
            raise Refused(
                _("The file is no JSON: %(problem)s.") % {"problem": str(error)[:200]}
            ) from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Refused(_("Write a list of objects, one a record: [{“reference”: …}, …]."))
        headers = list(rows[0]) if rows else []
        for line, row in enumerate(rows, 1):
            if row.keys() != set(headers):
                raise Refused(
                    _("Record %(line)s has not the same keys as the first: give each the same.")
                    % {"line": line}
                )
        lines = ([self.text(row[name]) for name in headers] for row in rows)
        return table(itertools.chain([headers], lines), 1)

    def text(self, value):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return ", ".join(value)
        if isinstance(value, dict | list):
            raise Refused(_("Write texts, numbers, true, false, null, or lists of texts."))
        return value if isinstance(value, str) else XLSX.text(value)

    def export_data(self, dataset, **kwargs):
        rows = [dict(zip(dataset.headers, cells, strict=True)) for cells in dataset]
        return json.dumps(rows, ensure_ascii=False, indent=1).encode()
