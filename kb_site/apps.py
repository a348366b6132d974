from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SiteConfig(AppConfig):
    name = "kb_site"

    def ready(self):
        # Each app says in its own health.py what is to be watched.
        autodiscover_modules("health")
