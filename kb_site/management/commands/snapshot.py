from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from kb_site import health, logs
from kb_site.pages import snapshot


class Command(BaseCommand):
    help = "Writes the whole public site as files, for a web server to show in the site's place."

    def add_arguments(self, parser):
        parser.add_argument(
            "folder",
            nargs="?",
            default=settings.DATA_DIR / "snapshot",
            help="where to write it (default: snapshot in DATA_DIR)",
        )
        parser.add_argument("--host", help="the site's name; the first of ALLOWED_HOSTS otherwise")
        parser.add_argument(
            "--depth",
            type=int,
            metavar="LINKS",
            help="how far from a home page, for a first one that is soon there; all the way "
            "otherwise",
        )

    def handle(self, *args, folder, host, depth, verbosity, **options):
        host = host or next(iter(settings.ALLOWED_HOSTS), "").lstrip(".")
        if not host or host == "*":
            raise CommandError("Which name is the site known by? Say --host NAME.")
        with logs.silent(), tqdm(unit=" pages", disable=not verbosity or None) as bar:
            try:
                count = snapshot.make(folder, host, lambda path: bar.update(), depth)
            except snapshot.SnapshotFailed as error:
                raise CommandError(str(error)) from None
            except OSError as error:
                raise CommandError(f"The snapshot could not be written: {error}.") from None
        health.note("snapshot")
        self.stdout.write(f"Wrote {count} pages to {folder}/{snapshot.CURRENT}.")
