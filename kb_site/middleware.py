from django.conf import settings
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, FieldDoesNotExist
from django.db import DatabaseError
from django.urls import reverse

from kb_site import views


class BodySizeMiddleware:
    """Refuses what is too large before anything of it is read."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        is_admin = request.path_info.startswith(f"/{settings.ADMIN_PATH}")
        most = settings.MAX_BODY_OF_ADMIN if is_admin else settings.MAX_BODY
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > most:
            return views.too_large(request, most)
        return self.get_response(request)


class HelpfulErrorsMiddleware:
    """Gives a page that says what to do where Django has a bare answer, or none."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:
            page = views.method_not_allowed(request)
            page["Allow"] = response["Allow"]
            return page
        return response

    def process_exception(self, request, exception):
        """An address of the admin that names a filter or a field there is not is a bad request."""
        asked_wrongly = isinstance(exception, IncorrectLookupParameters | FieldDoesNotExist)
        # Django takes the one value of a range for a list of letters; PostgreSQL does not.
        is_range = any(name.endswith("__range") for name in request.GET)
        # SQLite stops at a thousand conditions.
        is_much = any(len(values) > 100 for _name, values in request.GET.lists())
        asked_wrongly |= (is_range or is_much) and isinstance(exception, DatabaseError)
        if asked_wrongly and request.path.startswith(reverse("admin:index")):
            raise BadRequest from exception
