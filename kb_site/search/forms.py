from django import forms
from django.utils.translation import gettext_lazy as _

from kb_site.search.documents import registry
from kb_site.search.query import MAX_LENGTH, Query

KIND_NAMES = {
    "question": _("Questions"),
    "contact": _("Contacts"),
    "statement": _("Statements"),
    "provision": _("Provisions"),
    "act": _("Acts"),
}


class SearchForm(forms.Form):
    q = forms.CharField(
        label=_("Search"),
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
        label=_("Only"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": _("There is no kind “%(value)s”. Choose one of the list.")
        },
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        kinds = {index.kind for index in registry.values()}
        self.fields["kind"].choices = [
            (kind, name) for kind, name in KIND_NAMES.items() if kind in kinds
        ]

    def clean_q(self):
        text = self.cleaned_data["q"]
        if not Query.parse(text, "fr"):
            raise forms.ValidationError(
                _("There is no word in this search. Type a word, a question or an article number.")
            )
        return text
