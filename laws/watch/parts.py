"""What every publication gives, whatever its format: an identity, and parts with their text."""

import datetime
import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Identity:
    """Which act a publication consolidates, in which language, as it reads on which day."""

    elis: tuple = ()
    celex: str = ""
    language: str = ""
    consolidated_on: datetime.date | None = None
    source: str = ""


@dataclass(frozen=True)
class Part:
    """An article, a paragraph or a point: how it is cited, how it is printed, what it says."""

    identifier: str
    label: str
    text: str
    starts_on: datetime.date | None
    source: str

    def renamed(self, identifier):
        return replace(self, identifier=identifier)

    def part_of(self, suffix, **changes):
        """A part of this part, cited behind it: "5" gives "5(1)"."""
        return replace(self, identifier=self.identifier + suffix, **changes)


class Parts(dict):
    """Parts by identifier, in the order of the publication."""

    def add(self, part):
        """Adds a part. One identifier printed twice (two lists of a paragraph) is one part."""
        if known := self.get(part.identifier):
            dates = [day for day in (known.starts_on, part.starts_on) if day]
            part = replace(
                known, text=f"{known.text}\n{part.text}", starts_on=max(dates, default=None)
            )
        self[part.identifier] = part

    def extend(self, parts):
        for part in parts:
            self.add(part)


def date_of(text):
    """The day in "2023-08-22" or "20230822", or None for anything else."""
    match = re.fullmatch(r"(\d{4})-?(\d{2})-?(\d{2})", (text or "").strip())
    try:
        return datetime.date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
