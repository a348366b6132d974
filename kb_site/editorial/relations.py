"""Rows with their relations filled by hand, as `prefetch_related` fills them."""

import functools

from django.db.models import QuerySet


def fill(row, name, rows):
    """Lets a to-many relation of a row hold these rows, without asking the database."""
    model = row._meta.get_field(name).related_model
    queryset = QuerySet(model)
    queryset._result_cache = rows
    queryset._prefetch_done = True
    row.__dict__.setdefault("_prefetched_objects_cache", {})[name] = queryset


def in_order(model, rows):
    """Returns rows of a model in its order, those without a value last."""

    def place(row):
        values = []
        for name in model._meta.ordering:
            value = functools.reduce(getattr, name.split("__"), row)
            values.append((value is None, value))
        return values

    return sorted(rows, key=place)
