"""The law watch over files: what it reads, what it refuses, what it stores and whom it tells.

The samples are our own words in the publishers' formats. The real publications are read from
shared/data/official/, beside the project, and are never copied here.
"""

import datetime
import subprocess
import sys
import threading
import time
from io import StringIO

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from kb_site.editorial.models import ReviewTask
from laws.models import LegalAct, OfficialText, Provision, Publication
from laws.watch import publications, record
from laws.watch.compare import comparable, digest, words_changed
from laws.watch.formex import number_of
from laws.watch.safe_xml import MAX_BYTES
from tests.pages import ADMIN_URL

OFFICIAL = settings.BASE_DIR.parent / "shared" / "data" / "official"
PENAL = "http://data.legilux.public.lu/eli/etat/leg/loi/1879/06/18/n1"
JULY, AUGUST, MARCH = "2023-07-01", "2023-08-22", "2024-03-01"
LOADED = "2017-09-05"


def akoma_ntoso(day, articles, eli=PENAL, language="FRA"):
    """A Legilux consolidation: {number: text}, or {number: (dated ELI's day, text)}."""
    written = "".join(
        article_xml(number, *(text if isinstance(text, tuple) else (LOADED, text)))
        for number, text in articles.items()
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<akomaNtoso xmlns="http://docs.oasis-open.org/legaldocml/ns/akn/3.0/CSD13"
 xmlns:scl="http://www.scl.lu">
 <act><meta><identification>
  <scl:JOLUXWork>
   <scl:JOLUXComplexWork>
    <scl:jolux scl:name="uriThis">http://x/eli/code</scl:jolux>
   </scl:JOLUXComplexWork>
   <scl:JOLUXLegalResource>
    <scl:jolux scl:name="uriThis">http://x/eli/code/{day.replace("-", "")}</scl:jolux>
    <scl:jolux scl:name="isMemberOf">{eli}</scl:jolux>
    <scl:jolux scl:name="dateApplicability">{day}</scl:jolux>
   </scl:JOLUXLegalResource>
  </scl:JOLUXWork>
  <scl:JOLUXExpression>
   <scl:jolux scl:name="language">http://x/language/{language}</scl:jolux>
  </scl:JOLUXExpression>
 </identification></meta><body>{written}</body></act></akomaNtoso>""".encode()


def article_xml(number, day, text):
    if not text.startswith("<"):
        text = f"<alinea><content><p>{text}</p></content></alinea>"
    return f"""<article id="art_{number}">
     <scl:JOLUXWork><scl:JOLUXLegalResource>
      <scl:jolux scl:name="uriThis">http://x/art_{number}/{day.replace("-", "")}</scl:jolux>
     </scl:JOLUXLegalResource></scl:JOLUXWork>
     <scl:indexterms>
      <scl:indexterm><scl:label>a keyword</scl:label></scl:indexterm>
     </scl:indexterms>
     <num>Art. {number}.</num>{text}
    </article>"""


def formex(day, articles, language="FR", celex="32024R1689", sequence="001.001.0"):
    """An EUR-Lex consolidation around the XML of its articles."""
    return f"""<?xml version="1.0" encoding="utf-8"?><CONS.ACT>
<INFO.CONSLEG CONSLEG.REF="{celex[1:]}" CONSLEG.DATE="20991231" PROD.SEQ="{sequence}"
 START.DATE="{day.replace("-", "")}"/>
<CONS.DOC><BIB.INSTANCE><LG.DOC>{language}</LG.DOC></BIB.INSTANCE>
<FAM.COMP><BIB.DATA><NO.CELEX>{celex}</NO.CELEX></BIB.DATA></FAM.COMP>
<ENACTING.TERMS>{articles}</ENACTING.TERMS></CONS.DOC></CONS.ACT>""".encode()


ARTICLE_5 = """<ARTICLE IDENTIFIER="005"><TI.ART>Article 5</TI.ART><STI.ART>Interdits</STI.ART>
<PARAG IDENTIFIER="005.001"><NO.PARAG>1.</NO.PARAG><ALINEA><P>On évite:</P><LIST>
<ITEM><NP><NO.P>b)</NO.P><TXT>les ruses<NOTE><P>une note</P></NOTE>;</TXT></NP></ITEM>
{later}
<ITEM><NP><NO.P>c)</NO.P><TXT>ceci:</TXT><P><LIST>
<ITEM><NP><NO.P>i)</NO.P><TXT>un</TXT></NP></ITEM></LIST></P></NP></ITEM>
</LIST></ALINEA></PARAG></ARTICLE>"""
POINT_BA = """<?CLG.MDFO ID="O001001M009000" ACTION="INSERTED"?><ITEM><NP>
<NO.P>b <HT TYPE="ITALIC">bis</HT>)</NO.P>
<TXT>les <QUOT.START CODE="00AB"/>leurres<QUOT.END CODE="00BB"/>;</TXT>
</NP></ITEM><?CLG.MDFC IDREF="O001001M009000"?>"""


def read(data, name="sample.xml"):
    return publications.read(data, name)


@pytest.fixture
def flags(monkeypatch):
    """What `reviews.flag` was called with, in place of opening tasks."""
    calls = []

    def flag(provision, reason, changed_on=None, difference=(), itself=False):
        assert itself
        calls.append((provision.reference, reason, changed_on, list(difference)))

    monkeypatch.setattr(record.reviews, "flag", flag)
    return calls


@pytest.fixture
def folder(tmp_path):
    """A function that writes files into a folder and reads them: its standard output."""

    def watch(*arguments, **files):
        for name, data in files.items():
            (tmp_path / f"{name}.xml").write_bytes(data)
        output = StringIO()
        call_command("watch_laws", "--from", str(tmp_path), *arguments, stdout=output)
        return output.getvalue()

    watch.path = tmp_path
    return watch


def text_of(part, **where):
    return OfficialText.objects.get(provision__act__reference="lu-code-penal", part=part, **where)


@pytest.mark.anywhere
class TestAkomaNtoso:
    def test_gives_each_article_its_number_text_date_and_dated_eli(self):
        articles = {"1er": "Un.", "383bis": (AUGUST, "Deux.")}
        consolidation = read(akoma_ntoso(AUGUST, articles))
        assert list(consolidation.parts) == ["1", "383bis"]
        part = consolidation.parts["383bis"]
        assert (part.label, part.text) == ("Art. 383bis.", "Deux.")
        assert part.starts_on == datetime.date(2023, 8, 22)
        assert part.source == "http://x/art_383bis/20230822"
        assert consolidation.identity.language == "fr"
        assert consolidation.identity.consolidated_on == datetime.date(2023, 8, 22)

    def test_takes_the_loading_day_for_no_date(self):
        assert read(akoma_ntoso(AUGUST, {"1": (LOADED, "Un.")})).parts["1"].starts_on is None

    def test_leaves_out_the_notes_of_the_consolidator_and_nothing_else(self):
        text = (
            '<heading>(<ref href="/eli/x"> L. 7 août 2023</ref>)</heading><alinea><content><p>'
            '(<ref href="/eli/y">Arr. g.-d. 1er mai 2001</ref>) La règle (celle de 2001) vaut.'
            "</p></content></alinea>"
        )
        assert read(akoma_ntoso(JULY, {"9": text})).parts["9"].text == (
            "La règle (celle de 2001) vaut."
        )

    def test_numbers_list_items_and_mends_words_torn_by_line_breaks(self):
        text = (
            "<alinea><content><p>À l'article 383\n<i>bis</i>\n, alinéa 1\n<sup>er</sup> :</p>"
            '<ol scl:symbol="1°"><li>un ;</li><li>deux\n<ol scl:symbol="a)"><li>petit</li></ol>'
            "</li></ol></content></alinea>"
        )
        assert read(akoma_ntoso(JULY, {"9": text})).parts["9"].text.split("\n") == [
            "À l'article 383bis, alinéa 1er :",
            "1° un ;",
            "2° deux",
            "a) petit",
        ]

    def test_knows_numbered_paragraphs_and_articles_printed_as_a_group(self):
        text = (
            "<paragraph><num>(5)</num><alinea><content><p>Cinq.</p></content></alinea></paragraph>"
        )
        data = akoma_ntoso(JULY, {"15": text, "41_à_43": "Abrogés."}).replace(
            'id="art_41_à_43"'.encode(), 'id="art_41_à_43" scl:ids="art_41;art_42;art_43;"'.encode()
        )
        parts = read(data).parts
        assert list(parts) == ["15", "15(5)", "41", "42", "43"]
        assert parts["15(5)"].text == "(5) Cinq."
        assert parts["42"].text == "Abrogés."


@pytest.mark.anywhere
class TestFormex:
    @pytest.mark.parametrize(
        ("label", "number"),
        [
            ("b bis)", "ba"),
            ("b\u00a0ter)", "bb"),
            ("(bb)", "bb"),
            ("1 bis.", "1a"),
            ("14 ter)", "14b"),
            ("ii)", "ii"),
            ("(iter)", "iter"),
            ("—", ""),
            ("5.3.", ""),
        ],
    )
    def test_numbers_as_english_does(self, label, number):
        assert number_of(label) == number

    def test_finds_articles_paragraphs_and_points_in_french(self):
        parts = read(formex("2026-07-27", ARTICLE_5.format(later=POINT_BA))).parts
        assert list(parts) == ["5", "5(1)", "5(1)(b)", "5(1)(ba)", "5(1)(c)", "5(1)(c)(i)"]
        assert parts["5(1)(ba)"].label == "b bis)"
        assert parts["5(1)(ba)"].text == "b bis) les «leurres»;"
        assert parts["5(1)(b)"].text == "b) les ruses;"
        assert parts["5"].text.startswith("Interdits\n1. On évite:\nb) les ruses;")

    def test_dates_what_this_consolidation_changed_and_what_holds_it(self):
        article = ARTICLE_5.format(later=POINT_BA)
        day = datetime.date(2026, 7, 27)
        parts = read(formex("2026-07-27", article)).parts
        dates = {key: part.starts_on for key, part in parts.items()}
        assert dates == {
            **dict.fromkeys(["5", "5(1)", "5(1)(ba)"], day),
            **dict.fromkeys(["5(1)(b)", "5(1)(c)", "5(1)(c)(i)"], None),
        }
        later = read(formex("2027-01-01", article, sequence="002.001.0")).parts
        assert {part.starts_on for part in later.values()} == {None}

    def test_leaves_out_what_is_marked_as_deleted(self):
        deleted = POINT_BA.replace("INSERTED", "DELETED")
        assert "5(1)(ba)" not in read(formex("2026-07-27", ARTICLE_5.format(later=deleted))).parts
        assert (
            "leurres"
            not in read(formex("2026-07-27", ARTICLE_5.format(later=deleted))).parts["5"].text
        )

    def test_takes_no_part_of_another_act_for_its_own(self):
        quoted = (
            '<ARTICLE IDENTIFIER="102"><TI.ART>Article 102</TI.ART><ALINEA><QUOT.S>'
            '<ARTICLE IDENTIFIER="007"><TI.ART>Article 7</TI.ART><PARAG IDENTIFIER="007.001">'
            "<NO.PARAG>1.</NO.PARAG><ALINEA>Autre.</ALINEA></PARAG></ARTICLE>"
            "</QUOT.S></ALINEA></ARTICLE>"
        )
        parts = read(formex("2026-07-27", quoted)).parts
        assert list(parts) == ["102"]
        assert "Autre." in parts["102"].text

    def test_reads_an_article_without_identifier_by_its_title(self):
        article = "<ARTICLE><TI.ART>Article 75 quater</TI.ART><ALINEA>Oui.</ALINEA></ARTICLE>"
        assert list(read(formex("2026-07-27", article)).parts) == ["75c"]


BOMB = b"".join(
    [b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">']
    + [b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)]
    + [b"]><akomaNtoso>&a11;</akomaNtoso>"]
)
HOSTILE = {
    "billion laughs": (BOMB, "DTD|well-formed"),
    "billion laughs in an attribute": (
        BOMB.replace(b">&a11;<", b' x="&a11;"><'),
        "DTD|well-formed",
    ),
    "external entity": (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><akomaNtoso>&e;</akomaNtoso>',
        "DTD",
    ),
    "external DTD": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><akomaNtoso/>', "DTD"),
    "in UTF-16": (
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]><akomaNtoso/>'.encode(
            "utf-16"
        ),
        "DTD",
    ),
    "nested without end": (b"<a>" * 100_000, "well-formed"),
    "truncated": (akoma_ntoso(JULY, {"1": "Un."})[:-40], "cut off"),
    "empty": (b"", "well-formed"),
    "binary": (b"\x00\x01PK\xff" * 50, "well-formed"),
    "foreign": (b"<html><body/></html>", "neither Akoma Ntoso"),
    "without articles": (akoma_ntoso(AUGUST, {}), "no article"),
    "without a day": (akoma_ntoso("", {"1": "Un."}), "the day of the consolidation"),
    "without a language": (akoma_ntoso(JULY, {"1": "Un."}, language="XXX"), "the language"),
    "of an act unknown here": (
        akoma_ntoso(JULY, {"1": "Un."}, eli="http://x/eli/other"),
        "/eli/other",
    ),
    "too big": (b" " * (MAX_BYTES + 1), "over 40 MB"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_bad_file_is_named_changes_nothing_and_stops_no_other(kind, folder, flags):
    data, message = HOSTILE[kind]
    started = time.monotonic()
    with pytest.raises(CommandError, match=message) as error:
        folder(bad=data, good=akoma_ntoso(JULY, {"383bis": "Ancien."}))
    assert time.monotonic() - started < 5
    assert str(error.value).startswith("1 failed:\nbad.xml: ")
    assert error.value.returncode == 1
    assert Publication.objects.count() == 1
    assert set(OfficialText.objects.values_list("provision__act__reference", flat=True)) == {
        "lu-code-penal"
    }
    assert text_of("383bis").text == "Ancien."


@pytest.mark.django_db
class TestRecording:
    def test_the_first_text_of_a_part_opens_nothing(self, folder, flags):
        output = folder(a=akoma_ntoso(JULY, {"383bis": "Ancien.", "384": "Autre."}))
        assert flags == []
        assert text_of("383bis").digest == digest("Ancien.")
        assert "2 articles read" in output
        assert "First reading" in output
        assert "Not in it: 1, 3, 4, " in output

    def test_a_changed_text_opens_one_task_with_its_date_and_difference(self, folder, flags):
        old = {"383bis": "Ancien.", "384": "Autre."}
        new = {"383bis": (AUGUST, "Nouveau."), "384": "Autre."}
        output = folder(b=akoma_ntoso(AUGUST, new), a=akoma_ntoso(JULY, old))
        difference = {"label": "art. 383bis (fr)", "before": "Ancien.", "after": "Nouveau."}
        assert flags == [("lu-cp-383bis", record.CHANGED, datetime.date(2023, 8, 22), [difference])]
        assert "Changed: 383bis." in output

    def test_the_text_decides_and_not_the_date(self, folder, flags):
        folder(a=akoma_ntoso(JULY, {"383bis": "L’article 1 er vaut 75.000 euros", "384": "Oui."}))
        typeset = (AUGUST, "L'article 1er\u00a0 vaut 75 000 euros")
        folder(b=akoma_ntoso(AUGUST, {"383bis": typeset, "384": (LOADED, "Non.")}))
        assert [(name, since) for name, _, since, _ in flags] == [("lu-cp-384", None)]

    def test_a_date_that_lags_behind_is_no_evidence(self, folder, flags):
        folder(
            a=akoma_ntoso(AUGUST, {"384": (JULY, "Oui.")}),
            b=akoma_ntoso(MARCH, {"384": (JULY, "Non.")}),
        )
        assert [since for _, _, since, _ in flags] == [None]

    def test_a_part_that_comes_and_one_that_goes_open_a_task_each(self, folder, flags):
        folder(
            a=akoma_ntoso(JULY, {"372": "Un.", "372bis": "Deux."}),
            b=akoma_ntoso(AUGUST, {"372": "Un.", "372ter": (AUGUST, "Trois.")}),
        )
        assert [(name, reason) for name, reason, _, _ in flags] == [
            ("lu-cp-372", record.VANISHED),
            ("lu-cp-372", record.NEW),
        ]
        assert [rows[0]["before"] for _, _, _, rows in flags] == ["Deux.", ""]
        assert text_of("372bis", consolidated_on=AUGUST).is_absent

    def test_reading_again_changes_and_opens_nothing(self, folder, flags):
        files = {
            "a": akoma_ntoso(JULY, {"383bis": "Ancien."}),
            "b": akoma_ntoso(AUGUST, {"383bis": "Nouveau."}),
        }
        folder(**files)
        stored = list(OfficialText.objects.order_by("pk").values())
        publication = Publication.objects.values().get()
        flags.clear()
        assert "nothing new" in folder(**files)
        assert flags == []
        assert list(OfficialText.objects.order_by("pk").values()) == stored
        assert Publication.objects.values().get() == publication

    def test_an_older_file_is_history(self, folder, flags):
        folder(b=akoma_ntoso(AUGUST, {"383bis": "Nouveau."}))
        folder(a=akoma_ntoso(JULY, {"383bis": "Ancien."}))
        assert flags == []
        assert text_of("383bis", consolidated_on=AUGUST).previous().text == "Ancien."
        assert str(Publication.objects.get().consolidated_on) == AUGUST

    def test_a_part_watched_later_starts_with_its_first_text(self, folder, flags):
        files = {
            "a": akoma_ntoso(JULY, {"383bis": "Un.", "999": "Ancien."}),
            "b": akoma_ntoso(AUGUST, {"383bis": "Un.", "999": "Nouveau."}),
        }
        folder(**files)
        Provision.objects.filter(reference="lu-cp-383bis").update(watched="383bis\n999")
        folder(**files)
        assert flags == []
        folder(c=akoma_ntoso(MARCH, {"383bis": "Un.", "999": "Encore."}))
        assert [rows[0]["before"] for _, _, _, rows in flags] == ["Nouveau."]

    def test_a_consolidation_that_its_publisher_corrects_is_news(self, folder, flags):
        folder(a=akoma_ntoso(JULY, {"383bis": "Fautif."}))
        folder(a=akoma_ntoso(JULY, {"383bis": "Corrigé."}))
        assert [rows[0]["after"] for _, _, _, rows in flags] == ["Corrigé."]
        assert text_of("383bis").text == "Corrigé."

    def test_two_files_of_one_day_that_differ_are_refused(self, folder, flags):
        with pytest.raises(CommandError, match=r"b\.xml: it says .* as a\.xml"):
            folder(a=akoma_ntoso(JULY, {"383bis": "Un."}), b=akoma_ntoso(JULY, {"383bis": "Deux."}))
        assert text_of("383bis").text == "Un."

    def test_an_interrupted_run_is_taken_up_again(self, folder, flags, monkeypatch):
        files = {
            "a": akoma_ntoso(JULY, {"383bis": "Ancien."}),
            "b": akoma_ntoso(AUGUST, {"383bis": "Nouveau."}),
        }

        def interrupted(*args, **kwargs):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(record.reviews, "flag", interrupted)
            with pytest.raises(KeyboardInterrupt):
                folder(**files)
        assert str(Publication.objects.get().consolidated_on) == JULY
        assert not OfficialText.objects.filter(consolidated_on=AUGUST).exists()
        folder(**files)
        assert len(flags) == 1

    def test_each_language_has_a_life_of_its_own(self, folder, flags):
        folder(fr=formex("2024-07-12", ARTICLE_5.format(later="")))
        folder(
            en=formex("2026-07-27", ARTICLE_5.format(later=POINT_BA), language="EN"),
            fr2=formex("2026-07-27", ARTICLE_5.format(later=POINT_BA)),
        )
        ((reference, reason, since, (row,)),) = flags
        assert (reference, reason) == ("eu-aiact-5-ba-bb", record.NEW)
        assert since == datetime.date(2026, 7, 27)
        assert row["label"] == "art. 5(1)(ba), b bis) (fr)"

    def test_tasks_are_opened_on_the_provision_and_on_what_cites_it(self, folder):
        folder(
            a=akoma_ntoso(JULY, {"383bis": "Ancien."}),
            b=akoma_ntoso(AUGUST, {"383bis": "Nouveau."}),
        )
        tasks = ReviewTask.objects.filter(cause="provision:lu-cp-383bis")
        assert {task.target_type.model for task in tasks} == {"provision", "claim"}
        assert set(ReviewTask.objects.values_list("cause", flat=True)) == {"provision:lu-cp-383bis"}


@pytest.mark.django_db
class TestModels:
    def test_newest_gives_one_text_a_part_and_language(self, folder, flags):
        folder(
            a=akoma_ntoso(JULY, {"372": "Un.", "372bis": "Deux."}),
            b=akoma_ntoso(AUGUST, {"372bis": "Deux bis.", "372": "Un."}),
        )
        provision = Provision.objects.get(reference="lu-cp-372")
        newest = provision.official_texts.newest()
        # 372ter is absent from both; parts stand in the order of the publication.
        assert [(t.part, t.text) for t in newest if not t.is_absent] == [
            ("372bis", "Deux bis."),
            ("372", "Un."),
        ]
        assert [str(text.consolidated_on) for text in newest] == [AUGUST] * 3

    def test_a_text_says_how_it_differs_from_the_wording_before(self, folder, flags):
        folder(
            a=akoma_ntoso(JULY, {"383bis": "Il est puni."}),
            b=akoma_ntoso(AUGUST, {"383bis": "Il est  puni."}),
            c=akoma_ntoso(MARCH, {"383bis": "Il est libre."}),
        )
        text = text_of("383bis", consolidated_on=MARCH)
        assert text.words_changed() == [
            ("same", "Il est "),
            ("removed", "puni"),
            ("added", "libre"),
            ("same", "."),
        ]
        assert text_of("383bis", consolidated_on=JULY).words_changed() == []

    @pytest.mark.parametrize("line", ["383 bis", "art. 5", "5(1", "bis", "5(1)(BA)"])
    def test_a_watched_part_is_written_as_it_is_looked_for(self, line):
        provision = Provision.objects.get(reference="lu-cp-383bis")
        provision.watched = f"383bis\n{line}"
        with pytest.raises(ValidationError, match="is no part of an act"):
            provision.full_clean()

    def test_editors_can_see_what_was_read(self, editor_client, folder, flags):
        folder(a=akoma_ntoso(JULY, {"383bis": "Ancien."}))
        text, publication = text_of("383bis"), Publication.objects.get()
        for page in [
            f"{ADMIN_URL}laws/officialtext/?q=383bis",
            f"{ADMIN_URL}laws/officialtext/{text.pk}/change/",
            f"{ADMIN_URL}laws/publication/",
            f"{ADMIN_URL}laws/publication/{publication.pk}/change/",
        ]:
            assert editor_client.get(page).status_code == 200
        assert editor_client.get(f"{ADMIN_URL}laws/officialtext/add/").status_code == 403


@pytest.mark.django_db
class TestCommand:
    def test_reads_the_acts_asked_for_only(self, folder, flags):
        output = folder(
            "--act",
            "eu-aiact",
            penal=akoma_ntoso(JULY, {"383bis": "Un."}),
            eu=formex("2024-07-12", ARTICLE_5.format(later="")),
        )
        assert "penal.xml: left out, it belongs to lu-code-penal." in output
        assert set(Publication.objects.values_list("act__reference", flat=True)) == {"eu-aiact"}

    def test_an_unknown_act_is_refused_with_those_that_are_known(self, folder):
        with pytest.raises(
            CommandError, match=r"called lu-code.* are: .*eu-aiact, .*lu-code-penal"
        ):
            folder("--act", "lu-code", a=akoma_ntoso(JULY, {"1": "Un."}))

    def test_a_missing_or_empty_folder_is_refused(self, folder, tmp_path):
        with pytest.raises(CommandError, match="holds no XML file"):
            folder()
        with pytest.raises(CommandError, match="is not a folder"):
            call_command("watch_laws", "--from", str(tmp_path / "nowhere"))

    def test_takes_from_the_name_only_what_the_metadata_lack(self, folder, flags):
        data = akoma_ntoso("", {"383bis": "Un."}, language="XXX")
        (folder.path / "code-penal-2023-07-01.fr.xml").write_bytes(data)
        named_otherwise = akoma_ntoso(AUGUST, {"383bis": "Deux."})
        (folder.path / "code-penal-1999-01-01.de.xml").write_bytes(named_otherwise)
        folder()
        stored = OfficialText.objects.filter(part="383bis")
        assert {(text.language, str(text.consolidated_on)) for text in stored} == {
            ("fr", JULY),
            ("fr", AUGUST),
        }


def test_two_runs_at_once_store_and_open_once(live_content):
    act = LegalAct.objects.get(reference="lu-code-penal")
    record.record(read(akoma_ntoso(JULY, {"383bis": "Ancien."})), act)
    news = read(akoma_ntoso(AUGUST, {"383bis": "Nouveau."}))
    gate, outcomes = threading.Barrier(2), []

    def run():
        try:
            gate.wait()
            outcomes.append(record.record(news, act))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(outcome.changed) for outcome in outcomes) == [0, 1]
    assert OfficialText.objects.filter(part="383bis").count() == 2
    provision = {"target_type__model": "provision", "cause": "provision:lu-cp-383bis"}
    assert ReviewTask.objects.filter(**provision).count() == 1


WORDS = st.text("ab ,.'’\n1é", max_size=60)


@pytest.mark.anywhere
class TestCompare:
    @given(WORDS, WORDS)
    def test_the_difference_makes_one_text_of_the_other(self, before, after):
        changes = words_changed(before, after)
        assert "".join(t for op, t in changes if op != "removed") == after.lstrip()
        assert comparable("".join(t for op, t in changes if op != "added")) == comparable(before)
        assert all(text for _, text in changes)

    def test_texts_alike_but_for_typesetting_have_no_difference(self):
        before, after = "l’œuvre « d'art » – 75.000 €", 'l\'oeuvre "d’art" - 75 000 €'
        assert digest(before) == digest(after)
        assert {operation for operation, _ in words_changed("l’art  vaut", "l'art vaut")} == {
            "same"
        }

    @pytest.mark.parametrize(
        ("one", "other"), [("1.5", "15"), ("un an", "un ans"), ("2 000", "2 001"), ("a", "A")]
    )
    def test_what_counts_is_not_smoothed_away(self, one, other):
        assert digest(one) != digest(other)

    def test_a_few_words_alike_between_two_changes_belong_to_them(self):
        assert words_changed("un deux et trois quatre.", "cinq six et sept huit.") == [
            ("removed", "un deux et trois quatre"),
            ("added", "cinq six et sept huit"),
            ("same", "."),
        ]


def official(pattern):
    """Real publications; the test is skipped, and says so, where there is none."""
    found = sorted(OFFICIAL.glob(pattern))
    if not found:
        pytest.skip(f"{OFFICIAL / pattern} is absent: the watch was not tried on it.")
    return [read(path.read_bytes(), path.name) for path in found]


class TestRealPublications:
    def test_criminal_code_changed_in_exactly_these_articles(self):
        before, after = (found.parts for found in official("legilux/code-penal-2023*.xml"))
        whole = [part for part in after if "(" not in part]
        assert [part for part in whole if part not in before] == [
            *["371-2", "372ter", "375bis", "375ter"]
        ]
        assert [part for part in before if part not in after] == []
        changed = [
            part
            for part in whole
            if part in before and digest(before[part].text) != digest(after[part].text)
        ]
        # The same list as a comparison of the files without markup and white space gives.
        assert changed == [
            *["271", "272", "274", "275", "276", "328"],
            *["372", "372bis", "375", "376", "377", "383bis", "458", "459"],
        ]
        assert {str(after[part].starts_on) for part in changed} == {AUGUST}

    def test_ai_act_is_numbered_alike_in_both_languages(self):
        english, french = (found.parts for found in official("eurlex/*2026-07-27*"))
        assert list(english) == list(french)
        assert len(english) > 1000
        assert {french["5(1)(ba)"].label, english["5(1)(ba)"].label} == {"b bis)", "(ba)"}

    def test_ai_act_marks_as_changed_what_changed(self):
        before, after = (found.parts for found in official("eurlex/*.fr.*"))
        changed = {
            part
            for part in after
            if part not in before or digest(before[part].text) != digest(after[part].text)
        }
        assert changed == {part for part in after if after[part].starts_on}
        assert set(before) - set(after) == {"10(5)", *(f"10(5)({letter})" for letter in "abcdef")}

    @pytest.mark.django_db
    def test_every_watched_part_is_in_the_newest_publication(self):
        for name, reference in [
            ("*2023-08-22.fr", "lu-code-penal"),
            ("*2026-07-27.??", "eu-aiact"),
        ]:
            for found in official(f"*/{name}*.xml"):
                for provision in Provision.objects.filter(act__reference=reference):
                    parts = provision.watched_parts
                    assert parts, provision.reference
                    assert [part for part in parts if part not in found.parts] == []

    @pytest.mark.django_db
    def test_watch_finds_exactly_what_changed_among_what_we_track(self, flags):
        official("*/*.xml")
        output = StringIO()
        call_command("watch_laws", "--from", str(OFFICIAL), stdout=output)
        found = {}
        for reference, reason, _, difference in flags:
            parts = [row["label"].removeprefix("art. ") for row in difference]
            found.setdefault(reference[:5], {})[reference, reason] = parts
        assert found["lu-cp"] == {
            ("lu-cp-371-2", record.NEW): ["371-2 (fr)"],
            ("lu-cp-372", record.CHANGED): ["372 (fr)", "372bis (fr)"],
            ("lu-cp-372", record.NEW): ["372ter (fr)"],
            ("lu-cp-375", record.CHANGED): ["375 (fr)", "376 (fr)", "377 (fr)"],
            ("lu-cp-375", record.NEW): ["375bis (fr)", "375ter (fr)"],
            ("lu-cp-383bis", record.CHANGED): ["383bis (fr)"],
        }
        assert found["eu-ai"] == {
            ("eu-aiact-5-ba-bb", record.NEW): [
                "5(1)(ba), b bis) (fr)",
                "5(1)(bb), b ter) (fr)",
                "5(1a), 1 bis. (fr)",
                "5(1b), 1 ter. (fr)",
            ],
            ("eu-aiact-75", record.CHANGED): ["75 (fr)"],
            ("eu-aiact-75", record.NEW): ["75a (fr)", "75b (fr)", "75c (fr)"],
            ("eu-aiact-99", record.CHANGED): ["99(4) (fr)"],
        }
        assert "  Changed: 372, 372bis, 375, 376, 377, 383bis.\n" in output.getvalue()
        assert "  New: 371-2, 372ter, 375bis, 375ter.\n" in output.getvalue()

    @pytest.mark.anywhere
    def test_a_real_file_is_read_in_seconds_and_little_memory(self):
        """In a process of its own: under 10 seconds and 300 MB, the start of Python included."""
        paths = sorted(OFFICIAL.glob("*/*.xml"))
        if not paths:
            pytest.skip(f"{OFFICIAL} is absent: the watch was not measured.")
        for path in paths:
            started = time.monotonic()
            measured = subprocess.run(
                [sys.executable, "-c", MEASURE, str(path)],
                cwd=settings.BASE_DIR,
                capture_output=True,
                text=True,
                check=True,
            )
            assert time.monotonic() - started < 10, path.name
            assert int(measured.stdout) < 300_000, path.name


MEASURE = r"""
import pathlib, re, sys
from laws.watch import publications
path = pathlib.Path(sys.argv[1])
assert publications.read(path.read_bytes(), path.name).articles > 100
# Linux says here the most that this process held, in kB; elsewhere the time alone is measured.
status = pathlib.Path("/proc/self/status")
print(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1] if status.exists() else 0)
"""
