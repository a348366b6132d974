"""Atom feeds of new statements, and of the answers and statements of a topic."""

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from articles.models import Question, Statement, Topic
from kb_site.quoting.feeds import RecordFeed
from kb_site.templatetags.kb import translated


class StatementFeed(RecordFeed):
    title = _("Repères: new statements")
    subtitle = _("What was said, in our own words, with its source.")

    def link(self):
        return reverse("articles:statement-list")

    def records(self, obj):
        return Statement.objects.published()


class QuestionFeed(RecordFeed):
    """Answers, and with `?topic=` those of a topic with its statements."""

    by_change = True
    subtitle = _("Answers and statements, those changed last first.")

    def get_object(self, request):
        reference = request.GET.get("topic")
        if not reference:
            return None
        return get_object_or_404(Topic, reference=reference.replace("\0", ""))

    def title(self, topic):
        return f"Repères – {translated(topic, 'title')[0]}" if topic else _("Repères: answers")

    def link(self, topic):
        address = reverse("articles:question-list")
        return f"{address}?topic={topic.reference}" if topic else address

    def records(self, topic):
        if topic is None:
            return Question.objects.published()
        of_topic = (m.objects.published().filter(topics=topic) for m in (Question, Statement))
        return [record for records in of_topic for record in records]
