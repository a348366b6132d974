"""Keys of the cache that counts attempts to sign in."""

from django.utils.crypto import salted_hmac


def unreadable_key(key, prefix, version):
    """Returns a keyed hash of a cache key: the keys hold addresses, and rows outlive their use."""
    return salted_hmac("kb_site.accounts.cache", f"{prefix}:{version}:{key}").hexdigest()
