"""A consolidation -> the database, and the review tasks that it opens."""

import re
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from kb_site.editorial import reviews
from laws.models import LegalAct, OfficialText, Provision, Publication
from laws.watch.compare import digest
from laws.watch.safe_xml import UnreadableError

CHANGED, NEW, VANISHED = "official-text-changed", "official-text-new", "official-text-vanished"


@dataclass
class Outcome:
    """What reading one consolidation came to. The lists hold identifiers of watched parts."""

    consolidation: object
    act: LegalAct
    is_news: bool = False
    is_first: bool = False
    matched: list = field(default_factory=list)
    unmatched: list = field(default_factory=list)
    changed: list = field(default_factory=list)
    new: list = field(default_factory=list)
    vanished: list = field(default_factory=list)

    def note(self, reason, part):
        {CHANGED: self.changed, NEW: self.new, VANISHED: self.vanished}[reason].append(part)


def watched_acts():
    """The acts of which at least one provision names the parts it summarises."""
    provisions = Provision.objects.exclude(watched="")
    return LegalAct.objects.filter(provisions__in=provisions).distinct()


def act_of(identity, acts):
    """The act among `acts` that a publication belongs to, by CELEX or ELI, or None."""
    elis = {canonical(eli) for eli in identity.elis}
    for act in acts:
        if identity.celex and act.celex == identity.celex:
            return act
        if act.eli and canonical(act.eli) in elis:
            return act
    return None


def canonical(eli):
    """What identifies an act in its ELI, whichever host and format it is written with."""
    return re.sub(r"^.*?/eli/|(/jo)?/?$", "", eli)


def record(consolidation, act, **fetched):
    """Stores what a consolidation says in each watched part of its act; returns an `Outcome`.

    All or nothing, and safe to repeat. A task is opened for a part that changed, came or went
    since the consolidation before, when this one is newer than all that was read of its act and
    language; an older one is history, and the first text of a part is where its watch starts.
    `fetched` holds what the next request is conditional on: address, etag, last_modified.
    """
    identity, now = consolidation.identity, timezone.now()
    with transaction.atomic():
        publication = _locked(act, identity.language)
        outcome = Outcome(
            consolidation,
            act,
            is_news=_is_news(publication, consolidation),
            is_first=publication.consolidated_on is None,
        )
        order = {identifier: place for place, identifier in enumerate(consolidation.parts)}
        for provision in act.provisions.exclude(watched=""):
            rows = {
                part: _row(consolidation.parts.get(part), part, order.get(part, 0), identity, now)
                for part in provision.watched_parts
            }
            _store(provision, rows, outcome)
        if outcome.is_news:
            publication.consolidated_on = identity.consolidated_on
            publication.digest = consolidation.digest
            publication.retrieved_at = now
        if outcome.is_news or fetched:
            for name, value in fetched.items():
                setattr(publication, name, value)
            publication.save()
    return outcome


def _locked(act, language):
    """The act's `Publication` in a language, held until the transaction ends: one run at a time."""
    publication, _ = Publication.objects.get_or_create(act=act, language=language)
    return Publication.objects.select_for_update().get(pk=publication.pk)


def _is_news(publication, consolidation):
    """Whether it is newer than what was read, or its publisher has corrected it since."""
    known, day = publication.consolidated_on, consolidation.identity.consolidated_on
    if known is None or day > known:
        return True
    return day == known and consolidation.digest != publication.digest


def _row(found, part, order, identity, now):
    """What one consolidation says of a part: an unsaved `OfficialText`."""
    row = OfficialText(
        part=part,
        language=identity.language,
        consolidated_on=identity.consolidated_on,
        source=identity.source,
        order=order,
        retrieved_at=now,
    )
    if found:
        row.label, row.text, row.digest = found.label[:200], found.text, digest(found.text)
        row.starts_on, row.source = found.starts_on, found.source
    return row


def _store(provision, rows, outcome):
    """Saves the rows of a provision and opens its tasks, one for each kind of change."""
    identity = outcome.consolidation.identity
    known = _known(provision, identity)
    changes = {}
    for part, row in rows.items():
        (outcome.unmatched if row.is_absent else outcome.matched).append(part)
        same_day, before = known.get(part, (None, None))
        if outcome.is_news and (reason := _change(same_day or before, row)):
            outcome.note(reason, part)
            changes.setdefault(reason, []).append((same_day or before, row))
        if same_day and outcome.is_news:
            row.pk = same_day.pk
        if not same_day or outcome.is_news:
            row.provision = provision
            row.save()
    for reason, pairs in changes.items():
        reviews.flag(
            provision,
            reason,
            changed_on=_since(pairs),
            difference=[_difference(before, row) for before, row in pairs],
            itself=True,
        )


def _known(provision, identity):
    """What is stored of each part: (its text of the same day, its newest older text)."""
    texts = provision.official_texts.filter(
        language=identity.language, consolidated_on__lte=identity.consolidated_on
    )
    known = {}
    for text in texts.order_by("consolidated_on"):
        same_day = text.consolidated_on == identity.consolidated_on
        _, before = known.get(text.part, (None, None))
        known[text.part] = (text, before) if same_day else (None, text)
    return known


def _change(before, row):
    """Why a part must be read again, or nothing when it says what it said, or is first read."""
    if before is None or before.digest == row.digest:
        return ""
    if before.is_absent:
        return NEW
    return VANISHED if row.is_absent else CHANGED


def _since(pairs):
    """The day the changes took effect, as the publication gives it, or None.

    A day that is not after the consolidation before lags behind: the wording changed later.
    """
    days = [
        row.starts_on
        for before, row in pairs
        if row.starts_on and row.starts_on > before.consolidated_on
    ]
    return max(days, default=None)


def _difference(before, row):
    return {
        "label": f"art. {_cited(row.part, row.label or before.label)} ({row.language})",
        "before": before.text,
        "after": row.text,
    }


def _cited(part, label):
    """A part as it is cited, with its printed number where that is another: 5(1)(ba), b bis)."""
    printed = re.sub(r"\W", "", label)
    return part if "(" not in part or printed in part else f"{part}, {label}"


def find_act(identity, name):
    """The act a publication belongs to. Raises `UnreadableError` when none here is that act."""
    act = act_of(identity, LegalAct.objects.all())
    if act is None:
        known = identity.celex or " or ".join(identity.elis)
        raise UnreadableError(
            f"{name}: its act ({known}) is none of those recorded here. Take the file out of the "
            "folder, or record the act with its ELI or CELEX number first."
        )
    return act
