import functools
import json

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView

from kb_site.api import problems
from kb_site.views import PublicPage


@functools.cache
def document_text():
    # Read late: the API is built once every app has said what it holds.
    from kb_site.api import document

    return document.text()


@csrf_exempt
def openapi(request):
    """The OpenAPI document."""
    if request.method != "GET":
        return not_allowed(request)
    return HttpResponse(document_text(), content_type="application/json")


@csrf_exempt
def not_found(request):
    """Whatever else lies under /api/."""
    return problems.answer(404) if request.method == "GET" else not_allowed(request)


def not_allowed(request):
    response = problems.answer(405)
    response["Allow"] = "GET, HEAD, OPTIONS"
    return response


class DocumentationView(PublicPage, TemplateView):
    """How to use the API, made from its OpenAPI document. No script, nothing from elsewhere."""

    template_name = "api/documentation.html"

    def get_context_data(self, **kwargs):
        from kb_site.api import document

        built = json.loads(document_text())
        return super().get_context_data(
            description=built["info"]["description"],
            endpoints=document.endpoints(built),
            shapes=document.shapes(built),
            **kwargs,
        )
