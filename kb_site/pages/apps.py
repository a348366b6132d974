from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PagesConfig(AppConfig):
    name = "kb_site.pages"
    verbose_name = _("Pages kept ready")

    def ready(self):
        from kb_site.pages import writes

        writes.watch()
