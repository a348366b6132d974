"""Questions and their claims, statements and sources, contacts, events and words explained."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from articles.fields import CasesField, ExclusionsField, NeedsField
from kb_site.editorial.clock import today
from kb_site.editorial.fields import CitationField, LanguagesField
from kb_site.editorial.models import (
    Record,
    RecordQuerySet,
    Referenced,
    ReferenceManager,
)
from kb_site.languages import LANGUAGES
from kb_site.paths import path_of
from laws.models import Provision


def missing_languages(instance, *fields):
    """Lists (field, language) pairs of an instance's translated fields that hold no text."""
    return [
        (field, language)
        for field in fields
        for language in LANGUAGES
        if not (getattr(instance, f"{field}_{language}") or "").strip()
    ]


class TopicQuerySet(models.QuerySet):
    def with_questions(self):
        """Topics that have at least one published question."""
        published = Question.objects.published()
        return self.filter(models.Exists(published.filter(topics=models.OuterRef("pk"))))

    def cited(self):
        """Topics as an answer names them."""
        return self.all()


class Topic(Referenced):
    """A shelf of the FAQ."""

    order = models.PositiveIntegerField(_("order"), default=0)
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    title = models.CharField(_("title"), max_length=120)
    summary = models.TextField(_("summary"), blank=True)

    objects = ReferenceManager.from_queryset(TopicQuerySet)()

    class Meta(Referenced.Meta):
        abstract = False
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["order", "reference"]

    def __str__(self):
        return self.title_fr or self.title_en or self.reference


class Speaker(Referenced):
    """A person whose statements are recorded."""

    name = models.CharField(_("name"), max_length=160)
    office = models.CharField(
        _("office"), max_length=250, blank=True, help_text=_("Official title, as last known.")
    )
    url = models.URLField(_("official page"), max_length=500, blank=True)

    class Meta(Referenced.Meta):
        abstract = False
        verbose_name = _("speaker")
        verbose_name_plural = _("speakers")
        ordering = ["name"]

    def __str__(self):
        return self.name


class Source(Referenced):
    """A published text a statement was taken from, with its bibliographic data."""

    publisher = models.CharField(_("publisher"), max_length=160)
    author = models.CharField(_("author"), max_length=160, blank=True)
    title = models.CharField(
        _("title"), max_length=300, help_text=_("The real title, in its own language.")
    )
    language = models.CharField(_("language"), max_length=8, help_text=_("A code: fr, en, lb…"))
    published_on = models.DateField(
        _("published on"), null=True, blank=True, help_text=_("Leave empty when unknown.")
    )
    url = models.URLField(_("address"), max_length=500)
    archived_url = models.URLField(_("archived copy"), max_length=500, blank=True)
    accessed_on = models.DateField(_("read on"), null=True, blank=True)
    note = models.TextField(_("note to readers"), blank=True)

    class Meta(Referenced.Meta):
        abstract = False
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["publisher", "reference"]

    def __str__(self):
        return f"{self.publisher}: {self.title}"


class ContactQuerySet(RecordQuerySet):
    def by_kind(self):
        """Kind by kind, in the order of `Contact.Kind`, then in the editors' order."""
        kinds = [models.When(kind=kind, then=n) for n, kind in enumerate(Contact.Kind.values)]
        return self.order_by(models.Case(*kinds, default=len(kinds)), *Contact._meta.ordering)


