"""Events and the law's dates on one page: in order, told apart, and true on the day asked for."""

import datetime

import pytest
import time_machine
from django.core.exceptions import ValidationError

from articles import timeline
from articles.models import Event, Statement
from kb_site.editorial import clock
from kb_site.editorial.previews import addresses
from kb_site.search.find import find
from laws.dates import LegalDate, dates_of
from laws.models import LegalAct, Provision, ProvisionVersion
from tests.test_pages import address_of, read, words

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

DAY = datetime.date


def page(language="en", query=""):
    return read(f"/{language}/timeline/{query}")


def section(shown, name):
    """The lines of a section, in order."""
    found = shown.main.all("section", **{"aria-labelledby": name})
    return found[0].classed("claim") if found else []


@pytest.fixture
def today():
    with time_machine.travel("2026-11-23T12:00:00+01:00", tick=False):
        yield DAY(2026, 11, 23)


class TestEvent:
    def test_ends_after_it_begins(self):
        event = Event.objects.get(reference="ev-2026-01-blocks")
        event.ended_on = event.happened_on - datetime.timedelta(days=1)
        with pytest.raises(ValidationError, match="cannot end before it begins"):
            event.full_clean()

    def test_has_no_last_day_without_a_first(self):
        event = Event.objects.get(reference="ev-2026-01-blocks")
        event.happened_on = None
        with pytest.raises(ValidationError) as refusal:
            event.full_clean()
        assert "first day" in refusal.value.message_dict["ended_on"][0]

    def test_is_found_by_its_place_on_the_timeline(self):
        for event in Event.objects.published():
            for language in ("fr", "en"):
                address, _mark, anchor = address_of(event, language).partition("#")
                assert address == f"/{language}/timeline/"
                assert anchor.startswith("ev-")


