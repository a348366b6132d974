import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ErrorReportQuerySet(models.QuerySet):
    def kept(self):
        """Those whose days are not over. What is older is shown to nobody."""
        return self.filter(reported_on__gt=_last_day())

    def purge(self):
        """Deletes those whose days are over; returns how many they were."""
        return self.filter(reported_on__lte=_last_day()).delete()[0]


def _last_day():
    """The day whose reports are no longer kept today."""
    return timezone.localdate() - datetime.timedelta(days=ErrorReport.KEPT_DAYS)


class ErrorReport(models.Model):
    """What a reader says is wrong with a page. Who said it is not known: there is no field for it.

    The day is all that is kept of when, and after `KEPT_DAYS` nothing is.
    """

    KEPT_DAYS = 90

    reported_on = models.DateField(_("reported on"), default=timezone.localdate, db_index=True)
    page = models.CharField(
        _("page"), max_length=200, blank=True, help_text=_("Empty when it is about the whole site.")
    )
    language = models.CharField(_("language"), max_length=8)
    text = models.TextField(_("what is wrong"))
    is_done = models.BooleanField(
        _("done"),
        default=False,
        help_text=_("Tick when the error is put right, or when there is none."),
    )

    objects = ErrorReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("report of an error")
        verbose_name_plural = _("reports of errors")
        ordering = ["is_done", "-reported_on", "-pk"]

    def __str__(self):
        # Not the text: the admin's log keeps this name longer than the report is kept.
        return f"{self.page or '–'} ({self.reported_on})"
