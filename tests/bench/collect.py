"""The collections that `tests.bench.search` measures on, each saved in a folder of its own.

`documents.jsonl` holds the fields of one `Document` a line, `searches.json` what `evaluate` takes,
`rules.json` the editors' synonyms, promotions and hidden words as a fixture. Needs Django set up.
"""

import json
import random
import re
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from django.core import serializers
from django.core.management import call_command

from kb_site.management.commands.evaluate_search import SEARCHES, read_searches
from kb_site.search.documents import Document, all_documents
from kb_site.search.models import HiddenWord, PromotedResult, SynonymGroup

SEED = 2026
TEXTS = ("also_asked", "asked_in", "summary", "body")
LINES = ("also_asked", "asked_in")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")


def save_content(folder):
    """Loads the site's fixtures into the database and saves them with the labelled searches."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("load_fixtures", verbosity=0)
    rules = [
        row for model in (SynonymGroup, PromotedResult, HiddenWord) for row in model.objects.all()
    ]
    documents = [asdict(document) for document in all_documents()]
    _save(folder, documents, read_searches(SEARCHES), serializers.serialize("json", rules))


def save_grown(folder, content, records):
    """Saves the content in the folder `content`, grown to a number of records, and its searches."""
    with (content / "documents.jsonl").open(encoding="utf-8") as file:
        documents = [json.loads(line) for line in file]
    searches = json.loads((content / "searches.json").read_text(encoding="utf-8"))
    rules = (content / "rules.json").read_text(encoding="utf-8")
    _save(folder, grown(documents, records), searches, rules)


def save_set(folder, source, language):
    """Saves a collection like those in `../shared/data/search/`, without any rules."""
    relevant = json.loads((source / "qrels.json").read_text(encoding="utf-8"))
    documents = (
        asdict(
            Document(
                kind="question",
                reference=str(row["id"]),
                language=language,
                title=row["title"],
                body=row["body"],
                url="/",
            )
        )
        for row in _rows(source / "docs.jsonl")
    )
    searches = [
        {
            "text": row["text"],
            "language": language,
            "group": row.get("group", row["qid"]),
            "relevant": {f"question:{key}": gain for key, gain in gains.items()},
        }
        for row in _rows(source / "queries.jsonl")
        if (gains := {k: gain for k, gain in relevant.get(row["qid"], {}).items() if gain > 0})
    ]
    _save(folder, documents, searches, "[]")


def grown(documents, records):
    """Yields all documents, then made-up records until there are so many.

    A made-up record is as long as a real one, field by field; its sentences are drawn from all
    real ones of its kind, and its title is the halves of two real titles. The same every time.
    """
    yield from documents
    real, pools = defaultdict(list), defaultdict(list)
    for document in documents:
        real[document["kind"], document["reference"]].append(document)
        pools[document["kind"], document["language"], "title"].append(document["title"].split())
        for name in TEXTS:
            pool = pools[document["kind"], document["language"], name]
            pool += _sentences(document[name])
    chance, templates = random.Random(SEED), list(real.values())  # noqa: S311
    for number in range(len(real), records):
        for template in chance.choice(templates):
            pool = {n: pools[template["kind"], template["language"], n] for n in (*TEXTS, "title")}
            first, second = chance.choice(pool["title"]), chance.choice(pool["title"])
            texts = {
                name: ("\n" if name in LINES else " ").join(
                    chance.choice(pool[name]) for _sentence in _sentences(template[name])
                )
                for name in TEXTS
            }
            title = " ".join(first[: len(first) // 2] + second[len(second) // 2 :])
            own = {"reference": f"grown-{number}", "title": title, "references": [], "links": []}
            yield template | texts | own


def _sentences(text):
    return [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]


def _rows(path: Path):
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _save(folder, documents, searches, rules):
    folder.mkdir()
    with (folder / "documents.jsonl").open("w", encoding="utf-8") as file:
        for document in documents:
            file.write(json.dumps(document) + "\n")
    (folder / "searches.json").write_text(json.dumps(searches), encoding="utf-8")
    (folder / "rules.json").write_text(rules, encoding="utf-8")
