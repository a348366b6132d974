"""Counts of what people searched, kept so that nobody can be told from them.

What is noted: the words of a search, a language, whether something was found, the day. Digits, and
whatever looks like an address or an account, are dropped first. Notes wait in memory and are
written together; the text itself is written only from the fifth search of the same words on.
"""

import hashlib
import hmac
import logging
import re
import threading
import time
from collections import Counter

from django.conf import settings
from django.db import DatabaseError, models, transaction
from django.utils import timezone

from kb_site.search import analysis
from kb_site.search.models import SearchCount

logger = logging.getLogger(__name__)

_PERSONAL = re.compile(r"\S*[@/\\]\S*|\bwww\.\S+|\S*\d\S*|\S+\.(?:com|lu|org|net|fr|eu)\b")

FLUSH_AFTER = 20
FLUSH_SECONDS = 60

_waiting = Counter()
_lock = threading.Lock()
_last_flush = time.monotonic()


def note(text, language, found):
    """Notes a search. Never fails: a count is not worth an error page."""
    global _last_flush
    words = cleaned(text)
    if not words:
        return
    with _lock:
        _waiting[words, language, found] += 1
        due = (
            sum(_waiting.values()) >= FLUSH_AFTER or time.monotonic() - _last_flush > FLUSH_SECONDS
        )
    if due:
        try:
            flush()
        except DatabaseError:
            logger.warning("Search counts could not be written; they are tried again later.")
        _last_flush = time.monotonic()


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
        with transaction.atomic():
            for (words, language, found), number in waiting.items():
                _add(words, language, found, number)
    except DatabaseError:
        with _lock:
            _waiting.update(waiting)
        raise


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
