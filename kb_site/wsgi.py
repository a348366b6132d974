"""WSGI entry point, served by granian."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_site.settings")

django = get_wsgi_application()

from django.conf import settings  # noqa: E402 - they are read by what is above

from kb_site import metrics  # noqa: E402
from kb_site.pages import stamp  # noqa: E402
from kb_site.pages.layer import KeptPages  # noqa: E402

stamp.follow()
metrics.start()
application = KeptPages(django, settings.PAGES_DIR) if settings.KEEP_PAGES else django
