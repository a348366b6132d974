"""What leaves the site: the shape that the records of each kind have in the API and the open data.

A shape is worked out from the kind's model, with its parts (see `history.Kind`): every column is a
field, a translated one holds all its languages, and records name each other by reference. An app
says in its `api.py` which kinds leave, under which name, and what is left out or added.

The same pydantic model describes a record in the OpenAPI document, checks what the API answers
and checks what an import reads. Only what is published ever gets into a row.
"""

import datetime
import functools
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from django.db import models
from django.utils import translation
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from kb_site.editorial import history
from kb_site.editorial.fields import REFERENCE_PATTERN
from kb_site.languages import LANGUAGES

# What is the desk's business: every published record is published, and names of editors stay here.
PRIVATE = frozenset({"status", "verified_by"})


class Closed(BaseModel):
    """A shape without unknown fields."""

    model_config = ConfigDict(extra="forbid")


def _without_null(text):
    if "\0" in text:
        raise ValueError("it holds a NUL character: remove it")
    return text


Text = Annotated[str, AfterValidator(_without_null)]
Reference = Annotated[
    str, Field(pattern=REFERENCE_PATTERN.replace(r"\Z", "$"), max_length=80, examples=["q-school"])
]
Texts = create_model(
    "Texts",
    __base__=Closed,
    __doc__="A text in each language; empty where there is none.",
    **dict.fromkeys(LANGUAGES, (Text, ...)),
)


@dataclass(frozen=True)
class Attribute:
    """One field of a row: its name, its type, and the columns or relation that it is read from.

    `columns` maps languages to columns ("" for a column of no language). A relation has a
    `target`, the model it leads to; rows that belong to the record have `parts`, their own
    attributes, and `label`, the one that tells them apart.
    """

    name: str
    type: Any
    columns: dict
    column: Any = None
    target: Any = None
    is_many: bool = False
    parts: tuple = ()
    label: str = ""
    part_model: Any = None

    @property
    def is_translated(self):
        return "" not in self.columns and bool(self.columns)


@dataclass(frozen=True)
class Shape:
    """How the records of a kind leave the site: see `register`."""

    kind: history.Kind
    plural: str
    rows: Any
    private: frozenset = frozenset()
    filters: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    linked: Any = None

    @property
    def name(self):
        return self.kind.name

    @property
    def model(self):
        return self.kind.model

    def published(self):
        """The rows that readers may see."""
        return self.rows()

    def loaded(self):
        """The published rows with all that `row` reads, in as many queries for many as for one."""
        return self.published().prefetch_related(*_prefetches(self.attributes))

    def in_batches(self, size=200):
        """Yields every published record in the order of references, a batch in memory at a time."""
        # Sorted here: databases differ on whether a hyphen counts.
        references = sorted(self.published().values_list("reference", flat=True))
        for start in range(0, len(references), size):
            rows = self.loaded().filter(reference__in=references[start : start + size])
            yield from sorted(rows, key=lambda record: record.reference)

    @functools.cached_property
    def attributes(self):
        """The `Attribute`s of the record, its reference first."""
        found = _attributes(self.model, self.kind.parts, PRIVATE | self.private, self.type_name)
        return tuple(sorted(found, key=lambda attribute: attribute.name != "reference"))

    @property
    def type_name(self):
        """What a record is called in the OpenAPI document."""
        return self.name.capitalize()

    @functools.cached_property
    def schema(self):
        """The pydantic model of a row."""
        return _schema(self.type_name, self.attributes, str(self.model.__doc__))

    def row(self, record):
        """All that a record of `loaded`, or of the past (`history.Past`), says, as plain data."""
        return _row(record, self.attributes)

    def facts_of(self, record):
        """What is worked out for the day the page speaks of: {name: value}."""
        return {name: function(record) for name, (_type, function) in self.facts.items()}

    def addresses(self, record):
        """The paths of the record's page, {language: path}, empty for what has no page."""
        if not hasattr(record, "get_absolute_url"):
            return {}
        paths = {}
        for code in LANGUAGES:
            with translation.override(code):
                paths[code] = record.get_absolute_url()
        return paths


registry = {}


def register(name, plural, rows=None, private=(), filters=None, facts=None, linked=None):
    """Says how the records of a kind leave the site.

    Takes the kind's name and its plural, which names its place in the API and its files; a function
    that returns the published rows, where the model has no `published()`; the columns that stay
    here; filters of lists, {parameter: (type, lookup)}; facts, {name: (type, function of a
    record)}; and a `linked.Node` that says what it is as linked data.
    """
    kind = history.kinds[name]
    rows = rows or kind.model.objects.published
    registry[name] = Shape(
        kind, plural, rows, frozenset(private), filters or {}, facts or {}, linked
    )


