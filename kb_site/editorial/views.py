"""Pages that show themselves as they stood on a day, and the log of what changed."""

import datetime
import re

from django.contrib.syndication.views import Feed
from django.db.models import Q
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.feedgenerator import Atom1Feed
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import get_language, gettext, gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import ListView

from kb_site.editorial import clock, differences, history, reviews, translations
from kb_site.editorial.models import Record, Revision
from kb_site.headers import open_to_any_origin
from kb_site.views import PAGE_SIZE, PublicPage

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class NotThatDay(Http404):
    """Readers had no such record on the day they ask for."""


class DatedPage(PublicPage):
    """A record's page that also shows itself as it stood: `?as_of=2026-12-24`, `?rev=3`.

    `past` is None today, else the `history.Past` to read from; `kind` names the record's kind. A
    page that is more than a generic view overrides `show`. `find` says which record it is.
    """

    kind = ""
    past = None
    # The `Revision` asked for, when one is.
    revision = None
    # The reference of a record shown as it will be, published or not: see `previews`.
    preview = ""
    # {kind: the view that shows it}
    pages = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.kind:
            cls.pages[cls.kind] = cls

    def get(self, request, *args, **kwargs):
        if "rev" in request.GET and not self.preview:
            return self.show_revision(request, *args, **kwargs)
        asked = request.GET.get("as_of")
        if asked is None:
            try:
                return self.show(request, *args, **kwargs)
            except Http404:
                if revision := self.withdrawal():
                    return self.answer(410, "editorial/withdrawn.html", revision=revision)
                raise
        day = _day(asked)
        if day is None:
            return self.answer(400)
        if day > timezone.localdate():
            return self.answer(404, day=day, is_future=True)
        return self.show_past(request, day, None, *args, **kwargs)

    def show_revision(self, request, *args, **kwargs):
        """Shows a revision that readers had, as it was when it was last read."""
        number = request.GET["rev"]
        if not (number.isascii() and number.isdigit() and 0 < len(number) < 6):
            return self.answer(400, asks_revision=True)
        try:
            record = self.find()
        except Http404:
            if revision := self.withdrawal():
                return self.answer(410, "editorial/withdrawn.html", revision=revision)
            raise
        revisions = Revision.objects.filter(kind=self.kind, reference=record.reference)
        self.revision = revisions.filter(number=int(number), is_public=True).first()
        if self.revision is None:
            return self.answer(404, asks_revision=True, number=int(number))
        # Its last instant, not its first: what was loaded with it had all come by then.
        instant = timezone.now()
        if self.revision.until:
            instant = self.revision.until - datetime.timedelta(microseconds=1)
        return self.show_past(request, timezone.localdate(instant), instant, *args, **kwargs)

    def show_past(self, request, day, instant, *args, **kwargs):
        with clock.as_of(day, instant):
            self.past = history.Past(clock.moment())
            try:
                response = self.show(request, *args, **kwargs)
            except NotThatDay as error:
                return self.answer(404, day=day, first=self.first_day(error.args[0], day))
            if hasattr(response, "render"):
                response.context_data |= {"as_of": day, "revision": self.revision}
                # Rendered here: what applies that day is worked out while the page is made.
                response.render()
        response["X-Robots-Tag"] = "noindex"
        return response

    def show(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    def get_object(self, queryset=None):
        """Returns the record to show, with what readers are told of its reviews."""
        record = None if self.preview else self.find()
        if self.past:
            record = self.past_record(self.preview or record.reference)
        reviews.attach(record, self.rows_of(record), get_language())
        translations.attach(record, get_language(), self.past and self.past.moment)
        return record

    def find(self):
        """Returns the published record of the address; raises `Http404`."""
        raise NotImplementedError

    def rows_of(self, record):
        """The parts of a record that may be flagged by themselves."""
        return []

    def past_record(self, reference):
        """Returns the record as it stood; raises `NotThatDay` when readers had none."""
        record = self.past.get(self.kind, reference)
        if record is None:
            raise NotThatDay(reference)
        return record

    def first_day(self, reference, day):
        """The day the record was first published here, when that was after this one, or None."""
        revisions = Revision.objects.of(f"{self.kind}:{reference}").filter(is_public=True)
        at = revisions.order_by("number").values_list("at", flat=True).first()
        first = at and timezone.localdate(at)
        return first if first and first > day else None

    def references(self):
        """The references of the records, published or not, that the address may stand for."""
        return [self.kwargs.get("reference", "")]

    def withdrawal(self):
        """Returns the revision that withdrew what readers once had at this address, or None."""
        references = [] if self.preview else self.references()
        found = (history.withdrawal(self.kind, reference) for reference in references)
        return next(filter(None, found), None)

    def answer(self, status, template="as_of_problem.html", **context):
        """Says plainly why there is nothing to show for what was asked."""
        response = render(self.request, template, context, status=status)
        response["X-Robots-Tag"] = "noindex"
        return response


def _day(text):
    """The day written as 2026-12-24, or None: one address a day."""
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


class ChangeListView(PublicPage, ListView):
    """What changed, newest first: everywhere, or in one record (`?record=question:q-school`)."""

    template_name = "editorial/change_list.html"
    context_object_name = "changes"
    paginate_by = PAGE_SIZE

    @cached_property
    def record(self):
        return _record(self.request)

    def get_queryset(self):
        return changes_of(self.record)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(record=self.record, **kwargs)
        if self.record is not None:
            kind = history.kind_of(type(self.record)).name
            title = history.title_of(kind, vars(self.record), get_language())
            context["title"], context["title_language"] = title
        describe(context["changes"])
        return context


@method_decorator([csrf_exempt, open_to_any_origin], name="__call__")
class ChangeFeed(Feed):
    """The log of changes for feed readers, whole or of one record."""

    feed_type = Atom1Feed
    title = gettext_lazy("Repères: what changed")
    subtitle = gettext_lazy("Changes of answers, law, statements and contacts.")

    def get_object(self, request):
        return _record(request)

    def link(self, record):
        address = reverse("editorial:change-list")
        return f"{address}?record={history.key_of(record)}" if record else address

    def items(self, record):
        return describe(list(changes_of(record)[:PAGE_SIZE]))

    def item_title(self, revision):
        return printable(f"{revision.title} ({revision.event})")

    def item_description(self, revision):
        causes = ", ".join(title for _url, title, _language in revision.causes)
        because = f"{gettext('Because of:')} {causes}" if causes else ""
        told = differences.as_html(revision.told_changes, get_language())
        return printable(format_html("{} {} {}", revision.reason, because, told).strip())

    def item_link(self, revision):
        # A record that is no longer published has no list of its own.
        return f"{self.link(revision.record)}#{revision.anchor}"

    def item_updateddate(self, revision):
        return revision.at

    item_pubdate = item_updateddate


def _record(request):
    """The published record that `?record=` names; None without one. Raises `Http404`."""
    key = request.GET.get("record", "")
    if not key:
        return None
    name, _separator, reference = key.replace("\0", "").partition(":")
    kind = history.kinds.get(name)
    if kind is None or not issubclass(kind.model, Record):
        raise Http404
    record = kind.model.objects.published().filter(reference=reference).first()
    if record is None:
        raise Http404
    return record


def changes_of(record):
    """What readers are told of a record, or of all; of one no longer published only that."""
    changes = Revision.objects.told()
    if record is not None:
        return changes.of(history.key_of(record))
    shown = Q(is_public=False)
    for kind in history.kinds.values():
        if issubclass(kind.model, Record):
            references = kind.model.objects.published().values("reference")
            shown |= Q(kind=kind.name, reference__in=references)
    return changes.filter(shown)


def printable(text):
    """The text without what XML cannot hold, as a word processor leaves it in what is pasted."""
    return CONTROL.sub(" ", text)


def describe(revisions):
    """Sets what readers are told of revisions: `title`, `event`, `told_changes`, `url`…

    Returns the same revisions. A record no longer published has no `url`, nor its title here.
    `causes` are the (address, title, its language) of what made a change necessary.
    """
    revisions = list(revisions)
    causes = {key for revision in revisions for key in revision.trigger.split()}
    found = history.records_of({revision.key for revision in revisions} | causes, _published)
    before = {
        (r.kind, r.reference, r.number): r
        for r in Revision.objects.filter(
            kind__in={r.kind for r in revisions},
            reference__in={r.reference for r in revisions},
            number__in={r.number - 1 for r in revisions},
        ).only("kind", "reference", "number", "is_public")
    }
    for revision in revisions:
        previous = before.get((revision.kind, revision.reference, revision.number - 1))
        revision.kind_name = history.kinds[revision.kind].model._meta.verbose_name
        revision.record = found.get(revision.key)
        revision.url = revision.record and revision.record.get_absolute_url()
        revision.anchor = f"{revision.kind}-{revision.reference}-{revision.number}"
        revision.told_changes = []
        if not revision.is_public:
            revision.event = gettext("no longer published")
        elif previous is None or not previous.is_public:
            # What was done to a draft is not told, only that it was published.
            revision.event = gettext("published")
        else:
            revision.event = gettext("changed")
            revision.told_changes = revision.changes if revision.url else []
        if revision.url:
            # What it was called while nobody could read it is not told.
            data = revision.data if revision.is_public else vars(revision.record)
            title = history.title_of(revision.kind, data, get_language())
        else:
            title = gettext("A record that is no longer published"), get_language()
        revision.title, revision.title_language = title
        revision.causes = []
        for key in revision.trigger.split() if revision.url else ():
            if cause := found.get(key):
                kind = history.kind_of(type(cause)).name
                told = history.title_of(kind, vars(cause), get_language())
                revision.causes.append((cause.get_absolute_url(), *told))
    return revisions


def _published(model):
    """The rows of a model that have a page, with what naming them needs."""
    rows = history.with_foreign(model)
    if not issubclass(model, Record):
        return rows.none()
    return rows.filter(pk__in=model.objects.published().values("pk"))
