"""Every page to be found, in every language, record kind by record kind."""

from django.contrib.sitemaps import Sitemap
from django.urls import URLPattern, get_resolver, reverse

from kb_site.editorial import history
from kb_site.quoting.permalinks import permalink
from kb_site.views import PublicPage


class LanguagesSitemap(Sitemap):
    i18n = True
    alternates = True
    limit = 5000

    def default(self, item):
        """The path that chooses the reader's language, or None."""
        return None

    def _urls(self, page, protocol, domain):
        # Django's own x-default takes the language off the address, which no page here has.
        urls = super()._urls(page, protocol, domain)
        for url in urls:
            if path := self.default(url["item"][0]):
                location = f"{protocol}://{domain}{path}"
                url["alternates"].append({"location": location, "lang_code": "x-default"})
        return urls


class PagesSitemap(LanguagesSitemap):
    """Pages that are no records: every public page whose address takes no argument."""

    def items(self):
        return list(_names(get_resolver().url_patterns))

    def location(self, item):
        return reverse(item)

    def default(self, item):
        return "/" if item == "home" else None


class RecordsSitemap(LanguagesSitemap):
    """The published records of a kind."""

    def __init__(self, kind):
        self.kind = kind

    def items(self):
        published = self.kind.model.objects.published().values("pk")
        return history.with_foreign(self.kind.model).filter(pk__in=published).order_by("pk")

    def lastmod(self, record):
        return record.updated_at

    def default(self, record):
        return permalink(record)


def sitemaps():
    """Returns {section: Sitemap} of all there is to find."""
    kinds = {kind.name: RecordsSitemap(kind) for kind in history.record_kinds()}
    return {"pages": PagesSitemap(), **kinds}


def _names(patterns, namespace="", in_language=False):
    """Yields the names of the public pages without arguments, those in a language."""
    for pattern in patterns:
        prefix = pattern.pattern
        if isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None)
            listed = view and issubclass(view, PublicPage) and view.is_listed
            if in_language and listed and pattern.name and not prefix.regex.groups:
                yield namespace + pattern.name
        elif not prefix.regex.groups:
            name = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            is_prefix = type(prefix).__name__ == "LocalePrefixPattern"
            yield from _names(pattern.url_patterns, name, in_language or is_prefix)
