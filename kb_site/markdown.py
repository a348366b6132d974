"""The one place where text becomes HTML: short Markdown, cleaned, with good typography."""

import re

import nh3
from django.utils.safestring import mark_safe
from markdown_it import MarkdownIt

_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "blockquote", "code"}
_ATTRIBUTES = {"a": {"href", "hreflang"}}

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
    text = re.sub(r"(?<=\w)'", "’", text)
    if language == "fr":
        text = _BEFORE_SIGN.sub(_NARROW + r"\1", text)
        text = _BEFORE_COLON.sub("\u00a0:", text)
        text = _AFTER_GUILLEMET.sub("«" + _NARROW, text)
        text = _THOUSANDS.sub(_NARROW, text)
        text = _UNIT.sub(_NARROW, text)
    return text


def render(text, language):
    """Returns Markdown as safe HTML: paragraphs, lists, emphasis and links, and nothing else."""
    tokens = _markdown.parse(text)
    for token in tokens:
        for child in token.children or []:
            if child.type == "text":
                child.content = typography(child.content, language)
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    return mark_safe(  # noqa: S308 - cleaned here, and only here
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
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
