"""What the link check found last, and in which words it says so."""

import datetime

from django.db import models, transaction
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from kb_site.links.rules import rule

# PostgreSQL indexes values of some 2,700 bytes at most.
MAX_BYTES = 2000


class LinkCheckQuerySet(models.QuerySet):
    @transaction.atomic
    def keep(self, places):
        """Makes the rows those of {address: places}: some are new, some stand nowhere any more.

        Returns the addresses too long to be kept.
        """
        known = {check.url: check for check in self.all()}
        too_long = [url for url in places if len(url.encode()) > MAX_BYTES]
        places = {url: places[url] for url in places if url not in too_long}
        self.filter(pk__in=[known[url].pk for url in known.keys() - places.keys()]).delete()
        moved = [known[url] for url in known.keys() & places.keys()]
        moved = [check for check in moved if check.places != places[check.url]]
        for check in moved:
            check.places = places[check.url]
        self.bulk_update(moved, ["places"], batch_size=200)
        self.bulk_create(
            [self.model(url=url, places=places[url]) for url in places.keys() - known.keys()],
            ignore_conflicts=True,  # another check may be running
            batch_size=200,
        )
        return too_long

    def due(self, days):
        """Links not checked for so many days; those that failed come again sooner."""
        now = timezone.now()
        again = now - datetime.timedelta(hours=rule("again_after"))
        failing = models.Q(status__in=LinkCheck.FAILING) | models.Q(reason="busy")
        return self.filter(
            models.Q(checked_at=None)
            | models.Q(checked_at__lte=now - datetime.timedelta(days=days))
            | (failing & models.Q(checked_at__lte=again))
        )


