from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules


class SiteConfig(AppConfig):
    name = "kb_site"

    def ready(self):
        # Each app says in its own health.py what is to be watched.
        autodiscover_modules("health")
        if settings.SENTRY_DSN:
            from kb_site import errors

            errors.start(settings.SENTRY_DSN, settings.RELEASE)
