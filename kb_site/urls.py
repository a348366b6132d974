from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

from articles.views import HomeView
from kb_site import discovery, health, views
from kb_site.api.views import DocumentationView
from kb_site.quoting import urls as quoting

admin.site.site_header = admin.site.site_title = "Repères"
admin.site.login = secure_admin_login(admin.site.login)

urlpatterns = [
    path("", views.choose_language, name="root"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("accounts/", include("kb_site.accounts.urls")),
    path("", include("kb_site.quoting.urls")),
    path("robots.txt", discovery.robots, name="robots"),
    path("sitemap.xml", discovery.sitemap, name="sitemap"),
    path(".well-known/security.txt", discovery.security, name="security"),
    path("api/", include("kb_site.api.urls")),
    path("data/", include("kb_site.graph.urls")),
    *i18n_patterns(
        path("", HomeView.as_view(), name="home"),
        path("about/", views.AboutView.as_view(), name="about"),
        path("accessibility/", views.AccessibilityView.as_view(), name="accessibility"),
        path("leaving/", views.LeavingView.as_view(), name="leaving"),
        path("privacy/", views.PrivacyView.as_view(), name="privacy"),
        path("report/", include("kb_site.reports.urls")),
        path("opensearch.xml", discovery.open_search, name="open-search"),
        path("", include((quoting.pages, "citing"))),
        path("api/", DocumentationView.as_view(), name="api-docs"),
        path("changes/", include("kb_site.editorial.urls")),
        path("search/", include("kb_site.search.urls")),
        path("laws/", include("laws.urls")),
        path("", include("articles.urls")),
    ),
]

handler400 = "kb_site.views.bad_request"
handler403 = "kb_site.views.forbidden"
handler404 = "kb_site.views.page_not_found"
handler500 = "kb_site.views.server_error"
