"""The day a page speaks of: today in Luxembourg, unless the reader asked for an earlier one."""

import contextlib
import contextvars
import datetime

from django.utils import timezone

# Nobody is told to keep for longer what changes at midnight.
LATE_SECONDS = 300

_day = contextvars.ContextVar("day", default=None)
_instant = contextvars.ContextVar("instant", default=None)


def today():
    """The day asked for, else today's date in Luxembourg (the site's TIME_ZONE)."""
    return _day.get() or timezone.localdate()


def moment():
    """The instant up to which changes are seen: now, the one asked for, or the day's last."""
    if instant := _instant.get():
        return min(timezone.now(), instant)
    day = _day.get()
    return min(timezone.now(), end_of(day)) if day else timezone.now()


def end_of(day):
    """The last instant of a day in Luxembourg, 23, 24 or 25 hours after its first."""
    following = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time.min)
    return timezone.make_aware(following) - datetime.timedelta(microseconds=1)


def fresh_for(seconds):
    """For how long others may keep an answer: `seconds`, 300 at most, or 0 when the day ends."""
    left = end_of(timezone.localdate()) - timezone.now()
    return seconds if left.total_seconds() >= LATE_SECONDS else 0


@contextlib.contextmanager
def as_of(day, instant=None):
    """Inside, `today()` is this day, and `moment()` its end, or an instant of it."""
    token, at = _day.set(day), _instant.set(instant)
    try:
        yield
    finally:
        _day.reset(token)
        _instant.reset(at)
