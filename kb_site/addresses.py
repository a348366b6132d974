"""Where a request comes from, counted through as many proxies as TRUSTED_PROXIES says."""

import ipaddress

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied


def address_of(request):
    """Returns the address of whoever asks, as sign-in finds it; None where there is none.

    There is none where fewer proxies than TRUSTED_PROXIES have added to X-Forwarded-For. One of
    version 4 that is written in version 6 is the one of version 4.
    """
    try:
        address = ipaddress.ip_address(get_adapter().get_client_ip(request))
    except (PermissionDenied, ImproperlyConfigured, ValueError):
        return None
    return getattr(address, "ipv4_mapped", None) or address


def household(address):
    """Returns what one reader's machines share of an address, as text; "" for None."""
    if address is None or address.version == 4:
        return str(address or "")
    return str(ipaddress.ip_network((address, 64), strict=False))
