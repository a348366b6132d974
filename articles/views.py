import unicodedata

from django.core.exceptions import SuspiciousOperation
from django.db.models import Prefetch, Q
from django.http import HttpResponsePermanentRedirect, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext, override
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import DetailView, ListView, TemplateView

from articles import answers, help, timeline
from articles.forms import HelpForm, StatementFilterForm
from articles.models import (
    Advice,
    Contact,
    Event,
    FormerSlug,
    Question,
    Statement,
    Term,
    Topic,
)
from kb_site.editorial import clock, history
from kb_site.editorial.models import Revision
from kb_site.editorial.views import DatedPage, describe
from kb_site.languages import LANGUAGES
from kb_site.views import CITED_BY_SIZE, PAGE_SIZE, PublicPage
from laws.dates import dates_of
from laws.models import LegalAct, Provision


class HomeView(PublicPage, TemplateView):
    template_name = "home.html"

    def get_context_data(self, **kwargs):
        today = clock.today()
        return super().get_context_data(
            topics=Topic.objects.with_questions()[:PAGE_SIZE],
            questions=Question.objects.published()[:6],
            coming=timeline.coming(today)[:3],
            today=today,
            changes=describe(Revision.objects.told()[:3]),
            **kwargs,
        )


class QuestionListView(PublicPage, ListView):
    """Every question, or those of one topic (`?topic=<reference>`)."""

    template_name = "articles/question_list.html"
    context_object_name = "questions"
    paginate_by = PAGE_SIZE

    @cached_property
    def topic(self):
        reference = self.request.GET.get("topic")
        if not reference:
            return None
        return get_object_or_404(Topic, reference=reference.replace("\0", ""))

    def get_queryset(self):
        questions = Question.objects.published()
        return questions.filter(topics=self.topic) if self.topic else questions

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            topic=self.topic,
            topics=Topic.objects.with_questions()[:CITED_BY_SIZE],
            feed=self.feed,
            **kwargs,
        )

    @property
    def feed(self):
        address = reverse("articles:question-feed")
        return f"{address}?topic={self.topic.reference}" if self.topic else address


class QuestionDetailView(DatedPage, DetailView):
    kind = "question"
    template_name = "articles/question_detail.html"
    context_object_name = "question"

    def show(self, request, *args, **kwargs):
        if not self.preview:
            # One address a page: a former slug, or the other language's, leads to this one's.
            address = self.find().get_absolute_url()
            if address != request.path:
                query = request.META.get("QUERY_STRING")
                return HttpResponsePermanentRedirect(f"{address}?{query}" if query else address)
        return super().show(request, *args, **kwargs)

    def rows_of(self, question):
        return question.claims.all()

    def get_object(self, queryset=None):
        if not self.past:
            return self.find()
        question = super().get_object(queryset)
        answers.put_together(question, terms=self.past.all(Term))
        return question

    def references(self):
        slug = self.kwargs["slug"]
        former = FormerSlug.objects.filter(slug=slug).values("question")
        questions = Question.objects.filter(answers.has_slug(slug) | Q(pk__in=former))
        # One that was deleted has left its revisions only.
        states = Revision.objects.filter(
            answers.has_slug(slug, "data__"), kind=self.kind, is_public=True
        )
        return {
            *questions.values_list("reference", flat=True),
            *states.values_list("reference", flat=True),
        }

    def find(self):
        return self.found

    @cached_property
    def found(self):
        slug = self.kwargs["slug"]
        if question := answers.published(slug):
            return question
        former = FormerSlug.objects.filter(slug=slug).order_by("pk").values("question")[:1]
        return get_object_or_404(Question.objects.published(), pk__in=former)


class StatementListView(PublicPage, ListView):
    """What was said, each with the law beside it: `?topic=`, `?voice=`, `?after=`, `?before=`."""

    template_name = "articles/statement_list.html"
    context_object_name = "statements"
    paginate_by = PAGE_SIZE

    def get(self, request, *args, **kwargs):
        self.form = StatementFilterForm(request.GET)
        response = super().get(request, *args, **kwargs)
        response.status_code = 200 if self.form.is_valid() else 400
        return response

    def get_queryset(self):
        law = Prefetch("mapped_provisions", Provision.objects.published().with_versions())
        statements = Statement.objects.published().select_related("speaker", "source")
        return self.form.narrow(statements.prefetch_related(law))

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            form=self.form, feed=reverse("articles:statement-feed"), **kwargs
        )


class CitedPage(DatedPage):
    """The page of a record that others cite."""

    def citing(self, model):
        """The published records of a model that cite this page's record, or did that day."""
        if self.past:
            return self.past.citing(model, [history.key_of(self.object)])
        return model.objects.published().citing(self.object)


class StatementDetailView(CitedPage, DetailView):
    kind = "statement"
    template_name = "articles/statement_detail.html"
    context_object_name = "statement"

    def find(self):
        statements = Statement.objects.published().select_related("speaker", "source")
        return get_object_or_404(
            statements.prefetch_related(
                Prefetch("mapped_provisions", Provision.objects.published().with_versions()),
                Prefetch("contacts", Contact.objects.published()),
            ),
            reference=self.kwargs["reference"],
        )

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            citing_questions=self.citing(Question)[:CITED_BY_SIZE], **kwargs
        )


