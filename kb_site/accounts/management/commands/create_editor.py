import getpass
import io
import sys

import qrcode
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.signals import authenticator_added
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, validate_totp_code
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from kb_site.accounts.roles import ADMINISTRATOR, EDITOR, REVIEWER

ROLES = {name.lower(): name for name in (ADMINISTRATOR, REVIEWER, EDITOR)}


class Command(BaseCommand):
    help = (
        "Creates an account for the desk and sets up its second factor, asking for what the "
        "options leave out. An administrator made here is a superuser."
    )

    def add_arguments(self, parser):
        parser.add_argument("--username")
        parser.add_argument("--email")
        parser.add_argument("--role", choices=ROLES)
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from a line of input"
        )
        parser.add_argument(
            "--no-mfa",
            action="store_true",
            help="leave the second factor to the first sign-in, which asks for it",
        )

    def handle(self, *args, username, email, role, password_stdin, no_mfa, **options):
        User = get_user_model()
        user = User(is_staff=True)
        try:
            user.username = self.ask("Name to sign in with", username, self.free_name)
            user.email = self.ask("E-mail address", email, self.free_email)
            role = self.ask(f"Role ({', '.join(ROLES)})", role, self.role, default="administrator")
            user.is_superuser = role == ADMINISTRATOR
            user.set_password(self.password(user, password_stdin))
            with transaction.atomic():
                user.save()
                user.groups.add(Group.objects.get(name=role))
            self.stdout.write(f"{role} “{user.username}” was created.")
            if not no_mfa:
                self.set_up_factor(user)
        except (EOFError, KeyboardInterrupt):
            left = "Sign in to set up the second factor." if user.pk else "Nothing was created."
            raise CommandError(f"\nStopped. {left}") from None

    def ask(self, question, given, check, default=""):
        """Returns an option's value, or an answer; asks again until `check` accepts it.

        Raises `CommandError` when a value given as an option is refused.
        """
        while True:
            value = given
            if value is None:
                suffix = f" [{default}]" if default else ""
                value = input(f"{question}{suffix}: ").strip() or default
            try:
                return check(value)
            except ValidationError as error:
                self.refuse(error, given is not None)

    def refuse(self, error, is_final):
        if is_final:
            raise CommandError(" ".join(error.messages))
        self.stderr.write(" ".join(error.messages))

    def free_name(self, name):
        User = get_user_model()
        User._meta.get_field("username").clean(name, None)
        if User.objects.filter(username__iexact=name).exists():
            raise ValidationError("There is an account of this name already.")
        return name

    def free_email(self, email):
        validate_email(email)
        if get_user_model().objects.filter(email__iexact=email).exists():
            raise ValidationError("Another account has this e-mail address.")
        return email.lower()

    def role(self, name):
        if name not in ROLES:
            raise ValidationError(f"Choose one of {', '.join(ROLES)}.")
        return ROLES[name]

    def password(self, user, from_stdin):
        while True:
            password = sys.stdin.readline().rstrip("\n") if from_stdin else getpass.getpass()
            try:
                validate_password(password, user)
                if not from_stdin and getpass.getpass("Password (again): ") != password:
                    raise ValidationError("The two passwords differ.")
            except ValidationError as error:
                self.refuse(error, from_stdin)
            else:
                return password

    def set_up_factor(self, user):
        secret = generate_totp_secret()
        address = get_adapter().build_totp_url(user, secret)
        self.stdout.write("\nThe second factor: scan this with an authenticator app.\n")
        code = qrcode.QRCode(border=2)
        code.add_data(address)
        drawing = io.StringIO()
        code.print_ascii(out=drawing, invert=True)
        self.stdout.write(drawing.getvalue())
        self.stdout.write(f"Or type the secret: {secret}\n{address}\n")
        while not validate_totp_code(secret, input("Code shown by the app: ").strip()):
            self.stderr.write("This is not the code. Is the clock of the phone right?")
        with transaction.atomic():
            factors = [TOTP.activate(user, secret), RecoveryCodes.activate(user)]
        for factor in factors:
            authenticator_added.send(
                sender=Authenticator, request=None, user=user, authenticator=factor.instance
            )
        self.stdout.write("\nRecovery codes, each good for one sign-in. Keep them on paper:")
        for code in factors[1].get_unused_codes():
            self.stdout.write(f"  {code}")
