"""Nothing typed is lost when a session ends: what was sent waits in a page until it can be saved.

An editor signs in again in another tab and sends the same form once more. It works without
scripts, and nothing is kept on the server.
"""

from django.shortcuts import render
from django.urls import reverse
from django.views.csrf import csrf_failure as refuse

# The buttons of the admin's forms.
SAVES = {"_save", "_continue", "_addanother", "_saveasnew"}


class HeldFormMiddleware:
    """Answers a form of the admin sent without a session with the form itself, to send again."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if _is_saved_form(request) and not request.user.is_authenticated:
            return _held(request)
        return None


def csrf_failure(request, reason=""):
    """A form of ours whose token is older than the last sign-in comes again with a new one."""
    origin = request.headers.get("Origin")
    is_ours = origin in (None, f"{request.scheme}://{request.get_host()}")
    if _is_saved_form(request) and is_ours:
        return _held(request)
    return refuse(request, reason)


def _is_saved_form(request):
    return (
        request.method == "POST"
        and request.path.startswith(reverse("admin:index"))
        and bool(SAVES & request.POST.keys())
    )


def _held(request):
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
    response = render(request, "admin/held.html", {"fields": fields}, status=403)
    response["Cache-Control"] = "no-store"
    return response
