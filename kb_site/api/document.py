"""The OpenAPI document of the API, and what its documentation page shows of it."""

import copy
import json
from dataclasses import dataclass

from kb_site.api import problems
from kb_site.api.v1 import api
from kb_site.graph import package

# Where every answer's errors are described.
ROOT = "api/v1/"


def build():
    """Returns the OpenAPI document, as plain data in a stable order."""
    document = json.loads(json.dumps(copy.deepcopy(api.get_openapi_schema(path_prefix=ROOT))))
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    response["content"] = {
                        problems.MEDIA_TYPE: response["content"]["application/json"]
                    }
            operation["responses"] = dict(sorted(operation["responses"].items()))
            for parameter in operation.get("parameters", ()):
                # A parameter is given or left out: there is no null in an address.
                parameter["schema"] = _given(parameter["schema"])
                # A list is no form that OpenAPI knows here; the schema has it.
                parameter.pop("examples", None)
    document["info"]["license"] = {
        "name": package.LICENCE["title"],
        "identifier": package.LICENCE["name"],
    }
    schemas = document["components"]["schemas"]
    used = sorted(_used(document["paths"], schemas))
    document["components"]["schemas"] = {name: schemas[name] for name in used}
    if not document["servers"]:
        del document["servers"]
    _untitle(document["paths"])
    _untitle(document["components"])
    return document


def _given(schema):
    """A schema without null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return rest | kinds[0]


def _used(data, schemas, found=()):
    """The names of the schemas that data leads to."""
    found = set(found)
    for name in {ref.rpartition("/")[2] for ref in _references(data)} - found:
        found |= _used(schemas[name], schemas, found | {name})
    return found


def _references(data):
    if isinstance(data, dict):
        if isinstance(data.get("$ref"), str):
            yield data["$ref"]
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            yield from _references(item)


def _untitle(data):
    """Drops the titles that pydantic makes of names: they say nothing more."""
    if isinstance(data, dict):
        if isinstance(data.get("title"), str):
            del data["title"]
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            _untitle(item)


def text():
    """The document as it is served and committed."""
    return json.dumps(build(), ensure_ascii=False, indent=1) + "\n"


# What the page shows


@dataclass(frozen=True)
class Row:
    """A parameter or a field: `links` are the names of the shapes its type is made of."""

    name: str
    type: str
    links: tuple
    description: str
    is_required: bool


@dataclass(frozen=True)
class Endpoint:
    path: str
    summary: str
    parameters: tuple
    answers: tuple


def endpoints(document):
    """Returns the `Endpoint`s of a document."""
    found = []
    for path, operations in document["paths"].items():
        operation = operations["get"]
        [schema] = operation["responses"]["200"]["content"].values()
        parameters = [
            Row(
                parameter["name"],
                *type_of(parameter["schema"]),
                parameter.get("description", ""),
                parameter["required"],
            )
            for parameter in operation.get("parameters", ())
        ]
        answers = type_of(schema["schema"])[1]
        found.append(Endpoint(path, operation["summary"], tuple(parameters), answers))
    return found


def shapes(document):
    """Returns [(name, description, fields)] of the shapes of a document."""
    return [
        (
            name,
            schema.get("description", ""),
            [
                Row(
                    field,
                    *type_of(content),
                    content.get("description", ""),
                    field in schema.get("required", ()),
                )
                for field, content in schema.get("properties", {}).items()
            ],
        )
        for name, schema in document["components"]["schemas"].items()
    ]


def type_of(schema):
    """Returns (type in words, names of the shapes in it) of a JSON schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, (name,)
    if "anyOf" in schema:
        parts = [type_of(part) for part in schema["anyOf"]]
        return " or ".join(text for text, _links in parts), tuple(
            name for _text, links in parts for name in links
        )
    if schema.get("type") == "array":
        text, links = type_of(schema.get("items", {}))
        return f"list of {text}", links
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"])), ()
    if "const" in schema:
        return str(schema["const"]), ()
    name = schema.get("type", "anything")
    return schema.get("format", {"null": "nothing"}.get(name, name)), ()
