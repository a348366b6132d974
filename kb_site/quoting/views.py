"""Permalinks, the pages that say how to cite a record, and the small pages others may frame."""

from urllib.parse import quote

from csp.decorators import csp_replace
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import get_language, override
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView

from kb_site.editorial import history
from kb_site.graph import downloads
from kb_site.headers import open_to_any_origin
from kb_site.languages import LANGUAGES
from kb_site.quoting import formats, permalinks
from kb_site.quoting.citing import cite, citing_of
from kb_site.views import PublicPage

# How many archives of open data a reader is offered.
OFFERED = 10


class Gone(Exception):
    """What readers once had here, they have no more. Holds the context of a page that says why."""

    def __init__(self, template, **context):
        self.template, self.context = template, context


@method_decorator(csrf_exempt, name="dispatch")
class RecordPage(PublicPage):
    """A page about the published record that the address names, or about a point of it."""

    def dispatch(self, request, *args, **kwargs):
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Gone as gone:
            response = self.gone(gone)
            response["X-Robots-Tag"] = "noindex"
        return response

    def gone(self, gone):
        return render(self.request, gone.template, gone.context, status=410)

    @property
    def number(self):
        """The number of the point asked for, or None."""
        point = self.kwargs.get("point")
        return None if point is None else int(point)

    @cached_property
    def record(self):
        """The published record; raises `Gone` when readers once had it, else `Http404`."""
        reference = self.kwargs["reference"]
        record = history.published(reference)
        if record is None:
            if found := permalinks.withdrawal(reference):
                raise Gone("editorial/withdrawn.html", revision=found[1])
            raise Http404
        return record

    @cached_property
    def point(self):
        """The row of the point asked for, or None; raises as `record` does."""
        if self.number is None:
            return None
        row = permalinks.point_of(self.record, self.number)
        if row is None:
            if revision := permalinks.last_held(self.record, self.number):
                raise Gone(
                    "quoting/point_gone.html",
                    revision=revision,
                    number=self.number,
                    address=permalinks.permalink(self.record, self.number, revision.number),
                    record_address=self.record.get_absolute_url(),
                )
            raise Http404
        return row

    def check(self):
        """Raises what keeps the record, or its point, from being shown."""
        return self.record if self.number is None else self.point

    @property
    def origin(self):
        return self.request.build_absolute_uri("/").rstrip("/")


class PermalinkView(RecordPage):
    """Sends to the record's page in the language the browser asks for; `?rev=` and `?as_of=` stay.

    A revision may hold a point that is there no more.
    """

    def get(self, request, *args, **kwargs):
        kept = {name: request.GET[name] for name in ("rev", "as_of") if name in request.GET}
        addresses = {}
        for language in LANGUAGES:
            with override(language):
                addresses[language] = self.address(kept)
        language = get_language()
        response = HttpResponseRedirect(addresses[language])
        links = [
            f'<{self.origin}{address}>; rel="alternate"; hreflang="{code}"'
            for code, address in addresses.items()
        ]
        canonical = self.record.get_absolute_url()
        links.append(f'<{self.origin}{canonical}>; rel="canonical"')
        response["Link"] = ", ".join(links)
        return response

    def address(self, kept):
        page, _separator, place = self.record.get_absolute_url().partition("#")
        if place and "rev" in kept:
            # Others are on the same page.
            kept = kept | {"of": self.record.reference}
        query = "&".join(f"{name}={quote(value)}" for name, value in kept.items())
        address = f"{page}{'?' if query else ''}{query}{'#' if place else ''}{place}"
        if self.number is None:
            return address
        if "rev" in kept:
            self.check_revision(kept["rev"])
        elif not kept:
            self.check()
        anchor = citing_of(history.kind_of(type(self.record)).name).anchor
        return f"{address}#{anchor}-{self.number}" if anchor else address

    def check_revision(self, asked):
        """Raises `Http404` when the revision asked for does not hold the point."""
        if asked.isascii() and asked.isdigit() and len(asked) < 6:
            revision = permalinks.public_revision(self.record, int(asked))
            if revision and not permalinks.holds(revision, self.number):
                raise Http404


