"""Which links the site has, what is kept of their checks, and what editors see of it."""

import datetime
import re
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone, translation

from articles.models import Contact, Question, Source, Statement
from kb_site.editorial import history
from kb_site.editorial.desk import panels
from kb_site.editorial.models import Status as Publication
from kb_site.links import places
from kb_site.links.check import Checker, Outcome
from kb_site.links.models import NO_FAILURE, WORDS, LinkCheck, state_of
from kb_site.management.commands import check_links
from laws.models import ProvisionVersion
from tests.pages import ADMIN_URL

Status = LinkCheck.Status
HTML = {"Content-Type": "text/html"}
PAGE = (200, HTML, b"<title>A page</title><p id=here>")
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)

pytestmark = pytest.mark.django_db


class TestPlaces:
    def test_every_address_field_of_what_is_published(self):
        found = places.published()
        contact = Contact.objects.published().exclude(url_fr="").first()
        assert [f"contact:{contact.reference}", "url_fr"] in found[contact.url_fr]
        version = (
            ProvisionVersion.objects.filter(provision__status=Publication.PUBLISHED)
            .exclude(official_url_fr="")
            .first()
        )
        key = history.key_of(version.provision)
        assert [key, "versions", version.number, "official_url_fr"] in found[
            version.official_url_fr
        ]

    def test_the_links_of_markdown_in_each_language(self):
        claim = Question.objects.published().first().claims.first()
        claim.text_fr = "Voir [ici](https://a.lu/?a=1&b=2 'titre') et <https://b.lu/>."
        claim.text_en = "Call [us](tel:113), [see](/en/x), [write](mailto:a@b.lu), https://no.lu"
        claim.save()
        found = places.published()
        place = [history.key_of(claim.question), "claims", claim.order, "text_fr"]
        assert found["https://a.lu/?a=1&b=2"] == found["https://b.lu/"] == [place]
        assert all(re.match("https?://", address) for address in found)
        assert "https://no.lu" not in found

    def test_sources_of_published_statements_only(self):
        statement = Statement.objects.published().first()
        Source.objects.filter(pk=statement.source_id).update(url="https://source.lu/")
        Statement.objects.exclude(pk=statement.pk).update(status=Publication.DRAFT)
        key = history.key_of(statement.source)
        assert places.published()["https://source.lu/"] == [[key, "url"]]
        Statement.objects.update(status=Publication.WITHDRAWN)
        assert "https://source.lu/" not in places.published()

    def test_nothing_of_a_draft_unless_it_is_asked_for(self):
        contact = Contact.objects.first()
        Contact.objects.filter(pk=contact.pk).update(
            url_fr="https://draft.lu/", status=Publication.DRAFT
        )
        assert "https://draft.lu/" not in places.published()
        contact.refresh_from_db()
        assert "https://draft.lu/" in places.places_of([contact])

    def test_a_place_in_words(self):
        words = places.words(["provision:x", "versions", 2, "official_url_fr"])
        assert words == "Version of a provision 2, official text (fr)"
        assert places.words(["source:x", "url"]) == "Address"


@pytest.fixture
def check():
    LinkCheck.objects.keep({"https://a.lu/": []})
    return LinkCheck.objects.get()


NOW = datetime.datetime(2026, 11, 23, 2, tzinfo=datetime.UTC)


