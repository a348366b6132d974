import os
import shutil
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from kb_site.pages import stamp

# Memory that a thread has given back is there for the others, and the system gets it back: where
# nothing is said, glibc keeps more and more for itself. A worker stops growing.
ALLOCATOR = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "MALLOC_MMAP_THRESHOLD_": "131072",
}
# A page is work for the processor, one thread at a time; the others wait for the database. Each
# keeps a connection of PostgreSQL, of which a server has 100. Granian's own default is 256.
OPTIONS = {
    "interface": "wsgi",
    "http": "1",
    "blocking-threads": 4,
    # What a worker has taken in and not answered yet; the others wait in the line of the system.
    "backpressure": 128,
    "http1-header-read-timeout": 10_000,
    # A worker that dies is replaced; one that is told to end may finish what it has begun.
    "workers-kill-timeout": 10,
    # At each start it warns of more threads than cores; these mostly wait for the database.
    "log-level": "error",
}
# Its own lines hold addresses and queries; ours do not.
SWITCHES = ("--no-ws", "--no-access-log", "--respawn-failed-workers")


class Command(BaseCommand):
    help = "Serves the site with the production server, granian, on HOST and PORT."

    def handle(self, *args, **options):
        address = f"http://{settings.HOST}:{settings.PORT}/"
        try:
            if not get_user_model().objects.filter(is_staff=True).exists():
                self.stdout.write(
                    "There is no editor yet: `make editor` creates one for the admin."
                )
            # A new version of the site may make another page of the same records.
            stamp.move()
        except DatabaseError:
            self.stderr.write("The database does not answer: pages kept ready are shown.")
        self.stdout.write(
            f"Serving on {address} (admin: {address}{settings.ADMIN_PATH}). Stop with Ctrl+C."
        )
        self.stdout.flush()
        granian = Path(sys.executable).with_name("granian")
        if not granian.exists():
            raise CommandError("granian is not installed beside Python. Run `make serve`.")
        # The numbers of a former run count no more.
        shutil.rmtree(settings.METRICS_DIR, ignore_errors=True)
        os.chdir(settings.BASE_DIR)
        given = {
            "host": settings.HOST,
            "port": settings.PORT,
            "workers": settings.WORKERS,
            **OPTIONS,
        }
        os.execve(  # noqa: S606 - our own server, fixed arguments
            granian,
            [
                str(granian),
                *(f"--{name}={value}" for name, value in given.items()),
                *SWITCHES,
                "kb_site.wsgi:application",
            ],
            {**ALLOCATOR, **os.environ},
        )
