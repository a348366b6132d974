"""Fields that every kind of record shares."""

import re
from functools import partial

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.fields.related import lazy_related_operation
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

# ISO 8601 durations in years, months and days: P5Y, P1M, P8D.
DURATION = re.compile(r"^P(?=\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?$")
REFERENCE_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*\Z"


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


class SeveralField(models.JSONField):
    """A list of codes, chosen from the pairs (code, name) that a subclass gives as `CHOICES`."""

    CHOICES = []

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("default", list)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def validate(self, value, model_instance):
        super().validate(value, model_instance)
        known = [code for code, _name in self.CHOICES]
        if not isinstance(value, list) or not all(code in known for code in value):
            raise ValidationError(
                _("Write a list of codes, each one of: %(codes)s."),
                params={"codes": ", ".join(known)},
            )

    def formfield(self, **kwargs):
        return forms.MultipleChoiceField(
            label=capfirst(self.verbose_name),
            help_text=self.help_text,
            required=False,
            choices=self.CHOICES,
            widget=forms.CheckboxSelectMultiple,
        )


class LanguagesField(SeveralField):
    """A list of language codes, chosen from those that are spoken here."""

    CHOICES = [
        ("lb", _("Luxembourgish")),
        ("fr", _("French")),
        ("de", _("German")),
        ("en", _("English")),
        ("pt", _("Portuguese")),
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
    # The admin lists what protects a record by these names.
    through.__str__ = lambda citation: str(getattr(citation, field.m2m_field_name()))
    through._meta.verbose_name = source._meta.verbose_name
    through._meta.get_field(field.m2m_reverse_field_name()).remote_field.on_delete = models.PROTECT
