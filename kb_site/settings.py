"""Settings, read top to bottom. What differs between places comes from the environment.

Every variable is listed, with its default, in `.env.example`; a `.env` file beside `manage.py`
is read when there is one.
"""

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from kb_site.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
env.read_env(BASE_DIR / ".env")


# Where the site runs

DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default="") or BASE_DIR / "var")

SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FILE = Path(env.str("SECRET_KEY_FILE", default="") or DATA_DIR / "secret_key")
if not SECRET_KEY and SECRET_KEY_FILE.is_file():
    SECRET_KEY = SECRET_KEY_FILE.read_text().strip()
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            f"The secret key is missing: SECRET_KEY is empty and there is none in "
            f"{SECRET_KEY_FILE}. Run `make secret`, or set SECRET_KEY, or DEBUG=true on your own "
            "machine."
        )
    SECRET_KEY = "only-for-development-" + "x" * 40

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.whole("PORT", default=8000, least=1, most=65535)
WORKERS = env.whole("WORKERS", default=2, least=1)
# The address under which records are named for ever, in what is downloaded.
SITE_URL = env.address("SITE_URL", default=f"http://localhost:{PORT}").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# True behind a proxy that speaks HTTPS and sets X-Forwarded-Proto.
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# Scripts read no cookie. With the prefix, a browser takes one from this very host alone.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
# Messages may name records: they stay on the server, and need no cookie of their own.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"


# How much is taken at once: of readers, and of the desk, which imports files (see its `sheets`).

MAX_BODY = 200 * 1024
MAX_BODY_OF_ADMIN = 6 * 1024 * 1024
# Of a form without its files, and how many fields it may have: an answer has some twenty a claim.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000
DATA_UPLOAD_MAX_NUMBER_FILES = 5


# What it is made of

INSTALLED_APPS = [
    "modeltranslation",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "import_export",
    "django.contrib.humanize",  # a page of allauth.mfa says how long ago
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "kb_site",
    "kb_site.accounts",
    "kb_site.editorial",
    "kb_site.graph",
    "kb_site.links",
    "kb_site.pages",
    "kb_site.quoting",
    "kb_site.reports",
    "kb_site.search",
    "laws",
    "articles",
]

MIDDLEWARE = [
    "kb_site.logs.LogMiddleware",
    # Those that add headers come first, so that every answer has them: files and errors too.
    "kb_site.headers.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pads what it compresses by a random length: a secret cannot be guessed from sizes (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "kb_site.routing.ReplicaMiddleware",
    "kb_site.api.middleware.ApiMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "kb_site.accounts.middleware.ClosedDeskMiddleware",
    "kb_site.middleware.BodySizeMiddleware",
    "django.middleware.common.CommonMiddleware",
    "kb_site.middleware.HelpfulErrorsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "kb_site.editorial.held.HeldFormMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "kb_site.accounts.middleware.SecondFactorMiddleware",
]

ROOT_URLCONF = "kb_site.urls"
WSGI_APPLICATION = "kb_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["kb_site.templatetags.kb"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kb_site.views.site",
            ],
        },
    },
]


# Where the data lives

