"""What every record shares, the revisions it has had, and the reviews it waits for."""

import datetime

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kb_site.editorial import clock
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

    def cited(self):
        """Published rows, with what a citation of them shows."""
        return self.published()

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
        help_text=_("Only published records reach readers, the search and links."),
    )
    # After so many days a verification has run out; None: never.
    verification_days = None

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

    def clean(self):
        super().clean()
        # A permalink names one record, whatever its kind.
        from kb_site.editorial import history  # it imports this module

        kind = history.kind_of(type(self)).name
        taken = Revision.objects.filter(reference=self.reference).exclude(kind=kind)
        if self._state.adding and taken.exists():
            raise ValidationError(
                {
                    "reference": _(
                        "A record of another kind has, or had, this reference. Choose another one."
                    )
                }
            )

    @property
    def is_published(self):
        return self.status == Status.PUBLISHED

    @property
    def verification_expires_on(self):
        """The first day the verification is too old; None when it never is."""
        if self.verification_days is None or self.verified_on is None:
            return None
        return self.verified_on + datetime.timedelta(days=self.verification_days)


class KeyedQuerySet(models.QuerySet):
    def of(self, key):
        """Rows about the record that a key names: "question:q-school"."""
        kind, _separator, reference = key.partition(":")
        return self.filter(kind=kind, reference=reference)


class Keyed(models.Model):
    """Something kept about a record of any kind, which it names by key: see `history.key_of`."""

    kind = models.CharField(_("kind"), max_length=20)
    reference = models.CharField(_("reference"), max_length=80)

    objects = KeyedQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self):
        return self.key

    @property
    def key(self):
        return f"{self.kind}:{self.reference}"


class RevisionQuerySet(KeyedQuerySet):
    def standing_at(self, moment):
        """The state of each record at an instant."""
        return self.filter(models.Q(until=None) | models.Q(until__gt=moment), at__lte=moment)

    def told(self):
        """Changes that readers are told of, newest first: neither slips of the pen nor drafts."""
        return self.filter(is_told=True).order_by("-at", "-pk")


class Revision(Keyed):
    """One state of a record with all its parts, and what led to it. See `history`."""

    number = models.PositiveIntegerField(_("number"))
    at = models.DateTimeField(_("recorded at"), db_index=True)
    until = models.DateTimeField(_("until"), null=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("changed by"),
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    is_editorial = models.BooleanField(_("editorial change"), default=False)
    # The keys of what had changed while the record waited to be read again for it.
    trigger = models.TextField(_("triggered by"), blank=True)
    is_public = models.BooleanField(_("published in this state"), default=False)
    is_told = models.BooleanField(_("readers are told"), default=False)
    changes = models.JSONField(_("changes"), default=list)
    # None when the record was deleted.
    data = models.JSONField(_("state"), null=True)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["kind", "reference", "-number"]
        permissions = [("publish_record", _("Can publish records and approve changes"))]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference", "number"], name="editorial_revision_number_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "reference"],
                condition=models.Q(until=None),
                name="editorial_revision_one_stands",
            ),
        ]

    def __str__(self):
        return f"{self.key} #{self.number}"


class RevisionCitation(models.Model):
    """A record that a revision names, by key: to find what cited it on a day."""

    revision = models.ForeignKey(Revision, models.CASCADE, related_name="citations")
    key = models.CharField(max_length=101, db_index=True)

    class Meta:
        verbose_name = _("citation of a revision")

    def __str__(self):
        return f"{self.revision_id} → {self.key}"


class ReviewTaskQuerySet(models.QuerySet):
    def open(self, moment=None):
        """Tasks nobody has closed, or had not at an instant."""
        if moment is None:
            return self.filter(closed_at=None)
        return self.filter(
            models.Q(closed_at=None) | models.Q(closed_at__gt=moment), opened_at__lte=moment
        )


