"""Acts, their provisions, and each provision's versions in time."""

import datetime
import itertools
import re
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from kb_site.editorial.clock import today
from kb_site.editorial.fields import DURATION, LanguagesField
from kb_site.editorial.models import Record, RecordQuerySet, ReferenceManager, Status
from kb_site.editorial.words import words_changed
from kb_site.paths import path_of


class LegalActQuerySet(RecordQuerySet):
    def in_force(self, on=None):
        """Acts in force on a day (today by default). An unknown entry into force counts as past."""
        on = on or today()
        return (
            self.exclude(in_force_from__gt=on)
            .exclude(repealed_on__lte=on)
            .exclude(kind__in=LegalAct.NOT_LAW_YET)
        )


class LegalAct(Record):
    """A code, law, regulation, directive, treaty… as its legislator adopted it."""

    class Jurisdiction(models.TextChoices):
        LUXEMBOURG = "lu", _("Luxembourg")
        EUROPEAN_UNION = "eu", _("European Union")
        INTERNATIONAL = "int", _("International")

    class Kind(models.TextChoices):
        CONSTITUTION = "constitution", _("constitution")
        CODE = "code", _("code")
        LAW = "law", _("law")
        REGULATION = "regulation", _("regulation")
        DIRECTIVE = "directive", _("directive")
        TREATY = "treaty", _("treaty")
        CHARTER = "charter", _("charter")
        BILL = "bill", _("bill")
        PROPOSAL = "proposal", _("proposal")
        CASE_LAW = "case_law", _("case law")

    NOT_LAW_YET = (Kind.BILL, Kind.PROPOSAL)

    jurisdiction = models.CharField(_("jurisdiction"), max_length=3, choices=Jurisdiction.choices)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    number = models.CharField(
        _("number"), max_length=60, blank=True, help_text=_("As cited: 2022/2065, A520…")
    )
    order = models.PositiveIntegerField(_("order"), default=0, help_text=_("Place in lists."))
    adopted_on = models.DateField(_("adopted on"), null=True, blank=True)
    in_force_from = models.DateField(
        _("in force from"),
        null=True,
        blank=True,
        help_text=_("The act's entry into force; each provision says from when it applies."),
    )
    repealed_on = models.DateField(
        _("no longer in force since"),
        null=True,
        blank=True,
        help_text=_("The first day it is no longer in force: repealed, lapsed or expired."),
    )
    transpose_by = models.DateField(
        _("to be transposed by"), null=True, blank=True, help_text=_("Directives only.")
    )
    title = models.TextField(_("title"))
    short_title = models.CharField(_("short title"), max_length=160)
    aliases = models.TextField(
        _("also called"),
        blank=True,
        help_text=_("Other names and abbreviations in any language, one a line: DSA, CP…"),
    )
    summary = models.TextField(_("summary"), blank=True, help_text=_("In our own words."))
    eli = models.URLField(
        _("ELI"), max_length=300, blank=True, help_text=_("European Legislation Identifier.")
    )
    celex = models.CharField(
        _("CELEX number"), max_length=40, blank=True, help_text=_("EU acts: 32022R2065.")
    )
    authentic_languages = LanguagesField(
        _("authentic languages"), help_text=_("The languages whose text has legal value.")
    )
    url = models.URLField(_("official page"), max_length=500, blank=True)
    note = models.TextField(_("note to readers"), blank=True)

    objects = ReferenceManager.from_queryset(LegalActQuerySet)()

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("act")
        verbose_name_plural = _("acts")
        ordering = ["order", "reference"]
        indexes = [models.Index(fields=["order", "reference"])]
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(in_force_from__isnull=True)
                | models.Q(repealed_on__isnull=True)
                | models.Q(repealed_on__gte=models.F("in_force_from")),
                name="laws_legalact_dates_in_order",
                violation_error_message=_("An act cannot end before it enters into force."),
            ),
        ]

    def __str__(self):
        return self.short_title_fr or self.short_title_en or self.reference

    def get_absolute_url(self):
        return path_of("laws:act-detail", self.reference)

    @property
    def names(self):
        """Everything the act is called, in any language: titles, abbreviations and numbers."""
        texts = [self.short_title_fr, self.short_title_en, self.number, self.celex]
        return [name for name in [*texts, *self.aliases.splitlines()] if name and name.strip()]

    def status_on(self, day):
        """The act's `LegalStatus` on a day."""
        if self.kind in self.NOT_LAW_YET:
            return LegalStatus(LegalStatus.PENDING, None)
        if self.kind == self.Kind.CASE_LAW:
            return LegalStatus(LegalStatus.CASE_LAW, None)
        if self.repealed_on and self.repealed_on <= day:
            return LegalStatus(LegalStatus.NO_LONGER_IN_FORCE, self.repealed_on)
        if self.in_force_from and self.in_force_from > day:
            return LegalStatus(LegalStatus.NOT_YET_IN_FORCE, self.in_force_from)
        if self.transpose_by and self.transpose_by >= day:
            return LegalStatus(LegalStatus.TO_BE_TRANSPOSED, self.transpose_by)
        return LegalStatus(LegalStatus.IN_FORCE, self.in_force_from)

    @property
    def legal_status(self):
        return self.status_on(today())


