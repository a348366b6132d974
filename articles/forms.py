"""The questions of the help page, and what to show of the statements."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from articles.fields import QUESTIONS, Case, Need
from articles.models import Statement, Topic

UNKNOWN = ("", _("I don't know, or I'd rather not say"))
ONE_OF_THESE = _("Choose one of these answers.")


class OneField(forms.ChoiceField):
    """One answer at most, which may be left open."""

    widget = forms.RadioSelect

    def __init__(self, label, choices):
        messages = {"invalid_choice": ONE_OF_THESE}
        super().__init__(
            label=label, choices=[*choices, UNKNOWN], required=False, error_messages=messages
        )


class AnyField(forms.MultipleChoiceField):
    """Any number of answers."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, label, choices):
        messages = {"invalid_choice": _("Choose among these answers.")}
        super().__init__(
            label=label,
            choices=choices,
            required=False,
            help_text=_("Several answers are possible, or none."),
            error_messages=messages,
        )


class HelpForm(forms.Form):
    """What happened and what is wanted; every answer may be left open."""

    danger = OneField(
        _("Is somebody in danger now?"), [(Case.DANGER, _("Yes")), (Case.NO_DANGER, _("No"))]
    )
    who = OneField(
        _("Who is it about?"),
        [
            (Case.MINOR, _("A child or teenager under 18, or who was under 18 in the picture")),
            (Case.ADULT, _("An adult")),
        ],
    )
    what = AnyField(
        _("What is happening?"),
        [
            (Case.IMAGE, _("There is an intimate or nude image, even a fake one")),
            (Case.THREAT, _("Threats, blackmail, or somebody who asks for images or a meeting")),
            (Case.DISPUTE, _("Insults, harassment, a fake account or a quarrel")),
        ],
    )
    online = OneField(
        _("Is it online now?"),
        [
            (Case.ON_X, _("Yes, on X (Twitter)")),
            (Case.ELSEWHERE, _("Yes, on another site, app or group")),
            (Case.OFFLINE, _("No, or not any more")),
        ],
    )
    by = OneField(
        _("Who did it?"),
        [(Case.KNOWN, _("Somebody we know")), (Case.STRANGER, _("Somebody we don't know"))],
    )
    needs = AnyField(
        _("What do you want?"),
        [
            (Need.TALK, _("To talk to somebody")),
            (Need.REMOVE, _("To have it removed")),
            (Need.REPORT, _("To report it")),
            (Need.COMPLAIN, _("To file a complaint")),
            (Need.RIGHTS, _("To know my rights")),
        ],
    )

    # The page of an answer holds the form twice: hidden for the other language, and to change it.
    def __init__(self, *args, **kwargs):
        super().__init__(*args, auto_id=False, **kwargs)

    def clean(self):
        # Two answers to one question: none is more right than the other.
        for name, field in self.fields.items():
            if isinstance(field, OneField) and len(set(self.data.getlist(name))) > 1:
                self.add_error(name, ONE_OF_THESE)

    @property
    def answers(self):
        """The valid form's answers: {question: list of cases}."""
        given = {name: self.cleaned_data[name] for name in QUESTIONS}
        return {
            name: value if isinstance(value, list) else [value] if value else []
            for name, value in given.items()
        }

    @property
    def told(self):
        """What the valid form's answers say, in words: (question, list of answers) pairs."""
        pairs = []
        for name, field in self.fields.items():
            value = self.cleaned_data[name]
            chosen = value if isinstance(value, list) else [value]
            if words := [label for code, label in field.choices if code and code in chosen]:
                pairs.append((field.label, words))
        return pairs


class TopicChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, topic):
        return topic.title or str(topic)

    def to_python(self, value):
        if isinstance(value, str) and "\0" in value:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return super().to_python(value)


class DayInput(forms.DateInput):
    input_type = "date"

    def format_value(self, value):
        """Returns what a browser takes for a day; what is none has its error beside it."""
        try:
            return forms.DateField(input_formats=["%Y-%m-%d"]).clean(value).isoformat()
        except (ValidationError, AttributeError):
            return ""


class StatementFilterForm(forms.Form):
    """Which statements to show. What is not known to be of a day is on no day."""

    topic = TopicChoiceField(
        Topic.objects.none(),
        label=_("Topic"),
        to_field_name="reference",
        required=False,
        empty_label=_("All topics"),
        error_messages={"invalid_choice": _("There is no such topic. Choose one of the list.")},
    )
    voice = forms.ChoiceField(
        label=_("Whose words"),
        choices=[
            ("", _("Everybody's")),
            (Statement.Voice.SPEAKER, _("The minister's, as reported")),
            (Statement.Voice.SOURCE, _("The article's own")),
        ],
        required=False,
        error_messages={"invalid_choice": _("There is no such filter. Choose one of the list.")},
    )
    after = forms.DateField(label=_("From"), required=False, widget=DayInput)
    before = forms.DateField(label=_("Until"), required=False, widget=DayInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        published = Statement.objects.published().filter(topics=OuterRef("pk"))
        self.fields["topic"].queryset = Topic.objects.filter(Exists(published))
        for name in ("after", "before"):
            self.fields[name].input_formats = ["%Y-%m-%d"]
            self.fields[name].error_messages["invalid"] = _(
                "Write a date as year, month, day: 2026-01-15."
            )

    def clean(self):
        after, before = self.cleaned_data.get("after"), self.cleaned_data.get("before")
        if after and before and after > before:
            raise ValidationError(_("The first day comes after the last one. Exchange them."))
        return self.cleaned_data

    def narrow(self, statements):
        """Returns those statements that the form asks for; none when it asks for nonsense."""
        if not self.is_valid():
            return statements.none()
        asked = self.cleaned_data
        if asked["topic"]:
            statements = statements.filter(topics=asked["topic"])
        if asked["voice"]:
            statements = statements.filter(voice=asked["voice"])
        # The day it was said, else the day its source appeared.
        statements = statements.alias(day=Coalesce("said_on", "source__published_on"))
        if asked["after"]:
            statements = statements.filter(day__gte=asked["after"])
        if asked["before"]:
            statements = statements.filter(day__lte=asked["before"])
        return statements

    @property
    def asks_for_days(self):
        return self.is_valid() and bool(self.cleaned_data["after"] or self.cleaned_data["before"])
