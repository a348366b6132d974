"""Addresses that never change and have no language, and the pages that have one."""

from django.urls import path, re_path

from kb_site.quoting import views

app_name = "quoting"

# A number no database refuses.
POINT = r"(?P<point>[0-9]{1,5})"
REFERENCE = r"(?P<reference>[a-z0-9-]{1,80})"

urlpatterns = [
    re_path(rf"^r/{REFERENCE}/?$", views.PermalinkView.as_view(), name="permalink"),
    re_path(rf"^r/{REFERENCE}/{POINT}/?$", views.PermalinkView.as_view(), name="permalink-point"),
    re_path(rf"^r/{REFERENCE}/cite/?$", views.CiteInLanguageView.as_view(), name="cite"),
    re_path(
        rf"^r/{REFERENCE}/{POINT}/cite/?$", views.CiteInLanguageView.as_view(), name="cite-point"
    ),
    re_path(rf"^embed/{REFERENCE}/?$", views.EmbedInLanguageView.as_view(), name="embed"),
]

pages = [
    re_path(rf"^cite/{REFERENCE}/$", views.CiteView.as_view(), name="cite"),
    re_path(rf"^cite/{REFERENCE}/{POINT}/$", views.CiteView.as_view(), name="cite-point"),
    re_path(
        rf"^cite/{REFERENCE}\.(?P<extension>bib|ris|json)$",
        views.CitationFileView.as_view(),
        name="file",
    ),
    re_path(
        rf"^cite/{REFERENCE}/{POINT}\.(?P<extension>bib|ris|json)$",
        views.CitationFileView.as_view(),
        name="file-point",
    ),
    re_path(rf"^embed/{REFERENCE}/$", views.EmbedView.as_view(), name="embed"),
    path("data/", views.DataView.as_view(), name="data"),
]
