"""The graph as linked data: what each kind is in schema.org and ELI, as JSON-LD and as Turtle.

An app gives a kind's `Node` in its `api.py`. What no public vocabulary has a word for stays in the
JSON Lines, which hold everything.
"""

import datetime
import json
from dataclasses import dataclass, field
from urllib.parse import quote

from django.db import models

PREFIXES = {
    "eli": "http://data.europa.eu/eli/ontology#",
    "schema": "https://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
CONTEXT = PREFIXES | {"id": "@id", "type": "@type"}


@dataclass(frozen=True)
class Node:
    """What a row is: its types, the property of each field, and the `Node` of each of its parts.

    `address` is what the place of a part adds to the address of what it belongs to.
    """

    types: tuple
    properties: dict
    parts: dict = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class Address:
    """A value that names something."""

    text: str


@dataclass(frozen=True)
class Literal:
    """A value that is a text, in a language or none, or of a type of XML Schema."""

    value: str
    language: str = ""
    type: str = ""


def address_of(base, reference):
    """The address that names a record for ever."""
    return f"{base}/r/{reference}"


def describe(shape, row, base):
    """Yields (address, types, [(property, value)]) of a row of a shape and of each of its parts."""
    address = address_of(base, row["reference"])
    yield from _describe(shape.linked, shape.attributes, row, address, base)


def _describe(node, attributes, row, address, base):
    values, inner = [], []
    for attribute in attributes:
        value = row[attribute.name]
        if attribute.name in node.parts:
            name, part = node.properties[attribute.name], node.parts[attribute.name]
            for item in value:
                place = address + part.address.format(item[attribute.label])
                values.append((name, Address(place)))
                inner.append((part, attribute.parts, item, place))
        elif attribute.name in node.properties:
            name = node.properties[attribute.name]
            values += [(name, one) for one in _values(attribute, value, base)]
    yield address, node.types, values
    for part, parts, item, place in inner:
        yield from _describe(part, parts, item, place, base)


def _values(attribute, value, base):
    """Yields what a field says as `Address`es and `Literal`s; nothing where it is empty."""
    is_url = isinstance(attribute.column, models.URLField)
    if attribute.target:
        references = value if attribute.is_many else [value] if value else []
        yield from (Address(address_of(base, reference)) for reference in references)
    elif attribute.is_translated and is_url:
        yield from (Address(text) for text in dict.fromkeys(value.values()) if text)
    elif attribute.is_translated:
        yield from (Literal(text, language=code) for code, text in value.items() if text)
    elif is_url:
        yield from [Address(value)] if value else []
    elif isinstance(value, list):
        yield from (Literal(str(one)) for one in value)
    elif isinstance(value, datetime.date):
        yield Literal(value.isoformat(), type="xsd:date")
    elif isinstance(value, bool):
        yield Literal(str(value).lower(), type="xsd:boolean")
    elif isinstance(value, int):
        yield Literal(str(value), type="xsd:integer")
    elif value not in (None, ""):
        yield Literal(str(value))


# JSON-LD


def as_json(address, types, values):
    """Returns a described row as an object of a JSON-LD document with `CONTEXT`."""
    found = {"id": iri(address), "type": list(types)}
    for name, value in values:
        found.setdefault(name, []).append(_json_value(value))
    return found


def _json_value(value):
    if isinstance(value, Address):
        return {"id": iri(value.text)}
    kinds = {"@language": value.language, "@type": value.type}
    return {"@value": value.value} | {name: kind for name, kind in kinds.items() if kind}


# Turtle


def prefixes():
    """The first lines of a Turtle document."""
    return "".join(f"@prefix {name}: <{address}> .\n" for name, address in PREFIXES.items())


def as_turtle(address, types, values):
    """Returns a described row as statements of a Turtle document that begins with `prefixes`."""
    lines = [f"a {', '.join(types)}"]
    lines += [f"{name} {_turtle_value(value)}" for name, value in values]
    return f"\n<{iri(address)}> " + " ;\n    ".join(lines) + " .\n"


def _turtle_value(value):
    if isinstance(value, Address):
        return f"<{iri(value.text)}>"
    # A JSON string's escapes are Turtle's too.
    text = json.dumps(value.value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if value.language:
        return f"{text}@{value.language}"
    return f"{text}^^{value.type}" if value.type else text


def iri(address):
    """The address without the signs that an IRI may not hold."""
    return "".join(
        quote(sign) if sign <= " " or sign in '<>"{}|\\^`' or "\x7f" <= sign <= "\x9f" else sign
        for sign in address
    )
