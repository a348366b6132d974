from django.core.management.base import BaseCommand

from kb_site.reports.models import ErrorReport


class Command(BaseCommand):
    help = (
        f"Deletes readers' reports of errors after {ErrorReport.KEPT_DAYS} days. Run it every "
        "night; the desk no longer shows them in any case."
    )

    def handle(self, *args, verbosity, **options):
        number = ErrorReport.objects.purge()
        if verbosity:
            self.stdout.write(f"Deleted {number} reports.")
