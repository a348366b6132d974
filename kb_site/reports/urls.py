from django.urls import path

from kb_site.reports import views

app_name = "reports"

urlpatterns = [
    path("", views.ReportView.as_view(), name="report"),
    path("thanks/", views.ThanksView.as_view(), name="thanks"),
    path("<slug:kind>/<slug:reference>/", views.ReportView.as_view(), name="report"),
]
