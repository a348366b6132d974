"""Where a legal text stands on a day, kept in the index so that nothing changes at midnight.

A standing is a line of codes and the days on which one gives way to the next:
"not-yet-applicable 2026-12-02 applies". Whoever describes a record writes it; a search reads it on
the day it is made.
"""

import datetime
import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """A code, the day it began (None when unknown), and the day another follows (None: never)."""

    code: str
    since: datetime.date | None = None
    until: datetime.date | None = None


def write(steps):
    """Returns the line of [(first day or None for the first step, code)]; equal steps are one."""
    words, last = [], None
    for day, code in steps:
        if code != last:
            words += [code] if last is None else [day.isoformat(), code]
            last = code
    return " ".join(words)


@functools.lru_cache(maxsize=10_000)
def on(line, day):
    """Returns the `Standing` of a line on a day, or None for an empty line."""
    if not line:
        return None
    code, *rest = line.split()
    since = until = None
    for first, following in zip(rest[::2], rest[1::2], strict=True):
        first = datetime.date.fromisoformat(first)
        if first > day:
            until = first
            break
        code, since = following, first
    return Standing(code, since, until)
