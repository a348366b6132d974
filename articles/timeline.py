"""The affair's events and the law's dates as one list of moments, and a picture of them."""

import datetime
import itertools
from dataclasses import dataclass

from django.db.models import Prefetch, Q

from articles.models import Event, Statement
from laws.dates import LegalDate, dates_of
from laws.models import LegalAct, Provision, ProvisionVersion

# In the units of the picture.
WIDTH, MARGIN = 400, 24
# The law's dates stand under the line, events above it.
AXIS, TEXT = 84, 101
LANE = {"event": (AXIS - 14, -11), "law": (AXIS + 34, 11)}
# Marks nearer than this stand on one another, so many at most.
APART, STACK = 10, 6


@dataclass(frozen=True)
class Moment:
    """An event or a date of the law. Without a day when nobody knows it."""

    day: datetime.date | None
    event: object = None
    law: LegalDate | None = None

    @property
    def kind(self):
        return "event" if self.event else "law"


def moments_of(events, dates):
    """Returns the `Moment`s of events and `LegalDate`s, oldest first, those without a day first."""
    moments = [Moment(event.happened_on, event=event) for event in events]
    moments += [Moment(date.day, law=date) for date in dates]
    return sorted(moments, key=lambda moment: (moment.day is not None, moment.day))


def published():
    """Returns the `Moment`s of all that is published, with what each of them names."""
    provisions = Provision.objects.published().select_related("act")
    events = Event.objects.published().prefetch_related(
        Prefetch("provisions", provisions), Prefetch("statements", Statement.objects.published())
    )
    acts = LegalAct.objects.published()
    return moments_of(events, dates_of(acts, provisions.prefetch_related("versions")))


def coming(today):
    """Returns the published `Moment`s after a day, soonest first; reads little else."""
    acts = LegalAct.objects.published().filter(
        Q(in_force_from__gt=today) | Q(transpose_by__gt=today) | Q(repealed_on__gt=today)
    )
    to_come = ProvisionVersion.objects.filter(
        Q(applies_from__gt=today) | Q(applies_until__gte=today) | Q(transpose_by__gt=today)
    )
    provisions = Provision.objects.published().filter(pk__in=to_come.values("provision"))
    provisions = provisions.select_related("act").prefetch_related("versions")
    events = Event.objects.published().filter(happened_on__gt=today)
    moments = moments_of(events, dates_of(acts, provisions))
    return [moment for moment in moments if is_coming(moment, today)]


def in_reading_order(moments, today):
    """Returns moments as readers want them: to come, soonest first, then the rest, newest first."""
    coming = [moment for moment in moments if is_coming(moment, today)]
    return coming + [moment for moment in reversed(moments) if not is_coming(moment, today)]


def is_coming(moment, today):
    return moment.day is not None and moment.day > today


@dataclass(frozen=True)
class Mark:
    """Where a moment stands in the picture."""

    moment: Moment
    x: float
    y: float
    is_coming: bool

    @property
    def diamond(self):
        """The corners of a law's mark."""
        x, y = self.x, self.y
        return f"{x},{y - 5} {x + 5},{y} {x},{y + 5} {x - 5},{y}"


@dataclass(frozen=True)
class Picture:
    marks: list
    # (day, x) of each first day of a half-year.
    ticks: list
    today_x: float
    first: datetime.date
    height: float
    width: int = WIDTH
    axis: int = AXIS
    text: int = TEXT


def draw(moments, today):
    """Returns the `Picture` of moments from the month of the first event on; None without two.

    The law's earlier dates are left to the list: they would leave no room for the affair.
    """
    events = [moment.day for moment in moments if moment.event and moment.day]
    first = min([*events, today]).replace(day=1)
    shown = [moment for moment in moments if moment.day and moment.day >= first]
    if len(shown) < 2:
        return None
    last = max(today, *(moment.day for moment in shown))
    span = max((last - first).days, 1)

    def place(day):
        return round(MARGIN + (day - first).days / span * (WIDTH - 2 * MARGIN), 1)

    marks, rows = [], {}
    for moment in shown:
        x = place(moment.day)
        start, row = rows.get(moment.kind, (None, 0))
        near = start is not None and x - start < APART
        rows[moment.kind] = start, row = (start, row + 1) if near else (x, 0)
        if row < STACK:
            base, step = LANE[moment.kind]
            marks.append(Mark(moment, start, base + row * step, is_coming(moment, today)))
    years = range(first.year, last.year + 1)
    halves = (datetime.date(y, month, 1) for y, month in itertools.product(years, (1, 7)))
    ticks = [(day, place(day)) for day in halves if first <= day <= last]
    height = max([TEXT, *(mark.y for mark in marks)]) + 12
    return Picture(marks, _apart(ticks), place(today), first, height)


def _apart(ticks):
    """Leaves out the days whose names would be written over each other."""
    kept = []
    for day, x in ticks:
        if not kept or x - kept[-1][1] > 60:
            kept.append((day, x))
    return kept