@dataclass(frozen=True)
class LegalStatus:
    """Where a text stands on a day: a code, and the date that decides it (None when unknown)."""

    APPLIES = "applies"
    NOT_YET_APPLICABLE = "not-yet-applicable"
    NO_LONGER_APPLICABLE = "no-longer-applicable"
    TO_BE_TRANSPOSED = "to-be-transposed"
    IN_FORCE = "in-force"
    NOT_YET_IN_FORCE = "not-yet-in-force"
    NO_LONGER_IN_FORCE = "no-longer-in-force"
    PENDING = "pending"
    CASE_LAW = "case-law"

    code: str
    date: datetime.date | None

    @property
    def is_applicable(self):
        return self.code in (self.APPLIES, self.IN_FORCE, self.CASE_LAW)

    @property
    def has_ended(self):
        return self.code in (self.NO_LONGER_APPLICABLE, self.NO_LONGER_IN_FORCE)


class ProvisionQuerySet(RecordQuerySet):
    def published(self):
        """Published provisions of published acts."""
        return super().published().filter(act__status=Status.PUBLISHED)

    def cited(self):
        """Its act and its versions; their penalties and what amended them have their own page."""
        return super().cited().select_related("act").prefetch_related("versions")

    def in_force(self, on=None):
        """Provisions that have a version applicable on a day (today by default)."""
        return self.filter(
            pk__in=ProvisionVersion.objects.in_force(on).values("provision"),
            act__in=LegalAct.objects.in_force(on),
        )

    def citing_questions(self):
        """Published questions whose answers cite one of these provisions.

        Reached through the reverse relation: the law does not know what cites it.
        """
        return self.model.claims.rel.related_model.objects.filter(provisions__in=self).questions()

    def with_versions(self):
        """Loads act and versions with their penalties, so that a page asks once."""
        return self.select_related("act").prefetch_related(
            models.Prefetch(
                "versions",
                ProvisionVersion.objects.select_related("amended_by").prefetch_related("penalties"),
            )
        )


PART_PATTERN = re.compile(r"\d+[0-9a-z-]*(\([0-9a-z]+\))*")


def validate_parts(text):
    """Refuses a line that is no identifier of a part: 383bis, 371-2, 5(1)(ba)."""
    for line in text.splitlines():
        if line.strip() and not PART_PATTERN.fullmatch(line.strip()):
            raise ValidationError(
                _("“%(line)s” is no part of an act. Write one a line: 383bis, 442-1, 5(1)(ba)."),
                params={"line": line.strip()},
            )


