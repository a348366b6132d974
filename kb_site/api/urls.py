from django.urls import path, re_path

from kb_site.api import views
from kb_site.api.v1 import api

urlpatterns = [
    path("v1/openapi.json", views.openapi, name="openapi"),
    path("v1/", api.urls),
    re_path(r"", views.not_found, name="api-not-found"),
]
