"""How text becomes terms."""

import pytest

from kb_site.search import analysis
from kb_site.search.query import Query, article_numbers, eli_key, phone_key, references_in

pytestmark = pytest.mark.anywhere


@pytest.mark.parametrize(
    ("language", "text", "same_as"),
    [
        ("fr", "l'image", "image"),
        ("fr", "l’image", "image"),
        ("fr", "jusqu'au procureur", "procureur"),
        ("fr", "qu'une plainte", "plainte"),
        ("fr", "Hypertrucages", "hypertrucage"),
        ("fr", "pédopornographie", "pedopornographie"),
        ("fr", "cœur", "coeur"),
        ("fr", "deep fake", "deepfake"),
        ("fr", "bee secure", "BeeSecure"),
        ("en", "deep fakes", "deepfake"),
        ("en", "the victim's image", "victim image"),
        ("en", "complaints", "complaint"),
        ("fr", "383 bis", "383bis"),
        ("fr", "383-bis", "383bis"),
        ("fr", "e\u0301cole", "école"),
    ],
)
def test_ways_to_write_the_same_become_the_same_terms(language, text, same_as):
    assert analysis.terms(text, language) == analysis.terms(same_as, language) != []


@pytest.mark.parametrize("number", ["371-2", "2022/2065", "383bis"])
def test_numbers_of_articles_and_acts_stay_whole(number):
    assert analysis.terms(f"article {number}", "fr") == [number]


@pytest.mark.parametrize(("first", "second"), [("plainte", "plaine"), ("383bis", "383ter")])
def test_different_words_stay_different(first, second):
    assert analysis.terms(first, "fr") != analysis.terms(second, "fr")


def test_question_words_are_set_aside():
    assert Query.parse("comment puis-je porter plainte ?", "fr").terms == tuple(
        analysis.terms("porter plainte", "fr")
    )
    assert Query.parse("how can I make a complaint?", "en").terms == tuple(
        analysis.terms("make complaint", "en")
    )


def test_a_search_of_stop_words_only_is_run_with_them():
    query = Query.parse("qui est-ce", "fr")
    assert query.only_stop_words
    assert query.terms


@pytest.mark.parametrize("typed", ["", " ", "*", "((((", "?!", "\0\0", "\ud800"])
def test_a_search_without_a_word_is_empty(typed):
    assert not Query.parse(typed, "fr")


def test_a_search_is_cut_at_200_characters_and_32_terms():
    many = " ".join(f"mot{number}" for number in range(500))
    query = Query.parse(many, "fr")
    assert len(query.text) <= 200
    assert len(query.terms) <= 32


@pytest.mark.parametrize(
    ("label", "numbers"),
    [
        ("art. 383bis", ["383bis"]),
        ("art. 372 à 372ter", ["372", "372bis", "372ter"]),
        ("Arts 20 to 22", ["20", "21", "22"]),
        ("art. 5(1)(ba) et (bb)", ["5"]),
        ("art. 382-1 et 382-2", ["382-1", "382-2"]),
        ("Arts 443, 444, 448 and 450", ["443", "444", "448", "450"]),
    ],
)
def test_a_label_names_its_articles(label, numbers):
    assert article_numbers(label) == numbers


@pytest.mark.parametrize(
    ("typed", "reference"),
    [
        ("383bis", "art:383bis"),
        ("art. 383-bis CP", "art:383bis|cp"),
        ("article 383bis du code pénal", "art:383bis|code penal"),
        ("penal code 383ter", "art:383ter|penal code"),
        ("DSA art. 16", "art:16|dsa"),
        ("AI Act article 5", "art:5|ai act"),
        ("règlement (UE) 2022/2065", "act:2022/2065"),
        ("32024R1689", "act:32024r1689"),
        ("http://data.europa.eu/eli/reg/2022/2065/oj", "eli:eli/reg/2022/2065"),
        (
            "https://legilux.public.lu/eli/etat/leg/code/penal/art_383bis/20230822",
            "eli:eli/etat/leg/code/penal/art_383bis",
        ),
        ("8002 1234", "tel:80021234"),
        ("+352 26 10 60-1", "tel:2610601"),
    ],
)
def test_a_legal_reference_is_understood(typed, reference):
    assert reference in references_in(typed, "fr")


def test_a_bare_number_in_a_sentence_is_no_article():
    assert "art:16" not in references_in("une fille de 16 ans", "fr")


def test_keys_of_elis_and_phones_do_without_what_varies():
    assert eli_key("http://data.legilux.public.lu/eli/etat/leg/loi/2023/08/07/a542/jo") == eli_key(
        "https://legilux.public.lu/eli/etat/leg/loi/2023/08/07/a542/consolide/20260612/fr"
    )
    assert phone_key("(+352) 26 10 60-1") == phone_key("26 10 60 1")