class TestPage:
    def test_every_published_event_stands_on_it_with_its_source(self, today):
        for language in ("fr", "en"):
            shown = page(language)
            for event in Event.objects.published():
                [line] = shown.main.all("li", id=event.anchor)
                assert words(getattr(event, f"title_{language}")) in words(line.text)
                assert words(getattr(event, f"source_{language}")) in words(line.text)
                assert not event.url or event.url in line.links
                assert bool(line.classed("secondary")) == (event.confidence == "secondary")

    def test_what_comes_next_is_first_and_soonest_first(self, today):
        coming = section(page(), "next")
        days = [line.all("time")[0].attrs["datetime"] for line in coming]
        assert days == ["2026-12-02", "2027-06-14"]
        assert "in 9 days" in coming[0].text
        assert "Art. 5(1)(ba) and (bb)" in coming[0].text
        assert "transpose" in coming[1].text
        assert "2024/1385" in coming[1].text

    def test_what_was_follows_newest_first(self, today):
        before = section(page(), "before")
        days = [line.all("time")[0].attrs["datetime"] for line in before]
        assert days == sorted(days, reverse=True)
        assert len(days) > 30

    def test_a_day_passes_without_anybody_editing(self):
        with time_machine.travel("2026-12-02T12:00:00+01:00", tick=False):
            shown = page()
        assert "2026-12-02" not in [
            t.attrs["datetime"] for line in section(shown, "next") for t in line.all("time")
        ]
        assert section(shown, "before")[0].all("time")[0].attrs["datetime"] == "2026-12-02"

    def test_lines_are_told_apart_in_words(self, today):
        for line in page().main.classed("claim"):
            [basis] = line.classed("basis")
            is_event = "claim-event" in line.attrs["class"]
            assert ("What happened" in basis.text) == is_event
            assert ("A date of the law" in basis.text) == (not is_event)

    def test_a_date_nobody_knows_is_said_to_be_so(self, today):
        Event.objects.filter(reference="ev-2026-01-ccdh").update(happened_on=None)
        for language, said in (("en", "date not known"), ("fr", "date inconnue")):
            line = section(page(language), "before")[-1]
            assert line.attrs["id"] == "ev-2026-01-ccdh"
            assert said in line.text
            assert not line.classed("basis")[0].all("time")

    def test_a_month_is_shown_as_a_month_and_several_days_as_such(self, today):
        Event.objects.filter(reference="ev-2026-01-ccdh").update(
            happened_on=DAY(2026, 1, 1), precision="month"
        )
        shown = page()
        [month] = shown.main.all("li", id="ev-2026-01-ccdh")
        assert month.all("time")[0].text == "January 2026"
        [days] = shown.main.all("li", id="ev-2026-01-blocks")
        assert words("from 10 January 2026 to 12 January 2026") in words(days.text)

    def test_an_event_to_come_is_planned(self, today):
        Event.objects.filter(reference="ev-2026-01-ccdh").update(happened_on=DAY(2027, 1, 4))
        [line] = page().main.all("li", id="ev-2026-01-ccdh")
        assert "What is planned" in line.text
        assert "in 42 days" in line.text

    @pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn"])
    def test_what_is_not_published_is_not_on_it(self, status, today):
        Event.objects.filter(reference="ev-2026-01-ccdh").update(status=status)
        Statement.objects.filter(reference="st-eu-investigation").update(status=status)
        LegalAct.objects.filter(reference="eu-aiact").update(status=status)
        shown = page()
        assert not shown.main.all("li", id="ev-2026-01-ccdh")
        assert not [x for x in shown.main.links if "st-eu-investigation" in x or "eu-aiact" in x]
        assert [x for x in shown.main.links if "eu-dsa" in x]

    def test_the_picture_holds_what_the_list_holds_from_its_first_month_on(self, today):
        [figure] = page().main.all("figure")
        assert figure.all("svg")[0].attrs["role"] == "img"
        assert figure.all("title")[0].text
        events = Event.objects.published().exclude(happened_on=None)
        assert len(figure.all("circle")) == events.count()
        assert len(figure.all("polygon")) >= 4

    def test_is_empty_without_an_error(self, today):
        for model in (Event, LegalAct, Provision):
            model.objects.update(status="draft")
        shown = page()
        assert "No event is published yet." in shown.main.text
        assert not shown.main.all("svg")

    @pytest.mark.parametrize(
        "query", ["?page=0", "?page=99", "?page=%00", "?as_of=%00", "?as_of=x"]
    )
    def test_nonsense_in_the_address_is_no_error_of_ours(self, query, client):
        assert client.get(f"/en/timeline/{query}").status_code in (400, 404)


class TestPast:
    def test_shows_what_stood_that_day(self, client):
        event = Event.objects.get(reference="ev-2026-01-ccdh")
        with time_machine.travel("2099-05-01T12:00:00+02:00", tick=False):
            event.title_en = "Zyzzyva"
            event.save()
        with time_machine.travel("2099-05-03T12:00:00+02:00", tick=False):
            assert "Zyzzyva" in page().main.text
            before = client.get("/en/timeline/?as_of=2099-04-30")
            after = client.get("/en/timeline/?as_of=2099-05-01")
        assert "Zyzzyva" not in before.content.decode()
        assert "Zyzzyva" in after.content.decode()
        assert 'id="ev-2026-01-ccdh"' in before.content.decode()
        assert "noindex" in before["X-Robots-Tag"]

    def test_a_draft_is_previewed_where_it_will_stand(self, client):
        event = Event.objects.get(reference="ev-2026-01-ccdh")
        event.status = "draft"
        event.save()
        assert event.anchor not in page().tree.text
        for _language, address in addresses(event):
            assert f'id="{event.anchor}"' in client.get(address).content.decode()


