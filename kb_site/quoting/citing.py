"""What a citation of a record says. Each app says in its `citing.py` how its kinds are cited.

A kind that nobody registered is cited by its title, so that every record can be.
"""

import datetime
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from kb_site import markdown
from kb_site.editorial import clock, history
from kb_site.templatetags.kb import translated

SITE = "Repères"


@dataclass(frozen=True)
class Citation:
    """A record as it is cited in one language, in one revision. Texts are plain.

    `authors`, `publisher`, `issued` and `url` are those of the source: of the article for what it
    reports, ours for what we wrote. `issued` is None when the date is not known. `wording` says
    what the text is beside its original ("paraphrase"); only when `is_verbatim` may it stand in
    quotation marks. `notes` are sentences that travel with the text.
    """

    key: str
    language: str
    title: str
    text: str
    authors: tuple[str, ...]
    publisher: str
    issued: datetime.date | None
    url: str
    accessed: datetime.date
    reference: str
    revision: int | None
    revised_on: datetime.date | None
    permalink: str
    # The language of the source's title.
    title_language: str
    wording: str = ""
    is_verbatim: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_ours(self):
        """Whether we are the source, and not whoever we report."""
        return self.url == self.permalink


class Citing:
    """How records of a kind are cited. Subclass it and `register` it.

    `points` is the relation whose rows can be cited alone, by the number that labels them; the
    record's page names them by `anchor` and the number, claim-3.
    """

    kind = ""
    points = ""
    anchor = ""
    # The translated field that says in short what a record says.
    summary = ""

    def title(self, record, language):
        return history.title_of(self.kind, vars(record), language)

    def description(self, record):
        """Returns what a record says in short, as plain text in the active language, or ""."""
        return plain(record, self.summary) if self.summary else ""

    def fields(self, record, language, point=None):
        """Returns the fields of the `Citation` that differ from the usual ones."""
        return {"text": self.description(record)}


def plain(row, field):
    """A text as it is pasted: without markup, with the signs readers expect."""
    words, language = translated(row, field)
    return markdown.typography(markdown.plain(words), language)


_registry = {}


def register(citing):
    """Class decorator: says how a kind is cited."""
    _registry[citing.kind] = citing()
    return citing


def citing_of(kind):
    """Returns the `Citing` of a kind, by its name."""
    if kind not in _registry:
        _registry[kind] = type("Citing", (Citing,), {"kind": kind})()
    return _registry[kind]


def cite(record, language, origin, point=None):
    """Returns the `Citation` of a published record, or of one of its points, today.

    Takes a language code, the site's origin (https://example.org) and the number of a point, which
    must be one that the record has.
    """
    from kb_site.quoting.permalinks import permalink, point_of  # it needs what is above

    kind = history.kind_of(type(record)).name
    revision = history.standing(history.key_of(record))
    number = revision.number if revision else None
    link = origin + permalink(record, point, number)
    with override(language):
        citing = citing_of(kind)
        title, title_language = citing.title(record, language)
        fields = {
            "key": record.reference if point is None else f"{record.reference}-{point}",
            "title": markdown.typography(title, title_language),
            "title_language": title_language,
            "text": "",
            "authors": (SITE,),
            "publisher": SITE,
            "issued": revision and _day_of(revision),
            "url": link,
            "notes": (),
        }
        row = None if point is None else point_of(record, point)
        fields |= citing.fields(record, language, row)
        notes = [*fields.pop("notes")]
        if record.confidence == "secondary":
            notes.append(_("Secondary: not seen in an official text."))
        return Citation(
            language=language,
            accessed=clock.today(),
            reference=record.reference if point is None else f"{record.reference}/{point}",
            revision=number,
            revised_on=revision and _day_of(revision),
            permalink=link,
            notes=tuple(markdown.typography(note, language) for note in notes),
            **fields,
        )


def _day_of(revision):
    return timezone.localdate(revision.at)