class TestNote:
    def test_one_bad_night_is_no_news(self, check):
        check.note(Outcome("missing", 404), NOW)
        check.note(Outcome("missing", 404), NOW + HOUR)
        assert (check.status, check.failures) == (Status.AGAIN, 2)
        check.note(Outcome(code=200), NOW + DAY)
        check.refresh_from_db()
        assert (check.status, check.failures, check.first_failed_at) == (Status.FINE, 0, None)

    def test_two_are(self, check):
        check.note(Outcome("missing", 404), NOW)
        check.note(Outcome("silent"), NOW + DAY)
        check.refresh_from_db()
        assert (check.status, check.first_failed_at) == (Status.BROKEN, NOW)
        assert check.is_broken
        assert check.detail == "The site took too long to answer."

    def test_who_lets_nobody_look_says_nothing(self, check):
        check.note(Outcome("missing", 404), NOW)
        check.note(Outcome("robots", 403), NOW + DAY)
        assert (check.status, check.failures) == (Status.UNKNOWN, 1)
        check.note(Outcome("missing", 404), NOW + 2 * DAY)
        assert check.status == Status.BROKEN

    def test_any_sign_can_be_kept(self, check):
        check.note(Outcome("title", 200, "http://a\0b/\x07", "\0x" * 300), NOW)
        check.refresh_from_db()
        assert check.final_url == "http://ab/"
        assert check.evidence == "x" * 200

    def test_a_link_that_left_meanwhile_stays_away(self, check):
        LinkCheck.objects.all().delete()
        check.note(Outcome(), NOW)
        assert not LinkCheck.objects.exists()

    @pytest.mark.parametrize("reason", WORDS)
    def test_every_finding_has_its_words(self, check, reason):
        check.note(Outcome(reason, 404, "https://b.lu/100%25", "50 %"), NOW)
        assert (check.status in LinkCheck.FAILING) == (reason not in NO_FAILURE)
        assert "%(" not in check.detail
        assert bool(check.detail) == (reason != "fine")

    def test_says_what_was_found(self, check):
        check.note(Outcome("moved", 200, "https://b.lu/100%25"), NOW)
        assert check.detail == "It moved for good: put https://b.lu/100%25 in its place."


class TestRows:
    def test_follow_the_content(self, check):
        check.note(Outcome(), NOW)
        LinkCheck.objects.keep({"https://a.lu/": [["contact:a", "url_fr"]], "https://b.lu/": []})
        rows = dict(LinkCheck.objects.values_list("url", "places"))
        assert rows == {"https://a.lu/": [["contact:a", "url_fr"]], "https://b.lu/": []}
        assert LinkCheck.objects.get(url="https://a.lu/").status == Status.FINE
        LinkCheck.objects.keep({"https://b.lu/": []})
        assert LinkCheck.objects.get().url == "https://b.lu/"

    def test_take_long_addresses_and_no_longer_ones(self):
        long, longer = f"https://a.lu/{'é' * 900}", f"https://a.lu/{'é' * 1000}"
        assert LinkCheck.objects.keep({long: [], longer: []}) == [longer]
        assert LinkCheck.objects.get().url == long

    def test_state_of_asks_once(self, check, django_assert_num_queries):
        with django_assert_num_queries(1):
            states = state_of([" https://a.lu/", "https://a.lu/", "https://b.lu/", "", None])
        assert states == {" https://a.lu/": check, "https://a.lu/": check}

    def test_come_due(self, check):
        def due(days):
            return LinkCheck.objects.due(days).exists()

        assert due(7)
        with time_machine.travel(NOW, tick=False):
            check.note(Outcome(), NOW - 6 * DAY)
            assert not due(7)
            assert due(5)
            check.note(Outcome("missing", 404), NOW - HOUR)
            assert not due(7)  # the same night
            check.note(Outcome("missing", 404), NOW - DAY)
            assert due(7)


@pytest.fixture
def content(server):
    """A site of three links: two to one page, one in a text; nothing else is published."""
    server.set("/page", PAGE)
    server.set("/other", PAGE)
    for kind in history.kinds.values():
        if hasattr(kind.model.objects, "published"):
            kind.model.objects.update(status=Publication.DRAFT)
    contact = Contact.objects.first()
    values = {f"{name}_{code}": "" for name in ("url", "note") for code in history.LANGUAGES}
    values |= {
        "url_fr": f"{server.address}/page",
        "url_en": f"{server.address}/page#here",
        "note_en": f"[See]({server.address}/other)",
        "verified_url": "",
        "status": Publication.PUBLISHED,
        "confidence": "confirmed",
    }
    Contact.objects.filter(pk=contact.pk).update(**values)
    return contact


def run(*arguments):
    output = StringIO()
    # With the system checks, as on a command line.
    call_command("check_links", *arguments, stdout=output, skip_checks=False)
    return output.getvalue()


