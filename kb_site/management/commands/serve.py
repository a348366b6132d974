import os
import shutil
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Serves the site with the production server, granian, on 127.0.0.1:PORT."

    def handle(self, *args, **options):
        address = f"http://127.0.0.1:{settings.PORT}/"
        if not get_user_model().objects.filter(is_staff=True).exists():
            self.stdout.write("There is no editor yet: `make editor` creates one for the admin.")
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
        os.execv(  # noqa: S606 - our own server, fixed arguments
            granian,
            [
                str(granian),
                "--interface=wsgi",
                "--host=127.0.0.1",
                f"--port={settings.PORT}",
                f"--workers={settings.WORKERS}",
                "--log-level=warning",
                # Its lines hold addresses and queries; ours do not.
                "--no-access-log",
                # A worker that is told to end while it begins does not hear it.
                "--workers-kill-timeout=30",
                "kb_site.wsgi:application",
            ],
        )
