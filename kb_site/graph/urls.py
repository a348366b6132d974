from django.urls import path

from kb_site.graph import views

app_name = "graph"

urlpatterns = [
    path("<str:name>", views.DownloadView.as_view(), name="download"),
]
