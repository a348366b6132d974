"""Records at hand: read once for a state of the site, then shown from a worker's memory.

What one page shows is on many others: the police, article 383bis. An edit, midnight or another
machine's edit moves the stamp (`kb_site/pages/stamp.py`), and all is read again.
"""

import functools
import itertools
from collections import defaultdict

from django.db import connection

from kb_site.editorial.relations import fill, in_order
from kb_site.pages import stamp
from kb_site.routing import is_late, reading

# What is made of one record: whatever hosts are made up, memory has an end.
MOST_PARTS = 50


class Shelf:
    """Holds `most` values of one state of the site; inside a transaction it holds nothing.

    Values are shared by threads and requests: whoever gets one changes nothing in it.
    """

    def __init__(self, most):
        self.most = most
        self._held = (None, {})

    def get(self, keys, find):
        """Returns {key: value}; those not at hand are asked of `find`, which takes their keys.

        What `find` does not return is not held either: it is asked for again the next time.
        """
        state = _state()
        if state is None:
            return find(keys)
        # Read before anything is found: what is found later may be newer, never older.
        if self._held[0] != state:
            self._held = (state, {})
        held_for, held = self._held
        values = {key: held[key] for key in keys if key in held}
        missing = [key for key in keys if key not in values]
        if missing:
            found = find(missing)
            values |= found
            if held_for == state:
                if len(held) + len(found) > self.most:
                    held.clear()
                held.update(found)
        return values


def may_hold():
    """Whether what is read now is held, as it is for readers: not inside a transaction."""
    return _state() is not None


def _state():
    """What changes with every edit that others see; None where nothing may be held."""
    if connection.in_atomic_block or is_late():
        return None
    try:
        return stamp.current()
    except OSError:
        return None


_records = Shelf(1000)


def linked(model, keys):
    """Returns {primary key: published record}, each with what a citation of it shows.

    Takes a model whose query sets have `cited()`, and primary keys.
    """

    def find(missing):
        found = model.objects.cited().filter(pk__in=[key for _model, key in missing])
        return {(model, record.pk): with_parts(record) for record in found}

    found = _records.get([(model, key) for key in keys], find)
    return {key: record for (_model, key), record in found.items()}


def with_parts(record):
    """Lets a record keep what is made of it for as long as it is held."""
    record.parts = {}
    return record


def part(record, key, make):
    """Returns what is made of a record, from the record itself when it is at hand.

    Takes what tells one thing that is made of a record from another (the language is one), and a
    function that makes it.
    """
    parts = getattr(record, "parts", None)
    if parts is None:
        return make()
    made = parts.get(key)
    if made is None:
        if len(parts) >= MOST_PARTS:
            parts.clear()
        made = parts[key] = make()
    return made


def link(*groups):
    """Gives rows the published records they point to by many-to-many relations.

    Takes lists of rows, each of one model.
    """
    groups = [rows for rows in groups if rows]
    # {relation: {key of a row: keys of what it points to}}
    found = {field: defaultdict(list) for rows in groups for field in _relations(type(rows[0]))}
    if not found:
        return
    fields = list(found)
    keys = [row.pk for rows in groups for _field in _relations(type(rows[0])) for row in rows]
    with reading(fields[0].model).cursor() as cursor:
        cursor.execute(_links(tuple((type(rows[0]), len(rows)) for rows in groups)), keys)
        for number, source, target in cursor.fetchall():
            found[fields[number]][source].append(target)
    pointed = defaultdict(set)
    for field, targets in found.items():
        pointed[field.related_model].update(*targets.values())
    records = {model: linked(model, sorted(targets)) for model, targets in pointed.items()}
    for rows in groups:
        for field, row in itertools.product(_relations(type(rows[0])), rows):
            known = records[field.related_model]
            own = [known[key] for key in found[field][row.pk] if key in known]
            fill(row, field.name, in_order(field.related_model, own))


def _relations(model):
    return model._meta.many_to_many


@functools.lru_cache(maxsize=256)
def _links(counts):
    """The SQL that finds what rows point to: (number of the relation, row, target).

    Takes how many rows there are of each model. Names are those of our own tables; values are
    parameters.
    """
    fields = [(field, count) for model, count in counts for field in _relations(model)]
    return " UNION ALL ".join(
        f'SELECT {number}, "{field.m2m_column_name()}", "{field.m2m_reverse_name()}" '  # noqa: S608
        f'FROM "{field.m2m_db_table()}" '
        f'WHERE "{field.m2m_column_name()}" IN ({", ".join(["%s"] * count)})'
        for number, (field, count) in enumerate(fields)
    )
