from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from kb_site.languages import LANGUAGES
from kb_site.search import updates


class Command(BaseCommand):
    help = "Builds the search index anew from the published records, and puts it in place at once."

    def handle(self, *args, verbosity, **options):
        def progress(documents, records):
            return tqdm(
                documents,
                total=records * len(LANGUAGES),
                desc="Indexing",
                unit=" documents",
                disable=verbosity == 0,
            )

        try:
            updates.rebuild(progress)
        except OSError as error:
            raise CommandError(
                f"The index could not be written: {error}. The former one stays. Make room, or let "
                f"this account write to {settings.DATA_DIR}, and run the command again."
            ) from error
        if verbosity:
            self.stdout.write("The search index is up to date.")
