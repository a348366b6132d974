"""The questions of the help page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from articles.fields import QUESTIONS, Case, Need

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
