"""What the search holds of acts and provisions."""

import datetime

from django.utils.translation import gettext as _

from kb_site.editorial import clock
from kb_site.search import standing
from kb_site.search.documents import Document, SearchIndex, asked_in, register, register_facet
from kb_site.search.query import article_numbers, eli_key, name_key
from laws.models import LegalAct, LegalStatus, Penalty, Provision, ProvisionVersion


@register
class ProvisionIndex(SearchIndex):
    kind = "provision"
    model = Provision
    plain_fields = ("heading", "label", "versions__summary")

    def get_related(self):
        return {
            LegalAct: lambda act: act.provisions.all(),
            ProvisionVersion: lambda version: [version.provision],
            Penalty: lambda penalty: [penalty.version.provision],
        }

    def queryset(self):
        # Reverse relations: the law does not know what cites it.
        return Provision.objects.published().with_versions().prefetch_related("claims__question")

    def document(self, provision, language):
        heading = getattr(provision, f"heading_{language}")
        if not heading:
            return None
        label = getattr(provision, f"label_{language}")
        act = getattr(provision.act, f"short_title_{language}") or ""
        # The newest wording first, whatever applies today: an entry does not change at midnight.
        versions = sorted(provision.versions.all(), key=lambda v: -v.number)
        texts = [
            getattr(version, f"{name}_{language}") or ""
            for version in versions
            for name in ("summary", "note")
        ]
        return Document(
            kind=self.kind,
            reference=provision.reference,
            language=language,
            title=f"{label} {act} – {heading}",
            also_asked=getattr(provision, f"also_asked_{language}") or "",
            asked_in=asked_in((c.question for c in provision.claims.all()), language),
            url=self.url(provision, language),
            summary=texts[0] if texts else "",
            body="\n".join(texts[1:]).strip(),
            jurisdiction=provision.act.jurisdiction,
            standing=standing_of(provision),
            references=tuple(self.references(provision)),
        )

    def references(self, provision):
        """The article numbers alone, with each name of the act, and the ELI."""
        labels = (provision.label_fr or "", provision.label_en or "")
        numbers = dict.fromkeys(n for label in labels for n in article_numbers(label))
        names = dict.fromkeys(map(name_key, provision.act.names))
        for number in numbers:
            yield f"art:{number}"
            yield from (f"art:{number}|{name}" for name in names)
        if key := eli_key(provision.eli):
            yield f"eli:{key}"


@register
class LegalActIndex(SearchIndex):
    kind = "act"
    model = LegalAct
    plain_fields = ("short_title", "title", "summary")

    def queryset(self):
        return LegalAct.objects.published()

    def document(self, act, language):
        title = getattr(act, f"short_title_{language}")
        if not title:
            return None
        return Document(
            kind=self.kind,
            reference=act.reference,
            language=language,
            title=title,
            url=self.url(act, language),
            summary=getattr(act, f"summary_{language}") or "",
            body=" ".join(filter(None, [getattr(act, f"title_{language}"), act.number, act.celex])),
            jurisdiction=act.jurisdiction,
            standing=standing_of(act),
            references=tuple(self.references(act)),
        )

    def references(self, act):
        """Every name and number of the act, and its ELIs."""
        yield from (f"act:{name}" for name in dict.fromkeys(map(name_key, act.names)))
        addresses = (act.eli, act.url_fr or "", act.url_en or "")
        yield from (f"eli:{key}" for key in dict.fromkeys(map(eli_key, addresses)) if key)


@register_facet("jurisdiction")
def jurisdiction_names(codes):
    """Names jurisdictions, in their order."""
    return {code: name for code, name in LegalAct.Jurisdiction.choices if code in codes}


def standing_of(record):
    """The standing of an act or a provision, day by day, as `kb_site.search.standing` writes it."""
    act, versions = record, []
    if isinstance(record, Provision):
        act, versions = record.act, record.versions.all()
    day_after = datetime.timedelta(days=1)
    days = {act.in_force_from, act.repealed_on, act.transpose_by and act.transpose_by + day_after}
    for version in versions:
        days.add(version.applies_from)
        days |= {day + day_after for day in (version.applies_until, version.transpose_by) if day}
    days = sorted(day for day in days if day)
    steps = []
    for first in [None, *days]:
        with clock.as_of(first or (min(days) - day_after if days else clock.today())):
            if status := record.legal_status:
                steps.append((first, status.code))
    return standing.write(steps)


@register_facet("status")
def status_names(codes):
    """Names the codes of a legal text's standing, what applies first."""
    names = {
        LegalStatus.APPLIES: _("Applies"),
        LegalStatus.IN_FORCE: _("In force"),
        LegalStatus.CASE_LAW: _("Case law"),
        LegalStatus.NOT_YET_APPLICABLE: _("Not yet applicable"),
        LegalStatus.NOT_YET_IN_FORCE: _("Not yet in force"),
        LegalStatus.TO_BE_TRANSPOSED: _("To be transposed"),
        LegalStatus.PENDING: _("Not adopted"),
        LegalStatus.NO_LONGER_APPLICABLE: _("No longer applicable"),
        LegalStatus.NO_LONGER_IN_FORCE: _("No longer in force"),
    }
    return {code: name for code, name in names.items() if code in codes}