DATABASES = {
    "default": env.database("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE takes the write lock when a transaction starts, so that two editors wait for
    # each other (up to `timeout` seconds) instead of failing half-way with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;",
    }
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
DATABASES["default"]["ATOMIC_REQUESTS"] = False

# Replicas of PostgreSQL, from which readers are served: `kb_site/routing.py`.
for number, replica in enumerate(env.databases("DATABASE_REPLICA_URLS"), start=1):
    DATABASES[f"replica{number}"] = {**replica, "TEST": {"MIRROR": "default"}}
if len(DATABASES) > 1:
    if any(database["ENGINE"].endswith("sqlite3") for database in DATABASES.values()):
        raise ImproperlyConfigured(
            "DATABASE_REPLICA_URLS names replicas of a PostgreSQL server: it and DATABASE_URL must "
            "be postgres://… addresses."
        )
    DATABASE_ROUTERS = ["kb_site.routing.Router"]
for database in DATABASES.values():
    if not database["ENGINE"].endswith("sqlite3"):
        database["CONN_MAX_AGE"] = env.whole("CONN_MAX_AGE", default=60)
        database["CONN_HEALTH_CHECKS"] = True
        # A machine that does not answer, or no more, costs a request so many seconds, or
        # milliseconds, and not minutes.
        waits = {"connect_timeout": 3, "tcp_user_timeout": 10_000}
        database["OPTIONS"] = waits | database.get("OPTIONS", {})

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FIXTURE_DIRS = [BASE_DIR / "fixtures"]

# An address typed without a scheme is HTTPS (Django 6 makes this the rule).
FORMS_URLFIELD_ASSUME_HTTPS = True


# Languages and time. Adding a language: the README says how.

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Luxembourg"

MODELTRANSLATION_LANGUAGES = ("fr", "en")
MODELTRANSLATION_DEFAULT_LANGUAGE = "fr"
# A text shown in the other language is always marked as such: the `text` template tag does it.
MODELTRANSLATION_ENABLE_FALLBACKS = False
JQUERY_UI_URL = "jquery-ui/jquery-ui.min.js"


# Search

# Whoosh keeps its index in a folder of one machine; the database's is shared by every node.
SEARCH_ENGINE = env.one_of(
    "SEARCH_ENGINE",
    ["whoosh", "database"],
    default="whoosh" if DATABASES["default"]["ENGINE"].endswith("sqlite3") else "database",
)
SEARCH_INDEX_DIR = DATA_DIR / "search"
# Searches that a worker answers to one address in a minute, and as many at once; 0 is no limit.
SEARCH_PER_MINUTE = env.whole("SEARCH_PER_MINUTE", default=300)


# Quick exit

# Where "Quick exit" leads: a page that anybody may have open, and that says nothing of this one.
QUICK_EXIT_URL = env.address("QUICK_EXIT_URL", "https://www.meteolux.lu/", schemes=["https://"])


# Static files

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "kb_site.finders.JQueryUIFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False


# Pages kept ready for readers: in memory, and in a folder that the workers of a machine share.

KEEP_PAGES = env.bool("KEEP_PAGES", default=True) and not DEBUG
PAGES_DIR = DATA_DIR / "pages"


# Editors

# Where the admin lies, and from which networks it and the pages to sign in may be asked for. To
# anybody else they do not exist; no network named means all.
ADMIN_PATH = env.route(
    "ADMIN_PATH",
    default="admin/",
    taken={"accounts", "api", "data", "embed", "health", "r", "static", *dict(LANGUAGES)},
)
ADMIN_ALLOWED = env.networks("ADMIN_ALLOWED")

# Whoever may publish signs in with two factors. Off on one's own machine at most.
REQUIRE_MFA = env.bool("REQUIRE_MFA", default=True)

# Nobody publishes or approves their own last change. Off for a desk of one person.
FOUR_EYES = env.bool("FOUR_EYES", default=True)

# A form sent after its session has ended comes back with all that was typed.
CSRF_FAILURE_VIEW = "kb_site.editorial.held.csrf_failure"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["kb_site.accounts.backends.NameOrEmailBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
# A session ends with the browser, and after twelve hours.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

ACCOUNT_ADAPTER = "kb_site.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
# Administrators make accounts and vouch for their addresses; allauth keeps no list of its own, in
# which an address would outlive its change.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Repères] "
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Repères"
# Browsers themselves keep keys from insecure pages, but for those of this machine.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
# allauth limits attempts an address and an account: 5 wrong passwords in 5 minutes, and so on.
# Behind proxies that add to X-Forwarded-For, theirs are not the address.
ALLAUTH_TRUSTED_PROXY_COUNT = env.whole("TRUSTED_PROXIES", default=0, most=9)

# Attempts are counted, and codes used once, across all processes and machines: in the database.
# The pages to sign in use it, and the form to report an error once it is sent. It holds more rows
# than an attacker can soon make: once it is full a third of them goes.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
        "KEY_FUNCTION": "kb_site.accounts.cache.unreadable_key",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# Mail: the link for a new password. Printed where the server runs unless EMAIL_URL says otherwise.
vars().update(env.mail("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="reperes@localhost")


# Where to report a weakness of the site, for /.well-known/security.txt: mailto:…, https://…
# Without one there is no such file.
SECURITY_CONTACT = env.address("SECURITY_CONTACT", default="", schemes=["mailto:", "https://"])


# Nothing inline, nothing from elsewhere.

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}


# Logs, metrics, errors

# The log holds no address, no query, no user agent and no name: `kb_site/logs.py`.
LOG_FORMAT = env.one_of("LOG_FORMAT", ["json", "plain"], default="plain" if DEBUG else "json")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "kb_site.logs.Json"},
        "plain": {"()": "kb_site.logs.Plain"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {
        "handlers": ["console"],
        "level": env.one_of("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], default="INFO"),
    },
    "loggers": {
        # Not by mail: Django's own way, with the whole request in it.
        "django": {},
        # The line of a request tells its status; here are only the errors.
        "django.request": {"level": "ERROR"},
        # Whatever the level, no SQL: it holds what people typed.
        "django.db.backends": {"level": "WARNING"},
        # It names people's keys.
        "fido2": {"level": "WARNING"},
        # The server's own lines, in the same form.
        "_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}

# Prometheus reads the numbers on this port of 127.0.0.1. Empty means that none are shown.
METRICS_PORT = env.whole("METRICS_PORT", default=0, most=65_535)
METRICS_DIR = DATA_DIR / "metrics"

# Errors go to this Sentry, without anything of a request: `kb_site/errors.py`. Empty means none do.
SENTRY_DSN = env.str("SENTRY_DSN", default="")
# What errors say they arose in: the version that was installed.
RELEASE = env.str("RELEASE", default="")

# Whoever watches a machine from within speaks plain HTTP with it.
SECURE_REDIRECT_EXEMPT = [r"^health/"]
