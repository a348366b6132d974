"""The one place where text becomes HTML: short Markdown, cleaned, with good typography."""

import re

import nh3
from django.utils.safestring import mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "blockquote", "code"}
# Markdown gives no way to write an id: those here are ours.
_ATTRIBUTES = {"a": {"href", "hreflang", "id"}}

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": False}).disable(
    ["heading", "lheading", "image", "fence", "code", "hr", "html_block", "html_inline"]
)

_NARROW = "\u202f"  # narrow no-break space
_BEFORE_SIGN = re.compile(r"[ \u00a0]([;!?»])")
_BEFORE_COLON = re.compile(r"[ \u00a0]:")
_AFTER_GUILLEMET = re.compile(r"«[ \u00a0]")
_THOUSANDS = re.compile(r"(?<=\d)[ \u00a0](?=\d{3}(?!\d))")
_UNIT = re.compile(r"(?<=\d)[ \u00a0](?=[€%])")


def typography(text, language):
    """Sets typed text well: French spaces that do not break, curly apostrophes in both languages.

    Takes plain text and a language code; changes no letter and no digit.
    """
    return spaces(re.sub(r"(?<=\w)'", "’", text), language)


def spaces(text, language):
    """Sets the spaces of plain text that do not break, in French: before signs, in guillemets."""
    if language == "fr":
        text = _BEFORE_SIGN.sub(_NARROW + r"\1", text)
        text = _BEFORE_COLON.sub("\u00a0:", text)
        text = _AFTER_GUILLEMET.sub("«" + _NARROW, text)
        text = _THOUSANDS.sub(_NARROW, text)
        text = _UNIT.sub(_NARROW, text)
    return text


class Words:
    """The words that a page explains: each is a link where the page first uses it.

    Takes records with `forms(language)`, every way of writing the word, and `anchor`, the name of
    the element that explains it. Longer forms are found before shorter ones; whole words only,
    with their accents and capitals, a small first letter standing for a capital one too. `found`
    holds the records met so far, in the order of the page.
    """

    def __init__(self, records):
        self.records = list(records)
        self.found = []
        self._patterns = {}

    def split(self, text, language):
        """Returns [(piece of text, the record it is the first use of, or None)]."""
        pattern, records = self._pattern(language)
        pieces, position = [], 0
        for match in pattern.finditer(text) if records else ():
            record = records[_spaced(match[0])]
            if record not in self.found:
                self.found.append(record)
                pieces += [(text[position : match.start()], None), (match[0], record)]
                position = match.end()
        return [*pieces, (text[position:], None)]

    def _pattern(self, language):
        """Returns (the expression that finds any form, {form: record})."""
        if language not in self._patterns:
            records = {}
            for record in self.records:
                for form in record.forms(language):
                    form = _spaced(typography(form, language))
                    for written in (form, form[:1].upper() + form[1:]):
                        records.setdefault(written, record)
            forms = sorted(records, key=len, reverse=True)
            either = "|".join(re.escape(form).replace("\\ ", r"\s+") for form in forms)
            pattern = re.compile(rf"(?<![\w-])(?:{either})(?![\w-])")
            self._patterns[language] = pattern, records
        return self._patterns[language]


def _spaced(text):
    """The text with plain single spaces."""
    return " ".join(text.split())


def _link_words(children, words, language):
    """Yields the tokens of a line, the first use of each of `words` a link; links stay alone."""
    depth = 0
    for child in children:
        depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type != "text" or depth:
            yield child
            continue
        for piece, record in words.split(child.content, language):
            text = Token("text", "", 0, content=piece)
            if record is None:
                yield text
            else:
                named = {"class": "term", "id": f"in-{record.anchor}", "href": f"#{record.anchor}"}
                yield from (
                    Token("link_open", "a", 1, attrs=named),
                    text,
                    Token("link_close", "a", -1),
                )


def render(text, language, words=None):
    """Returns Markdown as safe HTML: paragraphs, lists, emphasis and links, and nothing else.

    Takes the `Words` of the page, to link each where the page first uses it.
    """
    tokens = _markdown.parse(text)
    for token in tokens:
        for child in token.children or []:
            if child.type == "text":
                child.content = typography(child.content, language)
        if words and token.children:
            token.children = list(_link_words(token.children, words, language))
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    return mark_safe(  # noqa: S308 - cleaned here, and only here
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            allowed_classes={"a": {"term"}},
            url_schemes={"http", "https", "mailto", "tel"},
            link_rel="noopener noreferrer",
        )
    )


def plain(text):
    """Returns Markdown as plain text, for search and descriptions."""
    parts = []
    for token in _markdown.parse(text):
        for child in token.children or []:
            if child.type in ("text", "code_inline"):
                parts.append(child.content)
            elif child.type in ("softbreak", "hardbreak"):
                parts.append(" ")
        parts.append(" ")
    return " ".join("".join(parts).split())
