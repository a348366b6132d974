"""Where the site's links stand: every address in what readers see, and the record it is in."""

import html
import re

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import capfirst

from kb_site import markdown
from kb_site.editorial import history

_HREF = re.compile(r'href="([^"]*)"')
_WEB = re.compile(r"https?://", re.IGNORECASE)


def published():
    """Returns {address: places} of all that is published and of what it cites."""
    records = [
        record
        for kind in history.kinds.values()
        if hasattr(kind.model.objects, "published")
        for record in kind.model.objects.published()
    ]
    return places_of(records)


def places_of(records):
    """Returns {address: places} of records and of what they cite that has no page of its own.

    Those are the kinds without a publication status: sources, speakers, topics. A place is a
    list: the record's key, the relation and label of each part it is in, and the field:
    ["provision:lu-cp-383bis", "versions", 2, "official_url_fr"].
    """
    found, seen = {}, set()
    records = list(records)
    while records:
        cited = set()
        for record in records:
            kind, key = history.kind_of(type(record)), history.key_of(record)
            seen.add(key)
            data = history.snapshot(record, kind.parts)
            for address, place in _links(kind.model, data, kind.parts):
                places = found.setdefault(address, [])
                if [key, *place] not in places:
                    places.append([key, *place])
            cited |= history.cited(data, kind.model, kind.parts)
        records = history.records_of({key for key in cited - seen if _is_bare(key)}).values()
    return found


def _is_bare(key):
    kind = history.kinds[key.partition(":")[0]]
    return not hasattr(kind.model.objects, "published")


def _links(model, data, parts):
    """Yields (address, place inside the record) of what a row and its parts say."""
    for column in model._meta.concrete_fields:
        # A snapshot holds a translated field as its columns, one a language.
        value = data.get(column.name)
        if value and isinstance(column, models.URLField):
            yield value.strip(), [column.name]
        elif value and isinstance(column, models.TextField):
            for address in in_markdown(value):
                yield address, [column.name]
    for name, part in parts.items():
        part_model = model._meta.get_field(name).related_model
        for row in data[name]:
            for address, place in _links(part_model, row, part.parts):
                yield address, [name, row[part.label], *place]


def in_markdown(text):
    """Returns the web addresses that a text links to, as readers get them."""
    if "://" not in text:
        return []
    hrefs = [html.unescape(href) for href in _HREF.findall(markdown.render(text, "en"))]
    return [href for href in hrefs if _WEB.match(href)]


def words(place):
    """Returns a place inside its record in words: "Version of a provision 2, official text (fr)".

    One that the site's code no longer knows is told as it was kept.
    """
    key, *path, column = place
    try:
        model, names = history.kinds[key.partition(":")[0]].model, []
        for relation, label in zip(path[::2], path[1::2], strict=True):
            model = model._meta.get_field(relation).related_model
            names.append(f"{model._meta.verbose_name} {label}")
        field, language = history.base_names(model).get(column, (column, ""))
        name = str(model._meta.get_field(field).verbose_name)
    except (LookupError, FieldDoesNotExist):
        return ", ".join(map(str, place[1:]))
    names.append(f"{name} ({language})" if language else name)
    return capfirst(", ".join(names))
