from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """Who signed in and who changed whose rights. Names are kept as they were, never addresses."""

    class What(models.TextChoices):
        SIGNED_IN = "signed-in", _("signed in")
        SIGN_IN_FAILED = "sign-in-failed", _("sign-in failed")
        SIGNED_OUT = "signed-out", _("signed out")
        PASSWORD_CHANGED = "password-changed", _("password changed")
        FACTOR_ADDED = "factor-added", _("second factor added")
        FACTOR_REMOVED = "factor-removed", _("second factor removed")
        CODES_MADE = "codes-made", _("recovery codes made")
        CODE_USED = "code-used", _("recovery code used")
        RIGHTS_CHANGED = "rights-changed", _("rights changed")
        ACCOUNT_CREATED = "account-created", _("account created")
        ACCOUNT_CHANGED = "account-changed", _("account changed")
        ACCOUNT_CLOSED = "account-closed", _("account closed")
        ACCOUNT_OPENED = "account-opened", _("account opened again")
        ACCOUNT_DELETED = "account-deleted", _("account deleted")

    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    who = models.CharField(
        _("who"), max_length=150, blank=True, help_text=_("Empty for a command, or nobody known.")
    )
    what = models.CharField(_("what"), max_length=20, choices=What.choices)
    about = models.CharField(_("whose account or group"), max_length=150, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit list")
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.who or '…'}: {self.get_what_display()} {self.about}".strip()
