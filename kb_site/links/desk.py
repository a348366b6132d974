from django.urls import reverse
from django.utils.translation import gettext

from kb_site.editorial import history
from kb_site.editorial.desk import ROWS, Panel, Row, change_url, panel
from kb_site.links.models import LinkCheck


@panel
def broken_links(user):
    """Links that failed twice, those that readers have met longest first."""
    broken = LinkCheck.objects.filter(status=LinkCheck.Status.BROKEN).order_by("first_failed_at")
    checks = list(broken[:ROWS])
    records = history.records_of({place[0] for check in checks for place in check.places[:1]})
    rows = []
    for check in checks:
        record = records.get(check.places[0][0]) if check.places else None
        url = (
            change_url(record)
            if record is not None
            else reverse("admin:links_linkcheck_change", args=[check.pk])
        )
        text = f"{record}: {check}" if record is not None else str(check)
        rows.append(Row(text, url, check.detail))
    address = reverse("admin:links_linkcheck_changelist")
    return Panel(
        gettext("Broken links"),
        broken.count(),
        rows,
        f"{address}?status__exact={LinkCheck.Status.BROKEN}",
    )
