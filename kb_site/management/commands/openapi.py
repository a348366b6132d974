from django.core.management.base import BaseCommand

from kb_site.api import document


class Command(BaseCommand):
    help = (
        "Prints the OpenAPI document of the API. After a change that is meant: "
        "manage.py openapi > kb_site/api/openapi.json"
    )

    def handle(self, *args, **options):
        self.stdout.write(document.text(), ending="")
