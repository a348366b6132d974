"""WSGI entry point, served by granian."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_site.settings")

from django.conf import settings

from kb_site import metrics
from kb_site.handler import site
from kb_site.pages import stamp
from kb_site.pages.layer import KeptPages

stamp.follow()
metrics.start()
application = KeptPages(site, settings.PAGES_DIR) if settings.KEEP_PAGES else site
