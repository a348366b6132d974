"""Translations that cannot lie: for each text, whether it still says what the other language says.

A text that changes leaves the same text in the other language out of date, unless both change
together or the change is editorial. It is current again when it changes itself, or when somebody
reviews it.
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from kb_site.editorial import history
from kb_site.editorial.desk import change_url
from kb_site.editorial.models import Record, Revision, Translation
from kb_site.editorial.words import words_changed
from kb_site.languages import LANGUAGES


@history.listens
def follow(revision, change):
    """Notes which texts a revision leaves out of date, and which it brings up to date."""
    for (part, base), languages in _texts_changed(revision.kind, revision.changes).items():
        states = Translation.objects.of(revision.key).filter(part=part, field=base)
        before = set(states.filter(is_outdated=True).values_list("language", flat=True))
        outdated = _outdated_after(before, languages)
        for language in LANGUAGES:
            if language in languages:
                values = {
                    "made_from": revision.number,
                    "is_outdated": False,
                    "by_machine": change.by_machine,
                    "reviewed_by": None,
                    "reviewed_at": None,
                }
                first = {}
            else:
                values = {"is_outdated": language in outdated}
                first = {"made_from": revision.number - 1}
            Translation.objects.update_or_create(
                kind=revision.kind,
                reference=revision.reference,
                part=part,
                field=base,
                language=language,
                defaults=values,
                create_defaults=values | first,
            )


def _outdated_after(before, changed):
    """Which languages of a text are out of date once some have changed.

    A text that was out of date catches up; one that was not moves on, and leaves the others behind.
    """
    if before & changed:
        return before - changed
    return (before | set(LANGUAGES)) - changed


def _texts_changed(kind, changes):
    """Returns {(part, field): languages} of the translated texts among changes of substance."""
    changed = {}
    for row in changes:
        model = history.model_at(history.kinds[kind], row["path"])
        base, language = history.base_names(model).get(row["field"], ("", ""))
        if language and not row["silent"] and _is_text(model, base):
            changed.setdefault((row["part"], base), set()).add(language)
    return changed


def attach(record, language, moment=None):
    """Sets `outdated` and `unreviewed` on a record and its parts: names of fields.

    Takes the record, the reader's language, and the instant it is shown at when that is past.
    `unreviewed` are texts that a machine made and nobody has read.
    """
    key = history.key_of(record)
    states = Translation.objects.of(key).filter(language=language)
    outdated, unreviewed = {}, {}
    for state in states:
        if state.is_outdated:
            outdated.setdefault(state.part, set()).add(state.field)
        elif state.by_machine and state.reviewed_at is None:
            unreviewed.setdefault(state.part, set()).add(state.field)
    if moment is not None:
        outdated = _outdated_at(key, language, moment, states)
    for name, row in history.rows_of(record):
        row.outdated = outdated.get(name, set())
        row.unreviewed = unreviewed.get(name, set())


def _outdated_at(key, language, moment, states):
    """What was out of date at an instant, {part: fields}, as the revisions until then tell."""
    texts = {}
    revisions = Revision.objects.of(key).filter(at__lte=moment, is_editorial=False)
    for kind, changes in revisions.order_by("number").values_list("kind", "changes"):
        for text, languages in _texts_changed(kind, changes).items():
            texts[text] = _outdated_after(texts.get(text, set()), languages)
    reviewed = {
        (state.part, state.field)
        for state in states
        if state.reviewed_at and state.reviewed_at <= moment
    }
    found = {}
    for (part, base), languages in texts.items():
        if language in languages and (part, base) not in reviewed:
            found.setdefault(part, set()).add(base)
    return found


def review(state, user):
    """Says that somebody has read a text beside the others and found it right.

    Takes the `Translation` and who read it. Raises `PermissionDenied` without the right to review.
    """
    if not user.has_perm("editorial.close_reviewtask"):
        raise PermissionDenied(_("Reviewing a translation needs the right to review."))
    standing = history.standing(state.key)
    Translation.objects.filter(pk=state.pk).update(
        is_outdated=False,
        made_from=standing.number,
        reviewed_by=user,
        reviewed_at=timezone.now(),
    )


@dataclass(frozen=True)
class Text:
    """A text of a record in a language, and what the same text says in the others."""

    record: object
    part: object
    label: str
    text: str
    source: str
    # What the source said when the text was made from it.
    source_before: str = ""
    state: object = None

    @property
    def words(self):
        """How the source has changed since: see `words.words_changed`."""
        return words_changed(self.source_before or self.source, self.source)

    @property
    def url(self):
        """The record's form in the admin."""
        return change_url(self.record)


def missing(language):
    """Yields a `Text` for each text of the other languages that a language lacks."""
    for kind in history.kinds.values():
        if not issubclass(kind.model, Record):
            continue
        for record in history.with_parts(kind.model):
            yield from _missing(record, record, kind.parts, kind.silent, language)


def _missing(record, row, parts, silent, language):
    for base in dict.fromkeys(base for base, _code in history.base_names(type(row)).values()):
        if base in silent or not _is_text(type(row), base):
            continue
        texts = {code: getattr(row, f"{base}_{code}") or "" for code in LANGUAGES}
        others = [text for code, text in texts.items() if code != language and text]
        if others and not texts[language]:
            label = type(row)._meta.get_field(base).verbose_name
            yield Text(record, row, label, "", others[0])
    for name, part in parts.items():
        for item in getattr(row, name).all():
            yield from _missing(record, item, part.parts, part.silent, language)


def to_care_for(language):
    """Returns the `Text`s of a language that are out of date, or that nobody has reviewed."""
    states = Translation.objects.filter(language=language).filter(
        models.Q(is_outdated=True) | models.Q(by_machine=True, reviewed_at=None)
    )
    states = list(states)
    records = history.records_of({state.key for state in states}, history.with_parts)
    rows = {key: dict(history.rows_of(record)) for key, record in records.items()}
    texts_then = _texts_then(states)
    found = []
    for state in states:
        row = rows.get(state.key, {}).get(state.part)
        if row is None:
            continue
        source = next(code for code in LANGUAGES if code != language)
        column = f"{state.field}_{source}"
        found.append(
            Text(
                records[state.key],
                row,
                type(row)._meta.get_field(state.field).verbose_name,
                getattr(row, f"{state.field}_{language}") or "",
                getattr(row, column) or "",
                texts_then[state.pk].get(column) or "",
                state,
            )
        )
    return found


def _texts_then(states):
    """Returns {primary key of a state: what its row said in the revision it was made from}."""
    revisions = Revision.objects.filter(
        kind__in={state.kind for state in states},
        reference__in={state.reference for state in states},
        number__in={state.made_from for state in states},
    )
    then = {(revision.key, revision.number): revision.data for revision in revisions}
    found = {}
    for state in states:
        data = then.get((state.key, state.made_from)) or {}
        found[state.pk] = (_find(data, state.part) if state.part else data) or {}
    return found


def _find(data, part):
    relation, _separator, pk = part.partition(":")
    for name, value in data.items():
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict):
                if name == relation and str(item["pk"]) == pk:
                    return item
                if inner := _find(item, part):
                    return inner
    return None


def _is_text(model, field):
    """Whether a translated field is something to read, not an address."""
    return not isinstance(model._meta.get_field(field), models.URLField | models.SlugField)
