import warnings

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from kb_site.editorial import history
from kb_site.search import updates

CONTENT_APPS = ["laws", "articles"]


def content_models():
    """The models that hold content, in the order of their apps."""
    return [model for app in CONTENT_APPS for model in apps.get_app_config(app).get_models()]


class Command(BaseCommand):
    help = (
        "Loads the content in fixtures/ into an empty database, all or nothing, and checks every "
        "record as the admin would. A database that holds content is left as it is."
    )

    def handle(self, *args, verbosity, **options):
        if any(model.objects.exists() for model in content_models()):
            if verbosity:
                self.stdout.write("The database holds content already: nothing was loaded.")
            return
        files = sorted(path for path in settings.FIXTURE_DIRS[0].glob("*.yaml"))
        if not files:
            raise CommandError(f"No fixture in {settings.FIXTURE_DIRS[0]}.")
        with transaction.atomic(), updates.paused(), history.paused():
            self.read(files)
            problems = list(self.problems())
            if problems:
                raise CommandError("Nothing was loaded:\n" + "\n".join(problems))
            history.begin()
        updates.rebuild()
        if verbosity:
            total = sum(model.objects.count() for model in content_models())
            self.stdout.write(f"Loaded {total} objects from {len(files)} files in fixtures/.")

    def read(self, files):
        """Reads the files into the database. Raises `CommandError`, which says what is wrong."""
        try:
            with warnings.catch_warnings():
                # Django warns of a file that holds nothing, and loads the others.
                warnings.simplefilter("error", RuntimeWarning)
                call_command("loaddata", *files, verbosity=0)
        # It lets through whatever the parser, a column or the database says of a wrong value.
        except Exception as error:
            raise CommandError(
                f"Nothing was loaded: correct the file, then load again.\n{error}"
            ) from error

    def problems(self):
        """Yields what the admin would refuse, a line each."""
        for model in content_models():
            for record in model.objects.all():
                try:
                    record.full_clean()
                except ValidationError as error:
                    yield f"{model._meta.label} {record}: {error.message_dict}"
                if hasattr(record, "publication_problems") and record.is_published:
                    for problem in record.publication_problems():
                        yield f"{model._meta.label} {record.reference}: {problem}"
