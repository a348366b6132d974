"""The clock is moved: nothing that was written is lost, and what is asked next is answered.

That pages change at midnight, and when the clock is set back over it, is in `test_kept_pages`.
"""

import datetime

import pytest
import time_machine
from django.urls import reverse

from articles.models import Contact
from kb_site.editorial.models import Revision
from tests.laws.test_admin import admin_url, filled_in

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

NOW = datetime.datetime(2026, 12, 2, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize("hours", [-26, -1, 11.5, 24 * 400])
def test_edits_before_and_after_the_clock_is_moved_are_both_kept(
    editor, django_user_model, settings, hours
):
    settings.FOUR_EYES = False
    contact = Contact.objects.get(reference="ct-police")

    def save(text):
        editor.force_login(django_user_model.objects.get(username="editor"))
        data = filled_in(editor.get(admin_url(contact))) | {"summary_en": text}
        assert editor.post(admin_url(contact), data).status_code == 302

    with time_machine.travel(NOW, tick=False) as clock:
        save("Quagga.")
        clock.move_to(NOW + datetime.timedelta(hours=hours))
        save("Okapi.")
        rows = list(Revision.objects.filter(reference="ct-police").order_by("number"))
        assert [row.data["summary_en"] for row in rows][-2:] == ["Quagga.", "Okapi."]
        assert [row.number for row in rows if row.until is None] == [len(rows)]
        page = editor.get("/en/contacts/ct-police/").content.decode()
        assert "Okapi" in page
        assert (
            "A change made by a test"
            in editor.get(reverse("editorial:change-list")).content.decode()
        )
