from django.db import models


class Stamp(models.Model):
    """How often what pages are made of has changed: one row, which every machine reads."""

    value = models.BigIntegerField(default=0)

    class Meta:
        # Nobody edits it: it has no rights of its own.
        default_permissions = ()

    def __str__(self):
        return str(self.value)