class TestLegalDates:
    def dates(self, *references):
        provisions = Provision.objects.filter(reference__in=references).select_related("act")
        acts = LegalAct.objects.filter(provisions__in=provisions).distinct()
        return dates_of(acts, provisions.prefetch_related("versions"))

    def test_provisions_of_an_act_that_apply_together_are_one_date(self):
        [date] = self.dates("eu-dsa-16", "eu-dsa-28")
        assert (date.day, date.what) == (DAY(2024, 2, 17), LegalDate.APPLIES)
        assert [p.reference for p in date.provisions] == ["eu-dsa-16", "eu-dsa-28"]

    def test_entry_into_force_and_application_are_two_dates(self):
        found = {(d.what, d.day) for d in self.dates("eu-aiact-5-ba-bb")}
        assert found == {
            (LegalDate.IN_FORCE, DAY(2024, 8, 1)),
            (LegalDate.APPLIES, DAY(2026, 12, 2)),
        }

    def test_the_deadline_of_a_directive_is_told_once(self):
        deadlines = [d for d in self.dates("eu-dir-2024-1385-5") if d.what == d.TRANSPOSITION]
        assert [d.day for d in deadlines] == [DAY(2027, 6, 14)]

    def test_a_wording_that_another_follows_does_not_end(self):
        whats = [d.what for d in self.dates("lu-cp-383bis")]
        assert whats == [LegalDate.APPLIES]

    def test_a_wording_that_none_follows_ends_the_day_after_its_last(self):
        versions = ProvisionVersion.objects.filter(provision__reference="eu-dsa-16")
        versions.update(applies_until=DAY(2030, 1, 31))
        last = self.dates("eu-dsa-16")[-1]
        assert (last.day, last.what) == (DAY(2030, 2, 1), LegalDate.NO_LONGER_APPLIES)

    def test_a_proposal_has_no_dates(self):
        LegalAct.objects.filter(reference="eu-dsa").update(
            kind="proposal", in_force_from=DAY(2026, 1, 1)
        )
        assert self.dates("eu-dsa-16") == []


class TestPicture:
    def moments(self, *days):
        return [
            timeline.Moment(day, event=object()) if n % 2 == 0 else timeline.Moment(day, law=1)
            for n, day in enumerate(days)
        ]

    def test_is_left_out_when_there_is_nothing_to_see(self):
        assert timeline.draw([], DAY(2026, 1, 1)) is None
        assert timeline.draw(self.moments(DAY(2026, 1, 1)), DAY(2026, 1, 1)) is None

    def test_keeps_every_mark_inside(self):
        days = [DAY(2026, 1, 1) + datetime.timedelta(days=n // 4) for n in range(1600)]
        picture = timeline.draw(self.moments(*days), DAY(2026, 6, 1))
        assert len(picture.marks) < 800
        for mark in picture.marks:
            assert 5 <= mark.x <= picture.width - 5
            assert 5 <= mark.y <= picture.height - 5

    def test_marks_of_one_lane_do_not_hide_each_other(self):
        picture = timeline.draw(self.moments(*[DAY(2026, 1, 1)] * 8), DAY(2026, 6, 1))
        assert len({(m.x, m.y) for m in picture.marks}) == 8


def test_the_search_leads_to_the_place_on_the_timeline(index_dir):
    for language, typed in (("fr", "Ofcom Royaume-Uni"), ("en", "Ofcom United Kingdom")):
        results = {r.reference: r for r in find(typed, language)}
        result = results["ev-2026-01-12-ofcom"]
        assert result.kind == "event"
        assert result.url == f"/{language}/timeline/#ev-2026-01-12-ofcom"
    shown = read("/en/search/?q=Ofcom&kind=event").main
    assert "Event" in shown.classed("tags")[0].text


def test_what_is_to_come_depends_on_the_day_asked_for():
    with clock.as_of(DAY(2026, 1, 1)):
        moments = timeline.moments_of(Event.objects.published(), [])
        coming = [m for m in moments if timeline.is_coming(m, clock.today())]
    assert len(coming) == 15


@pytest.mark.parametrize("today", ["2020-01-01", "2024-08-01", "2026-11-23", "2026-12-02"])
def test_what_comes_is_what_the_whole_line_holds_after_the_day(today):
    today = DAY.fromisoformat(today)
    whole = [moment for moment in timeline.published() if timeline.is_coming(moment, today)]
    assert timeline.coming(today) == whole
    assert whole
