"""Errors told to a Sentry, or to what speaks its language: off unless `SENTRY_DSN` is set.

What leaves is the kind of an error, where in the code it arose, and which release of the site: no
message, no variable, nothing of a request.
"""

from django.core.exceptions import ImproperlyConfigured

# What is kept of a report, of an exception in it, and of a line of its stack.
OF_REPORT = ("event_id", "timestamp", "platform", "level", "release")
OF_EXCEPTION = ("type", "module")
OF_FRAME = ("filename", "function", "module", "lineno", "context_line", "in_app")


def start(dsn, release):
    """Sends the errors that are logged, and those that end a command.

    Takes the Sentry's address and what the site's version is called. Raises `ImproperlyConfigured`
    when the address is none.
    """
    # Loaded only when it is asked for.
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.utils import BadDsn, Dsn

    try:
        Dsn(dsn)
    except BadDsn as error:
        raise ImproperlyConfigured(f"SENTRY_DSN is no address of a Sentry: {error}.") from None
    sentry_sdk.init(
        dsn=dsn,
        release=release,
        # None of those that look at requests, processes and machines.
        default_integrations=False,
        integrations=[
            LoggingIntegration(level=None, sentry_logs_level=None),
            ExcepthookIntegration(),
            # So that what ends a command is sent before it ends, in silence.
            AtexitIntegration(callback=lambda pending, timeout: None),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        server_name="",
        send_client_reports=False,
        auto_session_tracking=False,
        before_send=bare,
    )


def bare(event, hint=None):
    """Returns what may leave of a report, or None when nothing should."""
    errors = event.get("exception", {}).get("values")
    # Who asks for a host that is not ours, or sends a forged form, is no error of the site.
    if not errors or event.get("logger", "").startswith("django.security"):
        return None
    return _only(event, OF_REPORT) | {"exception": {"values": [_bare_error(e) for e in errors]}}


def _bare_error(error):
    frames = (error.get("stacktrace") or {}).get("frames", [])
    stack = {"frames": [_only(frame, OF_FRAME) for frame in frames]}
    return _only(error, OF_EXCEPTION) | {"stacktrace": stack}


def _only(values, names):
    return {name: values[name] for name in names if name in values}
