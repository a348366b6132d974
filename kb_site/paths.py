"""Addresses of records' pages, each worked out once."""

import functools

from django.urls import reverse
from django.utils.translation import get_language


def path_of(name, *args):
    """Returns the address of a page in the active language, as `reverse` does."""
    return _path_of(get_language(), name, *args)


@functools.lru_cache(maxsize=8192)
def _path_of(language, name, *args):
    return reverse(name, args=args)