class ContactListView(PublicPage, ListView):
    template_name = "articles/contact_list.html"
    context_object_name = "contacts"
    # On one page while they are few: nobody in a hurry should have to turn it.
    paginate_by = 2 * PAGE_SIZE

    def get_queryset(self):
        return Contact.objects.published().by_kind()


class ContactDetailView(CitedPage, DetailView):
    kind = "contact"
    template_name = "articles/contact_detail.html"
    context_object_name = "contact"

    def find(self):
        return get_object_or_404(Contact.objects.published(), reference=self.kwargs["reference"])

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            citing_questions=self.citing(Question)[:CITED_BY_SIZE],
            citing_statements=self.citing(Statement)[:CITED_BY_SIZE],
            **kwargs,
        )


class SharedPage(DatedPage, ListView):
    """A page of records that have none of their own: `?rev=3` is one's, which `?of=` names."""

    def find(self):
        reference = self.request.GET.get("of", "").replace("\0", "")
        records = history.kinds[self.kind].model.objects.published()
        return get_object_or_404(records, reference=reference)

    def references(self):
        return [self.request.GET.get("of", "").replace("\0", "")]


class TimelineView(SharedPage):
    """The affair's events and the law's dates: what comes next, then what was, newest first."""

    kind = "event"
    template_name = "articles/timeline.html"
    context_object_name = "moments"
    # On one page while they are few: an event is found by its place on it.
    paginate_by = 40

    def get_queryset(self):
        return timeline.in_reading_order(self.moments, clock.today())

    @cached_property
    def moments(self):
        if self.past is None:
            return timeline.published()
        events, acts, provisions = map(self.past.all, (Event, LegalAct, Provision))
        return timeline.moments_of(events, dates_of(acts, provisions))

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        today = clock.today()
        shown = list(context["moments"])
        is_first = context["page_obj"].number == 1
        return context | {
            "coming": [moment for moment in shown if timeline.is_coming(moment, today)],
            "before": [moment for moment in shown if not timeline.is_coming(moment, today)],
            "today": today,
            "picture": timeline.draw(self.moments, today) if is_first else None,
        }


class GlossaryView(SharedPage):
    """The words that the answers use, explained, in the alphabet of the reader's language."""

    kind = "term"
    template_name = "articles/glossary.html"
    context_object_name = "terms"
    paginate_by = 2 * PAGE_SIZE

    def get_queryset(self):
        cited = Provision.objects.published().select_related("act")
        terms = Term.objects.published().prefetch_related(Prefetch("provisions", cited))
        return sorted(self.past.all(Term) if self.past else terms, key=_alphabetical)


def _alphabetical(term):
    """Where a term stands among others in the active language: accents and capitals aside."""
    word = unicodedata.normalize("NFKD", (term.forms(get_language()) or [str(term)])[0])
    return "".join(c for c in word if c.isalnum()).casefold(), term.reference


@method_decorator(csrf_exempt, name="dispatch")
class HelpView(PublicPage, TemplateView):
    """A few questions, and at once who to turn to and what to do. Nothing of it is kept.

    The answers are sent by POST, so that neither the address nor the history nor a log holds them.
    No token guards the form: sending it changes nothing, there is no
    session to abuse, and the token would be the only cookie of the public site.
    """

    http_method_names = [*PublicPage.http_method_names, "post"]
    template_name = "articles/help.html"
    headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }

    def dispatch(self, request, *args, **kwargs):
        response = super().dispatch(request, *args, **kwargs)
        for name, value in self.headers.items():
            response[name] = value
        return response

    def get(self, request):
        return self.render_to_response(self.get_context_data(form=HelpForm()))

    def post(self, request):
        try:
            form = HelpForm(request.POST)
        except (SuspiciousOperation, MultiPartParserError, UnreadablePostError):
            # Far more than these questions can hold.
            context = self.get_context_data(form=HelpForm(), unreadable=True)
            return self.render_to_response(context, status=400)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=400)
        cases = help.situation_of(form.answers)
        advice = [a for a in Advice.objects.published() if help.suits(a, cases)]
        contacts = Contact.objects.published()
        return self.render_to_response(
            self.get_context_data(
                form=form,
                contacts=help.contacts_for(contacts, cases, form.cleaned_data["needs"]),
                advice=[
                    (kind, kind.label, [a for a in advice if a.kind == kind])
                    for kind in Advice.Kind
                ],
                other_languages=self.other_languages(),
            )
        )

    def other_languages(self):
        """The page in the other languages: (language, address, what leads there, in it) each."""
        found = []
        for code in LANGUAGES:
            if code != get_language():
                with override(code):
                    # Translators: in French, “Lire cette réponse en français”, and so on.
                    words = gettext("Read this answer in English")
                    found.append((code, reverse("articles:help"), words))
        return found


class AdviceDetailView(DatedPage, DetailView):
    """What a piece of advice rests on."""

    kind = "advice"
    template_name = "articles/advice_detail.html"
    context_object_name = "advice"

    def find(self):
        advice = Advice.objects.published().prefetch_related(
            Prefetch("provisions", Provision.objects.published().with_versions()),
            Prefetch("contacts", Contact.objects.published()),
        )
        return get_object_or_404(advice, reference=self.kwargs["reference"])
