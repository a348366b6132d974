"""How many searches one address may ask for in a minute: a brake on programs, not on people.

Each worker counts by itself and in memory, under a hash whose key ends with the worker: nothing is
written, and no search waits for the database. A school or a whole mobile network may stand behind
one address, so the limit is wide.
"""

import hashlib
import math
import secrets
import threading
from collections import OrderedDict
from functools import wraps
from time import monotonic

from django.conf import settings
from django.shortcuts import render

from kb_site.addresses import address_of, household

# Of so many addresses it is remembered, those that asked last.
REMEMBERED = 10_000

_key = secrets.token_bytes(32)
# {hash of an address: (searches it has left, when that was so)}
_left = OrderedDict()
_lock = threading.Lock()


def wait(request, cost=1):
    """Counts a search. Returns 0, or after how many seconds it may be asked again."""
    most = settings.SEARCH_PER_MINUTE
    address = address_of(request)
    # One that is not of the open internet is a proxy's, and would be everybody's.
    if not most or address is None or not address.is_global:
        return 0
    name = hashlib.blake2b(household(address).encode(), key=_key, digest_size=16).digest()
    now = monotonic()
    with _lock:
        left, then = _left.pop(name, (most, now))
        left = min(most, left + (now - then) * most / 60)
        is_allowed = left >= cost
        _left[name] = (left - cost if is_allowed else left, now)
        if len(_left) > REMEMBERED:
            _left.popitem(last=False)
    return 0 if is_allowed else math.ceil((cost - left) * 60 / most)


def limited(cost=1):
    """Decorates a view that searches for `?q=`: too many are answered 429, with who can help."""

    def decorate(view):
        @wraps(view)
        def answer(request, *args, **kwargs):
            seconds = wait(request, cost) if request.GET.get("q", "").strip() else 0
            return too_many(request, seconds) if seconds else view(request, *args, **kwargs)

        return answer

    return decorate


def too_many(request, seconds):
    response = render(request, "search/too_many.html", {"seconds": seconds}, status=429)
    for name, value in headers(seconds).items():
        response[name] = value
    return response


def headers(seconds):
    """Those of a refusal, which is this reader's alone."""
    return {"Retry-After": str(seconds), "Cache-Control": "no-store"}
