from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class EditorialConfig(AppConfig):
    name = "kb_site.editorial"
    verbose_name = _("Editorial")

    def ready(self):
        # It listens to what the history records.
        import kb_site.editorial.translations  # noqa: F401
        from kb_site.editorial import history

        # Each app says what keeps a history, and what editors see first, in its own modules.
        autodiscover_modules("history", "desk")
        history.connect()