class LinkCheck(models.Model):
    """An address that the site publishes, and what the last check of it found."""

    class Status(models.IntegerChoices):
        """In the order in which they need care."""

        BROKEN = 1, _("broken")
        AGAIN = 2, _("failed once, to check again")
        ANCHOR = 3, _("part of the page missing")
        MOVED = 4, _("moved for good")
        UNKNOWN = 5, _("could not be checked")
        FINE = 6, _("works")
        NEW = 7, _("not checked yet")

    FAILING = (Status.BROKEN, Status.AGAIN)

    url = models.CharField(_("address"), max_length=MAX_BYTES, unique=True)
    status = models.PositiveSmallIntegerField(
        _("state"), choices=Status.choices, default=Status.NEW, db_index=True
    )
    # A key of `WORDS`.
    reason = models.CharField(_("reason"), max_length=20, blank=True)
    code = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    final_url = models.TextField(_("leads to"), blank=True)
    # What the words quote: the page's title, the missing part's name.
    evidence = models.CharField(_("evidence"), max_length=200, blank=True)
    checked_at = models.DateTimeField(_("checked"), null=True, db_index=True)
    first_failed_at = models.DateTimeField(_("fails since"), null=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    # Where it stands: see `places.places_of`.
    places = models.JSONField(_("where it stands"), default=list)

    objects = LinkCheckQuerySet.as_manager()

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        ordering = ["status", "url"]

    def __str__(self):
        return Truncator(self.url).chars(100)

    @property
    def is_broken(self):
        return self.status == self.Status.BROKEN

    @property
    def detail(self):
        """What was found, in a sentence that says what to do; "" when nothing is to be said."""
        words = str(WORDS.get(self.reason, ""))
        return words % {
            "code": self.code,
            "final_url": self.final_url,
            "evidence": self.evidence,
        }

    def note(self, outcome, now):
        """Saves the `Outcome` of a check. A failure is news only when it lasts."""
        self.reason, self.code = outcome.reason, outcome.code
        # PostgreSQL keeps no NUL, and a server may send any sign.
        self.final_url = "".join(sign for sign in outcome.final_url if sign.isprintable())[:4000]
        self.evidence = "".join(sign for sign in outcome.evidence if sign.isprintable())[:200]
        self.checked_at = now
        if outcome.reason in NO_FAILURE:
            self.status = NO_FAILURE[outcome.reason]
            # Who did not let us look says neither that it works nor that it does not.
            if self.status != self.Status.UNKNOWN:
                self.failures, self.first_failed_at = 0, None
        else:
            self.failures += 1
            self.first_failed_at = self.first_failed_at or now
            lasts = now - self.first_failed_at >= datetime.timedelta(hours=rule("again_after"))
            self.status = self.Status.BROKEN if lasts else self.Status.AGAIN
        values = {f.name: getattr(self, f.name) for f in self._meta.fields}
        for name in ("id", "url", "places"):
            del values[name]
        # The link may have been taken off the site while it was checked.
        LinkCheck.objects.filter(pk=self.pk).update(**values)


NO_FAILURE = {
    "fine": LinkCheck.Status.FINE,
    "forwarded": LinkCheck.Status.FINE,
    "moved": LinkCheck.Status.MOVED,
    "anchor": LinkCheck.Status.ANCHOR,
    "robots": LinkCheck.Status.UNKNOWN,
    "busy": LinkCheck.Status.UNKNOWN,
}

# What editors read about each thing that a check can find.
WORDS = {
    "fine": "",
    "forwarded": _("It leads to %(final_url)s for now. Nothing to do."),
    "moved": _("It moved for good: put %(final_url)s in its place."),
    "anchor": _(
        "The page is there, but it has no part named “%(evidence)s”: look where the text now "
        "stands."
    ),
    "robots": _("The site lets no robot in (%(code)s): look at the page in a browser."),
    "busy": _("The site asked to be left alone for a while. The next check tries again."),
    "missing": _("The page is not there (%(code)s): find where it went, or take the link out."),
    "gone": _("The page was removed for good (%(code)s): find another, or take the link out."),
    "login": _("The page asks for a password (%(code)s): readers cannot see it."),
    "forbidden": _("The site refuses to show the page (%(code)s): look at it in a browser."),
    "server": _("The site reports a fault of its own (%(code)s)."),
    "odd": _("The site answers %(code)s, which is no page: look at it in a browser."),
    "front": _("It leads to the front page, %(final_url)s: the page itself is probably gone."),
    "error-page": _("It leads to an error page, %(final_url)s: the page is probably gone."),
    "title": _("The page says that it is gone: its title is “%(evidence)s”."),
    "loop": _("It redirects without end."),
    "name": _("There is no site of that name: look for a slip in the address."),
    "tls": _(
        "Its certificate or its encryption is not in order: browsers warn people who follow it."
    ),
    "silent": _("The site took too long to answer."),
    "unreachable": _("The site's machine cannot be reached."),
    "garbled": _("The site breaks off its answer, or answers with something that is no web page."),
    "address": _("It cannot be read as a web address, or leads to one that cannot."),
    "scheme": _("It is no web address, or leads to one that is none: those begin with https://."),
    "password": _("It holds a user name or a password, or leads to an address that does."),
    "port": _("It names a port that web pages for the public do not have, or leads to one."),
    "number": _("It is an IP address written so as not to look like one, or leads to one."),
    "private": _("It leads to a machine that is not on the public internet."),
}


def state_of(urls):
    """Returns {url: LinkCheck} of the addresses that the check knows, asking once for all."""
    urls = [url for url in urls if url]
    found = LinkCheck.objects.filter(url__in={url.strip() for url in urls})
    checks = {check.url: check for check in found}
    return {url: checks[url.strip()] for url in urls if url.strip() in checks}


def failing_in(key):
    """Returns the checks of a record's addresses that need care, those that are broken first."""
    checks = LinkCheck.objects.filter(status__in=[*LinkCheck.FAILING, LinkCheck.Status.MOVED])
    return [
        check
        for check in checks.order_by("status")
        if any(place[0] == key for place in check.places)
    ]
