"""How acts and provisions leave the site: in the API and in the open data."""

import datetime
from typing import Literal

from pydantic import BaseModel, Field

from kb_site.graph.linked import Node
from kb_site.graph.shapes import Reference, register
from laws.models import LegalAct


class Standing(BaseModel):
    """Where a legal text stands on the day the answer speaks of, worked out from its dates."""

    code: str = Field(description="applies, not-yet-applicable, in-force, pending…")
    date: datetime.date | None = Field(description="The day that decides it, when it is known.")


def standing(record):
    status = record.legal_status
    return status and {"code": status.code, "date": status.date}


def current_version(provision):
    version = provision.current_version
    return version and version.number


register(
    "act",
    "acts",
    filters={"jurisdiction": (Literal[tuple(LegalAct.Jurisdiction.values)], "jurisdiction")},
    facts={"legal_status": (Standing | None, standing)},
    linked=Node(
        ("schema:Legislation", "eli:LegalResource"),
        {
            "jurisdiction": "schema:legislationJurisdiction",
            "number": "schema:legislationIdentifier",
            "adopted_on": "schema:legislationDate",
            "in_force_from": "eli:first_date_entry_in_force",
            "repealed_on": "eli:date_no_longer_in_force",
            "title": "schema:name",
            "short_title": "schema:alternateName",
            "summary": "schema:abstract",
            "eli": "schema:sameAs",
            "celex": "schema:identifier",
            "url": "schema:url",
            "verified_on": "schema:lastReviewed",
        },
    ),
)
register(
    "provision",
    "provisions",
    filters={"act": (Reference, "act__reference")},
    facts={
        "legal_status": (Standing | None, standing),
        "current_version": (int | None, current_version),
    },
    linked=Node(
        ("schema:Legislation", "eli:LegalResourceSubdivision"),
        {
            "act": "eli:is_part_of",
            "label": "schema:alternateName",
            "heading": "schema:name",
            "eli": "schema:sameAs",
            "verified_on": "schema:lastReviewed",
            "versions": "schema:workExample",
        },
        parts={
            "versions": Node(
                ("schema:Legislation",),
                {
                    "number": "schema:version",
                    "applies_from": "schema:validFrom",
                    # The last day, as ours is; ELI's date is the first day after.
                    "applies_until": "schema:validThrough",
                    "summary": "schema:abstract",
                    "official_url": "schema:isBasedOn",
                    "amended_by": "eli:amended_by",
                },
                address="#version-{}",
            )
        },
    ),
)
