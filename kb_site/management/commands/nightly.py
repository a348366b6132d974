import logging

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.utils import timezone

logger = logging.getLogger(__name__)

# (command, its arguments) in this order: the backup before anything changes, what readers get
# before what asks other sites, which may take hours.
JOBS = (
    ("backup", "{backup}", "--force"),
    ("open_reviews",),
    ("purge_reports",),
    ("clearsessions",),
    ("check_search_index", "--repair"),
    ("export_graph", "--publish"),
    ("snapshot",),
    ("watch_laws",),
    # What is broken stands at the desk; the command fails only when it could not look.
    ("check_links", "--no-fail"),
)


class Command(BaseCommand):
    help = (
        "Does all that is to be done every night, soon after midnight in Luxembourg. One job that "
        "fails keeps no other from being done; the command then fails in the end, and says which."
    )

    def handle(self, *args, verbosity, **options):
        # One for each day of the week: seven are kept.
        name = f"{timezone.localtime():%A}.zip".lower()
        backup = settings.DATA_DIR / "backups" / name
        failed = []
        for command, *arguments in JOBS:
            if verbosity:
                self.stdout.write(f"== {command}")
                self.stdout.flush()
            close_old_connections()
            try:
                call_command(
                    command,
                    *(argument.format(backup=backup) for argument in arguments),
                    verbosity=verbosity,
                    stdout=self.stdout,
                    stderr=self.stderr,
                )
            except Exception as error:
                # A message for people needs no traceback; anything else does.
                logger.error("%s: %s", command, error, exc_info=not isinstance(error, CommandError))
                failed.append(command)
        if failed:
            raise CommandError(f"Failed, see above: {', '.join(failed)}. The others are done.")
