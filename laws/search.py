"""What the search holds of acts and provisions."""

from kb_site.search.documents import Document, SearchIndex, register
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion


@register
class ProvisionIndex(SearchIndex):
    kind = "provision"
    model = Provision
    plain_fields = ("heading", "label", "versions__summary")
    related = {
        LegalAct: lambda act: act.provisions.all(),
        ProvisionVersion: lambda version: [version.provision],
        Penalty: lambda penalty: [penalty.version.provision],
    }

    def queryset(self):
        return Provision.objects.published().with_versions()

    def document(self, provision, language):
        heading = getattr(provision, f"heading_{language}")
        if not heading:
            return None
        label = getattr(provision, f"label_{language}")
        act = getattr(provision.act, f"short_title_{language}") or ""
        versions = list(provision.versions.all())
        version = provision.current_version
        return Document(
            kind=self.kind,
            reference=provision.reference,
            language=language,
            title=f"{label} {act} – {heading}",
            url=self.url(provision, language),
            summary=getattr(version, f"summary_{language}", "") or "",
            body="\n".join(
                getattr(v, f"{name}_{language}") or ""
                for v in versions
                for name in ("summary", "note")
                if not (v == version and name == "summary")
            ).strip(),
            jurisdiction=provision.act.jurisdiction,
        )


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
        )
