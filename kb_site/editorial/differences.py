"""Differences between two states of a record, as people read them."""

from dataclasses import dataclass

from django.db import models
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext

from kb_site.editorial import history
from kb_site.editorial.words import words_changed
from kb_site.languages import LANGUAGES


@dataclass(frozen=True)
class Line:
    """One thing that differs: where, in which language ("" for any), and in which words.

    `words` are (operation, text) pairs, the operation being "same", "removed" or "added".
    """

    label: str
    language: str
    words: list


def lines(rows, language=None):
    """Returns the `Line`s of rows as `history.differences` or the law watch make them.

    Takes a language to leave out what differs only in another one.
    """
    found = [_line(row) for row in rows if not row.get("silent")]
    return [line for line in found if line.language in ("", language or line.language)]


def as_html(rows, language=None):
    """The lines as an HTML list."""
    return render_to_string("editorial/_differences.html", {"lines": lines(rows, language)})


def _line(row):
    if "label" in row:
        return Line(row["label"], "", words_changed(row["before"] or "", row["after"] or ""))
    model, names = history.kinds[row["kind"]].model, []
    for relation, label in row["path"]:
        model = model._meta.get_field(relation).related_model
        names.append(f"{model._meta.verbose_name} {label}")
    base, language = history.base_names(model).get(row["field"], (row["field"], ""))
    if base:
        names.append(str(model._meta.get_field(base).verbose_name))
    elif not row["path"]:
        return Line(gettext("This record was deleted"), "", [])
    before, after = (_text(model, base, row[side]) for side in ("before", "after"))
    return Line(capfirst(", ".join(names)), language, words_changed(before, after))


def _text(model, field, value):
    """A value as a person reads it."""
    if value is None or value == "":
        return ""
    if isinstance(value, dict):
        return _part(model, value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(str(item).partition(":")[2] or str(item) for item in value)
    column = model._meta.get_field(field)
    if isinstance(column, models.DateField):
        return date_format(column.to_python(value), "j F Y")
    return str(dict(getattr(column, "flatchoices", ())).get(value, value))


def _part(model, data):
    """What a part that came or went said, in one language."""
    texts = []
    for name, value in data.items():
        base, code = history.base_names(model).get(name, (name, ""))
        if value in (None, "", []) or name == "pk" or (code and code != _language_of(data, base)):
            continue
        column = model._meta.get_field(base)
        if column.auto_created:  # rows of its own
            related = column.related_model
            label = related._meta.verbose_name_plural
            value = "; ".join(_part(related, item) for item in value)
        else:
            label = column.verbose_name
            value = _text(model, base, value)
        texts.append(f"{capfirst(label)}: {value}")
    return ". ".join(texts)


def _language_of(data, base):
    """The active language, or the first in which the field has a text."""
    codes = [get_language(), *LANGUAGES]
    return next((code for code in codes if data.get(f"{base}_{code}")), codes[0])
