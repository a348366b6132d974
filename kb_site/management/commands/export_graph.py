from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kb_site.graph import downloads, export


class Command(BaseCommand):
    help = (
        "Writes all that the site publishes into a folder, as open data: JSON Lines, CSV, JSON-LD, "
        "Turtle, and a description with checksums. The same records make the same bytes. Drafts, "
        "tasks and people stay here."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", nargs="?", help="an empty folder, or an earlier export")
        parser.add_argument(
            "--publish",
            action="store_true",
            help="offer a copy, named after today's date, for download on the site",
        )
        parser.add_argument(
            "--base",
            default=settings.SITE_URL,
            help="the site's address, which names the records in linked data (default: SITE_URL)",
        )

    def handle(self, *args, folder, publish, base, verbosity, **options):
        if not folder and not publish:
            raise CommandError("Name a folder, or use --publish.")
        base = base.rstrip("/")
        if not base.startswith(("https://", "http://")):
            raise CommandError(f"“{base}” is no address: write https://example.org.")
        try:
            if folder:
                counts = export.export(folder, base)
                if verbosity:
                    told = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
                    self.stdout.write(f"Written to {folder}. {told}.")
            if publish:
                copy = downloads.publish(base)
                if verbosity:
                    self.stdout.write(f"Offered for download: {copy.name}, {copy.size} bytes.")
        except (export.Refused, OSError) as error:
            raise CommandError(str(error)) from error