class TestCommand:
    def test_checks_each_link_once_and_a_page_once_for_its_parts(self, server, content):
        assert "3 links checked" in run()
        assert sorted(r.path for r in server.requests if r.method == "GET") == ["/other", "/page"]
        assert {check.status for check in LinkCheck.objects.all()} == {Status.FINE}
        key = history.key_of(content)
        assert LinkCheck.objects.get(url__endswith="#here").places == [[key, "url_en"]]

    def test_goes_on_with_what_was_not_checked_lately(self, server, content):
        run()
        server.requests.clear()
        assert "0 links checked; 3 others were, lately" in run()
        assert server.requests == []
        assert "3 links checked" in run("--older-than", "0")

    def test_a_link_is_broken_after_two_runs(self, server, content):
        server.set("/other", (404, {}, b""))
        with time_machine.travel(NOW, tick=True):
            output = run()
            assert "1 failed once, to check again:" in output
        with time_machine.travel(NOW + HOUR, tick=True):
            assert "0 links checked" in run()
        with time_machine.travel(NOW + DAY, tick=True):
            with pytest.raises(CommandError, match="1 broken:") as error:
                run()
            assert f"{server.address}/other\n    The page is not there (404)" in str(error.value)
            assert f"{history.key_of(content)}: Note to readers (en)" in str(error.value)
            assert "1 broken:" in run("--no-fail")
            # What is broken stays so, checked or not.
            with pytest.raises(CommandError, match="1 broken:"):
                run()

    def test_warns_of_a_missing_part(self, server, content):
        server.set("/page", (200, HTML, b"<p>"))
        output = run()
        assert "1 part of the page missing:" in output
        assert "no part named “here”" in output

    def test_proposes_the_new_address(self, server, content):
        server.set("/other", (301, {"Location": "/page"}, b""))
        assert f"put {server.address}/page in its place" in run()

    def test_interrupted_it_keeps_what_was_done(self, server, content, monkeypatch):
        visit, visited = Checker.visit, []

        def interrupted(self, *args, **kwargs):
            if visited:
                raise KeyboardInterrupt
            visited.append(args)
            return visit(self, *args, **kwargs)

        monkeypatch.setattr(Checker, "visit", interrupted)
        with pytest.raises(CommandError, match=r"of 3 links were checked.*Run the command") as e:
            run()
        assert e.value.returncode == 130
        left = LinkCheck.objects.due(7).count()
        assert left in (1, 2)
        monkeypatch.setattr(Checker, "visit", visit)
        assert f"{left} links checked" in run()

    def test_checks_one_address(self, server, content):
        address = server.set("/new", PAGE)
        assert "1 links checked" in run("--url", address)
        assert state_of([address])[address].status == Status.FINE
        assert LinkCheck.objects.filter(status=Status.NEW).count() == 3
        run()
        assert not state_of([address])  # it stands nowhere

    def test_checks_one_record_published_or_not(self, server, content):
        address = server.set("/draft", (410, {}, b""))
        draft = Contact.objects.exclude(pk=content.pk).first()
        values = {f"{name}_{code}": "" for name in ("url", "note") for code in history.LANGUAGES}
        Contact.objects.filter(pk=draft.pk).update(**values | {"verified_url": address})
        output = run("--record", history.key_of(draft))
        assert f"{history.key_of(draft)}: Verified against" in output
        assert {request.path for request in server.requests} == {"/draft"}
        with pytest.raises(CommandError, match="There is no record contact:no-such"):
            run("--record", "contact:no-such")

    def test_says_that_this_machine_is_cut_off(self, content, monkeypatch):
        links = " ".join(f"[a](http://{name}.lu/)" for name in "abcdefg")
        Contact.objects.filter(pk=content.pk).update(url_fr="", url_en="", note_en=links)
        monkeypatch.setattr(Checker, "visit", lambda self, page, whole: Outcome("name"))
        with pytest.raises(CommandError, match="look at the network of this machine"):
            run()
        assert set(LinkCheck.objects.values_list("status", flat=True)) == {Status.NEW}

    def test_one_site_that_is_down_is_no_network_that_is(self, content, monkeypatch):
        monkeypatch.setattr(Checker, "visit", lambda self, page, whole: Outcome("silent"))
        assert "3 failed once" in run()

    def test_speaks_english_to_who_runs_it(self, server, content):
        server.set("/other", (404, {}, b""))
        with translation.override("fr"):
            assert "The page is not there" in run()

    def test_one_link_that_is_none_stops_no_other(self, server, content):
        Contact.objects.filter(pk=content.pk).update(url_en="http://[x#y", url_fr="mailto:a@b.lu")
        assert "2 failed once" in run()
        assert LinkCheck.objects.get(url=f"{server.address}/other").status == Status.FINE

    def test_takes_sites_in_turn(self):
        urls = ["http://a.lu/1", "http://a.lu/2", "http://a.lu/2#x", "http://b.lu/1"]
        order = check_links.in_turn([LinkCheck(url=url) for url in urls])
        assert [page for page, parts in order] == [
            "http://a.lu/1",
            "http://b.lu/1",
            "http://a.lu/2",
        ]

    def test_the_real_content_is_all_found(self, monkeypatch):
        monkeypatch.setattr(Checker, "visit", lambda self, page, whole: Outcome(code=200))
        run()
        assert LinkCheck.objects.filter(status=Status.FINE).count() > 100


