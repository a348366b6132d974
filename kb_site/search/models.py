"""What the search remembers in the database."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from kb_site.search.documents import find_record


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


# What editors decide about the search. `stamp.py` tells every process when any of it changes.


class SynonymGroup(models.Model):
    """Words and phrases that mean the same, in both languages: one finds the others."""

    french = models.TextField(
        _("in French"), blank=True, help_text=_("One word or phrase a line: hypertrucage.")
    )
    english = models.TextField(
        _("in English"), blank=True, help_text=_("One word or phrase a line: deepfake.")
    )
    note = models.CharField(_("note for editors"), max_length=250, blank=True)

    class Meta:
        verbose_name = _("group of synonyms")
        verbose_name_plural = _("groups of synonyms")
        ordering = ["french", "english"]

    def __str__(self):
        return ", ".join([*self.french.splitlines(), *self.english.splitlines()][:6])

    def phrases(self, language):
        """Returns the phrases of a language, as typed by the editor."""
        text = {"fr": self.french, "en": self.english}[language]
        return [line.strip() for line in text.splitlines() if line.strip()]


class PromotedResult(models.Model):
    """A record that comes first when somebody searches for exactly these words."""

    language = models.CharField(
        _("language of the page"),
        max_length=8,
        choices=[("fr", _("French")), ("en", _("English"))],
    )
    searches = models.TextField(
        _("searches"),
        help_text=_(
            "One a line. Accents, endings and small words do not matter. Two words or more also "
            "count inside a longer search."
        ),
    )
    key = models.CharField(
        _("record"),
        max_length=120,
        help_text=_("Kind and reference, as in “contact:ct-police” or “question:q-danger-now”."),
    )
    order = models.PositiveSmallIntegerField(_("order"), default=1)

    class Meta:
        verbose_name = _("promoted result")
        verbose_name_plural = _("promoted results")
        ordering = ["language", "key", "order"]

    def __str__(self):
        return f"{self.key} ({self.language})"

    def clean(self):
        super().clean()
        if find_record(self.key) is None:
            raise ValidationError(
                {
                    "key": _(
                        "There is no published record “%(key)s”. Write its kind and its "
                        "reference, as in “contact:ct-police”."
                    )
                    % {"key": self.key}
                }
            )


class HiddenWord(models.Model):
    """A word that the search never suggests, completes or proposes as a correction."""

    word = models.CharField(
        _("word"), max_length=60, unique=True, help_text=_("Its other endings are hidden too.")
    )

    class Meta:
        verbose_name = _("word kept out of suggestions")
        verbose_name_plural = _("words kept out of suggestions")
        ordering = ["word"]

    def __str__(self):
        return self.word


class SearchStamp(models.Model):
    """One row, changed with the synonyms, promotions and hidden words, that processes compare."""

    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("search stamp")

    def __str__(self):
        return str(self.version)


class SearchCount(models.Model):
    """How often a text was searched, never by whom, when to the day at most.

    The text itself is kept only from the fifth search on: until then the row holds a keyed hash,
    so that what one person typed once cannot be read. Digits and addresses are dropped before.
    """

    THRESHOLD = 5

    digest = models.CharField(max_length=40, unique=True, editable=False)
    language = models.CharField(_("language"), max_length=8)
    text = models.CharField(_("search"), max_length=200, blank=True)
    searches = models.PositiveIntegerField(_("searches"), default=0)
    without_result = models.PositiveIntegerField(_("found nothing"), default=0)
    last_day = models.DateField(_("last searched on"))

    class Meta:
        verbose_name = _("search count")
        verbose_name_plural = _("search counts")
        ordering = ["-without_result", "-searches"]
        indexes = [models.Index(fields=["-without_result", "-searches"])]

    def __str__(self):
        return self.text or "…"


# The `database` engine's index.


class IndexedFacet(models.Model):
    """What documents are filtered and counted by; documents that share it point here."""

    kind = models.CharField(max_length=20)
    jurisdiction = models.CharField(max_length=8, blank=True)
    topics = models.CharField(max_length=500, blank=True)
    standing = models.CharField(max_length=400, blank=True)

    class Meta:
        verbose_name = _("indexed facet")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "jurisdiction", "topics", "standing"],
                name="search_indexedfacet_once",
            ),
        ]

    def __str__(self):
        return f"{self.kind} {self.jurisdiction} {self.topics}"


class IndexedDocument(models.Model):
    """One record in one language, as the index weighs it. Short, so that many are read quickly."""

    key = models.CharField(max_length=120)
    language = models.CharField(max_length=8)
    facet = models.ForeignKey(IndexedFacet, models.PROTECT, null=True, related_name="+")
    sequence = models.TextField(blank=True)
    title_end = models.PositiveIntegerField(default=0)
    links = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=16, blank=True)

    class Meta:
        verbose_name = _("indexed document")
        constraints = [
            models.UniqueConstraint(fields=["key", "language"], name="search_document_once"),
        ]

    def __str__(self):
        return f"{self.key} ({self.language})"


class IndexedText(models.Model):
    """A document as the index shows it."""

    document = models.OneToOneField(
        IndexedDocument, models.CASCADE, primary_key=True, related_name="shown"
    )
    title = models.TextField(blank=True)
    url = models.TextField(blank=True)
    text = models.TextField(blank=True)
    standing = models.CharField(max_length=400, blank=True)
    # What to take off the vocabulary when the document goes.
    words = models.TextField(blank=True)

    def __str__(self):
        return self.title


class TermCount(models.Model):
    """How many documents hold a term, as a sum of rows: a change adds rows and locks none.

    A term is the number that `engines.database.number` makes of its language and its letters.
    """

    term = models.BigIntegerField()
    documents = models.IntegerField()

    class Meta:
        verbose_name = _("indexed term")
        indexes = [models.Index(fields=["term", "documents"], name="search_termcount_by_term")]

    def __str__(self):
        return f"{self.term}: {self.documents}"


class WordCount(models.Model):
    """How many documents hold a word as it is written, as a sum of rows."""

    language = models.CharField(max_length=8)
    word = models.CharField(max_length=40)
    documents = models.IntegerField()

    def __str__(self):
        return f"{self.word}: {self.documents}"


class Posting(models.Model):
    """A term's weight in a document. The key holds all a search reads: its index is enough."""

    pk = models.CompositePrimaryKey("term", "weight", "document", "facet")
    term = models.BigIntegerField()
    document = models.IntegerField(db_index=True)
    facet = models.IntegerField()
    weight = models.FloatField()

    class Meta:
        verbose_name = _("posting")

    def __str__(self):
        return f"{self.term} in {self.document}"


class IndexState(models.Model):
    """One row: the form of the index and the average lengths measured by the last rebuild."""

    version = models.PositiveIntegerField()
    averages = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("index state")

    def __str__(self):
        return f"v{self.version}"
