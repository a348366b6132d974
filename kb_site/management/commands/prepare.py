from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from kb_site.editorial import history
from kb_site.graph import downloads
from kb_site.locks import alone
from kb_site.search import updates


class Command(BaseCommand):
    help = (
        "Makes the site ready to serve, step by step: database, content, messages, static files, "
        "search index, open data. Safe to run again: it does only what is left to do."
    )

    def handle(self, *args, verbosity, **options):
        def step(text):
            if verbosity:
                self.stdout.write(text)

        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        wait = "The site is being made ready elsewhere. Waiting until it is."
        with alone("prepare", lambda: step(wait)):
            self.prepare(step, verbosity)

    def prepare(self, step, verbosity):
        step("Database: applying migrations")
        call_command("migrate", verbosity=0, interactive=False)
        step("Messages: compiling translations")
        call_command("translations", "compile", verbosity=0)
        if not settings.DEBUG:
            step("Static files: collecting")
            call_command("collectstatic", verbosity=0, interactive=False)
        step("Content: loading fixtures into an empty database")
        call_command("load_fixtures", verbosity=verbosity)
        # Content that is older than its history begins one today.
        history.begin()
        step("Search: checking the index")
        if updates.ensure():
            step("The search index was built.")
        if not downloads.offered():
            step("Open data: the first archive")
            call_command("export_graph", publish=True, verbosity=0)
