"""A `Citation` as text to paste, BibTeX, RIS and CSL-JSON. No format says what is not known."""

import json
import re
from urllib.parse import quote

from django.utils import formats
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from kb_site.quoting.citing import SITE


def text(citation):
    """Returns the citation as lines to paste, in its language.

    Only what is verbatim stands in quotation marks.
    """
    with override(citation.language):
        words = citation.text
        if words and citation.is_verbatim:
            words = _("“%(words)s”") % {"words": words}
        lines = [words, *citation.notes]
        record = _("%(site)s, %(reference)s") % {"site": SITE, "reference": citation.reference}
        if citation.revision:
            record = _("%(record)s, revision %(number)s of %(date)s") % {
                "record": record,
                "number": citation.revision,
                "date": in_words(citation.revised_on),
            }
        seen = _("accessed %(date)s") % {"date": in_words(citation.accessed)}
        if citation.is_ours:
            lines.append(f"{_sentence(citation.title)} {record}. {citation.permalink} ({seen}).")
        else:
            who = f"{_sentence(', '.join(citation.authors))} " if citation.authors else ""
            when = in_words(citation.issued) if citation.issued else _("n.d.")
            lines.append(
                f"{who}{_sentence(citation.title)} {citation.publisher}, {_sentence(when)} "
                f"{citation.url}"
            )
            lines.append(
                _("Recorded by %(record)s: %(address)s (%(seen)s).")
                % {"record": record, "address": citation.permalink, "seen": seen}
            )
        return "\n".join(_one_line(line) for line in lines if line)


def note(citation):
    """Returns what must travel with the citation, as sentences of one line, in its language."""
    with override(citation.language):
        record = _("%(site)s, %(reference)s") % {"site": SITE, "reference": citation.reference}
        sentences = [*citation.notes]
        if citation.issued is None:
            sentences.append(_("Date not known."))
        if citation.revision:
            sentences.append(
                _("%(record)s, revision %(number)s of %(date)s: %(address)s")
                % {
                    "record": record,
                    "number": citation.revision,
                    "date": in_words(citation.revised_on),
                    "address": citation.permalink,
                }
            )
        return _one_line(" ".join(sentences))


# BibTeX

# Braces must balance whatever stands before them: those of the text become words.
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
}


def bibtex(citation):
    """Returns the citation as an entry of BibTeX and biblatex, in UTF-8."""
    fields = {
        # Whole: nobody's name is cut in two by guesses.
        "author": " and ".join(f"{{{_tex(name)}}}" for name in citation.authors),
        "title": f"{{{_tex(citation.title)}}}",
        "howpublished": _tex(citation.publisher),
        "year": citation.issued and f"{citation.issued:%Y}",
        "date": citation.issued and citation.issued.isoformat(),
        "url": _address(citation.url),
        "urldate": citation.accessed.isoformat(),
        "langid": {"fr": "french", "en": "english"}.get(citation.title_language, ""),
        "type": _tex(citation.wording),
        "version": citation.revision,
        "note": _tex(note(citation)),
        "abstract": _tex(citation.text),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{citation.key},", *lines, "}", ""])


def _tex(words):
    return "".join(_TEX.get(letter, letter) for letter in _one_line(words))


# RIS


def ris(citation):
    """Returns the citation in RIS, in UTF-8: one tag a line, lines ending as RIS asks."""
    issued = citation.issued
    fields = [
        ("TY", "ELEC"),
        ("ID", citation.key),
        *(("AU", name) for name in citation.authors),
        ("TI", citation.title),
        ("PB", citation.publisher),
        ("PY", issued and f"{issued:%Y}"),
        ("DA", issued and f"{issued:%Y/%m/%d}"),
        ("UR", _address(citation.url)),
        ("Y2", f"{citation.accessed:%Y/%m/%d}"),
        ("LA", citation.title_language),
        ("M3", citation.wording),
        ("ET", citation.revision),
        ("AN", citation.reference),
        ("AB", citation.text),
        ("N1", note(citation)),
        ("ER", ""),
    ]
    lines = [
        f"{tag}  - {_one_line(str(value))}".rstrip() if tag != "ER" else "ER  - "
        for tag, value in fields
        if value or tag == "ER"
    ]
    return "\r\n".join([*lines, ""])


# CSL-JSON


def csl(citation):
    """Returns the citation as CSL data: a dictionary a citation processor reads."""
    item = {
        "id": citation.key,
        "type": "webpage",
        "title": _one_line(citation.title),
        "author": [{"literal": _one_line(name)} for name in citation.authors],
        "container-title": _one_line(citation.publisher),
        "issued": citation.issued and _csl_date(citation.issued),
        "accessed": _csl_date(citation.accessed),
        "URL": _address(citation.url),
        "language": citation.title_language,
        "genre": _one_line(citation.wording),
        "version": str(citation.revision or ""),
        "archive": SITE,
        "archive_location": _address(citation.permalink),
        "abstract": _one_line(citation.text),
        "note": note(citation),
    }
    return {name: value for name, value in item.items() if value}


def csl_json(citation):
    """Returns the citation as CSL-JSON."""
    return json.dumps([csl(citation)], ensure_ascii=False, indent=1) + "\n"


def _csl_date(day):
    return {"date-parts": [[day.year, day.month, day.day]]}


# extension: (what makes it, its media type)
FILES = {
    "bib": (bibtex, "application/x-bibtex"),
    "ris": (ris, "application/x-research-info-systems"),
    "json": (csl_json, "application/vnd.citationstyles.csl+json"),
}


def _one_line(words):
    return re.sub(r"[ \t\n\r\f\v\x00-\x1f\x7f\u0085\u2028\u2029]+", " ", words or "").strip()


def _address(url):
    """A web address that no format takes for anything else."""
    return re.sub(r"[{}\\\s]", lambda sign: quote(sign[0]), url)


def _sentence(words):
    """Words that end with a full stop, unless they end with a sign of their own."""
    words = words.strip()
    return words if words[-1:] in ".?!…" else f"{words}."


def in_words(day):
    """A date in words, in the active language."""
    words = formats.date_format(day, "j F Y")
    return f"1er{words[1:]}" if get_language() == "fr" and day.day == 1 else words