class TestDesk:
    @pytest.fixture
    def broken(self, server, content):
        LinkCheck.objects.keep(places.published())
        check = LinkCheck.objects.get(url=f"{server.address}/other")
        check.note(Outcome("missing", 404), timezone.now() - DAY)
        check.note(Outcome("missing", 404), timezone.now())
        return check

    def test_lists_what_needs_care_first(self, broken, editor_client, content):
        page = editor_client.get(reverse("admin:links_linkcheck_changelist"))
        checks = list(page.context["cl"].result_list)
        assert checks[0] == broken
        assert len(checks) == 3
        html = page.content.decode()
        assert f'<a href="{ADMIN_URL}articles/contact/{content.pk}/change/">' in html

    def test_asks_no_more_for_more_links(
        self, broken, editor_client, django_assert_max_num_queries
    ):
        links = {f"https://a.lu/{i}": broken.places * 5 for i in range(40)}
        LinkCheck.objects.keep(places.published() | links)
        with django_assert_max_num_queries(12):
            page = editor_client.get(reverse("admin:links_linkcheck_changelist"))
        assert len(page.context["cl"].result_list) == 43

    def test_can_be_filtered_and_read_but_not_changed(self, broken, editor_client):
        changelist = reverse("admin:links_linkcheck_changelist")
        page = editor_client.get(changelist, {"status__exact": Status.BROKEN})
        assert list(page.context["cl"].result_list) == [broken]
        address = reverse("admin:links_linkcheck_change", args=[broken.pk])
        page = editor_client.get(address)
        assert f'<a href="{broken.url}" rel="noopener noreferrer">' in page.content.decode()
        assert editor_client.post(address, {"status": Status.FINE}).status_code == 403
        assert editor_client.get(reverse("admin:links_linkcheck_add")).status_code == 403
        delete = reverse("admin:links_linkcheck_delete", args=[broken.pk])
        assert editor_client.post(delete, {"post": "yes"}).status_code == 403

    def test_an_address_that_is_none_is_no_link_for_editors(self, editor_client):
        LinkCheck.objects.keep({"javascript:alert(1)//<b>": []})
        check = LinkCheck.objects.get()
        page = editor_client.get(reverse("admin:links_linkcheck_change", args=[check.pk]))
        assert "javascript:alert(1)//&lt;b&gt;" in page.content.decode()
        assert 'href="javascript' not in page.content.decode()

    def test_a_place_that_is_gone_stops_nobody(self, editor_client):
        gone = [["contact:no-such", "url_fr"], ["nokind:x", "field"], ["contact:x", "no_field"]]
        LinkCheck.objects.keep({"https://a.lu/": gone})
        check = LinkCheck.objects.get()
        check.note(Outcome("missing", 404), timezone.now() - DAY)
        check.note(Outcome("missing", 404), timezone.now())
        for name, args in [("changelist", []), ("change", [check.pk])]:
            page = editor_client.get(reverse(f"admin:links_linkcheck_{name}", args=args))
            assert page.status_code == 200
        assert editor_client.get(reverse("admin:index")).status_code == 200

    def test_the_panel_leads_to_the_record(self, broken, content, admin_user):
        panel = next(panel for panel in panels(admin_user) if panel.title == "Broken links")
        assert panel.count == 1
        (row,) = panel.rows
        assert row.url == reverse("admin:articles_contact_change", args=[content.pk])
        assert row.detail.startswith("The page is not there (404)")
        assert panel.more_url.endswith("?status__exact=1")
