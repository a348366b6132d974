from django.http import FileResponse, Http404
from django.utils.decorators import method_decorator
from django.utils.http import http_date

from kb_site.graph import downloads
from kb_site.headers import open_to_any_origin
from kb_site.views import PublicPage


@method_decorator(open_to_any_origin, name="dispatch")
class DownloadView(PublicPage):
    """A dated copy of the open data."""

    def get(self, request, name):
        copy = downloads.find(name)
        if copy is None:
            raise Http404
        try:
            file = copy.path.open("rb")
        except FileNotFoundError as error:  # replaced this moment
            raise Http404 from error
        response = FileResponse(file, as_attachment=True, content_type="application/zip")
        response["Last-Modified"] = http_date(copy.path.stat().st_mtime)
        response["Cache-Control"] = "public, max-age=3600"
        return response
