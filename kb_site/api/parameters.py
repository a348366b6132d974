"""What may be asked, read strictly: what the OpenAPI document does not allow is refused."""

import datetime
import re
from typing import Annotated

from ninja import Schema
from pydantic import BeforeValidator, Field

from kb_site.graph.shapes import Reference

# What a database holds in a big integer.
LARGEST = 2**63 - 1


def _whole(value):
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise ValueError("write a whole number in digits")
    return value


def _day(value):
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("write a day as 2026-12-24")
    return value


def whole(least, most, **kwargs):
    """The type of a whole number within bounds."""
    # The bounds come first, or the document would not hold them.
    return Annotated[int, Field(ge=least, le=most, **kwargs), BeforeValidator(_whole)]


Day = Annotated[datetime.date, BeforeValidator(_day)]
Number = whole(1, LARGEST)
Key = Annotated[
    str,
    Field(
        pattern=r"^[a-z]{1,20}:[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=101,
        examples=["provision:lu-cp-383bis"],
    ),
]
Limit = whole(1, 100, description="How many at most.")


class Paged(Schema):
    """A page of a list of records: what comes after `cursor`, in the order of references."""

    cursor: Reference | None = Field(None, description="As next has it; none for the first page.")
    limit: Limit = 25


class Numbered(Schema):
    """A page of a list that is not of records."""

    cursor: Number | None = Field(None, description="As next has it; none for the first page.")
    limit: Limit = 25
