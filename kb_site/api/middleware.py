from django.http import HttpResponse
from django.utils.cache import get_conditional_response, set_response_etag

from kb_site.api import problems
from kb_site.editorial import clock

PREFIX = "/api/"
# A change is seen after so many seconds; caches answer in between.
FRESH = 300
MISSING = 60


class ApiMiddleware:
    """What every answer under /api/ shares: open to any origin, cached, conditional, never HTML.

    It stands outside of what makes the site's own error pages, and of sessions and languages, on
    which no answer depends.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        if request.method == "OPTIONS":
            response = HttpResponse(status=204)
            response["Allow"] = "GET, HEAD, OPTIONS"
            response["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
            response["Access-Control-Allow-Headers"] = "*"
            response["Access-Control-Max-Age"] = "86400"
        else:
            response = self.answer(request)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "ETag, Retry-After"
        return response

    def answer(self, request):
        method = request.method
        if method == "HEAD":
            # The server leaves the body out.
            request.method = "GET"
        try:
            response = self.get_response(request)
        finally:
            request.method = method
        if 300 <= response.status_code < 400:
            return response
        if response.status_code >= 400 and response["Content-Type"] != problems.MEDIA_TYPE:
            allow, retry_after = response.get("Allow"), response.get("Retry-After")
            response = problems.answer(response.status_code)
            if retry_after:
                response["Retry-After"] = retry_after
            if allow:
                response["Allow"] = "GET, HEAD, OPTIONS"
        for name in ("Content-Language", "Vary"):
            del response[name]
        if response.status_code >= 500 or response.status_code == 429:
            response["Cache-Control"] = "no-store"
        elif response.status_code >= 400:
            response["Cache-Control"] = f"public, max-age={clock.fresh_for(MISSING)}"
        else:
            response["Cache-Control"] = f"public, max-age={clock.fresh_for(FRESH)}"
            set_response_etag(response)
            response = get_conditional_response(request, etag=response["ETag"], response=response)
            if response.status_code == 412:
                response = problems.answer(412)
        return response
