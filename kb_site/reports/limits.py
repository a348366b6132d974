"""How many reports are taken: from one address in an hour, and from everybody in a day.

The address is not kept. What is counted under is a keyed hash of it that is another one every day.
"""

import ipaddress

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.crypto import salted_hmac

from kb_site.reports.models import ErrorReport

AN_HOUR = 5
A_DAY = 500


def take(request):
    """Counts a report that is about to be kept; returns False when there have been too many.

    Two at the same instant may count as one: it is a brake, not a lock.
    """
    if ErrorReport.objects.filter(reported_on=timezone.localdate()).count() >= A_DAY:
        return False
    text = f"{timezone.localdate()} {_network(request)}"
    key = f"report:{salted_hmac('kb_site.reports.limits', text).hexdigest()}"
    number = cache.get(key, 0)
    if number >= AN_HOUR:
        return False
    cache.set(key, number + 1, timeout=3600)
    return True


def _network(request):
    """The reader's address, as sign-in finds it; of version 6 only what a household shares."""
    try:
        address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    except (PermissionDenied, ValueError):
        return ""
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
