from contextlib import closing
from itertools import chain, groupby, zip_longest

from django.core.management.base import BaseCommand, CommandError, no_translations
from django.utils import timezone
from tqdm import tqdm

from kb_site import health
from kb_site.editorial import history
from kb_site.links import places, rules
from kb_site.links.check import Checker
from kb_site.links.models import LinkCheck

# When the first so many sites cannot be reached, it is this machine that is cut off.
SITES_IN_A_ROW = 5
UNREACHED = {"name", "silent", "unreachable"}
Status = LinkCheck.Status


class Command(BaseCommand):
    help = (
        "Follows every link that the site publishes and keeps what it finds for the desk. A link "
        "is broken when it fails twice, half a day apart or more. Run it every night; it may be "
        "interrupted, and goes on where it stopped."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--older-than",
            type=float,
            default=7,
            metavar="DAYS",
            help="Check what was not checked for so many days (7). Failures come again sooner.",
        )
        parser.add_argument(
            "--url",
            dest="urls",
            action="append",
            default=[],
            help="Check this address, however lately it was. May be given several times.",
        )
        parser.add_argument(
            "--record",
            dest="keys",
            action="append",
            default=[],
            metavar="KEY",
            help="Check the links of this record, published or not: question:q-school.",
        )
        parser.add_argument(
            "--pause", type=float, metavar="SECONDS", help="Between two requests to one site (2)."
        )
        parser.add_argument(
            "--no-fail", action="store_true", help="Exit with 0 even when links are broken."
        )

    @no_translations
    def handle(self, *args, older_than, urls, keys, pause, no_fail, **options):
        found = places.published()
        asked = self.asked_for(urls, keys, found)
        for url in LinkCheck.objects.keep(found):
            self.stdout.write(f"{url[:80]}…: over 2000 bytes, too long to be checked.")
        scope = LinkCheck.objects.all()
        if asked is not None:
            scope = scope.filter(url__in=asked)
        due = scope if asked is not None else scope.due(older_than)
        checked = self.follow(list(due), pause)
        if asked is None:
            health.note("link_check")
        total = scope.count()
        self.stdout.write(f"{checked} links checked; {total - checked} others were, lately.")
        self.report(scope, no_fail)

    def asked_for(self, urls, keys, found):
        """The addresses asked for, or None for all; adds to `found` those not published yet."""
        if not urls and not keys:
            return None
        records = history.records_of(keys)
        if unknown := [key for key in keys if key not in records]:
            raise CommandError(
                f"There is no record {', '.join(unknown)}. Write its kind and its reference, as in "
                f"question:q-school. The kinds are: {', '.join(history.kinds)}."
            )
        asked = places.places_of(records.values()) | {url.strip(): [] for url in urls}
        for url, stands in asked.items():
            found[url] = found.get(url, []) + [p for p in stands if p not in found.get(url, [])]
        return list(asked)

    def follow(self, checks, pause):
        """Checks links, a page once for all its parts; returns how many."""
        limits = rules.limits() if pause is None else rules.limits(pause=pause)
        checker, done = Checker(limits), 0
        # A site that cannot be reached says nothing of itself until another one could be.
        held, is_online = [], False
        progress = tqdm(total=len(checks), desc="Following", unit=" links", disable=None)
        try:
            with progress, closing(checker):
                for page, parts in in_turn(checks):
                    outcome = checker.visit(page, whole=any("#" in check.url for check in parts))
                    is_online = is_online or outcome.code is not None
                    found = [(check, outcome, timezone.now()) for check in parts]
                    if is_online or outcome.reason not in UNREACHED:
                        done += keep(found)
                    else:
                        held += found
                    if is_online:
                        done, held = done + keep(held), []
                    elif len(sites(held)) == SITES_IN_A_ROW:
                        break
                    progress.update(len(parts))
        except KeyboardInterrupt as interruption:
            raise CommandError(
                f"Interrupted: {done} of {len(checks)} links were checked, and what was found is "
                "kept. Run the command again: it goes on with the others.",
                returncode=130,
            ) from interruption
        if len(sites(held)) == SITES_IN_A_ROW:
            raise CommandError(
                f"None of {', '.join(sorted(sites(held)))} can be reached: look at the network of "
                "this machine, then run the command again. Nothing was recorded."
            )
        return done + keep(held)

    def report(self, scope, no_fail):
        """Says what needs care. Raises `CommandError` when something is broken."""
        broken = []
        for status in (Status.AGAIN, Status.ANCHOR, Status.MOVED, Status.UNKNOWN, Status.BROKEN):
            checks = list(scope.filter(status=status))
            lines = [f"{len(checks)} {status.label}:"]
            for check in checks:
                lines.append(f"  {check.url}\n    {check.detail}")
                lines += [f"    {place[0]}: {places.words(place)}" for place in check.places]
            if checks and status == Status.BROKEN and not no_fail:
                broken = lines
            elif checks:
                self.stdout.write("\n".join(lines))
        if broken:
            raise CommandError("\n".join(broken))


def in_turn(checks):
    """Returns (page, checks of it and of its parts), site after site, so that pauses overlap."""
    pages = {}
    for check in checks:
        pages.setdefault(check.url.partition("#")[0], []).append(check)
    rounds = [list(group) for _, group in groupby(sorted(pages), key=site)]
    order = filter(None, chain.from_iterable(zip_longest(*rounds)))
    return [(page, pages[page]) for page in order]


def site(url):
    return url.partition("://")[2].partition("/")[0]


def sites(held):
    """The sites of links that could not be reached."""
    return {site(check.url) for check, outcome, at in held}


def keep(held):
    """Saves what was found; returns how much."""
    for check, outcome, at in held:
        fragment = check.url.partition("#")[2]
        check.note(outcome.at(fragment), at)
    return len(held)
