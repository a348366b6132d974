"""How records are cited: what a citation says, and that reference managers read it back."""

import datetime
import json
import re
import warnings

import bibtexparser
import pytest
import rispy
import time_machine
from citeproc import Citation as CitedItem
from citeproc import CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON
from django.test import Client
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from articles.models import Claim, Question, Source, Statement
from kb_site.editorial import history
from kb_site.quoting import formats
from kb_site.quoting.citing import Citation, cite
from laws.models import Provision

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]

LANGUAGES = ("fr", "en")
ORIGIN = "https://example.org"
QUOTES = '“”„«»‹›"'
TEX = {
    r"\textbackslash{}": "\\",
    r"\textbraceleft{}": "{",
    r"\textbraceright{}": "}",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
}


def untex(words):
    words = re.sub("|".join(map(re.escape, TEX)), lambda found: TEX[found[0]], words)
    return re.sub(r"\\([$&#%_])", r"\1", words)


one_line = formats._one_line


@pytest.fixture(scope="module")
def citations(django_db_setup, django_db_blocker):
    """Those of every record and every point, in both languages."""
    with django_db_blocker.unblock():
        found = []
        for kind in history.record_kinds():
            published = kind.model.objects.published().values("pk")
            for record in history.with_foreign(kind.model).filter(pk__in=published):
                found += [cite(record, language, ORIGIN) for language in LANGUAGES]
        for claim in Claim.objects.filter(question__in=Question.objects.published()):
            found += [cite(claim.question, code, ORIGIN, claim.order) for code in LANGUAGES]
        return found


def of(citations, reference, language):
    return next(c for c in citations if (c.reference, c.language) == (reference, language))


def made(**fields):
    usual = {
        "key": "st-x",
        "language": "en",
        "title": "A title",
        "text": "What was said.",
        "authors": ("Somebody",),
        "publisher": "A paper",
        "issued": None,
        "url": "https://example.org/x",
        "accessed": datetime.date(2026, 11, 23),
        "reference": "st-x",
        "revision": 1,
        "revised_on": datetime.date(2026, 11, 1),
        "permalink": f"{ORIGIN}/r/st-x?rev=1",
        "title_language": "en",
    }
    return Citation(**usual | fields)


