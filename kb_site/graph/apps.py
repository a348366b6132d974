from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class GraphConfig(AppConfig):
    name = "kb_site.graph"
    verbose_name = _("Open data")

    def ready(self):
        # Each app says in its own api.py what leaves the site, found as the admin finds admin.py.
        autodiscover_modules("api")
