import itertools

from django.shortcuts import get_object_or_404
from django.views.generic import DetailView, ListView

from kb_site.editorial import clock, history
from kb_site.editorial.views import DatedPage
from kb_site.views import CITED_BY_SIZE, PAGE_SIZE, PublicPage
from laws import timeline
from laws.models import LegalAct, OfficialText, Provision


class ActListView(PublicPage, ListView):
    template_name = "laws/act_list.html"
    context_object_name = "acts"
    paginate_by = PAGE_SIZE

    def get_queryset(self):
        return LegalAct.objects.published()


class ActDetailView(DatedPage, ListView):
    """An act and its provisions, a page at a time."""

    kind = "act"
    template_name = "laws/act_detail.html"
    context_object_name = "provisions"
    paginate_by = PAGE_SIZE

    def find(self):
        return get_object_or_404(LegalAct.objects.published(), reference=self.kwargs["reference"])

    def get_queryset(self):
        self.object = self.get_object()
        if self.past:
            key = history.key_of(self.object)
            found = self.past.citing(Provision, [key])
            # Not those that the act has only amended.
            return [p for p in found if p.act.reference == self.object.reference]
        return Provision.objects.published().filter(act=self.object).with_versions()

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            object=self.object,
            act=self.object,
            citing_questions=self.citing_questions()[:CITED_BY_SIZE],
            **kwargs,
        )

    def citing_questions(self):
        if self.past:
            keys = [history.key_of(provision) for provision in self.object_list]
            return self.past.citing(_question_model(), keys)
        return Provision.objects.published().filter(act=self.object).citing_questions()


class ProvisionDetailView(DatedPage, DetailView):
    kind = "provision"
    template_name = "laws/provision_detail.html"
    context_object_name = "provision"

    def find(self):
        return get_object_or_404(
            Provision.objects.published().with_versions(),
            act__reference=self.kwargs["act_reference"],
            reference=self.kwargs["reference"],
        )

    def get_context_data(self, **kwargs):
        provision = self.object
        current = provision.current_version
        versions = sorted(provision.versions.all(), key=lambda version: version.number)
        for before, after in itertools.pairwise(versions):
            after.before = before
        return super().get_context_data(
            current_version=current,
            versions=sorted(versions, key=lambda v: (v != current, -v.number)),
            timeline=timeline.draw(versions, clock.today()),
            official_texts=self.official_texts(),
            citing_questions=self.citing_questions()[:CITED_BY_SIZE],
            citing_statements=self.citing_statements()[:CITED_BY_SIZE],
            **kwargs,
        )

    def official_texts(self):
        """The newest official wording of each part, as the law watch had read it by then."""
        texts = OfficialText.objects.filter(provision=self.object.pk)
        texts = texts.filter(retrieved_at__lte=clock.moment())
        return [text for text in texts.newest() if text.text]

    # Reverse relations: the law does not know what cites it.

    def citing_questions(self):
        if self.past:
            return self.past.citing(_question_model(), [history.key_of(self.object)])
        return self.object.claims.all().questions()

    def citing_statements(self):
        if self.past:
            model = Provision.mapped_statements.rel.related_model
            return self.past.citing(model, [history.key_of(self.object)])
        return self.object.mapped_statements.published()


def _question_model():
    """The model of the records whose claims cite provisions, by the reverse relation."""
    return Provision.claims.rel.related_model.question.field.related_model