class Contact(Record):
    """Somebody to turn to: for what, for whom, and for what not."""

    # Phones and opening hours move without a word.
    verification_days = 90

    class Kind(models.TextChoices):
        # In the order of lists: whoever is in danger first.
        EMERGENCY = "emergency", _("emergency")
        POLICE = "police", _("police")
        HELPLINE = "helpline", _("helpline")
        REPORTING = "reporting", _("reporting service")
        PROSECUTOR = "prosecutor", _("prosecutor")
        VICTIM_SUPPORT = "victim_support", _("victim support")
        LEGAL_HELP = "legal_help", _("legal help")
        REMOVAL_TOOL = "removal_tool", _("removal tool")
        PLATFORM = "platform", _("platform")
        AUTHORITY = "authority", _("authority")
        INFORMATION = "information", _("information")

    order = models.PositiveIntegerField(_("order"), default=0, help_text=_("Place in lists."))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=160)
    summary = models.TextField(_("summary"), blank=True)
    handles = models.TextField(_("handles"), blank=True, help_text=_("One thing a line."))
    does_not_handle = models.TextField(
        _("does not handle"),
        blank=True,
        help_text=_("One thing a line. Say it plainly: it saves somebody a refusal."),
    )
    also_asked = models.TextField(
        _("also searched as"),
        blank=True,
        help_text=_("What people type when they need this, one a line: the search looks here."),
    )
    how = models.TextField(_("how it works"), blank=True)
    phone = models.CharField(_("phone"), max_length=80, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    address = models.CharField(_("address"), max_length=250, blank=True)
    url = models.URLField(_("web page"), max_length=500, blank=True)
    hours = models.CharField(_("hours"), max_length=250, blank=True)
    languages = LanguagesField(_("languages"), help_text=_("None when unknown."))
    anonymous = models.BooleanField(_("can stay anonymous"), null=True, blank=True)
    free = models.BooleanField(_("free of charge"), null=True, blank=True)
    for_minors = models.BooleanField(_("for minors"), default=True)
    for_adults = models.BooleanField(_("for adults"), default=True)
    emergency = models.BooleanField(_("emergency number"), default=False)
    takes_complaints = models.BooleanField(_("takes criminal complaints"), default=False)
    removes_content = models.BooleanField(_("can get content removed"), default=False)
    supports_victims = models.BooleanField(_("supports victims"), default=False)
    needs = NeedsField(
        _("what the help page sends here"),
        help_text=_(
            "Who wants this is sent here. Nothing ticked: the help page never names it, except an "
            "emergency number, in danger."
        ),
    )
    excludes = ExclusionsField(
        _("what the help page never sends here"),
        help_text=_(
            "Tick what it refuses, as “does not handle” says in words. For whom it is, minors or "
            "adults, is said above."
        ),
    )
    note = models.TextField(_("note to readers"), blank=True)

    objects = ReferenceManager.from_queryset(ContactQuerySet)()

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["order", "reference"]
        indexes = [models.Index(fields=["order", "reference"])]

    def __str__(self):
        return self.name_fr or self.name_en or self.reference

    def get_absolute_url(self):
        return path_of("articles:contact-detail", self.reference)


class Advice(Record):
    """A short piece of advice of the help page: what to do now, or never to do."""

    class Kind(models.TextChoices):
        DO = "do", _("what to do now")
        NEVER = "never", _("what never to do")

    order = models.PositiveIntegerField(_("order"), default=0, help_text=_("Place in lists."))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    text = models.TextField(
        _("text"), help_text=_("One or two short sentences, without any markup.")
    )
    only_for = CasesField(
        _("only for"),
        help_text=_(
            "Who is told this. Nothing ticked about a point, the age for instance: everybody. Who "
            "does not say how old the person is gets what is for minors."
        ),
    )
    provisions = CitationField(
        Provision, blank=True, related_name="advice", verbose_name=_("provisions")
    )
    contacts = CitationField(Contact, blank=True, related_name="advice", verbose_name=_("contacts"))

    objects = ReferenceManager.from_queryset(RecordQuerySet)()

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("piece of advice")
        verbose_name_plural = _("advice of the help page")
        ordering = ["order", "reference"]

    def __str__(self):
        return self.text_fr or self.text_en or self.reference

    def get_absolute_url(self):
        return path_of("articles:advice-detail", self.reference)


class StatementQuerySet(RecordQuerySet):
    def cited(self):
        return super().cited().select_related("source")

    def citing(self, record):
        """Statements mapped to this provision or contact."""
        return self.filter(_citation_filter(Statement, record))


class Statement(Record):
    """What somebody said, or what a source says in its own voice."""

    class Voice(models.TextChoices):
        SPEAKER = "speaker", _("the speaker's own words, reported by the source")
        SOURCE = "source", _("the source's own sentence")

    class Wording(models.TextChoices):
        PARAPHRASE = "paraphrase", _("paraphrase")
        VERBATIM = "verbatim", _("verbatim quotation")
        TRANSLATION = "translation", _("translation of a quotation")

    order = models.PositiveIntegerField(_("order"), default=0, help_text=_("Place in lists."))
    voice = models.CharField(
        _("voice"), max_length=8, choices=Voice.choices, help_text=_("Whose words these are.")
    )
    speaker = models.ForeignKey(
        Speaker,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="statements",
        verbose_name=_("speaker"),
        help_text=_("Empty when the sentence is the source's own."),
    )
    office = models.CharField(
        _("office at the time"), max_length=250, blank=True, help_text=_("As held that day.")
    )
    said_on = models.DateField(
        _("said on"), null=True, blank=True, help_text=_("Leave empty when unknown: never guess.")
    )
    source = models.ForeignKey(
        Source, models.PROTECT, related_name="statements", verbose_name=_("source")
    )
    wording = models.CharField(
        _("wording"), max_length=12, choices=Wording.choices, default=Wording.PARAPHRASE
    )
    original_language = models.CharField(
        _("original language"), max_length=8, blank=True, help_text=_("Empty when unknown.")
    )
    title = models.CharField(_("title"), max_length=200)
    claim = models.TextField(
        _("what was said"), help_text=_("A paraphrase carries no quotation marks around it.")
    )
    note = models.TextField(_("note to readers"), blank=True)
    also_asked = models.TextField(
        _("also searched as"),
        blank=True,
        help_text=_("What people type when they look for this, one a line."),
    )
    topics = models.ManyToManyField(
        Topic, blank=True, related_name="statements", verbose_name=_("topics")
    )
    mapped_provisions = CitationField(
        Provision,
        blank=True,
        related_name="mapped_statements",
        verbose_name=_("law it concerns, in our reading"),
        help_text=_("Shown to readers as our own reading, not as the speaker's words."),
    )
    contacts = CitationField(
        Contact,
        blank=True,
        related_name="statements",
        verbose_name=_("contacts, in our reading"),
    )

    objects = ReferenceManager.from_queryset(StatementQuerySet)()

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        ordering = ["order", "reference"]
        indexes = [models.Index(fields=["order", "reference"])]

    def __str__(self):
        return self.title_fr or self.title_en or self.reference

    def get_absolute_url(self):
        return path_of("articles:statement-detail", self.reference)

    def clean(self):
        super().clean()
        if self.voice == self.Voice.SPEAKER and not self.speaker_id:
            raise ValidationError(
                {"speaker": _("Name the speaker, or set the voice to “the source's own sentence”.")}
            )
        if self.voice == self.Voice.SOURCE and self.speaker_id:
            raise ValidationError(
                {"speaker": _("Leave the speaker empty: the sentence is the source's own.")}
            )
        if self.wording == self.Wording.PARAPHRASE:
            errors = {
                f"claim_{language}": _(
                    "Remove the quotation marks: a paraphrase is not a quotation."
                )
                for language in LANGUAGES
                if (getattr(self, f"claim_{language}") or "").strip()[:1] in set('“”„"«»‹›‘‚')
            }
            if errors:
                raise ValidationError(errors)


class QuestionQuerySet(RecordQuerySet):
    def citing(self, record):
        """Questions whose claims cite this provision, statement or contact, or that send to it."""
        condition = Q(pk__in=Claim.objects.citing(record).values("question"))
        if isinstance(record, Contact):
            condition |= Q(pk__in=record.questions.values("pk"))
        return self.filter(condition)


class Question(Record):
    """A question as a person asks it; the answer is its claims, in order."""

    order = models.PositiveIntegerField(_("order"), default=0, help_text=_("Place in lists."))
    slug = models.SlugField(
        _("slug"),
        max_length=100,
        unique=True,
        help_text=_("The end of the page's address. The old address keeps working."),
    )
    title = models.CharField(_("question"), max_length=200)
    short_answer = models.TextField(
        _("short answer"), help_text=_("One to three sentences that answer at once.")
    )
    also_asked = models.TextField(
        _("also asked as"),
        blank=True,
        help_text=_("Other ways people put it, one a line: the search looks here first."),
    )
    topics = models.ManyToManyField(
        Topic, blank=True, related_name="questions", verbose_name=_("topics")
    )
    related = models.ManyToManyField(
        "self", blank=True, symmetrical=False, related_name="+", verbose_name=_("see also")
    )
    contacts = CitationField(
        Contact,
        blank=True,
        related_name="questions",
        verbose_name=_("contacts"),
        help_text=_("Who to turn to with this question."),
    )
    review_on = models.DateField(
        _("review on"),
        null=True,
        blank=True,
        help_text=_("When somebody should read this answer again."),
    )

    objects = ReferenceManager.from_queryset(QuestionQuerySet)()

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        ordering = ["order", "reference"]
        indexes = [models.Index(fields=["order", "reference"])]

    def __str__(self):
        return self.title_fr or self.title_en or self.reference

    def save(self, *args, **kwargs):
        """Saves; keeps redirects from former slugs.

        Raises `ValidationError` when the question becomes published and may not: see
        `publication_problems`.
        """
        before = Question.objects.filter(pk=self.pk).first() if self.pk else None
        if self.is_published and not (before and before.is_published):
            problems = self.publication_problems()
            if problems:
                raise ValidationError(problems)
        super().save(*args, **kwargs)
        if before:
            FormerSlug.keep(before, self)

    def get_absolute_url(self):
        """The page's address in the active language; with the other's slug where it has none."""
        slugs = [self.slug, *(getattr(self, f"slug_{language}") for language in LANGUAGES)]
        return path_of("articles:question-detail", next(filter(None, slugs)))

    def clean(self):
        super().clean()
        if self.is_published:
            errors = self.language_problems()
            if errors:
                raise ValidationError(errors)

    def language_problems(self):
        """Maps fields that publication asks for, and that lack a text, to what to do."""
        return {
            f"{field}_{language}": [
                _("Write this text before publishing: a published question has both languages.")
            ]
            for field, language in missing_languages(self, "title", "short_answer", "slug")
        }

    def publication_problems(self):
        """Lists what stands in the way of publication, as sentences; empty when nothing does."""
        problems = [
            _("%(field)s is missing in %(language)s.")
            % {"field": self._meta.get_field(field).verbose_name, "language": language}
            for field, language in missing_languages(self, "title", "short_answer", "slug")
        ]
        claims = list(self.claims.all()) if self.pk else []
        if not claims:
            problems.append(_("The question has no claim: write its answer first."))
        for claim in claims:
            problems += claim.problems()
        return problems


class FormerSlug(models.Model):
    """An address a question once had; it redirects to the present one."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="former_slugs")
    language = models.CharField(max_length=8)
    slug = models.SlugField(max_length=100)

    class Meta:
        verbose_name = _("former address")
        verbose_name_plural = _("former addresses")
        constraints = [
            models.UniqueConstraint(
                fields=["language", "slug"], name="articles_formerslug_once_a_language"
            ),
        ]

    def __str__(self):
        return f"{self.language}/{self.slug}"

    @classmethod
    def keep(cls, before, after):
        """Records the slugs that `after` no longer has, and frees those it has taken back."""
        for language in LANGUAGES:
            old, new = (getattr(q, f"slug_{language}") for q in (before, after))
            if old and old != new:
                cls.objects.update_or_create(
                    language=language, slug=old, defaults={"question": after}
                )
            if new:
                cls.objects.filter(language=language, slug=new).delete()


class ClaimQuerySet(models.QuerySet):
    def citing(self, record):
        """Claims that cite this provision, statement or contact."""
        return self.filter(_citation_filter(Claim, record))

    def questions(self):
        """The published questions these claims belong to."""
        return Question.objects.published().filter(pk__in=self.values("question"))

    def get_by_natural_key(self, question_reference, order):
        return self.get(question__reference=question_reference, order=order)


class Claim(models.Model):
    """One step of an answer, resting on one basis: the law, a statement, or our advice."""

    class Basis(models.TextChoices):
        LAW = "law", _("the law says")
        STATEMENT = "statement", _("what was said")
        ADVICE = "advice", _("our advice")

    question = models.ForeignKey(
        Question, models.CASCADE, related_name="claims", verbose_name=_("question")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=1)
    basis = models.CharField(
        _("basis"),
        max_length=10,
        choices=Basis.choices,
        help_text=_("Law cites a provision, a statement cites a statement. Never mix them."),
    )
    text = models.TextField(
        _("text"), help_text=_("Short Markdown: bold, lists and links. No headings, no HTML.")
    )
    provisions = CitationField(
        Provision, blank=True, related_name="claims", verbose_name=_("provisions")
    )
    statements = CitationField(
        Statement, blank=True, related_name="claims", verbose_name=_("statements")
    )
    contacts = CitationField(Contact, blank=True, related_name="claims", verbose_name=_("contacts"))

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        ordering = ["question", "order"]
        constraints = [
            models.UniqueConstraint(
                fields=["question", "order"],
                name="articles_claim_order_once",
                violation_error_message=_("Two claims of one question cannot share a place."),
            ),
            models.CheckConstraint(
                condition=Q(basis__in=["law", "statement", "advice"]),
                name="articles_claim_basis_is_known",
            ),
        ]

    def __str__(self):
        return f"{self.question_id and self.question.reference}/{self.order}"

    def natural_key(self):
        return (self.question.reference, self.order)

    natural_key.dependencies = ["articles.question"]

    @property
    def voice(self):
        """Whose words the cited statements are when all are one's: a `Statement.Voice`, else ""."""
        voices = {statement.voice for statement in self.statements.all()}
        return voices.pop() if len(voices) == 1 else ""

    @property
    def waits_for(self):
        """The `LegalStatus` that keeps all the law a law claim rests on from applying, or None.

        The one that ends first, where several provisions are cited.
        """
        if self.basis != self.Basis.LAW:
            return None
        statuses = [provision.legal_status for provision in self.provisions.all()]
        if not statuses or any(status is None or status.is_applicable for status in statuses):
            return None
        return min(statuses, key=lambda status: (status.date is None, status.date or today()))

    def problems(self):
        """Lists what keeps this claim from being published, as sentences that say what to do."""
        problems = [
            _("Claim %(order)s lacks its text in %(language)s: write it.")
            % {"order": self.order, "language": language}
            for field, language in missing_languages(self, "text")
        ]
        cited = {
            self.Basis.LAW: self.provisions.exists,
            self.Basis.STATEMENT: self.statements.exists,
        }.get(self.basis)
        if cited and not cited():
            problems.append(self.citation_problem(self.order, self.basis))
        return problems

    @classmethod
    def citation_problem(cls, order, basis):
        """Says what a claim of a basis must cite."""
        if basis == cls.Basis.LAW:
            return _(
                "Claim %(order)s: a claim of basis “law” cites at least one provision. Add one, "
                "or change the basis."
            ) % {"order": order}
        return _(
            "Claim %(order)s: a claim of basis “statement” cites at least one statement. Add one, "
            "or change the basis."
        ) % {"order": order}


class Event(Record):
    """Something that happened, or is planned, in the affair this site speaks of."""

    class Precision(models.TextChoices):
        DAY = "day", _("to the day")
        MONTH = "month", _("to the month")

    title = models.CharField(_("title"), max_length=200)
    summary = models.TextField(_("summary"), help_text=_("In our own words, in plain sentences."))
    note = models.TextField(
        _("note to readers"), blank=True, help_text=_("What is not known, or on what it depends.")
    )
    also_asked = models.TextField(
        _("also searched as"),
        blank=True,
        help_text=_("What people type when they look for this, one a line."),
    )
    happened_on = models.DateField(
        _("date"), null=True, blank=True, help_text=_("Leave empty when unknown: never guess.")
    )
    precision = models.CharField(
        _("the date is known"),
        max_length=5,
        choices=Precision.choices,
        default=Precision.DAY,
        help_text=_("When only the month is known, write its first day: readers see the month."),
    )
    ended_on = models.DateField(
        _("last day"), null=True, blank=True, help_text=_("Only for what took several days.")
    )
    source = models.CharField(
        _("who says so"), max_length=250, help_text=_("The publishers, as readers know them.")
    )
    url = models.URLField(_("page of the source"), max_length=500, blank=True)
    topics = models.ManyToManyField(
        Topic, blank=True, related_name="events", verbose_name=_("topics")
    )
    provisions = CitationField(
        Provision, blank=True, related_name="events", verbose_name=_("law it is about")
    )
    statements = CitationField(
        Statement,
        blank=True,
        related_name="events",
        verbose_name=_("statements on the same subject"),
        help_text=_("Shown as our own reading: it does not say that the speaker meant this event."),
    )

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["happened_on", "reference"]
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=models.F("happened_on")),
                name="articles_event_dates_in_order",
                violation_error_message=_("An event cannot end before it begins."),
            ),
        ]

    def __str__(self):
        return self.title_fr or self.title_en or self.reference

    @property
    def anchor(self):
        """Where it stands on the timeline's page."""
        return f"ev-{self.reference.removeprefix('ev-')}"

    def get_absolute_url(self):
        return f"{path_of('articles:timeline')}#{self.anchor}"

    def clean(self):
        super().clean()
        if self.ended_on and not self.happened_on:
            raise ValidationError(
                {"ended_on": _("Give the first day too, or leave the last one empty.")}
            )


