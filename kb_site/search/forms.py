from django import forms
from django.utils.translation import gettext_lazy as _

from kb_site.search.documents import registry
from kb_site.search.find import Filters
from kb_site.search.query import MAX_LENGTH, Query

KIND_NAMES = {
    "question": _("Questions"),
    "contact": _("Contacts"),
    "statement": _("Statements"),
    "provision": _("Provisions"),
    "act": _("Acts"),
    "event": _("Events"),
    "term": _("Definitions"),
}


class SeveralField(forms.MultipleChoiceField):
    """Several values of a facet; which exist depends on what is found, so any slug is taken."""

    def valid_value(self, value):
        return value.replace("-", "").isalnum() and len(value) <= 80


class SearchForm(forms.Form):
    q = forms.CharField(
        max_length=MAX_LENGTH,
        error_messages={
            "required": _("Type a word or a question."),
            "max_length": _(
                "This search is longer than %(limit_value)d characters. Keep the words that "
                "matter most, and search again."
            ),
            "null_characters_not_allowed": _(
                "This search holds a character that cannot be searched. Type it again."
            ),
        },
    )
    kind = forms.MultipleChoiceField(
        required=False,
        choices=list(KIND_NAMES.items()),
        error_messages={"invalid_choice": _("There is no such filter. Choose one of the list.")},
    )
    topic = SeveralField(
        required=False,
        error_messages={"invalid_choice": _("There is no such filter. Choose one of the list.")},
    )
    jurisdiction = SeveralField(
        required=False,
        error_messages={"invalid_choice": _("There is no such filter. Choose one of the list.")},
    )

    status = SeveralField(
        required=False,
        error_messages={"invalid_choice": _("There is no such filter. Choose one of the list.")},
    )

    def clean_q(self):
        text = self.cleaned_data["q"]
        if not Query.parse(text, "fr"):
            raise forms.ValidationError(
                _("There is no word in this search. Type a word, a question or an article number.")
            )
        return text

    @property
    def filters(self):
        """The valid form's `Filters`."""
        return Filters(
            kinds=tuple(self.cleaned_data["kind"]),
            topics=tuple(self.cleaned_data["topic"]),
            jurisdictions=tuple(self.cleaned_data["jurisdiction"]),
            statuses=tuple(self.cleaned_data["status"]),
        )


def kinds():
    """The kinds that are searched, with their names."""
    searched = {index.kind for index in registry.values()}
    return {kind: name for kind, name in KIND_NAMES.items() if kind in searched}
