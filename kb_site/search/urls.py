from django.urls import path

from kb_site.search import feeds, views

app_name = "search"

urlpatterns = [
    path("", views.SearchView.as_view(), name="search"),
    path("feed/", feeds.SearchFeed(), name="feed"),
    path("suggest/", views.SuggestView.as_view(), name="suggest"),
]
