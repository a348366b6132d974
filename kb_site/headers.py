"""Headers of every answer of the site: pages, desk, files, errors and the API.

They are the same whoever asks, so that a copy of an answer may be kept for all.
"""

from functools import wraps

# Nothing here uses these; browsers need not let anything try. A browser warns of names it does not
# know, so only those stand here that are known for long.
DENIED = (
    "accelerometer autoplay camera clipboard-read display-capture encrypted-media "
    "fullscreen gamepad geolocation gyroscope hid idle-detection local-fonts magnetometer "
    "microphone midi payment picture-in-picture screen-wake-lock serial usb xr-spatial-tracking"
).split()
# The buttons to copy, and the keys that editors sign in with.
OURS = ["clipboard-write", "publickey-credentials-create", "publickey-credentials-get"]

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        [*(f"{name}=()" for name in DENIED), *(f"{name}=(self)" for name in OURS)]
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class HeadersMiddleware:
    """Adds the headers that an answer does not have. It stands first, around all others.

    Other sites may load what is open to any origin, and nothing else.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        is_open = response.get("Access-Control-Allow-Origin") == "*"
        response["Cross-Origin-Resource-Policy"] = "cross-origin" if is_open else "same-origin"
        return response


def open_to_any_origin(view):
    """Lets programs and pages of other sites read what a view answers: no answer knows a cookie."""

    @wraps(view)
    def opened(*args, **kwargs):
        response = view(*args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        return response

    return opened
