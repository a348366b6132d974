"""The environment, as settings read it: a mistake stops the start with a sentence that says what
to write. What a variable holds is not repeated where it may be a secret."""

import ipaddress
import re
import warnings

import environ
from django.core.exceptions import ImproperlyConfigured

KINDS = {int: "a whole number", bool: "true or false"}
NO = {"false", "off", "no", "n", ""}
DATABASES = {"django.db.backends.postgresql", "django.db.backends.sqlite3"}


class Environment(environ.Env):
    """Reads variables as django-environ does. An empty one is its default.

    Raises `ImproperlyConfigured` for a value that is not of its kind.
    """

    def get_value(self, var, cast=None, default=environ.Env.NOTSET, parse_default=False):
        if default is not self.NOTSET and not self.ENVIRON.get(var, "").strip():
            return self.parse_value(default, cast) if parse_default and default else default
        try:
            return super().get_value(var, cast, default, parse_default)
        except ValueError:
            refuse(var, f"must be {KINDS.get(cast, 'of another form')}, not {self.ENVIRON[var]!r}")

    @classmethod
    def parse_value(cls, value, cast):
        if cast is list:
            return [part.strip() for part in value.split(",") if part.strip()]
        if cast is bool and value.lower() not in NO | {"0", "1"} | set(cls.BOOLEAN_TRUE_STRINGS):
            raise ValueError(value)
        return super().parse_value(value, cast)

    def whole(self, name, default, least=0, most=1_000_000):
        """Returns a whole number, from `least` to `most`."""
        number = self.int(name, default=default)
        if not least <= number <= most:
            refuse(name, f"must be from {least} to {most}, not {number}")
        return number

    def one_of(self, name, choices, default):
        """Returns one of several words."""
        word = self.str(name, default=default)
        if word not in choices:
            refuse(name, f"must be one of {', '.join(choices)}, not {word!r}")
        return word

    def address(self, name, default, schemes=("https://", "http://")):
        """Returns a whole address, or the default where there is none."""
        text = self.str(name, default=default)
        if text and not text.startswith(tuple(schemes)):
            begins = " or ".join(schemes)
            refuse(name, f"must be a whole address that begins with {begins}, not {text!r}")
        return text

    def route(self, name, default, taken):
        """Returns where an address of the site begins, as in `desk/`: no word of `taken`."""
        text = self.str(name, default=default).strip("/")
        if not re.fullmatch(r"[a-z0-9_-]+(/[a-z0-9_-]+)*", text):
            refuse(name, f"must be as desk-7f3a/, of small letters and digits, not {text!r}")
        if text.partition("/")[0] in taken:
            refuse(name, f"must not begin as other pages do: {text.partition('/')[0]} is taken")
        return f"{text}/"

    def networks(self, name):
        """Returns the networks, and single addresses, of a list separated by commas."""
        try:
            return [ipaddress.ip_network(text) for text in self.list(name, default=[])]
        except ValueError as error:
            refuse(name, f"must be as 192.0.2.0/24,2001:db8::/32: {error}")

    def database(self, name, default):
        """Returns what Django's `DATABASES` holds, of an address."""
        return self._database(name, self.str(name, default=default))

    def databases(self, name):
        """Returns the same of several addresses, separated by commas."""
        return [self._database(name, url) for url in self.list(name, default=[])]

    def _database(self, name, url):
        try:
            # It warns of an address that it half understands, and the warning holds the password.
            with warnings.catch_warnings(action="error"):
                found = self.db_url_config(url)
        except Exception:
            found = {}
        if found.get("ENGINE") not in DATABASES or not found.get("NAME"):
            refuse(
                name,
                "must be as postgres://user:password@host:5432/name, with signs such as @ and / "
                "in the password written as %40 and %2F, or as sqlite:////folder/file; empty "
                "means SQLite in DATA_DIR",
            )
        return found

    def mail(self, name, default):
        """Returns Django's settings for mail, of an address."""
        try:
            return self.email_url(name, default=default)
        except Exception:
            refuse(
                name, "must be as smtp+tls://user:password@host:587, or consolemail:// to print it"
            )


def refuse(name, problem):
    # Without its cause, which may repeat a password.
    raise ImproperlyConfigured(
        f"{name} {problem}. Correct it in the environment or in .env; .env.example explains it."
    ) from None
