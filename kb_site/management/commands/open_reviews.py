from django.core.management.base import BaseCommand

from kb_site import health
from kb_site.editorial import reviews


class Command(BaseCommand):
    help = (
        "Opens a review task for each verification that has run out and each question whose day "
        "of review has come. Run it every night; running it again opens nothing twice."
    )

    def handle(self, *args, verbosity, **options):
        tasks = reviews.open_due()
        health.note("reviews")
        if verbosity:
            self.stdout.write(f"Opened {len(tasks)} review tasks.")
