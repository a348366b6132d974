"""Measures one of our engines: `python -m tests.bench.ours whoosh|database FOLDER N SECONDS`.

A search is the whole `find()`: rules, both languages, spelling, facets, highlighted excerpts.
The database is the one `DATABASE_URL` names; it is filled here.
"""

import sys
from pathlib import Path

import django
from django.core.management import call_command

from tests.bench.measure import measure


class Ours:
    def __init__(self, name, rules):
        from kb_site.search.engines.database import DatabaseEngine
        from kb_site.search.engines.whoosh import WhooshEngine

        call_command("migrate", verbosity=0, interactive=False)
        call_command("loaddata", rules, verbosity=0)
        self.engine = WhooshEngine("whoosh-index") if name == "whoosh" else DatabaseEngine()

    def build(self, documents):
        from kb_site.search.documents import Document

        self.engine.rebuild(
            Document(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
            for fields in documents
        )

    def search(self, text, language):
        from kb_site.search.find import find

        results = find(text, language, engine=self.engine)
        if results.is_reduced:
            raise RuntimeError("the index could not answer")
        return [f"{result.kind}:{result.reference}" for result in results]

    def size(self):
        return self.engine.size()


if __name__ == "__main__":
    django.setup()
    engine, collection, searches, seconds = sys.argv[1:]
    contestant = Ours(engine, str(Path(collection) / "rules.json"))
    measure(contestant, collection, int(searches), int(seconds))
