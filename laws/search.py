"""What the search holds of acts and provisions."""

from kb_site.search.documents import Document, SearchIndex, asked_in, register, register_facet
from kb_site.search.query import article_numbers, eli_key, name_key
from laws.models import LegalAct, Penalty, Provision, ProvisionVersion


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
