"""A provision's versions on one line of time, as figures for a picture and the same facts in words.

The template draws them as SVG; a list beside it says the same to whoever does not see it.
"""

import datetime
from dataclasses import dataclass

# In the units of the picture.
WIDTH = 600
ROW = 34
TOP = 8
# Room before the first day and after the last one known, for what has no start or no end.
MARGIN = 48


@dataclass(frozen=True)
class Bar:
    """A version's stretch of time. Edges without a day known are drawn open."""

    version: object
    x: float
    y: int
    width: float
    starts_known: bool
    ends_known: bool

    @property
    def text_x(self):
        return self.x + 8

    @property
    def text_y(self):
        return self.y + 17


@dataclass(frozen=True)
class Mark:
    """A day on the line."""

    day: datetime.date
    x: float


@dataclass(frozen=True)
class Timeline:
    bars: list
    marks: list
    today: Mark
    height: int
    width: int = WIDTH

    @property
    def axis_y(self):
        return self.height - 22

    @property
    def text_y(self):
        return self.height - 6


def draw(versions, today):
    """Returns the `Timeline` of versions on a day, oldest on top.

    None when there is nothing to see: a single version without a day to come.
    """
    versions = sorted(versions, key=lambda version: version.number)
    days = {day for v in versions for day in (v.applies_from, _end(v)) if day}
    if len(versions) < 2 and not any(day > today for day in days):
        return None
    first, last = min(days | {today}), max(days | {today})
    span = max((last - first).days, 1)

    def place(day):
        return round(MARGIN + (day - first).days / span * (WIDTH - 2 * MARGIN), 1)

    bars = []
    for number, version in enumerate(versions):
        start, end = version.applies_from, _end(version)
        x = place(start) if start else 0
        right = place(end) if end else WIDTH
        bars.append(Bar(version, x, TOP + number * ROW, max(right - x, 2), bool(start), bool(end)))
    return Timeline(
        bars,
        _apart([Mark(day, place(day)) for day in sorted(days)]),
        Mark(today, place(today)),
        TOP + len(versions) * ROW + 30,
    )


def _end(version):
    """The first day a version no longer applies."""
    return version.applies_until and version.applies_until + datetime.timedelta(days=1)


def _apart(marks):
    """Leaves out the days whose names would be written over each other."""
    kept = []
    for mark in marks:
        if not kept or mark.x - kept[-1].x > 95:
            kept.append(mark)
    return kept