def shape_of(model):
    """The `Shape` of a model's records, or None when they stay here."""
    return next((shape for shape in registry.values() if shape.model is model), None)


# Attributes


def _attributes(model, parts, private, type_name, parent=None):
    """Yields the `Attribute`s of a model's rows."""
    names, seen = history.base_names(model), {}
    for column in history.columns(model):
        base, language = names.get(column.name, (column.name, ""))
        if column.name != parent and base not in private:
            seen.setdefault(base, {})[language] = column
    for name, columns in seen.items():
        column = next(iter(columns.values()))
        if not column.is_relation:
            kind = Texts if "" not in columns else _type(column)
            yield Attribute(name, kind, {code: c.name for code, c in columns.items()}, column)
        elif shape_of(column.related_model):
            kind = Reference | None if column.null else Reference
            yield Attribute(name, kind, {"": column.name}, column, column.related_model)
    for column in model._meta.many_to_many:
        # What leads to records that stay here stays here too.
        if column.name not in private and shape_of(column.related_model):
            target = column.related_model
            yield Attribute(column.name, list[Reference], {}, column, target, is_many=True)
    for name, part in parts.items():
        part_model = model._meta.get_field(name).related_model
        inner_name = f"{type_name}{part_model.__name__.removeprefix(type_name)}"
        inner = tuple(_attributes(part_model, part.parts, private, inner_name, parent=part.parent))
        inner = tuple(sorted(inner, key=lambda a, label=part.label: a.name != label))
        schema = _schema(inner_name, inner, str(part_model.__doc__))
        yield Attribute(
            name, list[schema], {}, parts=inner, label=part.label, part_model=part_model
        )


def _type(column):
    """The Python type of a column's values, as they leave."""
    if column.name == "reference":
        return Reference
    if isinstance(column, models.JSONField):
        return list[Text]
    if isinstance(column, models.DateField):
        kind = datetime.date
    elif isinstance(column, models.BooleanField):
        kind = bool
    elif isinstance(column, models.DecimalField):
        kind = Annotated[float, Field(allow_inf_nan=False)]
    elif isinstance(column, models.IntegerField):
        kind = int
    elif column.choices:
        kind = Literal[tuple(value for value, _name in column.flatchoices)]
    else:
        kind = Text
    return kind | None if column.null and kind is not Text else kind


def _schema(name, attributes, text):
    return create_model(
        name,
        __base__=Closed,
        __doc__=text,
        **{a.name: (a.type, Field(description=_described(a))) for a in attributes},
    )


def _described(attribute):
    """What a field holds, in the words of the admin."""
    with translation.override("en"):
        if attribute.part_model:
            return f"Its {attribute.part_model._meta.verbose_name_plural}, in order."
        if attribute.target:
            kind = history.kind_of(attribute.target)
            plural = "references" if attribute.is_many else "reference"
            return f"{attribute.column.verbose_name}: {plural} ({kind.name}).".capitalize()
        text = str(attribute.column.verbose_name)
        if attribute.is_translated:
            model = attribute.column.model
            text = str(model._meta.get_field(attribute.name).verbose_name)
        # modeltranslation adds the language to the name of each column.
        return text[:1].upper() + text[1:] + "."


# Rows


def _prefetches(attributes, path=""):
    """What to load so that reading rows asks no more: of what is cited only what is published."""
    for attribute in attributes:
        if attribute.parts:
            yield f"{path}{attribute.name}"
            yield from _prefetches(attribute.parts, f"{path}{attribute.name}__")
        elif attribute.target:
            rows = shape_of(attribute.target).published()
            if attribute.is_many:
                rows = rows.only("pk", "reference")
            yield models.Prefetch(f"{path}{attribute.name}", rows)


def _row(instance, attributes):
    return {attribute.name: _value(instance, attribute) for attribute in attributes}


def _value(instance, attribute):
    if attribute.parts:
        rows = getattr(instance, attribute.name).all()
        rows = sorted(rows, key=lambda row: getattr(row, attribute.label))
        return [_row(row, attribute.parts) for row in rows]
    if attribute.is_many:
        return sorted(record.reference for record in getattr(instance, attribute.name).all())
    if attribute.target:
        record = getattr(instance, attribute.name)
        return record and record.reference
    if attribute.is_translated:
        return {code: getattr(instance, name) or "" for code, name in attribute.columns.items()}
    value = getattr(instance, attribute.name)
    if attribute.type is Text:
        return value or ""
    if isinstance(attribute.column, models.DecimalField) and value is not None:
        return float(value)
    return value