class Provision(Record):
    """An article, or a group of articles read together, of an act."""

    verification_days = 180

    act = models.ForeignKey(
        LegalAct, models.PROTECT, related_name="provisions", verbose_name=_("act")
    )
    order = models.PositiveIntegerField(_("order"), default=0, help_text=_("Place in its act."))
    label = models.CharField(_("label"), max_length=80, help_text=_("As cited: art. 383bis."))
    heading = models.CharField(_("heading"), max_length=250, help_text=_("What it is about."))
    also_asked = models.TextField(
        _("also searched as"),
        blank=True,
        help_text=_("What people type when they look for this, one a line."),
    )
    eli = models.URLField(_("ELI"), max_length=300, blank=True)
    watched = models.TextField(
        _("watched parts"),
        blank=True,
        validators=[validate_parts],
        help_text=_(
            "The official articles, paragraphs and points that this summarises, one a line, as the "
            "law watch looks for them: 383bis, 442-1, 5(1)(ba). EU texts: the English numbering."
        ),
    )

    objects = ReferenceManager.from_queryset(ProvisionQuerySet)()

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("provision")
        verbose_name_plural = _("provisions")
        ordering = ["act__order", "order", "reference"]

    def __str__(self):
        return f"{self.label_fr or self.label_en} – {self.heading_fr or self.heading_en}"

    def get_absolute_url(self):
        return path_of("laws:provision-detail", self.act.reference, self.reference)

    @property
    def watched_parts(self):
        """The identifiers of the official parts it summarises, each once, in their order."""
        lines = (line.strip() for line in self.watched.splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    @property
    def is_reachable(self):
        """Whether readers have a page of it: it is published, and so is its act."""
        return self.is_published and self.act.is_published

    def version_on(self, day):
        """The version to show for a day: the one that applies, else the next, else the last.

        Reads `versions` once; prefetch it (`with_versions`) where several provisions are shown.
        Returns None when the provision has no version yet.
        """
        versions = sorted(self.versions.all(), key=lambda version: version.number)
        applying = [v for v in versions if v.status_on(day).code == LegalStatus.APPLIES]
        coming = [v for v in versions if v.status_on(day).code == LegalStatus.NOT_YET_APPLICABLE]
        return next(iter([*applying[::-1], *coming, *versions[::-1]]), None)

    @property
    def current_version(self):
        return self.version_on(today())

    @property
    def legal_status(self):
        """Where the provision stands today: its act's end or pendency wins over its version."""
        act_status = self.act.legal_status
        if act_status.code in (
            LegalStatus.NO_LONGER_IN_FORCE,
            LegalStatus.NOT_YET_IN_FORCE,
            LegalStatus.PENDING,
            LegalStatus.CASE_LAW,
        ):
            return act_status
        version = self.current_version
        return version.legal_status if version else None


class ProvisionVersionQuerySet(models.QuerySet):
    def in_force(self, on=None):
        """Versions applicable on a day (today by default). An unknown start counts as past."""
        on = on or today()
        return (
            self.exclude(applies_from__gt=on)
            .exclude(applies_until__lt=on)
            .exclude(transpose_by__gte=on)
        )

    def get_by_natural_key(self, provision_reference, number):
        return self.get(provision__reference=provision_reference, number=number)


class ProvisionVersion(models.Model):
    """What a provision says between two dates, in our words, with its penalties."""

    provision = models.ForeignKey(
        Provision, models.CASCADE, related_name="versions", verbose_name=_("provision")
    )
    number = models.PositiveSmallIntegerField(
        _("number"), default=1, help_text=_("1 for the oldest wording recorded here.")
    )
    applies_from = models.DateField(
        _("applies from"),
        null=True,
        blank=True,
        help_text=_(
            "The first day this wording applies. Leave empty when unknown: never the day a "
            "consolidation was loaded."
        ),
    )
    applies_until = models.DateField(
        _("applies until"),
        null=True,
        blank=True,
        help_text=_("The last day this wording applies. Empty while no end is known."),
    )
    transpose_by = models.DateField(
        _("to be transposed by"), null=True, blank=True, help_text=_("Directives only.")
    )
    consolidated_on = models.DateField(
        _("read in the consolidation of"),
        null=True,
        blank=True,
        help_text=_("Empty when the authentic act itself was read."),
    )
    amended_by = models.ForeignKey(
        LegalAct,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="amended_versions",
        verbose_name=_("amended by"),
        help_text=_("The act that gave this wording."),
    )
    summary = models.TextField(
        _("summary"), help_text=_("What it says, in our words: never the legal text itself.")
    )
    official_url = models.URLField(_("official text"), max_length=500, blank=True)
    note = models.TextField(
        _("note to readers"), blank=True, help_text=_("Limits, and our reading, labelled as ours.")
    )

    objects = ProvisionVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of a provision")
        verbose_name_plural = _("versions of provisions")
        ordering = ["provision", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["provision", "number"], name="laws_provisionversion_number_once"
            ),
            models.UniqueConstraint(
                fields=["provision"],
                condition=models.Q(applies_until__isnull=True),
                name="laws_provisionversion_one_open",
                violation_error_message=_(
                    "This provision already has a version without an end. Give that one its last "
                    "day first (“applies until”)."
                ),
            ),
            models.CheckConstraint(
                condition=models.Q(applies_from__isnull=True)
                | models.Q(applies_until__isnull=True)
                | models.Q(applies_until__gte=models.F("applies_from")),
                name="laws_provisionversion_dates_in_order",
                violation_error_message=_("A version cannot end before it applies."),
            ),
        ]

    def __str__(self):
        return f"{self.provision_id and self.provision.reference} v{self.number}"

    def natural_key(self):
        return (self.provision.reference, self.number)

    natural_key.dependencies = ["laws.provision"]

    def clean(self):
        super().clean()
        if self.provision_id and not getattr(self, "checked_together", False):
            others = ProvisionVersion.objects.filter(provision=self.provision_id)
            self.check_together([self, *others.exclude(pk=self.pk)])

    @classmethod
    def check_together(cls, versions):
        """Raises `ValidationError` when two versions of one provision apply on the same day."""
        versions = sorted(versions, key=lambda version: -(version.number or 0))
        for first, second in itertools.combinations(versions, 2):
            if first._overlaps(second):
                raise ValidationError(
                    _(
                        "These dates overlap with version %(number)s (%(start)s – %(end)s). Two "
                        "wordings of one provision cannot apply on the same day: change one of "
                        "the dates."
                    ),
                    params={
                        "number": second.number,
                        "start": second.applies_from or "…",
                        "end": second.applies_until or "…",
                    },
                )

    @property
    def has_custody(self):
        """Whether any of its penalties is custody: EU acts often know fines only."""
        return any(penalty.custody != Custody.NONE for penalty in self.penalties.all())

    def _overlaps(self, other):
        def span(version):
            return (
                version.applies_from or datetime.date.min,
                version.applies_until or datetime.date.max,
            )

        (start, end), (other_start, other_end) = span(self), span(other)
        return start <= other_end and other_start <= end

    def status_on(self, day):
        """This version's `LegalStatus` on a day, from its dates alone."""
        if self.applies_until and self.applies_until < day:
            ended = self.applies_until + datetime.timedelta(days=1)
            return LegalStatus(LegalStatus.NO_LONGER_APPLICABLE, ended)
        if self.applies_from and self.applies_from > day:
            return LegalStatus(LegalStatus.NOT_YET_APPLICABLE, self.applies_from)
        if self.transpose_by and self.transpose_by >= day:
            return LegalStatus(LegalStatus.TO_BE_TRANSPOSED, self.transpose_by)
        return LegalStatus(LegalStatus.APPLIES, self.applies_from)

    @property
    def legal_status(self):
        return self.status_on(today())


