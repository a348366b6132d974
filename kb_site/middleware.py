from django.conf import settings

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
    """Gives the bare "method not allowed" answer a page that says what to do."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:
            page = views.method_not_allowed(request)
            page["Allow"] = response["Allow"]
            return page
        return response