class TestReaders:
    """Real readers take back what is written for every record, in both languages."""

    def test_there_is_one_of_every_record_and_point(self, citations):
        assert len(citations) > 800
        assert {c.language for c in citations} == set(LANGUAGES)

    def test_bibtex(self, citations):
        parser = bibtexparser.bparser.BibTexParser(interpolate_strings=False)
        entries = parser.parse("".join(map(formats.bibtex, citations))).entries
        for citation, entry in zip(citations, entries, strict=True):
            self.check_bibtex(citation, entry)

    def check_bibtex(self, citation, entry):
        assert entry["ENTRYTYPE"] == "misc"
        assert entry["ID"] == citation.key
        assert untex(entry["title"].strip("{}")) == one_line(citation.title)
        names = re.findall(r"\{(.*?)\}(?: and |$)", entry.get("author", ""))
        assert [untex(name) for name in names] == [one_line(n) for n in citation.authors]
        assert untex(entry.get("howpublished", "")) == one_line(citation.publisher)
        assert untex(entry.get("abstract", "")) == one_line(citation.text)
        assert untex(entry.get("type", "")) == citation.wording
        assert untex(entry["note"]) == formats.note(citation)
        assert entry["url"] == formats._address(citation.url)
        assert entry["urldate"] == citation.accessed.isoformat()
        assert entry.get("date") == (citation.issued and citation.issued.isoformat())

    def test_ris(self, citations):
        for citation in citations:
            self.check_ris(citation)

    def check_ris(self, citation):
        written = formats.ris(citation)
        assert written.count("\r\n") == written.count("\n")
        [entry] = rispy.loads(written.replace("\r\n", "\n"))
        assert entry["type_of_reference"] == "ELEC"
        assert entry["id"] == citation.key
        assert entry["title"] == formats._one_line(citation.title)
        assert entry.get("authors", []) == [formats._one_line(n) for n in citation.authors]
        assert entry["publisher"] == formats._one_line(citation.publisher)
        assert entry.get("abstract", "") == formats._one_line(citation.text)
        assert entry["notes"] == [formats.note(citation)]
        assert entry["urls"] == [formats._address(citation.url)]
        assert ("year" in entry) == (citation.issued is not None)

    def test_csl(self, citations):
        for language in LANGUAGES:
            items = {c.key: formats.csl(c) for c in citations if c.language == language}
            self.check_csl(items)

    def check_csl(self, items):
        with warnings.catch_warnings():
            # It says which of CSL's fields it does not know.
            warnings.simplefilter("ignore")
            source = CiteProcJSON(list(items.values()))
            style = CitationStylesStyle("harvard-cite-them-right", validate=False)
            bibliography = CitationStylesBibliography(style, source, formatter.plain)
            for key in items:
                bibliography.register(CitedItem([CitationItem(key)]))
            shown = [" ".join(str(entry).split()) for entry in bibliography.bibliography()]
        assert len(shown) == len(items)
        whole = "\n".join(shown)
        for item in items.values():
            assert item["title"].split()[0] in whole
            assert item["URL"] in whole

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("extension", formats.FILES)
    def test_the_files_that_readers_load(self, language, extension):
        for path in ("st-creation-is-offence", "q-school", "q-school/1", "lu-cp-383bis", "eu-dsa"):
            response = Client().get(f"/{language}/cite/{path}.{extension}")
            assert response.status_code == 200
            name = f"{path.replace('/', '-')}-{language}.{extension}"
            assert response["Content-Disposition"] == f'attachment; filename="{name}"'
            assert "charset=utf-8" in response["Content-Type"]
            text = response.content.decode()
            if extension == "json":
                assert json.loads(text)[0]["id"] == path.replace("/", "-")

    HOSTILE = st.text(max_size=60) | st.sampled_from(
        [
            "{",
            "}",
            "\\",
            "a\nER  - \nTY  - JOUR",
            "@misc{x,",
            "50 % & #1 $ _ ~ ^",
            "\u2028",
            "\x00x",
        ]
    )

    @profile(derandomize=True, max_examples=150, deadline=None, database=None)
    @given(HOSTILE, HOSTILE, HOSTILE)
    def test_no_text_breaks_them(self, title, text, author):
        surrogates = re.compile("[\ud800-\udfff]")
        title, text, author = (
            surrogates.sub("", t).replace("\ufeff", "") for t in (title, text, author)
        )
        citation = made(title=f"x{title}x", text=f"x{text}x", authors=(f"x{author}x",))
        ris = formats.ris(citation)
        assert ris.count("\nER  - ") == 1
        assert ris.count("TY  - ") == 1 or "TY  - " in title + text + author
        assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in ris.split("\r\n")[:-1])
        bibtex = formats.bibtex(citation)
        assert bibtex.count("{") == bibtex.count("}")
        assert len(bibtexparser.loads(bibtex).entries) == 1
        [item] = json.loads(formats.csl_json(citation))
        assert item["title"] == formats._one_line(citation.title)