class Custody(models.TextChoices):
    NONE = "none", _("none")
    IMPRISONMENT = "imprisonment", _("imprisonment")
    RECLUSION = "reclusion", _("réclusion (for crimes, the gravest class)")


class PenaltyQuerySet(models.QuerySet):
    def get_by_natural_key(self, provision_reference, number, order):
        return self.get(
            version__provision__reference=provision_reference, version__number=number, order=order
        )


validate_duration = RegexValidator(
    DURATION, _("Write a duration as P8D (8 days), P1M (1 month) or P5Y (5 years).")
)


class Penalty(models.Model):
    """One row of a version's penalties: custody and fine, for one set of circumstances."""

    version = models.ForeignKey(
        ProvisionVersion, models.CASCADE, related_name="penalties", verbose_name=_("version")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=1)
    label = models.CharField(_("circumstances"), max_length=200)
    custody = models.CharField(
        _("custody"), max_length=12, choices=Custody.choices, default=Custody.NONE
    )
    custody_min = models.CharField(
        _("custody, at least"),
        max_length=12,
        blank=True,
        validators=[validate_duration],
        help_text=_("A duration: P8D, P1M, P5Y."),
    )
    custody_max = models.CharField(
        _("custody, at most"), max_length=12, blank=True, validators=[validate_duration]
    )
    fine_min = models.PositiveIntegerField(_("fine, at least (euros)"), null=True, blank=True)
    fine_max = models.PositiveIntegerField(_("fine, at most (euros)"), null=True, blank=True)
    turnover_percent = models.DecimalField(
        _("or percentage of turnover, at most"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
    )
    alternative = models.BooleanField(
        _("one or both"), default=False, help_text=_("Custody and fine may each stand alone.")
    )
    note = models.CharField(_("note"), max_length=300, blank=True)

    objects = PenaltyQuerySet.as_manager()

    class Meta:
        verbose_name = _("penalty")
        verbose_name_plural = _("penalties")
        ordering = ["version", "order"]
        constraints = [
            models.UniqueConstraint(fields=["version", "order"], name="laws_penalty_order_once"),
            models.CheckConstraint(
                condition=models.Q(fine_min__isnull=True)
                | models.Q(fine_max__isnull=True)
                | models.Q(fine_max__gte=models.F("fine_min")),
                name="laws_penalty_fines_in_order",
                violation_error_message=_("The highest fine is below the lowest."),
            ),
        ]

    def __str__(self):
        return self.label_fr or self.label_en or str(self.order)

    def natural_key(self):
        return (*self.version.natural_key(), self.order)

    natural_key.dependencies = ["laws.provisionversion"]


class Publication(models.Model):
    """The newest consolidation of an act read so far in one language, by the law watch.

    It tells what is news from what is history, and lets the next request be conditional.
    """

    act = models.ForeignKey(
        LegalAct, models.CASCADE, related_name="publications", verbose_name=_("act")
    )
    language = models.CharField(_("language"), max_length=2)
    consolidated_on = models.DateField(_("consolidation of"), null=True, blank=True)
    digest = models.CharField(_("SHA-256 of the file"), max_length=64, blank=True)
    address = models.URLField(_("address"), max_length=500, blank=True)
    etag = models.CharField("ETag", max_length=200, blank=True)
    last_modified = models.CharField("Last-Modified", max_length=60, blank=True)
    retrieved_at = models.DateTimeField(_("retrieved"), null=True, blank=True)

    class Meta:
        verbose_name = _("official publication")
        verbose_name_plural = _("official publications")
        ordering = ["act", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["act", "language"], name="laws_publication_once_a_language"
            ),
        ]

    def __str__(self):
        return f"{self.act_id and self.act.reference} ({self.language}) {self.consolidated_on}"


