from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from kb_site import markdown
from kb_site.editorial import history
from kb_site.editorial.models import Record, Status
from kb_site.reports import limits
from kb_site.reports.forms import ReportForm
from kb_site.reports.models import ErrorReport
from kb_site.views import PublicPage


@method_decorator(never_cache, name="dispatch")
class ReportView(PublicPage):
    """The form to report an error, in one record (`question/q-school/`) or anywhere.

    It takes a form without Django's CSRF token, which needs a cookie. A forged report does nothing
    in anybody's name: nobody is signed in here, and anyone may send one.
    """

    is_listed = False
    http_method_names = ["get", "head", "post", "options"]

    def get(self, request, **kwargs):
        if self.key and not self.title:
            raise Http404
        return self.page(ReportForm())

    def post(self, request, **kwargs):
        # Whatever the request says: another encoding may hold text that no page can show.
        request.encoding = "utf-8"
        form = ReportForm(request.POST)
        if self.record is None and self.key:
            raise Http404
        if not form.is_valid():
            return self.page(form, status=400)
        if not limits.take(request):
            return self.page(
                form,
                status=429,
                refusals=[
                    _(
                        "Too many reports came just now. Your text is still here: copy it, or keep "
                        "this page open, and send it again in an hour."
                    )
                ],
            )
        ErrorReport.objects.purge()
        ErrorReport.objects.create(
            page=self.key, language=get_language(), text=form.cleaned_data["text"]
        )
        return HttpResponseRedirect(reverse("reports:thanks"))

    @property
    def key(self):
        """The key of the record the address names, or nothing."""
        return "{kind}:{reference}".format(**self.kwargs) if self.kwargs else ""

    @cached_property
    def record(self):
        """The record, published or not: it may be withdrawn while somebody writes."""
        kind = history.kinds.get(self.kwargs.get("kind", ""))
        if kind is None or not issubclass(kind.model, Record):
            return None
        return history.record_of(self.key)

    @property
    def title(self):
        """(title, its language) of a published record, or nothing."""
        if self.record is None or self.record.status != Status.PUBLISHED:
            return None
        title, language = history.title_of(self.kwargs["kind"], vars(self.record), get_language())
        return markdown.typography(title, language), language

    def page(self, form, status=200, refusals=()):
        context = {
            "form": form,
            "refusals": refusals or (form.is_bound and form.refusals),
            "record": self.record if self.title else None,
            "title": self.title,
            "kept_days": ErrorReport.KEPT_DAYS,
        }
        if not form.is_bound:
            context["view"] = self
        return render(self.request, "reports/report.html", context, status=status)


@method_decorator(never_cache, name="dispatch")
class ThanksView(PublicPage, TemplateView):
    is_listed = False
    template_name = "reports/thanks.html"
    extra_context = {"kept_days": ErrorReport.KEPT_DAYS}
