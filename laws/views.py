from django.shortcuts import get_object_or_404
from django.views.generic import DetailView, ListView

from kb_site.views import CITED_BY_SIZE, PAGE_SIZE, PublicPage
from laws.models import LegalAct, Provision


class ActListView(PublicPage, ListView):
    template_name = "laws/act_list.html"
    context_object_name = "acts"
    paginate_by = PAGE_SIZE

    def get_queryset(self):
        return LegalAct.objects.published()


class ActDetailView(PublicPage, ListView):
    """An act and its provisions, a page at a time."""

    template_name = "laws/act_detail.html"
    context_object_name = "provisions"
    paginate_by = PAGE_SIZE

    def get_queryset(self):
        self.object = get_object_or_404(
            LegalAct.objects.published(), reference=self.kwargs["reference"]
        )
        return Provision.objects.published().filter(act=self.object).with_versions()

    def get_context_data(self, **kwargs):
        provisions = Provision.objects.published().filter(act=self.object)
        return super().get_context_data(
            object=self.object,
            act=self.object,
            citing_questions=provisions.citing_questions()[:CITED_BY_SIZE],
            **kwargs,
        )


class ProvisionDetailView(PublicPage, DetailView):
    template_name = "laws/provision_detail.html"
    context_object_name = "provision"

    def get_object(self, queryset=None):
        return get_object_or_404(
            Provision.objects.published().with_versions(),
            act__reference=self.kwargs["act_reference"],
            reference=self.kwargs["reference"],
        )

    def get_context_data(self, **kwargs):
        provision = self.object
        current = provision.current_version
        versions = sorted(provision.versions.all(), key=lambda v: (v != current, -v.number))
        return super().get_context_data(
            current_version=current,
            versions=versions,
            # Reverse relations: the law does not know what cites it.
            citing_questions=provision.claims.all().questions()[:CITED_BY_SIZE],
            citing_statements=provision.mapped_statements.published()[:CITED_BY_SIZE],
            **kwargs,
        )