class OfficialTextQuerySet(models.QuerySet):
    def newest(self):
        """The newest text of each part and language, in the order of the publication.

        A part that its newest consolidation no longer holds is there too, and `is_absent`.
        """
        newer = OfficialText.objects.filter(
            provision=models.OuterRef("provision"),
            part=models.OuterRef("part"),
            language=models.OuterRef("language"),
            consolidated_on__gt=models.OuterRef("consolidated_on"),
        )
        return self.filter(~models.Exists(newer)).order_by("language", "order", "part")


class OfficialText(models.Model):
    """What a consolidation says in one part of an act that a provision summarises.

    Written by the law watch alone, one row a consolidation: data of the site's database, never
    of its repository. A row without text says that the consolidation does not hold the part.
    """

    provision = models.ForeignKey(
        Provision, models.CASCADE, related_name="official_texts", verbose_name=_("provision")
    )
    part = models.CharField(_("part"), max_length=60, help_text=_("383bis, 5(1)(ba)"))
    language = models.CharField(_("language"), max_length=2)
    consolidated_on = models.DateField(_("consolidation of"))
    label = models.CharField(_("as printed"), max_length=200, blank=True)
    order = models.PositiveIntegerField(_("place in the publication"), default=0)
    text = models.TextField(_("text"), blank=True)
    digest = models.CharField(
        _("SHA-256 of the wording"),
        max_length=64,
        blank=True,
        help_text=_("The same for two texts that differ in their typesetting only."),
    )
    starts_on = models.DateField(
        _("wording published since"),
        null=True,
        blank=True,
        help_text=_(
            "As the publication dates this part; empty when it gives no day. It can lag behind, "
            "and a provision may apply from another day."
        ),
    )
    source = models.URLField(_("dated ELI or CELEX address"), max_length=500, blank=True)
    retrieved_at = models.DateTimeField(_("retrieved"))

    objects = OfficialTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("official text")
        verbose_name_plural = _("official texts")
        ordering = ["provision", "language", "order", "part", "-consolidated_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["provision", "part", "language", "consolidated_on"],
                name="laws_officialtext_once_a_consolidation",
            ),
        ]

    def __str__(self):
        return f"{self.part} ({self.language}) {self.consolidated_on}"

    @property
    def is_absent(self):
        """Whether the consolidation does not hold the part: not yet there, or repealed."""
        return not self.text

    def previous(self):
        """The text that this wording replaced, in the last consolidation that had it, or None."""
        return (
            OfficialText.objects.filter(
                provision=self.provision_id,
                part=self.part,
                language=self.language,
                consolidated_on__lt=self.consolidated_on,
            )
            .exclude(digest=self.digest)
            .order_by("-consolidated_on")
            .first()
        )

    def words_changed(self):
        """How this wording differs from the one before: (operation, text) pairs, or nothing.

        See `kb_site.editorial.words`. Empty when no other wording was read.
        """
        previous = self.previous()
        return words_changed(previous.text, self.text) if previous else []
