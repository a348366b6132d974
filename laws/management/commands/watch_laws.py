import hashlib
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from kb_site import health
from laws.models import Publication
from laws.watch import addresses, publications
from laws.watch.fetch import Fetcher, FetchError
from laws.watch.record import act_of, find_act, record, watched_acts
from laws.watch.safe_xml import MAX_BYTES, UnreadableError


class Command(BaseCommand):
    help = (
        "Reads the official consolidated texts of the acts recorded here, from Legilux and "
        "EUR-Lex, and opens a review task for each article that changed, came or went since it "
        "was last read. Safe to run twice and to interrupt."
    )
    fetcher_class = Fetcher

    def add_arguments(self, parser):
        parser.add_argument(
            "--from",
            dest="folder",
            type=Path,
            metavar="FOLDER",
            help="Read every XML file in this folder instead of the network.",
        )
        parser.add_argument(
            "--act",
            dest="references",
            action="append",
            metavar="REF",
            help="Only this act, by its reference. May be given several times.",
        )

    def handle(self, *args, folder, references, **options):
        acts = self.asked_for(references)
        self.report, self.failures = [], []
        if folder is not None:
            self.read_folder(folder, acts, everything=not references)
        else:
            self.read_network(acts)
        for line in self.report:
            self.stdout.write(line)
        if self.failures:
            raise CommandError("\n".join([f"{len(self.failures)} failed:", *self.failures]))
        if not references:
            health.note("law_watch")

    def asked_for(self, references):
        """The watched acts, or those of these references. Raises `CommandError`."""
        acts = {act.reference: act for act in watched_acts()}
        if unknown := [name for name in references or [] if name not in acts]:
            raise CommandError(
                f"No watched act is called {', '.join(unknown)}. The watched acts are: "
                f"{', '.join(sorted(acts)) or 'none'}. An act is watched when one of its "
                "provisions lists its watched parts."
            )
        return [acts[name] for name in references] if references else list(acts.values())

    # From a folder

    def read_folder(self, folder, acts, everything):
        for path, act in self.progress(self.in_order(folder, acts, everything)):
            name = str(path.relative_to(folder))
            try:
                consolidation = publications.read(path.read_bytes(), name)
                self.tell(record(consolidation, act))
            except (UnreadableError, OSError) as error:
                self.failures.append(str(error))

    def in_order(self, folder, acts, everything):
        """The readable files of a folder, as (path, act), by act, language and day."""
        found = {}
        for path in self.files(folder):
            name = str(path.relative_to(folder))
            try:
                data = self.bytes_of(path, name)
                identity = publications.identify(data, name)
                act = find_act(identity, name)
            except (UnreadableError, OSError) as error:
                self.failures.append(str(error))
                continue
            if not everything and act not in acts:
                self.report.append(f"{name}: left out, it belongs to {act.reference}.")
                continue
            key = (act.reference, identity.language, identity.consolidated_on)
            digest = hashlib.sha256(data).hexdigest()
            first, known = found.setdefault(key, ((path, act), digest))
            if known != digest:
                self.failures.append(
                    f"{name}: it says that it is the same act, language and day as "
                    f"{first[0].relative_to(folder)}, in other words. Keep the right one."
                )
        return [file for _, (file, _) in sorted(found.items(), key=lambda item: item[0])]

    @staticmethod
    def files(folder):
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder. Give the one that holds the XML files.")
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".xml" and p.is_file())
        if not files:
            raise CommandError(
                f"{folder} holds no XML file. Save consolidated texts there, or leave --from out "
                "to read them from Legilux and EUR-Lex."
            )
        return files

    @staticmethod
    def bytes_of(path, name):
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableError(
                f"{name}: it is over {MAX_BYTES // 1024**2} MB, more than any act. It was not read."
            )
        return path.read_bytes()

    # From the network

    def read_network(self, acts):
        fetcher = self.fetcher_class()
        for act in self.progress(acts):
            try:
                address = addresses.newest(fetcher, act)
            except FetchError as error:
                self.failures.append(f"{act.reference}: {error}")
                continue
            if not address:
                self.report.append(
                    f"{act.reference}: its publisher has no consolidated text of it."
                )
                continue
            for language in addresses.languages_of(act):
                try:
                    self.read_address(fetcher, act, address, language)
                except (FetchError, UnreadableError) as error:
                    self.failures.append(f"{act.reference} ({language}): {error}")

    def read_address(self, fetcher, act, address, language):
        name = f"{address} ({language})"
        known = Publication.objects.filter(act=act, language=language, address=address).first()
        response = addresses.fetch(fetcher, address, language, **conditions(known))
        if response.data is None:
            self.report.append(f"{name}: nothing new.")
            return
        consolidation = publications.read(response.data, name)
        if act_of(consolidation.identity, [act]) is None:
            raise UnreadableError(
                f"{name}: what came is another act. Look at the ELI or CELEX number of "
                f"{act.reference}."
            )
        fetched = {"etag": response.etag, "last_modified": response.last_modified}
        self.tell(record(consolidation, act, address=address, **fetched))

    # What it says

    def progress(self, items):
        """A progress bar on standard error, when that is a terminal."""
        return tqdm(items, desc="Reading", unit=" acts", disable=None)

    def tell(self, outcome):
        consolidation, identity = outcome.consolidation, outcome.consolidation.identity
        self.report.append(
            f"{consolidation.name}: {outcome.act.reference}, {identity.language}, as of "
            f"{identity.consolidated_on}: {consolidation.articles} articles read."
        )
        matched, unmatched = set(outcome.matched), set(outcome.unmatched)
        self.report.append(f"  {len(matched)} of {len(matched | unmatched)} watched parts matched.")
        if not outcome.is_news:
            self.report.append("  Read before, or older than what was: nothing new.")
        elif outcome.is_first:
            self.report.append("  First reading: there is nothing to compare it with.")
        for title, parts in [
            ("Changed", outcome.changed),
            ("New", outcome.new),
            ("Vanished", outcome.vanished),
            ("Not in it", outcome.unmatched),
        ]:
            if parts:
                self.report.append(f"  {title}: {', '.join(dict.fromkeys(parts))}.")


def conditions(publication):
    """What makes the next request conditional: nothing unless all that is watched was stored."""
    if publication is None:
        return {}
    provisions = publication.act.provisions.exclude(watched="")
    for provision in provisions:
        stored = provision.official_texts.filter(
            language=publication.language, consolidated_on=publication.consolidated_on
        ).values_list("part", flat=True)
        if set(provision.watched_parts) - set(stored):
            return {}
    return {"etag": publication.etag, "last_modified": publication.last_modified}
