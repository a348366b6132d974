"""What acts and provisions are, in schema.org's words and in those of ELI's ontology.

The resource is the law itself, described by us; its official identifier is the same resource.
"""

from django.utils.translation import gettext_lazy as _

from kb_site.quoting.citing import plain
from kb_site.quoting.linked_data import describes, known, named
from kb_site.templatetags.kb import translated
from laws.models import LegalStatus

ABOVE = [("laws:act-list", _("Law"))]


def date(day):
    """A date as ELI asks for it, or None."""
    xsd = "http://www.w3.org/2001/XMLSchema#date"
    return day and {"@type": xsd, "@value": day.isoformat()}


def force(status):
    """Whether it is in force, in both vocabularies; nothing where the question makes no sense."""
    if status is None or status.code == LegalStatus.CASE_LAW:
        return {}
    ours, elis = ("InForce", "inForce") if status.is_applicable else ("NotInForce", "notInForce")
    return {
        "legislationLegalForce": {"@id": f"https://schema.org/{ours}"},
        "eli:in_force": {"@id": f"eli:InForce-{elis}"},
    }


@describes("act", above=ABOVE)
def act_node(act, origin):
    return known(
        {
            "@type": ["Legislation", "eli:LegalResource"],
            **named(act, origin),
            "name": plain(act, "short_title"),
            "alternateName": plain(act, "title"),
            "abstract": plain(act, "summary"),
            "legislationIdentifier": act.eli or act.celex or act.number,
            "legislationJurisdiction": act.get_jurisdiction_display(),
            "legislationType": act.get_kind_display(),
            "legislationDate": act.adopted_on and act.adopted_on.isoformat(),
            "sameAs": act.eli,
            "url": translated(act, "url")[0],
            "eli:id_local": act.celex or act.number,
            "eli:date_document": date(act.adopted_on),
            "eli:first_date_entry_in_force": date(act.in_force_from),
            "eli:date_no_longer_in_force": date(act.repealed_on),
            **force(act.legal_status),
        }
    )


@describes("provision", above=ABOVE)
def provision_node(provision, origin):
    version = provision.current_version
    act = named(provision.act, origin)
    return known(
        {
            "@type": ["Legislation", "eli:LegalResourceSubdivision"],
            **named(provision, origin),
            "name": f"{plain(provision, 'label')}, {plain(provision.act, 'short_title')}",
            "alternateName": plain(provision, "heading"),
            "abstract": plain(version, "summary") if version else "",
            "legislationIdentifier": provision.eli,
            "legislationJurisdiction": provision.act.get_jurisdiction_display(),
            "sameAs": provision.eli,
            "url": translated(version, "official_url")[0] if version else "",
            "isPartOf": act,
            "eli:is_part_of": act,
            "eli:id_local": plain(provision, "label"),
            "eli:date_applicability": date(version and version.applies_from),
            **force(provision.legal_status),
        }
    )
