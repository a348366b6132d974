"""What every engine does: one contract, run on each."""

import threading

import pytest
from django.db import connection, connections, transaction

from kb_site.search import find as find_module
from kb_site.search import rules, updates
from kb_site.search.documents import Document
from kb_site.search.engines import SearchUnavailable
from kb_site.search.engines.database import DatabaseEngine
from kb_site.search.engines.whoosh import WhooshEngine
from kb_site.search.find import Filters, find

HOSTILE = [
    "x" * 10_000,
    "image " * 500,
    " ".join(f"mot{n}" for n in range(500)),
    "*",
    "a*",
    "*a *e *i *o *u",
    "(" * 5_000 + "image" + ")" * 5_000,
    "image AND OR NOT ((",
    "[a-z]+(.*)*$",
    "image\0volée",
    "\u202eimage\u2066",
    "\ud800image\udfff",
    "title:image^99 kind:question",
    "' OR 1=1; DROP TABLE search_posting; --",
    "%s %(x)s {0}",
]


def document(reference, title, body="", kind="question", language="fr", **more):
    return Document(
        kind=kind,
        reference=reference,
        language=language,
        title=title,
        url=f"/{language}/{reference}/",
        body=body,
        **more,
    )


DOCUMENTS = [
    document("plainte", "Comment porter plainte ?", "La police reçoit la plainte.", topics=("t1",)),
    document("prouver", "Que garder comme preuve ?", "Notez l'adresse, avant la plainte."),
    document("chantage", "On me fait du chantage", "La police peut aider.", topics=("t1", "t2")),
    document("hostile", "Une image <svg/onload=alert(1)>", '<script>alert("image")</script>'),
    document("police", "Police", "Elle reçoit les plaintes.", kind="contact"),
    document(
        "cp-383bis",
        "art. 383bis Code pénal",
        "Fabriquer une image.",
        kind="provision",
        jurisdiction="lu",
        references=("art:383bis", "art:383bis|cp"),
    ),
    document("plainte", "How do I make a complaint?", "The police take it.", language="en"),
    document("only-english", "Trusted flaggers", "Who they are.", language="en"),
]


def found(engine, text, language="fr", **options):
    return [result.reference for result in find(text, language, engine=engine, **options)]


@pytest.fixture(autouse=True)
def no_rules(db):
    """The contract is about the engine: no synonyms."""
    from kb_site.search.models import PromotedResult, SynonymGroup

    SynonymGroup.objects.all().delete()
    PromotedResult.objects.all().delete()
    rules.forget()
    yield
    rules.forget()


