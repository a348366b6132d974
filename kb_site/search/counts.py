"""Counts of what people searched, kept so that nobody can be told from them.

What is noted: the words of a search, a language, whether something was found, the day. Digits, and
whatever looks like an address or an account, are dropped first. Notes wait in memory and are
written together; the text itself is written only from the fifth search of the same words on.
"""

import contextlib
import hashlib
import hmac
import logging
import re
import threading
import time
from collections import Counter

from django.conf import settings
from django.db import Error, connection, models, transaction
from django.utils import timezone

from kb_site.search import analysis
from kb_site.search.models import SearchCount

logger = logging.getLogger(__name__)

_PERSONAL = re.compile(r"\S*[@/\\]\S*|\bwww\.\S+|\S*\d\S*|\S+\.(?:com|lu|org|net|fr|eu)\b")

FLUSH_AFTER = 20
FLUSH_SECONDS = 60
# How long a reader's search may wait for an editor's transaction before the notes wait instead.
PATIENCE = 50  # milliseconds
# Then the notes are not tried again for so long.
RETRY_SECONDS = 10

_waiting = Counter()
_lock = threading.Lock()
_last_flush = time.monotonic()
_next_try = 0.0


def note(text, language, found):
    """Notes a search. Never fails: a count is not worth an error page."""
    global _last_flush, _next_try
    words = cleaned(text)
    if not words:
        return
    with _lock:
        _waiting[words, language, found] += 1
        now = time.monotonic()
        due = now >= _next_try and (
            sum(_waiting.values()) >= FLUSH_AFTER or now - _last_flush > FLUSH_SECONDS
        )
    if due:
        try:
            flush()
            _last_flush = now
        except Error:
            logger.warning("Search counts could not be written; they are tried again later.")
            _next_try = now + RETRY_SECONDS


def cleaned(text):
    """Returns a search in lower case without digits, addresses and accounts, cut at 200."""
    text = _PERSONAL.sub(" ", analysis.normalize(text[:200]))
    return " ".join(re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.lower()))[:200]


def flush():
    """Writes the waiting notes; what cannot be written goes on waiting."""
    with _lock:
        waiting = dict(_waiting)
        _waiting.clear()
    try:
        with _impatient():
            for (words, language, found), number in waiting.items():
                _add(words, language, found, number)
    except Error:
        with _lock:
            _waiting.update(waiting)
        raise


@contextlib.contextmanager
def _impatient():
    """A transaction in which waiting for another one fails after `PATIENCE`."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            [usual] = cursor.execute("PRAGMA busy_timeout").fetchone()
            cursor.execute(f"PRAGMA busy_timeout = {PATIENCE}")
            try:
                with transaction.atomic():
                    yield
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {usual}")
        else:
            with transaction.atomic():
                cursor.execute(f"SET LOCAL lock_timeout = {PATIENCE}")
                yield


def _add(words, language, found, number):
    digest = hmac.new(
        settings.SECRET_KEY.encode(), f"{language} {words}".encode(), hashlib.sha256
    ).hexdigest()[:40]
    count, _created = SearchCount.objects.get_or_create(
        digest=digest, defaults={"language": language, "last_day": timezone.localdate()}
    )
    SearchCount.objects.filter(pk=count.pk).update(
        searches=models.F("searches") + number,
        without_result=models.F("without_result") + (0 if found else number),
        last_day=timezone.localdate(),
    )
    SearchCount.objects.filter(pk=count.pk, searches__gte=SearchCount.THRESHOLD).update(text=words)
