from django.core.management.base import BaseCommand, CommandError

from kb_site.accounts.backends import find_account
from kb_site.accounts.signals import remove_factors


class Command(BaseCommand):
    help = (
        "Removes the second factors of an account whose person lost them: they sign in with the "
        "password alone and set up new ones. In the admin the list of users has the same action."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", help="name or e-mail address of the account")

    def handle(self, *args, name, **options):
        account = find_account(name)
        if account is None:
            raise CommandError(f"There is no account “{name}”.")
        remove_factors(account)
        self.stdout.write(f"The second factors of “{account}” were removed.")
