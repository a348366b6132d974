from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class SearchConfig(AppConfig):
    name = "kb_site.search"
    verbose_name = _("Search")

    def ready(self):
        from kb_site.search import signals

        # Each app says what it holds in its own search.py, found as the admin finds admin.py.
        autodiscover_modules("search")
        signals.connect()
