"""The form to report an error. It tells robots by a trap and by the clock: people do nothing."""

import datetime

from django import forms
from django.core import signing
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 2000
# Nobody reads the form and writes in it within so many seconds.
TOO_QUICK = 3
TOO_OLD = datetime.timedelta(hours=24)

_signer = signing.TimestampSigner(salt="kb_site.reports")


class PlainTextField(forms.CharField):
    """Text with one sign for the end of a line: browsers send two, and people count one."""

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n").replace("\r", "\n")


class ReportForm(forms.Form):
    """`text` is what is wrong; `website` is a trap; `token` says when the form was shown.

    There is no `csrf_token`: it needs a cookie. The signed token stands in for it: only who was
    shown the form has one.
    """

    text = PlainTextField(
        label=_("What is wrong?"),
        # Without `max_length`: the browser would cut what is pasted without a word.
        validators=[
            MaxLengthValidator(
                MAX_LENGTH,
                _(
                    "This text has %(show_value)d characters, and %(limit_value)d fit. Shorten it, "
                    "or send it in two parts."
                ),
            )
        ],
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off"}),
        error_messages={
            "required": _("Say in a sentence what is wrong."),
            "null_characters_not_allowed": _(
                "This text holds a character that cannot be kept. Type it again."
            ),
        },
    )
    website = forms.CharField(
        label=_("Leave this empty: it is a trap for robots."),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )
    token = forms.CharField(required=False, widget=forms.HiddenInput)
    max_length = MAX_LENGTH

    def clean_website(self):
        if self.cleaned_data["website"]:
            raise forms.ValidationError(
                _("Empty the field that is a trap for robots, then send the report again.")
            )
        return ""

    def clean_token(self):
        token = self.cleaned_data["token"]
        try:
            _signer.unsign(token, max_age=TOO_OLD)
        except signing.BadSignature as error:  # or an old one
            raise forms.ValidationError(
                _("This form was open for too long. Your text is still here: send it again.")
            ) from error
        if is_too_quick(token):
            raise forms.ValidationError(
                _("This came very fast. Your text is still here: wait a moment, and send it again.")
            )
        return token

    @property
    def next_token(self):
        """The token to send next: the one that came, unless it is of no more use."""
        token = self.data.get("token", "") if self.is_bound else ""
        try:
            _signer.unsign(token, max_age=TOO_OLD)
        except signing.BadSignature:
            return new_token()
        return token

    @property
    def refusals(self):
        """What keeps the report back when the text is right."""
        if "text" in self.errors:
            return []
        return [*self.errors.get("website", []), *self.errors.get("token", [])]


def new_token():
    """Returns a token that says, signed, that the form is shown now."""
    return _signer.sign("shown")


def is_too_quick(token):
    """Whether a valid token was made less than `TOO_QUICK` seconds ago."""
    try:
        _signer.unsign(token, max_age=TOO_QUICK)
    except signing.SignatureExpired:
        return False
    return True