class ReviewTask(models.Model):
    """Something somebody must read again, because what it rests on has changed or grown old."""

    class Reason(models.TextChoices):
        VERSION_ADDED = "version-added", _("the law has a new version")
        VERSION_CHANGED = "version-changed", _("a version of the law was changed")
        VERSION_REMOVED = "version-removed", _("a version of the law was removed")
        ACT_CHANGED = "act-changed", _("the act's dates or standing changed")
        STATEMENT_CORRECTED = "statement-corrected", _("the statement was corrected")
        CONTACT_CHANGED = "contact-changed", _("the contact changed")
        WITHDRAWN = "withdrawn", _("what it cites is no longer published")
        VERIFICATION_EXPIRED = "verification-expired", _("the verification has run out")
        REVIEW_DUE = "review-due", _("the day of its review has come")
        OFFICIAL_CHANGED = "official-text-changed", _("the official text changed")
        OFFICIAL_NEW = "official-text-new", _("the official text is new")
        OFFICIAL_VANISHED = "official-text-vanished", _("the official text vanished")

    LAW = (
        Reason.VERSION_ADDED,
        Reason.VERSION_CHANGED,
        Reason.VERSION_REMOVED,
        Reason.ACT_CHANGED,
        Reason.OFFICIAL_CHANGED,
        Reason.OFFICIAL_NEW,
        Reason.OFFICIAL_VANISHED,
    )
    # They come of the calendar: closed once, they stay closed for that date.
    DUE = (Reason.VERIFICATION_EXPIRED, Reason.REVIEW_DUE)

    # What is to be read again: a claim in one language, or a record.
    target_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
    target_id = models.PositiveBigIntegerField()
    target = GenericForeignKey("target_type", "target_id")
    language = models.CharField(_("language"), max_length=8, blank=True)
    # The record on whose page readers are told.
    subject = models.CharField(_("record"), max_length=101, db_index=True)
    reason = models.CharField(_("reason"), max_length=24, choices=Reason.choices)
    cause = models.CharField(_("because of"), max_length=101)
    changed_on = models.DateField(_("since"), help_text=_("The day the cause took effect."))
    difference = models.JSONField(_("difference"), default=list, blank=True)
    opened_at = models.DateTimeField(_("opened"), default=timezone.now)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("closed by"),
    )
    word = models.CharField(
        _("what was found"),
        max_length=500,
        blank=True,
        help_text=_("A word for whoever reads this later: “still right”, “text rewritten”…"),
    )

    objects = ReviewTaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("review task")
        verbose_name_plural = _("review tasks")
        ordering = ["changed_on", "pk"]
        permissions = [("close_reviewtask", _("Can close review tasks"))]
        constraints = [
            models.UniqueConstraint(
                fields=["target_type", "target_id", "language", "reason", "cause"],
                condition=models.Q(closed_at=None),
                name="editorial_reviewtask_open_once",
            ),
        ]

    def __str__(self):
        return f"{self.subject} {self.language}: {self.get_reason_display()} ({self.cause})"

    @property
    def about(self):
        """What is to be read again, as (type, primary key, language)."""
        return self.target_type_id, self.target_id, self.language

    @property
    def is_about_law(self):
        return self.reason in self.LAW

    @property
    def is_to_come(self):
        """Whether the cause takes effect on a later day than the page's."""
        return self.changed_on > clock.today()

    @property
    def told_as(self):
        """What readers are told; tasks that read the same are told once."""
        return ("law" if self.is_about_law else self.reason, self.changed_on)

    def close(self, by, word):
        """Closes the task. Takes who closes it and what they found.

        Raises `PermissionDenied` when they may not, `ValidationError` without a word. A task that
        is closed already stays as it is.
        """
        if not by.has_perm("editorial.close_reviewtask"):
            raise PermissionDenied(_("Closing a review task needs the right to review."))
        if not word.strip():
            raise ValidationError({"word": _("Say in a word what you found before closing it.")})
        ReviewTask.objects.filter(pk=self.pk, closed_at=None).update(
            closed_at=timezone.now(), closed_by=by, word=word.strip()
        )
        self.refresh_from_db()


class PendingRevision(Keyed):
    """The state that a published record will have once somebody else has approved it."""

    base = models.PositiveIntegerField(_("made from revision"))
    # Grows with each save: two editors of one pending revision notice each other.
    version = models.PositiveIntegerField(default=1)
    data = models.JSONField(_("state"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("saved at"), default=timezone.now)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    is_editorial = models.BooleanField(_("editorial change"), default=False)
    by_machine = models.BooleanField(_("translated by a machine"), default=False)
    sent_back = models.CharField(_("sent back, because"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("pending revision")
        verbose_name_plural = _("pending revisions")
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"], name="editorial_pendingrevision_one_a_record"
            ),
        ]


class Translation(Keyed):
    """What is known of one text in one language beside the same text in the others.

    There is a row once one of the texts has changed; before that both are as first written.
    """

    # A part of the record, "claims:12"; empty for the record itself.
    part = models.CharField(_("part"), max_length=60, blank=True)
    field = models.CharField(_("field"), max_length=60)
    language = models.CharField(_("language"), max_length=8)
    # The revision whose other languages this text was written beside.
    made_from = models.PositiveIntegerField(_("made from revision"), default=1)
    is_outdated = models.BooleanField(_("out of date"), default=False)
    by_machine = models.BooleanField(_("made by a machine"), default=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("reviewed by"),
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True)

    class Meta:
        verbose_name = _("state of a translation")
        verbose_name_plural = _("states of translations")
        ordering = ["kind", "reference", "part", "field", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference", "part", "field", "language"],
                name="editorial_translation_once",
            ),
        ]

    def __str__(self):
        return f"{self.key} {self.part} {self.field} ({self.language})"
