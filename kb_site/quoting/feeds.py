"""Atom feeds whose entries are records."""

from django.contrib.syndication.views import Feed
from django.db.models import Max, Min, Q
from django.utils.decorators import method_decorator
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt

from kb_site.editorial import history
from kb_site.editorial.models import Revision
from kb_site.editorial.views import printable
from kb_site.headers import open_to_any_origin
from kb_site.quoting.citing import citing_of
from kb_site.views import PAGE_SIZE


@method_decorator([csrf_exempt, open_to_any_origin], name="__call__")
class RecordFeed(Feed):
    """The records that `records(obj)` returns, those last published first.

    With `by_change` those that were changed last come first. They must be published ones.
    """

    feed_type = Atom1Feed
    by_change = False

    def records(self, obj):
        raise NotImplementedError

    def items(self, obj):
        records = dated(self.records(obj))
        records.sort(key=lambda r: r.changed_at if self.by_change else r.first_at, reverse=True)
        return records[:PAGE_SIZE]

    def item_title(self, record):
        title, _language = history.title_of(record.kind_name, vars(record), get_language())
        return printable(title)

    def item_description(self, record):
        return printable(citing_of(record.kind_name).description(record))

    def item_link(self, record):
        return record.get_absolute_url()

    def item_pubdate(self, record):
        return record.first_at

    def item_updateddate(self, record):
        return record.changed_at


def dated(records):
    """Returns records with `kind_name`, `first_at` and `changed_at`: when readers first had them,
    and when what they have now came."""
    records = list(records)
    asked = Q()
    for record in records:
        record.kind_name = history.kind_of(type(record)).name
        asked |= Q(kind=record.kind_name, reference=record.reference)
    public = Revision.objects.filter(asked, is_public=True) if asked else Revision.objects.none()
    rows = public.order_by().values_list("kind", "reference").annotate(Min("at"), Max("at"))
    found = {(kind, reference): (first, last) for kind, reference, first, last in rows}
    for record in records:
        usual = (record.created_at, record.updated_at)
        record.first_at, record.changed_at = found.get((record.kind_name, record.reference), usual)
    return records
