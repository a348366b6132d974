"""Django as the server asks it, behind what Django itself does not catch."""

import re

from django.core.wsgi import get_wsgi_application

asked = get_wsgi_application()


def site(environ, start_response):
    """Asks Django. What comes is in UTF-8, whatever it says.

    Django reads a query in the encoding that a request names while it makes the request, where
    nothing catches what that raises: an encoding that is none of text, too many fields.
    """
    kind = environ.get("CONTENT_TYPE", "")
    environ["CONTENT_TYPE"] = re.sub(r";\s*charset\b[^;]*", "", kind, flags=re.IGNORECASE)
    return asked(environ, start_response)
