from django.urls import path

from kb_site.editorial import views

app_name = "editorial"

urlpatterns = [
    path("", views.ChangeListView.as_view(), name="change-list"),
    path("feed/", views.ChangeFeed(), name="change-feed"),
]
