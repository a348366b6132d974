"""A draft, or a change that waits for approval, as readers will see it.

A signed address that expires lets somebody without an account read it, in both languages. It is
never indexed nor cached.
"""

from django.core import signing
from django.http import Http404
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from kb_site.editorial import history, workflow
from kb_site.editorial.models import Status
from kb_site.editorial.views import DatedPage
from kb_site.languages import LANGUAGES
from kb_site.views import PublicPage

SALT = "kb_site.editorial.previews"
MAX_AGE = 7 * 24 * 3600  # seconds
HEADERS = {
    "Cache-Control": "no-store, private",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


class Proposal(history.Past):
    """The records as they are now, and one of them as it will be."""

    def __init__(self, key, data):
        super().__init__(timezone.now())
        kind = history.kinds[key.partition(":")[0]]
        self._load(history.cited(data, kind.model, kind.parts))
        self._data[key] = data | ({"status": Status.PUBLISHED} if "status" in data else {})


def token_of(record):
    """Returns a signed name of a record, good for `MAX_AGE` seconds."""
    return signing.dumps(history.key_of(record), salt=SALT)


def addresses(record):
    """Returns [(language, address)] of the record's preview."""
    return _addresses(token_of(record))


def _addresses(token):
    found = []
    for code in LANGUAGES:
        with override(code):
            found.append((code, reverse("editorial:preview", args=[token])))
    return found


class PreviewView(PublicPage):
    """Shows the record that a signed token names, with what waits for approval."""

    def get(self, request, token):
        try:
            key = signing.loads(token, salt=SALT, max_age=MAX_AGE)
        except signing.SignatureExpired:
            response = render(request, "editorial/preview_expired.html", status=410)
        except signing.BadSignature:
            raise Http404 from None
        else:
            response = self.show(request, key, token)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    def show(self, request, key, token):
        record = history.record_of(key)
        if record is None:
            raise Http404
        pending = workflow.pending_of(record)
        data = pending.data if pending else history.state_of(record)
        kind, _separator, reference = key.partition(":")
        view = DatedPage.pages[kind].as_view(past=Proposal(key, data), preview=reference)
        response = view(request)
        if not isinstance(response, TemplateResponse):
            return response  # It is asked for a day that is none.
        response.context_data |= {"preview_addresses": _addresses(token)}
        return response.render()
