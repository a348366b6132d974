from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class QuotingConfig(AppConfig):
    name = "kb_site.quoting"
    verbose_name = _("Quoting")

    def ready(self):
        # Each app says how its records are cited, and what they are as linked data.
        autodiscover_modules("citing", "linked_data")
