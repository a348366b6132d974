from django.core.management.commands import migrate

from kb_site.locks import alone


class Command(migrate.Command):
    """Django's own, one at a time: two at once would make the same tables and both fail."""

    def handle(self, *args, **options):
        def wait():
            self.stderr.write("Migrations are being applied elsewhere. Waiting until they are.")

        with alone("migrate", wait):
            return super().handle(*args, **options)
