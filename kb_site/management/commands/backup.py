from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from kb_site import backups, health


class Command(BaseCommand):
    help = "Copies the whole database into one file, as it stands at one moment."

    def add_arguments(self, parser):
        parser.add_argument("file")
        parser.add_argument("--force", action="store_true", help="replace the file if there is one")

    def handle(self, *args, file, force, **options):
        if Path(file).exists() and not force:
            raise CommandError(f"{file} exists. Say --force to replace it, or name another file.")
        try:
            size = backups.make(file)
        except backups.BackupError as error:
            raise CommandError(str(error)) from None
        health.note("backup")
        self.stdout.write(f"Wrote {file}, {size:,} bytes. It holds accounts: keep it closed.")
