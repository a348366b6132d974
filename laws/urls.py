from django.urls import path

from laws import views

app_name = "laws"

urlpatterns = [
    path("", views.ActListView.as_view(), name="act-list"),
    path("<slug:reference>/", views.ActDetailView.as_view(), name="act-detail"),
    path(
        "<slug:act_reference>/<slug:reference>/",
        views.ProvisionDetailView.as_view(),
        name="provision-detail",
    ),
]
