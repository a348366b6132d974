"""The days on which the law changes, from the dates of acts and of their provisions' versions."""

import datetime
from dataclasses import dataclass, field

FOLLOWING = datetime.timedelta(days=1)


@dataclass
class LegalDate:
    """What happens on a day to an act, or to provisions of it."""

    IN_FORCE = "in-force"
    APPLIES = "applies"
    TRANSPOSITION = "transposition"
    NO_LONGER_APPLIES = "no-longer-applies"
    NO_LONGER_IN_FORCE = "no-longer-in-force"

    day: datetime.date
    what: str
    act: object
    provisions: list = field(default_factory=list)

    @property
    def is_secondary(self):
        """Whether one of the records it comes from was seen in a secondary source only."""
        return any(record.confidence == "secondary" for record in [self.act, *self.provisions])


def dates_of(acts, provisions):
    """Returns the `LegalDate`s of acts and provisions, one an act, a day and what happens then.

    Takes records with what they hold loaded: `act` and `versions` of each provision. What is not
    law yet has no dates. A version that another follows at once does not end: the other applies.
    """
    found = {}

    def note(day, what, act, provision=None):
        if day is None or act.kind in act.NOT_LAW_YET:
            return
        date = found.setdefault((day, what, act.reference), LegalDate(day, what, act))
        if provision is not None and provision not in date.provisions:
            date.provisions.append(provision)

    for act in acts:
        note(act.in_force_from, LegalDate.IN_FORCE, act)
        note(act.transpose_by, LegalDate.TRANSPOSITION, act)
        note(act.repealed_on, LegalDate.NO_LONGER_IN_FORCE, act)
    for provision in provisions:
        versions = list(provision.versions.all())
        starts = {version.applies_from for version in versions}
        for version in versions:
            start, end = version.applies_from, version.applies_until
            # With the act's own entry into force it is one thing.
            whole = (start, LegalDate.IN_FORCE, provision.act.reference) in found
            note(
                start, LegalDate.IN_FORCE if whole else LegalDate.APPLIES, provision.act, provision
            )
            note(version.transpose_by, LegalDate.TRANSPOSITION, provision.act, provision)
            if end and end + FOLLOWING not in starts:
                note(end + FOLLOWING, LegalDate.NO_LONGER_APPLIES, provision.act, provision)
    return sorted(found.values(), key=lambda date: (date.day, date.act.order, date.act.reference))