class InLanguageView(RecordPage):
    """Sends an address without a language to `page` in the language the browser asks for."""

    page = ""

    def get(self, request, *args, **kwargs):
        # Whatever is wrong with it, the page says.
        language = request.GET.get("lang")
        with override(language if language in LANGUAGES else get_language()):
            name = f"{self.page}-point" if "point" in kwargs else self.page
            return HttpResponseRedirect(reverse(name, kwargs=kwargs))


class CiteInLanguageView(InLanguageView):
    page = "citing:cite"


class EmbedInLanguageView(InLanguageView):
    page = "citing:embed"


class CiteView(RecordPage, TemplateView):
    """How to cite a record or a point of it: text to copy, and files for reference managers."""

    template_name = "quoting/cite.html"

    def get_context_data(self, **kwargs):
        self.check()
        kind = history.kind_of(type(self.record)).name
        title, title_language = citing_of(kind).title(self.record, get_language())
        texts = []
        for language in LANGUAGES:
            citation = cite(self.record, language, self.origin, self.number)
            texts.append((language, formats.text(citation)))
        return super().get_context_data(
            record=self.record,
            kind=kind,
            number=self.number,
            title=title,
            title_language=title_language,
            texts=texts,
            permalink=cite(self.record, get_language(), self.origin, self.number).permalink,
            files=[(extension, self.file(extension)) for extension in formats.FILES],
            points=self.points(kind) if self.number is None else [],
            **kwargs,
        )

    def file(self, extension):
        name = "citing:file" if self.number is None else "citing:file-point"
        return reverse(name, kwargs={**self.kwargs, "extension": extension})

    def points(self, kind):
        """[(number, address of the page that says how to cite it)] of the record's points."""
        relation = citing_of(kind).points
        if not relation:
            return []
        label = history.kinds[kind].parts[relation].label
        numbers = sorted(getattr(row, label) for row in getattr(self.record, relation).all())
        name, reference = "citing:cite-point", self.record.reference
        return [(n, reverse(name, kwargs={"reference": reference, "point": n})) for n in numbers]


class CitationFileView(RecordPage):
    """The citation as a file: BibTeX, RIS or CSL-JSON, in the language of the address."""

    def get(self, request, *args, **kwargs):
        self.check()
        citation = cite(self.record, get_language(), self.origin, self.number)
        extension = kwargs["extension"]
        write, media_type = formats.FILES[extension]
        name = f"{citation.key}-{citation.language}.{extension}"
        response = HttpResponse(write(citation), content_type=f"{media_type}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Robots-Tag"] = "noindex"
        return response


@method_decorator(open_to_any_origin, name="dispatch")
@method_decorator(xframe_options_exempt, name="dispatch")
@method_decorator(csp_replace({"frame-ancestors": ["*"]}), name="dispatch")
class EmbedView(RecordPage):
    """A contact or an answer as a small page that other sites may show in a frame.

    A kind has one when there is a template for it: `articles/contact_embed.html`.
    """

    def get(self, request, *args, **kwargs):
        kind = history.kind_of(type(self.record))
        name = f"{kind.model._meta.app_label}/{kind.name}_embed.html"
        try:
            template = get_template(name)
        except TemplateDoesNotExist:
            raise Http404 from None
        context = {"record": self.record, "permalink": self.origin + self.path}
        response = HttpResponse(template.render(context, request))
        response["X-Robots-Tag"] = "noindex"
        response["Link"] = f'<{self.origin}{self.record.get_absolute_url()}>; rel="canonical"'
        return response

    @property
    def path(self):
        return permalinks.permalink(self.record)

    def gone(self, gone):
        return render(self.request, "quoting/embed_gone.html", gone.context, status=410)


class DataView(PublicPage, TemplateView):
    """For those who quote and reuse: what there is, and how to use it."""

    template_name = "quoting/data.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(downloads=downloads.offered()[:OFFERED], **kwargs)