class TestHonesty:
    def test_a_statement_is_cited_by_its_source(self, citations):
        for statement in Statement.objects.published().select_related("source"):
            for language in LANGUAGES:
                citation = of(citations, statement.reference, language)
                source = statement.source
                assert citation.title == source.title
                assert citation.authors == ((source.author,) if source.author else ())
                assert (citation.publisher, citation.url) == (source.publisher, source.url)
                assert citation.issued == source.published_on

    def test_a_date_that_is_not_known_is_never_there(self, citations):
        unknown = [c for c in citations if c.issued is None]
        assert unknown
        for citation in unknown:
            assert {"fr": "s.d.", "en": "n.d."}[citation.language] in formats.text(citation)
            assert "issued" not in formats.csl(citation)
            assert not re.search(r"^  (year|date) =", formats.bibtex(citation), re.MULTILINE)
            assert not re.search(r"^(PY|DA|Y1)  - ", formats.ris(citation), re.MULTILINE)
            assert {"fr": "Date inconnue", "en": "Date not known"}[citation.language] in (
                formats.note(citation)
            )

    def test_one_that_is_known_is(self):
        statement = Statement.objects.published().first()
        Source.objects.filter(pk=statement.source_id).update(published_on="2026-01-07")
        statement = Statement.objects.get(pk=statement.pk)
        citation = cite(statement, "fr", ORIGIN)
        assert "7 janvier 2026" in formats.text(citation)
        assert formats.csl(citation)["issued"] == {"date-parts": [[2026, 1, 7]]}

    def test_a_paraphrase_says_so_everywhere_and_never_stands_in_quotation_marks(self, citations):
        for statement in Statement.objects.published():
            assert statement.wording == "paraphrase"
            for language in LANGUAGES:
                citation = of(citations, statement.reference, language)
                written = [formats.text(citation), formats.note(citation)]
                written += [formats.bibtex(citation), formats.ris(citation)]
                written += [formats.csl(citation)["abstract"] + formats.csl(citation)["note"]]
                assert all("araphrase" in text for text in written)
                assert formats.csl(citation)["genre"] == "paraphrase"
                for text in written:
                    for sentence in re.split(r"(?<=\.) ", citation.text):
                        place = text.find(sentence)
                        assert place <= 0 or text[place - 1] not in QUOTES
                first = formats.text(citation).split("\n")[0]
                assert first == citation.text

    def test_only_what_is_verbatim_stands_in_them(self):
        statement = Statement.objects.published().first()
        for wording, quoted in [("verbatim", True), ("translation", False), ("paraphrase", False)]:
            Statement.objects.filter(pk=statement.pk).update(wording=wording)
            for language, (opening, closing) in {"fr": "«»", "en": "“”"}.items():
                citation = cite(Statement.objects.get(pk=statement.pk), language, ORIGIN)
                first = formats.text(citation).split("\n")[0]
                assert (first[0] == opening and first[-1] == closing) is quoted
                assert citation.wording in formats.bibtex(citation)

    def test_a_point_that_rests_on_a_paraphrase_says_so_with_its_source(self, citations):
        claims = Claim.objects.filter(
            basis="statement", question__in=Question.objects.published(), statements__isnull=False
        ).distinct()
        assert claims
        for claim in claims:
            for language in LANGUAGES:
                citation = of(citations, f"{claim.question.reference}/{claim.order}", language)
                assert citation.wording == "paraphrase"
                for statement in claim.statements.all():
                    assert statement.source.url in formats.note(citation)

    def test_whose_voice_it_is_travels_with_it(self, citations):
        for statement in Statement.objects.published():
            note = formats.note(of(citations, statement.reference, "en"))
            assert ("own voice" in note) == (statement.voice == "source")
            if statement.speaker:
                assert statement.speaker.name in note

    def test_a_provision_is_our_summary_and_leads_to_the_official_text(self, citations):
        for provision in Provision.objects.published():
            note = formats.note(of(citations, provision.reference, "en"))
            assert "Summary in our words, not the text of the law." in note
            version = provision.current_version
            if version and version.official_url_en:
                assert version.official_url_en in note
            if provision.eli:
                assert provision.eli in note

    def test_it_names_the_revision_the_day_and_the_permalink(self):
        question = Question.objects.get(reference="q-school")
        question.title_en = "Changed?"
        with time_machine.travel("2027-03-01T12:00:00Z", tick=False):
            question.save()
            citation = cite(question, "fr", ORIGIN)
        assert (citation.revision, citation.accessed) == (2, datetime.date(2027, 3, 1))
        assert citation.permalink == f"{ORIGIN}/r/q-school?rev=2"
        for write in (formats.text, formats.bibtex, formats.ris, formats.csl_json):
            assert citation.permalink in write(citation)
        assert "révision 2 du 1er mars 2027" in formats.text(citation)

    def test_what_is_secondary_says_so(self, citations):
        secondary = Provision.objects.published().filter(confidence="secondary").first()
        secondary = secondary or Question.objects.published().filter(confidence="secondary").first()
        citation = of(citations, secondary.reference, "en")
        assert "Secondary: not seen in an official text." in formats.note(citation)


class TestPage:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_it_holds_both_texts_to_select_without_a_script(self, language):
        response = Client().get(f"/{language}/cite/st-creation-is-offence/")
        html = response.content.decode()
        assert len(re.findall("<textarea[^>]* readonly", html)) == 2
        assert "Paraphrase in our words" in html
        assert "Paraphrase dans nos mots" in html
        assert 'content="noindex"' in html

    def test_records_lead_to_it(self):
        page = Client().get("/en/statements/st-creation-is-offence/").content.decode()
        assert 'href="/en/cite/st-creation-is-offence/"' in page

    def test_that_of_an_answer_leads_to_those_of_its_points(self):
        html = Client().get("/en/cite/q-school/").content.decode()
        for claim in Question.objects.get(reference="q-school").claims.all():
            assert f'href="/en/cite/q-school/{claim.order}/"' in html
            assert Client().get(f"/en/cite/q-school/{claim.order}/").status_code == 200

    def test_the_short_address_chooses_the_language(self):
        client = Client(headers={"accept-language": "fr"})
        assert client.get("/r/q-school/cite/")["Location"] == "/fr/cite/q-school/"
        assert client.get("/r/q-school/2/cite/")["Location"] == "/fr/cite/q-school/2/"

    @pytest.mark.parametrize("path", ["nothing/", "q-school/99/", "q-school.exe", "nothing.bib"])
    def test_what_does_not_exist_is_not_found(self, path):
        assert Client().get(f"/en/cite/{path}").status_code == 404
