from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "kb_site.accounts"
    verbose_name = _("People")

    def ready(self):
        from kb_site.accounts import roles, signals

        post_migrate.connect(roles.give_rights, sender=self)
        signals.connect()
