"""What readers' reports add to the editors' desk."""

from django.urls import reverse
from django.utils.translation import gettext

from kb_site.editorial.desk import ROWS, Panel, Row, panel
from kb_site.reports.admin import begins
from kb_site.reports.models import ErrorReport


@panel
def errors_reported(user):
    """What readers say is wrong and nobody has marked as done, oldest first."""
    title = gettext("Errors that readers report")
    if not user.has_perm("reports.view_errorreport"):
        return Panel(title, 0, [])
    reports = ErrorReport.objects.kept().filter(is_done=False).order_by("reported_on", "pk")
    rows = [
        Row(
            str(report),
            reverse("admin:reports_errorreport_change", args=[report.pk]),
            begins(report),
        )
        for report in reports[:ROWS]
    ]
    address = reverse("admin:reports_errorreport_changelist")
    return Panel(title, reports.count(), rows, f"{address}?is_done__exact=0")
