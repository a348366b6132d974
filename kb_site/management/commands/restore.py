from django.core.management.base import BaseCommand, CommandError

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
            note = backups.read(file)
            backups.bring_back(file, force)
        except backups.BackupError as error:
            raise CommandError(str(error)) from None
        stamp.move()
        updates.rebuild()
        self.stdout.write(
            f"The database is as it was at {note['made_at']}. If the site is newer than that, run "
            "`manage.py migrate`."
        )
