"""Fields that every kind of record shares."""

import re
from functools import partial

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.fields.related import lazy_related_operation
from django.utils.translation import gettext_lazy as _

# ISO 8601 durations in years, months and days: P5Y, P1M, P8D.
DURATION = re.compile(r"^P(?=\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?$")
REFERENCE_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class ReferenceField(models.CharField):
    """A record's stable name, used in permalinks, fixtures and exports. It never changes."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_length", 80)
        kwargs.setdefault("unique", True)
        kwargs.setdefault("verbose_name", _("reference"))
        kwargs.setdefault(
            "help_text",
            _("Small letters, digits and single hyphens. Set it once; links rely on it for ever."),
        )
        super().__init__(*args, **kwargs)
        self.validators = [
            *self.validators,
            RegexValidator(
                REFERENCE_PATTERN,
                _("Use small letters, digits and single hyphens only, as in “lu-cp-383bis”."),
            ),
        ]


class CitationField(models.ManyToManyField):
    """A many-to-many relation whose target cannot be deleted while something cites it.

    Deleting the citing side removes its citations; deleting the cited side raises
    `ProtectedError`, which the admin explains, listing what cites it.
    """

    def contribute_to_class(self, cls, name, **kwargs):
        super().contribute_to_class(cls, name, **kwargs)
        if not cls._meta.abstract:
            lazy_related_operation(
                partial(_protect, field=self),
                cls,
                self.remote_field.model,
                self.remote_field.through,
            )


def _protect(source, target, through, field):
    through._meta.get_field(field.m2m_reverse_field_name()).remote_field.on_delete = models.PROTECT
