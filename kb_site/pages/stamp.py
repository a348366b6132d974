"""What tells one state of the site from the next: a file of this machine, the day, and its end.

All workers of a machine see the file change at once. Machines that share a database tell each
other through one row of it, which each worker's `follow` reads twice a second.
"""

import contextlib
import datetime
import functools
import logging
import os
import tempfile
import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, models
from django.utils import timezone

from kb_site.editorial import clock

logger = logging.getLogger(__name__)

ROW = 1
FOLLOW_SECONDS = 0.4
# How often the file is looked at, at most: asking the system lets another thread take the turn,
# which costs a kept page as much as all else.
LOOK_SECONDS = 0.001


def file():
    return Path(_file(settings.PAGES_DIR))


@functools.cache
def _file(folder):
    """The stamp's place as text: it is asked for at each request."""
    return str(Path(folder) / "stamp")


def current():
    """Returns what pages must have been made with to be shown now; any two can be compared.

    Raises `OSError` when the file cannot be made: nothing may be kept then.
    """
    place, now = _file(settings.PAGES_DIR), time.perf_counter()
    known = _looked_up[0]
    if known is None or known[0] != place or not 0 <= now - known[1] < LOOK_SECONDS:
        try:
            status = os.stat(place)
        except FileNotFoundError:
            _write(0)
            status = os.stat(place)
        known = _looked_up[0] = (place, now, (status.st_ino, status.st_mtime_ns))
    return (*known[2], *_part.now())


# The last look at the file: (its place, when, what it said). This worker's own moves forget it.
_looked_up = [None]


class _Part:
    """The day in Luxembourg, and whether it is about to end: worked out twice a day.

    When a day is about to end, whatever lets others keep an answer for some minutes is made anew,
    so that it can say that they may not (`clock.fresh_for`).
    """

    start = end = 0.0
    value = ()

    def now(self):
        now = time.time()
        # A clock that is put back or forward falls outside.
        if not self.start <= now < self.end:
            day = timezone.localdate()
            last = clock.end_of(day).timestamp() + 1e-6
            late = last - clock.LATE_SECONDS
            first = clock.end_of(day - datetime.timedelta(days=1)).timestamp() + 1e-6
            self.start, self.end = (first, late) if now < late else (late, last)
            self.value = (day.toordinal(), now >= late)
        return self.value


_part = _Part()


def move():
    """Says that what pages are made of has changed: here at once, elsewhere within a second."""
    value = None
    if _is_shared():
        from kb_site.pages.models import Stamp

        try:
            Stamp.objects.update_or_create(
                pk=ROW, defaults={"value": models.F("value") + 1}, create_defaults={"value": 1}
            )
            value = Stamp.objects.values_list("value", flat=True).get(pk=ROW)
        except DatabaseError:
            logger.exception("The other machines could not be told that pages have changed.")
    _write(time.time_ns() if value is None else value)


def catch_up():
    """Moves this machine's stamp when another machine has moved the row. Returns whether it did."""
    from kb_site.pages.models import Stamp

    value = Stamp.objects.filter(pk=ROW).values_list("value", flat=True).first()
    if value is None or str(value) == _read():
        return False
    _write(value)
    return True


def follow():
    """Starts a thread that moves the stamp, and catches up twice a second with other machines.

    This worker may stand in for one that was killed after a commit, before it could tell anybody.
    """
    threading.Thread(target=_follow, name="pages", daemon=True).start()


def _follow():
    with contextlib.suppress(Exception):
        move()
    while _is_shared():
        time.sleep(FOLLOW_SECONDS)
        try:
            catch_up()
        except Exception:
            # The database is gone: the pages stay as they are until it is back.
            with contextlib.suppress(Exception):
                connection.close()


def _is_shared():
    return connection.vendor != "sqlite"


def _read():
    try:
        return file().read_text()
    except OSError:
        return ""


def _write(value):
    """Puts a new file in the old one's place: another inode, whatever the clock says.

    On a full disk the old file gets another time, which takes no room.
    """
    path, name = file(), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as new:
            new.write(str(value))
        os.replace(name, path)
    except OSError:
        logger.exception("The stamp of the pages could not be written.")
        with contextlib.suppress(OSError):
            os.utime(path)
        with contextlib.suppress(OSError, TypeError):
            os.unlink(name)
    _looked_up[0] = None
