from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from kb_site import backups
from kb_site.pages import stamp
from kb_site.search import updates


class Command(BaseCommand):
    help = "Puts a backup in the database's place, whole or not at all. Stop the site first."

    def add_arguments(self, parser):
        parser.add_argument("file")
        parser.add_argument("--force", action="store_true", help="replace what the database holds")

    def handle(self, *args, file, force, **options):
        try:
            note = backups.bring_back(file, force)
        except backups.BackupError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"The database is as it was at {note['made_at']}.")
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            # Nothing of this version can read it yet.
            self.stdout.write(
                "This site is newer than that: run `manage.py prepare`, then "
                "`manage.py rebuild_search_index`."
            )
            return
        stamp.move()
        updates.rebuild()
        self.stdout.write("The search index was built from it.")