class EngineContract:
    @pytest.fixture
    def engine(self):
        raise NotImplementedError

    def test_what_is_asked_comes_first(self, engine):
        assert found(engine, "comment porter plainte")[0] == "plainte"
        assert found(engine, "chantage")[0] == "chantage"

    def test_accents_elisions_and_endings_do_not_matter(self, engine):
        assert found(engine, "d'avoir fabriqué")[0] == "cp-383bis"
        assert "prouver" in found(engine, "preuves")
        assert found(engine, "PENAL")[0] == "cp-383bis"

    def test_words_are_optional_and_more_of_them_rank_higher(self, engine):
        results = found(engine, "police chantage zzz")
        assert results[0] == "chantage"
        assert {"plainte", "police"} <= set(results)

    def test_a_legal_reference_comes_first(self, engine):
        for typed in ("383bis", "383 bis", "art. 383-bis CP"):
            assert found(engine, typed)[0] == "cp-383bis"

    def test_hostile_html_never_gets_through(self, engine):
        for result in find("image", "fr", engine=engine):
            shown = result.title + result.excerpt
            assert "<svg" not in shown
            assert "<script" not in shown
        marked = next(r for r in find("image", "fr", engine=engine) if r.reference == "hostile")
        assert "<mark>image</mark>" in marked.title
        assert "&lt;svg/onload=alert(1)&gt;" in marked.title

    def test_filters_keep_what_they_name_and_facets_count_the_rest(self, engine):
        results = find("plainte police", "fr", Filters(kinds=("contact",)), engine=engine)
        assert [r.reference for r in results] == ["police"]
        assert results.count == 1
        assert results.facets["kind"] == {"question": 3, "contact": 1}
        assert found(engine, "police plainte", filters=Filters(topics=("t2",))) == ["chantage"]
        assert found(engine, "image", filters=Filters(jurisdictions=("lu",))) == ["cp-383bis"]
        assert find("police", "fr", Filters(kinds=("act",)), engine=engine).count == 0

    def test_pages_hold_every_result_once(self, engine):
        engine.rebuild(document(f"q{n}", f"Plainte numéro {n}") for n in range(35))
        pages = [find("plainte", "fr", page=page, engine=engine) for page in (1, 2, 3, 4, 5)]
        assert [len(page.items) for page in pages] == [10, 10, 10, 5, 0]
        assert {page.count for page in pages} == {35}
        assert len({r.reference for page in pages for r in page}) == 35

    def test_far_pages_hold_every_result_once_too(self, engine):
        engine.rebuild(document(f"q{n}", f"Plainte numéro {n}") for n in range(95))
        seen = [
            r.reference for n in range(1, 11) for r in find("plainte", "fr", page=n, engine=engine)
        ]
        assert sorted(seen) == sorted(f"q{n}" for n in range(95))

    def test_a_changed_record_is_found_by_its_new_words_only(self, engine):
        engine.replace(["question:chantage"], [document("chantage", "Sextorsion")])
        assert "chantage" in found(engine, "sextorsion")
        assert found(engine, "chantage") == []

    def test_a_removed_record_is_not_found(self, engine):
        engine.replace(["question:plainte"], [])
        assert "plainte" not in found(engine, "porter plainte")
        assert found(engine, "complaint", language="en") == []

    def test_a_new_record_is_found(self, engine):
        engine.replace(["question:new"], [document("new", "Usurpation d'identité")])
        assert found(engine, "usurpation") == ["new"]

    def test_many_changes_leave_no_trace(self, engine):
        for n in range(12):
            engine.replace(["question:chantage"], [document("chantage", f"Chantage version{n}")])
        assert found(engine, "chantage") == ["chantage"]
        assert found(engine, "version11") == ["chantage"]
        assert engine.frequencies({"fr": ["chantag", "version3"], "en": ["complaint"]}) == {
            "fr": (6, {"chantag": 1, "version3": 0}),
            "en": (2, {"complaint": 1}),
        }

    def test_a_slip_of_the_finger_is_corrected_and_told(self, engine):
        results = find("chantaje", "fr", engine=engine)
        assert [r.reference for r in results] == ["chantage"]
        assert results.corrected_text == "chantage"

    def test_words_of_the_other_language_find_the_record_in_the_readers(self, engine):
        first = find("complaint", "fr", engine=engine).items[0]
        assert (first.reference, first.language, first.matched_language) == ("plainte", "fr", "en")
        assert first.url == "/fr/plainte/"

    def test_a_search_typed_in_the_other_language_is_answered_from_it(self, engine):
        # "plainte" is French, but every other word says that an English page was meant.
        results = find("how do I make a complaint plainte", "fr", engine=engine)
        assert [(r.reference, r.language, r.matched_language) for r in results][:1] == [
            ("plainte", "fr", "en")
        ]
        assert results.count == 1
        assert "<mark>plainte</mark>" in results.items[0].title

    def test_a_slip_in_the_other_language_is_corrected_in_it(self, engine):
        results = find("how do I make a complaimt", "fr", engine=engine)
        assert [r.reference for r in results] == ["plainte"]
        assert results.corrected_text == "how do I make a complaint"

    def test_a_known_reference_is_sought_in_the_readers_language(self, engine):
        engine.replace(
            ["provision:cp-384"],
            [document("cp-384", "art. 384", references=("art:384",), kind="provision")],
        )
        results = find("what is in article 384", "fr", engine=engine)
        assert (results.items[0].reference, results.items[0].matched_language) == ("cp-384", "fr")

    def test_what_good_answers_link_to_rises(self, engine):
        def documents(links):
            return [
                document("q1", "Porter plainte", "Deux mots."),
                document("q2", "Déposer plainte", "Deux mots.", links=links),
                document("a", "Plainte", "Les mots et la police.", kind="contact"),
                document("b", "Plainte", "Les mots et la police.", kind="contact"),
            ]

        engine.rebuild(documents(()))
        before = found(engine, "plainte police")
        assert before.index("a") < before.index("b")
        engine.rebuild(documents(("contact:b", "question:none")))
        after = found(engine, "plainte police")
        assert after.index("b") < after.index("a")
        assert sorted(after) == sorted(before)

    def test_common_words_find_the_documents_they_matter_in(self, engine, monkeypatch):
        texts = [document(f"q{n}", "Autre chose", "Une plainte en passant.") for n in range(30)]
        titles = [document(f"t{n}", "Plainte", "Autre chose.") for n in range(12)]
        others = [document(f"o{n}", "Autre chose") for n in range(60)]
        engine.rebuild([*texts, *titles, *others])
        assert find("plainte", "fr", engine=engine).count == 42
        monkeypatch.setattr(find_module, "POSTINGS", 10)
        monkeypatch.setattr(find_module, "LEAST", 0.8)
        results = find("plainte", "fr", engine=engine)
        assert results.count == 12
        assert results.facets["kind"] == {"question": 12}
        # Too few are left: everything is looked through.
        monkeypatch.setattr(find_module, "LEAST", 100)
        assert find("plainte", "fr", engine=engine).count == 42

    def test_of_very_many_words_the_rarest_are_sought(self, engine, monkeypatch):
        monkeypatch.setattr(find_module, "MOST", 1)
        assert found(engine, "police chantage") == ["chantage"]
        [result] = find("police chantage", "fr", engine=engine)
        assert "<mark>police</mark>" not in result.excerpt
        monkeypatch.setattr(find_module, "MOST", 2)
        assert len(found(engine, "police chantage")) > 1

    def test_of_very_many_unknown_words_the_first_are_corrected(self, engine, monkeypatch):
        monkeypatch.setattr(find_module, "MOST_CORRECTED", 1)
        results = find("chantaje polise", "fr", engine=engine)
        assert results.corrected_text == "chantage polise"

    def test_what_exists_only_in_the_other_language_says_so(self, engine):
        [result] = find("flaggers", "fr", engine=engine)
        assert (result.reference, result.language) == ("only-english", "en")

    def test_a_search_of_stop_words_only_is_run(self, engine):
        assert "plainte" in found(engine, "comment")

    @pytest.mark.parametrize("typed", HOSTILE, ids=range(len(HOSTILE)))
    def test_hostile_searches_do_no_harm(self, engine, typed):
        results = find(typed, "fr", engine=engine)
        assert not results.is_reduced
        assert found(engine, "chantage") == ["chantage"]

    def test_what_is_indexed_can_be_compared(self, engine):
        assert engine.fingerprints() == {(d.key, d.language): d.fingerprint for d in DOCUMENTS}

    def test_an_empty_index_answers(self, engine):
        engine.rebuild([])
        results = find("plainte", "fr", engine=engine)
        assert (results.count, results.is_reduced) == (0, False)
        engine.replace(["question:new"], [document("new", "Plainte")])
        assert found(engine, "plainte") == ["new"]