class Term(Record):
    """A word that the answers use, explained."""

    term = models.CharField(_("word"), max_length=120, help_text=_("As the answers write it."))
    other_forms = models.TextField(
        _("other forms"),
        blank=True,
        help_text=_(
            "Plurals and synonyms, one a line, with their accents and capitals: answers explain "
            "the word where they use one of these."
        ),
    )
    definition = models.TextField(
        _("definition"), help_text=_("One to three plain sentences, as short Markdown.")
    )
    provisions = CitationField(
        Provision,
        blank=True,
        related_name="terms",
        verbose_name=_("provisions"),
        help_text=_("The law that the definition rests on. None: it is the everyday meaning."),
    )

    class Meta(Record.Meta):
        abstract = False
        verbose_name = _("word explained")
        verbose_name_plural = _("words explained")
        ordering = ["reference"]

    def __str__(self):
        return self.term_fr or self.term_en or self.reference

    @property
    def anchor(self):
        """Where it is explained, on the glossary's page and on those that use it."""
        return f"term-{self.reference.removeprefix('term-')}"

    def get_absolute_url(self):
        return f"{path_of('articles:glossary')}#{self.anchor}"

    def forms(self, language):
        """Every way of writing it in a language, the word itself first."""
        texts = getattr(self, f"term_{language}"), *self._lines(f"other_forms_{language}")
        return [form for text in texts if (form := (text or "").strip())]

    def _lines(self, field):
        return (getattr(self, field) or "").splitlines()


def _citation_filter(model, record):
    """The condition that `model` cites `record` through one of its citation fields."""
    fields = [
        field
        for field in model._meta.many_to_many
        if isinstance(field, CitationField) and isinstance(record, field.remote_field.model)
    ]
    if not fields:
        raise TypeError(f"A {model._meta.verbose_name} cannot cite {record!r}.")
    condition = Q()
    for field in fields:
        rows = field.remote_field.through.objects.filter(**{field.m2m_reverse_field_name(): record})
        condition |= Q(pk__in=rows.values(field.m2m_field_name()))
    return condition
