"""Tags of every template: a record's texts with their language, dates, penalties, addresses."""

import datetime

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse, translate_url
from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext, ngettext, override

from kb_site import markdown, phones
from kb_site.editorial import differences as difference
from kb_site.editorial import history, shelf
from kb_site.editorial.fields import DURATION
from kb_site.languages import LANGUAGES
from kb_site.search.documents import facets

register = template.Library()


def translated(record, field):
    """Returns (text, language): in the active language, else in the first that has it."""
    for language in dict.fromkeys([get_language(), *LANGUAGES]):
        text = getattr(record, f"{field}_{language}", None)
        if text:
            return text, language
    return "", get_language()


def _in_language(html, language, tag):
    """Marks text of another language with its `lang` and a word that says so."""
    if not html or language == get_language():
        return html
    return format_html(
        '<{0} lang="{1}" class="other-language">{2}</{0}> <span class="fallback">{3}</span>',
        tag,
        language,
        html,
        _not_translated(language),
    )


def _not_translated(language):
    return {
        "fr": gettext("(in French: not translated yet)"),
        "en": gettext("(in English: not translated yet)"),
    }[language]


@register.filter
def text(record, field):
    """A translated field as one line of text; another language's is marked as such."""
    value, language = translated(record, field)
    return _in_language(markdown.typography(value, language), language, "span")


@register.filter
def plain_text(record, field):
    """A translated field without any markup, for titles and attributes."""
    value, language = translated(record, field)
    return markdown.typography(value, language)


@register.filter
def address(record, field):
    """A translated web address, exactly as it was typed."""
    return translated(record, field)[0]


@register.filter
def prose(record, field):
    """A translated field of short Markdown as paragraphs and lists."""
    value, language = translated(record, field)
    return _in_language(markdown.render(value, language), language, "div")


def explained(record, field, words):
    """As `prose`; the `markdown.Words` of the page are linked to where it explains them."""
    value, language = translated(record, field)
    html = markdown.render(value, language, words or None)
    return _in_language(html, language, "div")


@register.simple_tag(takes_context=True)
def part(context, template, **shown):
    """As `include`, with one record: a record at hand keeps what is made of it.

    What is made depends on the record, the language and what else is named here alone; it is
    forgotten with the record (`kb_site/editorial/shelf.py`).
    """
    record, *others = shown.values()
    key = (template, get_language(), *others)
    return shelf.part(record, key, lambda: _render(context, template, shown))


@register.simple_tag(takes_context=True)
def once(context, template, **shown):
    """As `include`, of what depends on the language and what is named here alone: made once."""
    key = (template, get_language(), *shown.values())
    if key not in _made or settings.DEBUG:
        _made[key] = _render(context, template, shown)
    return _made[key]


_made = {}


def _render(context, template, shown):
    own = context.new({**shown, "LANGUAGE_CODE": get_language()})
    return context.template.engine.get_template(template).render(own)


@register.filter
def lines(record, field):
    """A translated field of one thing a line, as a list."""
    value, language = translated(record, field)
    items = [(markdown.typography(line, language),) for line in value.splitlines() if line.strip()]
    html = format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", items)) if items else ""
    return _in_language(html, language, "div")


@register.filter
def day(value):
    """A date in words, in a `time` element; "1er" in French."""
    if not isinstance(value, datetime.date):
        return ""
    words = formats.date_format(value, "j F Y")
    if get_language() == "fr" and value.day == 1:
        words = words.replace("1 ", "1er ", 1)
    return format_html(
        '<time datetime="{}">{}</time>', value.isoformat(), words.replace(" ", "\u00a0")
    )


@register.filter
def days_after(value, today):
    """How far a day to come is from today, in words."""
    days = (value - today).days
    return ngettext("in %d day", "in %d days", days) % days


