from django.urls import path

from kb_site.editorial import previews, views

app_name = "editorial"

urlpatterns = [
    path("preview/<str:token>/", previews.PreviewView.as_view(), name="preview"),
    path("", views.ChangeListView.as_view(), name="change-list"),
    path("feed/", views.ChangeFeed(), name="change-feed"),
]
