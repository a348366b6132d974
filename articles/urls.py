from django.urls import path

from articles import feeds, views

app_name = "articles"

urlpatterns = [
    path("questions/", views.QuestionListView.as_view(), name="question-list"),
    path("questions/feed/", feeds.QuestionFeed(), name="question-feed"),
    path("questions/<slug:slug>/", views.QuestionDetailView.as_view(), name="question-detail"),
    path("statements/", views.StatementListView.as_view(), name="statement-list"),
    path("statements/feed/", feeds.StatementFeed(), name="statement-feed"),
    path(
        "statements/<slug:reference>/",
        views.StatementDetailView.as_view(),
        name="statement-detail",
    ),
    path("timeline/", views.TimelineView.as_view(), name="timeline"),
    path("glossary/", views.GlossaryView.as_view(), name="glossary"),
    path("contacts/", views.ContactListView.as_view(), name="contact-list"),
    path("contacts/<slug:reference>/", views.ContactDetailView.as_view(), name="contact-detail"),
    path("help/", views.HelpView.as_view(), name="help"),
    path("help/<slug:reference>/", views.AdviceDetailView.as_view(), name="advice-detail"),
]
