"""What the search remembers in the database."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class PendingUpdate(models.Model):
    """A record whose search entry is out of date.

    Written in the record's own transaction and removed once the index holds the change, so that
    nothing is lost when the process dies in between: the next save or search finishes the work.
    """

    key = models.CharField(max_length=120)

    class Meta:
        verbose_name = _("pending search update")
        verbose_name_plural = _("pending search updates")

    def __str__(self):
        return self.key
