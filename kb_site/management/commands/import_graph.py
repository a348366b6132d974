from django.core.management.base import BaseCommand, CommandError

from kb_site.graph import load, package


class Command(BaseCommand):
    help = (
        "Reads a folder that export_graph wrote into this site, empty or not: all of it, or "
        "nothing. Records are found by reference; those that the folder does not hold stay."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder")
        parser.add_argument(
            "--reason",
            default="Import of open data",
            help="what the history keeps, and the log of changes tells readers",
        )
        parser.add_argument(
            "--republish",
            action="store_true",
            help="replace and publish what is here as a draft or was withdrawn",
        )

    def handle(self, *args, folder, reason, republish, verbosity, **options):
        try:
            new, changed, unchanged = load.load(folder, reason, republish)
        except (load.Refused, package.Damaged) as error:
            raise CommandError(f"Nothing was imported:\n{error}") from error
        if verbosity:
            self.stdout.write(
                f"Imported from {folder}: {new} new, {changed} changed, {unchanged} as they were."
            )
