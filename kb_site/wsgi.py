"""WSGI entry point, served by granian."""

import os
import re

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_site.settings")

asked = get_wsgi_application()

from django.conf import settings  # noqa: E402 - they are read by what is above

from kb_site import metrics  # noqa: E402
from kb_site.pages import stamp  # noqa: E402
from kb_site.pages.layer import KeptPages  # noqa: E402


def site(environ, start_response):
    """Asks Django. What comes is in UTF-8, whatever it says.

    Django reads a query in the encoding that a request names while it makes the request, where
    nothing catches what that raises: an encoding that is none of text, too many fields.
    """
    kind = environ.get("CONTENT_TYPE", "")
    environ["CONTENT_TYPE"] = re.sub(r";\s*charset\b[^;]*", "", kind, flags=re.IGNORECASE)
    return asked(environ, start_response)


stamp.follow()
metrics.start()
application = KeptPages(site, settings.PAGES_DIR) if settings.KEEP_PAGES else site
