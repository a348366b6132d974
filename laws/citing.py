"""How provisions and acts are cited: as our summary, with the official text beside it."""

from django.template.loader import render_to_string
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from kb_site.quoting.citing import Citing, plain, register
from kb_site.quoting.formats import in_words
from kb_site.templatetags.kb import translated


def standing_of(record):
    """Where a text stands today, in words, or ""."""
    html = render_to_string("laws/_status.html", {"status": record.legal_status})
    return " ".join(strip_tags(html).split())


@register
class ProvisionCiting(Citing):
    """Our summary, or that of one version (`point`); the note leads to the official text."""

    kind = "provision"
    points = "versions"
    anchor = "version"
    summary = "heading"

    def title(self, provision, language):
        label, found = translated(provision, "label")
        act, heading = (
            translated(row, field)[0]
            for row, field in ((provision.act, "short_title"), (provision, "heading"))
        )
        return f"{label}, {act} – {heading}", found

    def fields(self, provision, language, point=None):
        version = point or provision.current_version
        notes = [_("Summary in our words, not the text of the law.")]
        status = standing_of(point or provision)
        if status:
            notes.append(f"{status}.")
        if version:
            if address := translated(version, "official_url")[0]:
                notes.append(_("Official text: %(address)s") % {"address": address})
            if version.consolidated_on:
                notes.append(
                    _("Read in the consolidated text of %(date)s.")
                    % {"date": in_words(version.consolidated_on)}
                )
        if provision.eli:
            notes.append(f"ELI: {provision.eli}")
        return {"text": plain(version, "summary") if version else "", "notes": notes}


@register
class LegalActCiting(Citing):
    kind = "act"
    summary = "summary"

    def fields(self, act, language, point=None):
        notes = [_("Summary in our words, not the text of the law.")]
        if status := standing_of(act):
            notes.append(f"{status}.")
        if address := act.eli or translated(act, "url")[0]:
            notes.append(_("Official page: %(address)s") % {"address": address})
        return {"text": self.description(act), "notes": notes}
