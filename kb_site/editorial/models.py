"""What every record shares: a reference, a publication status and a verification."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kb_site.editorial.fields import REFERENCE_PATTERN, ReferenceField


class Status(models.TextChoices):
    DRAFT = "draft", _("draft")
    IN_REVIEW = "in_review", _("in review")
    PUBLISHED = "published", _("published")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Confidence(models.TextChoices):
    CONFIRMED = "confirmed", _("confirmed")
    SECONDARY = "secondary", _("secondary")
    UNVERIFIED = "unverified", _("unverified")


class ReferenceManager(models.Manager):
    """Finds an object by its reference, so that fixtures need no primary keys."""

    def get_by_natural_key(self, reference):
        return self.get(reference=reference)


class Referenced(models.Model):
    """Anything with a stable reference."""

    reference = ReferenceField()

    objects = ReferenceManager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reference__regex=REFERENCE_PATTERN),
                name="%(app_label)s_%(class)s_reference_is_slug",
            ),
        ]

    def __str__(self):
        return self.reference

    def natural_key(self):
        return (self.reference,)


class RecordQuerySet(models.QuerySet):
    def published(self):
        """Rows that readers may see. The only place that says what "published" means."""
        return self.filter(status=Status.PUBLISHED)

    def visible_to(self, user):
        """Rows this user may see: everything for editors, published rows for everyone else."""
        return self.all() if user.is_authenticated and user.is_staff else self.published()


class Record(Referenced):
    """A legal record that readers see: it has a publication status and a verification."""

    status = models.CharField(
        _("publication status"),
        max_length=10,
        choices=Status.choices,
        default=Status.DRAFT,
        db_index=True,
        help_text=_("Only published records reach readers, the search and links."),
    )
    confidence = models.CharField(
        _("confidence"),
        max_length=10,
        choices=Confidence.choices,
        default=Confidence.UNVERIFIED,
        help_text=_(
            "Confirmed: seen in an official or primary text. Secondary: a reputable page says so; "
            "readers are told. Unverified cannot be published."
        ),
    )
    verified_on = models.DateField(
        _("verified on"),
        null=True,
        blank=True,
        help_text=_("The day somebody last compared this record with its source."),
    )
    verified_by = models.CharField(_("verified by"), max_length=120, blank=True)
    verified_url = models.URLField(
        _("verified against"),
        max_length=500,
        blank=True,
        help_text=_("The page it was compared with."),
    )
    # Not auto_now: fixtures are saved raw, without it.
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("last changed"), default=timezone.now, editable=False)

    objects = ReferenceManager.from_queryset(RecordQuerySet)()

    class Meta(Referenced.Meta):
        abstract = True
        constraints = [
            *Referenced.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(status__in=Status.values),
                name="%(app_label)s_%(class)s_status_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(confidence__in=Confidence.values),
                name="%(app_label)s_%(class)s_confidence_is_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(status=Status.PUBLISHED, confidence=Confidence.UNVERIFIED),
                name="%(app_label)s_%(class)s_published_is_verified",
                violation_error_message=_(
                    "An unverified record cannot be published. Check it against its source, then "
                    "set the confidence and the day of the verification."
                ),
            ),
        ]

    def save(self, *args, **kwargs):
        self.updated_at = timezone.now()
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "updated_at"}
        super().save(*args, **kwargs)

    @property
    def is_published(self):
        return self.status == Status.PUBLISHED
