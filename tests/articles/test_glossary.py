"""Words explained: on a page of their own, and where an answer first uses them."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from articles import glossary
from articles.models import Claim, Question, Term
from kb_site.editorial.previews import addresses
from kb_site.markdown import Words, render
from kb_site.search.find import find
from tests.test_pages import address_of, read, words

pytestmark = [pytest.mark.anywhere, pytest.mark.django_db]


class Word:
    """What `Words` takes, without a database."""

    def __init__(self, anchor, *forms):
        self.anchor, self._forms = anchor, forms

    def forms(self, language):
        return self._forms


def rendered(text, *terms, language="fr"):
    return render(text, language, Words(terms))


DELIT = Word("term-delit", "délit", "délits")
PARTY = Word("term-party", "partie civile")
CLAIM = Word("term-claim", "plainte avec constitution de partie civile")


class TestWords:
    def test_the_first_use_is_a_link_and_the_others_are_not(self):
        html = rendered("C'est un délit. Un délit, oui.", DELIT)
        assert html.count("<a ") == 1
        for part in ('href="#term-delit"', 'class="term"', 'id="in-term-delit"'):
            assert part in html
        assert "C’est un <a" in html

    def test_the_first_use_is_the_page_s_not_the_paragraph_s(self):
        page = Words([DELIT])
        first, second = (render("Un délit.", "fr", page) for _ in range(2))
        assert "<a" in first
        assert "<a" not in second
        assert page.found == [DELIT]

    def test_another_form_counts_as_the_word(self):
        assert ">délits</a>" in rendered("Des délits et un délit.", DELIT)

    @pytest.mark.parametrize(
        "text", ["délitation", "indélit", "quasi-délit", "délit-type", "delit", "DÉLIT", "dé lit"]
    )
    def test_only_whole_words_with_their_accents_and_capitals(self, text):
        assert "<a" not in rendered(text, DELIT)

    def test_a_sentence_may_begin_with_it(self):
        assert ">Délit</a>" in rendered("Délit ou crime ?", DELIT)
        assert "<a" not in rendered("eli", Word("term-eli", "ELI"))

    def test_the_longest_form_wins(self):
        html = rendered("Une plainte avec constitution de partie civile.", PARTY, CLAIM)
        assert ">plainte avec constitution de partie civile</a>" in html
        assert html.count("<a ") == 1

    def test_a_shorter_one_is_found_where_it_stands_alone(self):
        html = rendered(
            "Une plainte avec constitution de partie civile, puis la partie civile.", PARTY, CLAIM
        )
        assert html.count("<a ") == 2

    def test_never_inside_a_link(self):
        html = rendered("[un délit](https://example.org/) et un délit", DELIT)
        assert html.count("<a ") == 2
        assert html.index("example.org") < html.index("#term-delit")
        assert ">un délit</a>" in html

    def test_inside_emphasis_and_lists(self):
        assert "<strong>un <a" in rendered("**un délit**", DELIT)
        assert "<li>un <a" in rendered("- un délit", DELIT)

    def test_never_inside_code(self):
        assert "<a" not in rendered("`délit`", DELIT)

    @pytest.mark.parametrize(
        "form",
        ["<img src=x onerror=alert(1)>", '"><script>', "a|b", "(", "[", "\\", ".*", "$", "a b"],
    )
    def test_hostile_forms_stay_text(self, form):
        html = rendered(f"Voici {form} et rien.", Word("term-x", form), DELIT)
        assert "<script" not in html
        assert "<img" not in html
        assert "alert(1)>" not in html

    def test_hostile_text_stays_text(self):
        html = rendered("délit <script>alert(1)</script> <a class='term' id='x'>délit</a>", DELIT)
        assert "<script" not in html
        assert html.count("<a ") == 1

    def test_no_form_or_no_word_changes_nothing(self):
        text = "Un **délit**, [ici](https://example.org/)."
        assert rendered(text) == render(text, "fr") == rendered(text, Word("term-x"))

    def test_typography_does_not_hide_a_word(self):
        term = Word("term-state", "procureur d'État")
        assert "</a>" in rendered("Le procureur d'État décide.", term)
        assert "</a>" in rendered("Le procureur d’État décide.", term)

    def test_each_language_has_its_own_forms(self):
        term = Term.objects.get(reference="term-partie-civile")
        assert "<a" in rendered("the civil party", term, language="en")
        assert "<a" not in rendered("the civil party", term, language="fr")


@pytest.fixture
def question():
    return Question.objects.get(reference="q-creation-offence")


class TestQuestion:
    def test_every_word_linked_is_explained_below_with_a_way_back(self):
        explained = 0
        for question in Question.objects.published():
            for language in ("fr", "en"):
                page = read(address_of(question, language))
                links = page.main.classed("term")
                ids = {node.attrs["id"] for node in page.tree if "id" in node.attrs}
                targets = [link.attrs["href"] for link in links]
                assert len(targets) == len(set(targets))
                assert {target[1:] for target in targets} <= ids
                backs = [link.attrs["href"] for link in page.main.classed("back")]
                assert backs == [f"#{link.attrs['id']}" for link in links]
                assert bool(page.main.all("h2", id="words")) == bool(links)
                explained += len(links)
        assert explained > 100

    def test_an_offence_is_explained(self, question):
        for language in ("fr", "en"):
            page = read(address_of(question, language))
            term = Term.objects.get(reference="term-delit")
            [name] = page.main.all("dt", id="term-delit")
            assert words(name.text) == getattr(term, f"term_{language}")

    @pytest.mark.parametrize("status", ["draft", "in_review", "withdrawn"])
    def test_a_word_that_is_not_published_is_not_explained(self, status, question):
        Term.objects.filter(reference="term-delit").update(status=status)
        page = read(address_of(question, "fr"))
        assert not page.main.all("dt", id="term-delit")
        assert "#term-delit" not in page.main.links

    def test_words_cost_one_query(self, question, client):
        address = address_of(question, "en")
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        assert sum('FROM "articles_term"' in query["sql"] for query in captured) == 1
        assert not [query for query in captured if "articles_term_provisions" in query["sql"]]

    def test_a_text_in_the_other_language_explains_that_language_s_words(self, question):
        Claim.objects.filter(question=question).update(text_en="", text_fr="Un délit.")
        page = read(address_of(question, "en"))
        [link] = page.main.classed("term")
        assert link.text == "délit"

    def test_hostile_definitions_stay_text(self, question):
        hostile = "<script>alert(1)</script>[x](javascript:alert(1))"
        Term.objects.update(term_fr=hostile[:100], definition_fr=hostile, other_forms_fr="délit")
        page = read(address_of(question, "fr"))
        assert page.main.classed("term")
        assert "alert(1)" in page.main.text
        for node in page.main:
            assert node.tag != "script"
            assert "javascript" not in node.attrs.get("href", "")

    def test_a_page_of_the_past_explains_words_as_it_did(self, question, client):
        with time_machine.travel("2099-05-01T12:00:00+02:00", tick=False):
            term = Term.objects.get(reference="term-delit")
            term.definition_en = "Zyzzyva"
            term.save()
        address = address_of(question, "en")
        with time_machine.travel("2099-05-03T12:00:00+02:00", tick=False):
            before, after = (
                client.get(f"{address}?as_of={day}").content.decode()
                for day in ("2099-04-30", "2099-05-02")
            )
        assert 'href="#term-delit"' in before
        assert "Zyzzyva" not in before
        assert "Zyzzyva" in after


class TestGlossary:
    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_every_word_is_on_it_in_the_alphabet_of_the_language(self, language):
        page = read(f"/{language}/glossary/")
        names = [words(node.text) for node in page.main.all("dt")]
        terms = Term.objects.published()
        assert sorted(names) == sorted(words(getattr(t, f"term_{language}")) for t in terms)
        assert 15 <= len(names) <= 25
        plain = [n.lower().replace("é", "e").replace("è", "e").replace(" ", "") for n in names]
        assert plain == sorted(plain)

    def test_a_word_leads_to_the_law_it_rests_on(self):
        page = read("/en/glossary/")
        for term in Term.objects.published():
            for provision in term.provisions.published():
                assert address_of(provision, "en") in page.main.links

    def test_the_search_leads_to_its_place(self, index_dir):
        for language, typed in (("fr", "partie civile"), ("en", "trusted flagger")):
            url = {r.kind: r.url for r in find(typed, language)}["term"]
            assert url.startswith(f"/{language}/glossary/#term-")

    def test_a_draft_is_previewed(self, client):
        term = Term.objects.get(reference="term-eli")
        term.status = "draft"
        term.save()
        assert "term-eli" not in client.get("/en/glossary/").content.decode()
        for _language, address in addresses(term):
            assert 'id="term-eli"' in client.get(address).content.decode()

    def test_a_day_before_there_was_any_word_is_no_error(self, client):
        day = datetime.date(2001, 1, 1)
        assert client.get(f"/en/glossary/?as_of={day}").status_code == 200

    def test_is_empty_without_an_error(self):
        Term.objects.update(status="draft")
        assert "No word is explained yet." in read("/en/glossary/").main.text


class TestUsedIn:
    """Outside of a transaction, as readers are served."""

    def found(self, *texts):
        return {term.reference for term in glossary.used_in(texts)}

    def test_only_terms_of_which_a_text_may_hold_a_form_are_read(self, live_content):
        assert self.found("C'est un délit.") == {"term-delit"}
        assert "term-delit" in self.found("Un texte.", "Les Délits, et une plainte.")
        assert not self.found("zyzzyva", "")

    def test_every_term_is_found_by_every_form(self, live_content):
        for term in Term.objects.published():
            for language in ("fr", "en"):
                for form in term.forms(language):
                    assert term.reference in self.found(f"({form})"), form

    def test_an_edit_is_seen_at_once(self, live_content):
        assert not self.found("zyzzyva")
        Term.objects.filter(reference="term-delit").update(other_forms_en="Zyzzyva of some kind")
        assert self.found("A zyzzyva.") == {"term-delit"}

    def test_an_answer_reads_no_more_terms_than_it_may_use(self, live_content, client):
        client.get("/en/questions/")
        for question in Question.objects.published()[:5]:
            before = Words(Term.objects.published())
            for claim in question.claims.all():
                render(claim.text_en, "en", before)
            html = client.get(address_of(question, "en")).content.decode()
            assert html.count('class="term"') == len(before.found)
