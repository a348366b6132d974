"""How many reports are taken: from one address in an hour, and from everybody in a day.

The address is not kept. What is counted under is a keyed hash of it that is another one every day.
"""

from django.core.cache import cache
from django.utils import timezone
from django.utils.crypto import salted_hmac

from kb_site.addresses import address_of, household
from kb_site.reports.models import ErrorReport

AN_HOUR = 5
A_DAY = 500


def take(request):
    """Counts a report that is about to be kept; returns False when there have been too many.

    Two at the same instant may count as one: it is a brake, not a lock.
    """
    if ErrorReport.objects.filter(reported_on=timezone.localdate()).count() >= A_DAY:
        return False
    text = f"{timezone.localdate()} {household(address_of(request))}"
    key = f"report:{salted_hmac('kb_site.reports.limits', text).hexdigest()}"
    number = cache.get(key, 0)
    if number >= AN_HOUR:
        return False
    cache.set(key, number + 1, timeout=3600)
    return True