@register.filter
def duration(value):
    """An ISO 8601 duration (P8D, P1M, P5Y) in words."""
    match = DURATION.match(value or "")
    if not match:
        return ""
    parts = [
        (match["years"], lambda n: ngettext("%d year", "%d years", n)),
        (match["months"], lambda n: ngettext("%d month", "%d months", n)),
        (match["days"], lambda n: ngettext("%d day", "%d days", n)),
    ]
    return " ".join(
        (words(int(number)) % int(number)).replace(" ", "\u00a0")
        for number, words in parts
        if number
    )


@register.filter
def euros(value):
    """A sum of euros, grouped as the language does: 75 000 € or €75,000."""
    if value is None:
        return ""
    digits = f"{value:,}"
    if get_language() == "fr":
        return digits.replace(",", "\u202f") + "\u202f€"
    return f"€{digits}"


@register.filter
def percent(value):
    """A percentage without needless zeros."""
    number = formats.localize(value.normalize())
    return f"{number}\u202f%" if get_language() == "fr" else f"{number}%"


@register.filter
def language_label(code):
    """The name of a language, in the active language."""
    names = {
        "fr": gettext("French"),
        "en": gettext("English"),
        "de": gettext("German"),
        "lb": gettext("Luxembourgish"),
        "pt": gettext("Portuguese"),
    }
    return names.get(code, code)


@register.filter
def kind_name(kind):
    """What readers call one record of a kind that the search finds."""
    return {
        "question": gettext("Question"),
        "contact": gettext("Contact"),
        "statement": gettext("Statement"),
        "provision": gettext("Provision"),
        "act": gettext("Act"),
        "event": gettext("Event"),
        "term": gettext("Definition"),
    }.get(kind, kind)


@register.filter
def phone_links(value):
    """Phone numbers as links one can tap; what is not a number stays text."""
    return mark_safe(  # noqa: S308 - built of escaped parts
        "".join(
            format_html('<a class="phone" href="tel:{}">{}</a>', number, shown)
            if number
            else format_html("{}", shown)
            for shown, number in phones.split(value)
        )
    )


@register.filter
def status_name(code):
    """A legal text's standing, in a word."""
    return facets["status"]([code]).get(code, "")


@register.filter
def words_changed(after, before):
    """How the summary of a version differs from an earlier one's, in the same language."""
    text, language = translated(after, "summary")
    earlier = getattr(before, f"summary_{language}", "") or ""
    words = difference.words_changed(
        markdown.plain(earlier), markdown.typography(markdown.plain(text), language)
    )
    html = render_to_string("_words.html", {"words": words})
    return _in_language(mark_safe(html), language, "span")  # noqa: S308


@register.filter
def key(record):
    """A record's name among all kinds: question:q-school."""
    return history.key_of(record)


@register.filter
def kind(record):
    """The kind of a record, as its name among all kinds begins: question."""
    return history.kind_of(type(record)).name


@register.filter
def differences(rows, language=None):
    """What changed, as a list; a language leaves out what changed only in another one."""
    return difference.as_html(rows, language)


@register.simple_tag(takes_context=True)
def menu_link(context, name):
    """The attributes of a menu's link to a page without arguments: where, and whether here."""
    address, path = reverse(name), getattr(context.get("request"), "path", "")
    if not path.startswith(address):
        return format_html('href="{}"', address)
    current = "page" if path == address else "true"
    return format_html('href="{}" aria-current="{}"', address, current)


@register.simple_tag(takes_context=True)
def alternates(context):
    """(language, address) of this page in every language: the same record, its own slug."""
    if context.get("preview_addresses"):
        return context["preview_addresses"]
    record = context.get("object")
    request = context.get("request")
    found = []
    for language in LANGUAGES:
        if hasattr(record, "get_absolute_url"):
            with override(language):
                address = record.get_absolute_url()
        elif request is None:
            address = f"/{language}/"
        else:
            address = translate_url(request.get_full_path(), language)
            if address == request.get_full_path() and language != get_language():
                address = f"/{language}/"
        if context.get("revision") and context.get("as_of"):
            address = f"{address.partition('?')[0]}?rev={context['revision'].number}"
        elif context.get("as_of") and "?" not in address:
            address = f"{address}?as_of={context['as_of']}"
        found.append((language, address))
    return found
