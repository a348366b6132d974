from django.core.management.base import BaseCommand, CommandError

from kb_site.search import updates
from kb_site.search.engines import SearchUnavailable, get_engine


class Command(BaseCommand):
    help = "Says whether the search index equals the published records; --repair makes it so."

    def add_arguments(self, parser):
        parser.add_argument("--repair", action="store_true", help="Repair what differs.")

    def handle(self, *args, repair, verbosity, **options):
        try:
            get_engine().check()
            updates.update()
            missing, stale, surplus = updates.differences()
        except SearchUnavailable as error:
            if not repair:
                raise CommandError(f"{error} Or run this command with --repair.") from error
            updates.rebuild()
            self.stdout.write(f"{error} The index was built anew.")
            return
        different = missing | stale | surplus
        if not different:
            if verbosity:
                self.stdout.write("The search index equals the published records.")
            return
        summary = f"{len(missing)} missing, {len(stale)} stale, {len(surplus)} surplus records"
        if not repair:
            raise CommandError(f"The index differs: {summary}. Run it again with --repair.")
        updates.repair(different)
        self.stdout.write(f"Repaired: {summary}.")
