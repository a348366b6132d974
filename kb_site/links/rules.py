"""What the link check goes by. `settings.LINK_CHECK` changes any of it, by name."""

import functools
import re
from dataclasses import fields

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from kb_site.fetch import Limits

DEFAULTS = {
    # Seconds, bytes and numbers: see `kb_site.fetch.Limits`.
    "timeout": 15,
    "deadline": 60,
    "max_bytes": 3 * 1024 * 1024,
    "retries": 2,
    "backoff": 5,
    "longest_wait": 60,
    "pause": 2,
    "redirects": 10,
    # For tests: this machine's own servers may be asked, on any port.
    "allow_loopback": False,
    # "" names the site by its first allowed host.
    "user_agent": "",
    # A second failure counts so many hours after the first: one bad night is no news.
    "again_after": 12,
    # Sites known to turn robots away: what they refuse us, they may show to people.
    "hosts_that_block": ["www.linkedin.com", "www.facebook.com", "x.com", "help.x.com"],
    # Names made to redirect, which are to be cited as they are: ELI, DOI, Handle and the like.
    "persistent": (
        r"^https?://(data\.[^/]+/eli/|(dx\.)?doi\.org/|hdl\.handle\.net/|purl\.|w3id\.org/)"
    ),
    # A page that is gone, though the server says 200. Of the path it leads to (the site's front
    # page, an error page) when it redirects there; of the title always.
    "front_paths": (
        r"^/?((fr|en|de|lb|lu|pt)(-[a-z]{2})?(/|\.html?)?)?"
        r"((index|home|accueil|default)(\.\w+)?/?)?$"
    ),
    "error_paths": r"[/_.-](404|not-?found|page-?not-?found|introuvable|erreur|error)([/_.?-]|$)",
    "error_titles": (
        r"not found|introuvable|non trouvée|nicht gefunden|(erreur|error|fehler)\W+404"
        r"|^404\b|\b404$|n['’]existe (pas|plus)|does not exist|no longer (exists|available)"
    ),
}


def rule(name):
    """Returns what a rule says. Raises `ImproperlyConfigured` when the settings invent one."""
    given = getattr(settings, "LINK_CHECK", {})
    if unknown := given.keys() - DEFAULTS.keys():
        raise ImproperlyConfigured(
            f"LINK_CHECK knows no {', '.join(sorted(unknown))}. It knows: {', '.join(DEFAULTS)}."
        )
    return given.get(name, DEFAULTS[name])


def matches(name, text):
    """Whether a rule that is a regular expression is found in a text; letter case is nothing."""
    return bool(_compiled(rule(name)).search(text))


_compiled = functools.cache(functools.partial(re.compile, flags=re.IGNORECASE))


def limits(**changed):
    """Returns the `Limits` of the rules; those named are set."""
    return Limits(**{f.name: rule(f.name) for f in fields(Limits)} | changed)


def user_agent():
    """Returns what the check calls itself: it names the site, so that a server knows who asks."""
    if given := rule("user_agent"):
        return given
    site = next(iter(settings.ALLOWED_HOSTS), "").lstrip(".*") or "Reperes"
    return f"Reperes-link-check/1 ({site}; checks the links this site publishes, one at a time)"