class TestWhoosh(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path):
        engine = WhooshEngine(tmp_path / "search")
        engine.rebuild(DOCUMENTS)
        return engine

    def test_concurrent_writers_lose_nothing(self, engine):
        def write(writer):
            for n in range(5):
                name = f"w{writer}-{n}"
                engine.replace([f"question:{name}"], [document(name, f"Parallèle {name}")])

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert not find("parallèle", "fr", engine=engine).is_reduced
        assert find("parallèle", "fr", engine=engine).count == 20

    @pytest.mark.parametrize("damage", ["deleted", "truncated", "garbage", "no-pointer", "old"])
    def test_a_damaged_index_is_noticed(self, engine, damage):
        found(engine, "plainte")
        current = engine.folder / "current"
        generation = engine.folder / current.read_text()
        segments = list(generation.rglob("*.seg"))
        if damage == "deleted":
            for path in list(generation.rglob("*")):
                if path.is_file():
                    path.unlink()
        elif damage == "truncated":
            for path in segments:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
        elif damage == "garbage":
            for path in segments:
                path.write_bytes(b"\x93garbage" * (path.stat().st_size // 8 + 1))
        elif damage == "no-pointer":
            current.unlink()
        else:
            generation.rename(generation.with_name("x-v0"))
            current.write_text("x-v0")
        with pytest.raises(SearchUnavailable):
            WhooshEngine(engine.folder).check()
        engine.rebuild(DOCUMENTS)
        WhooshEngine(engine.folder).check()
        assert found(engine, "chantage") == ["chantage"]

    def test_an_update_that_meets_a_rebuild_is_put_off(self, engine):
        import fcntl

        with engine._rebuild_lock(fcntl.LOCK_EX), pytest.raises(SearchUnavailable, match="rebuilt"):
            engine.replace(["question:x"], [document("x", "X")])


class TestDatabase(EngineContract):
    @pytest.fixture
    def engine(self, db):
        engine = DatabaseEngine()
        engine.rebuild(DOCUMENTS)
        return engine

    def test_a_rolled_back_change_is_not_found(self, engine):
        from django.db import transaction

        with transaction.atomic():
            engine.replace(["question:chantage"], [document("chantage", "Sextorsion")])
            transaction.set_rollback(True)
        assert found(engine, "chantage") == ["chantage"]

    def test_a_change_of_one_word_counts_no_other_word_anew(self, engine):
        from kb_site.search.models import TermCount, WordCount

        terms, words = TermCount.objects.count(), WordCount.objects.count()
        changed = document(
            "chantage", "On me fait du chantage", "La police peut agir.", topics=("t1", "t2")
        )
        engine.replace([changed.key], [changed])
        # One word is gone, one is new.
        assert TermCount.objects.count() == terms + 2
        assert WordCount.objects.count() == words + 2
        assert "chantage" in found(engine, "agir")
        assert "chantage" not in found(engine, "aider")

    def test_an_index_not_yet_built_is_no_empty_result(self, engine, monkeypatch):
        from kb_site.search.models import IndexState

        started = []
        monkeypatch.setattr(find_module, "heal", lambda: started.append(True))
        engine.rebuild([])
        assert not find("plainte", "fr", engine=engine).is_reduced
        IndexState.objects.all().delete()
        assert find("plainte", "fr", engine=engine).is_reduced
        assert started

    def test_an_index_of_an_older_form_is_noticed(self, engine):
        from kb_site.search.models import IndexState

        engine.check()
        IndexState.objects.update(version=0)
        with pytest.raises(SearchUnavailable):
            engine.check()


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_of_the_database_lose_nothing():
    engine = DatabaseEngine()
    engine.rebuild(DOCUMENTS)
    errors = []

    def write(writer):
        try:
            for n in range(5):
                name = f"w{writer}-{n}"
                engine.replace(
                    [f"question:{name}", "question:shared"],
                    [document(name, f"Parallèle {name}"), document("shared", f"Partagé {name}")],
                )
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert find("parallèle", "fr", engine=engine).count == 15
    assert find("partagé", "fr", engine=engine).count == 1
    assert engine.frequencies({"fr": []}) == {"fr": (6 + 15 + 1, {})}
    assert connection.vendor in ("sqlite", "postgresql")


@pytest.mark.django_db(transaction=True)
def test_transactions_that_change_the_same_entries_in_opposite_order_take_turns(settings):
    settings.SEARCH_ENGINE = "database"
    keys = ["contact:deadlock-a", "question:deadlock-b"]
    both_hold_one, errors = threading.Barrier(2, timeout=20), []

    def change(first, second):
        try:
            with transaction.atomic(), updates.together():
                updates.mark([first])
                if connection.vendor == "postgresql":  # SQLite lets one in at a time
                    both_hold_one.wait()
                updates.mark([second])
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=change, args=order) for order in (keys, keys[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_both_engines_give_the_same_results(tmp_path, db):
    whoosh, database = WhooshEngine(tmp_path), DatabaseEngine()
    for engine in (whoosh, database):
        engine.rebuild(DOCUMENTS)
    for typed in ("plainte police", "image", "383bis", "complaint", "chantaje", "comment"):
        assert found(whoosh, typed) == found(database, typed)
