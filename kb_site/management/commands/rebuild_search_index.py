from django.core.management.base import BaseCommand
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

        updates.rebuild(progress)
        if verbosity:
            self.stdout.write("The search index is up to date.")
