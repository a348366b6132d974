import json
import tempfile
from pathlib import Path

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from kb_site.search.documents import all_documents, registry
from kb_site.search.engines.database import DatabaseEngine
from kb_site.search.engines.whoosh import WhooshEngine
from kb_site.search.evaluation import evaluate
from kb_site.search.find import find

SEARCHES = settings.BASE_DIR / "tests" / "search" / "searches.yaml"


def read_searches(path):
    """Reads labelled searches, and refuses a key that no record has.

    Raises `CommandError` naming what is wrong with the file.
    """
    try:
        searches = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        known = {
            f"{index.kind}:{reference}"
            for index in registry.values()
            for reference in index.queryset().values_list("reference", flat=True)
        }
        unknown = {key for s in searches for key in s["relevant"]} - known
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise CommandError(
            f"{path} cannot be read as labelled searches ({error}). It is a YAML list of "
            "{text, language, type, relevant: {kind:reference: gain}}."
        ) from error
    if unknown:
        raise CommandError(f"{path} names records that are not published: {sorted(unknown)}")
    return searches


def evaluate_engines(searches):
    """Returns {engine: {group: Score}} of both engines, each with an index of its own."""
    scores = {}
    with tempfile.TemporaryDirectory() as folder:
        engine = WhooshEngine(folder)
        engine.rebuild(all_documents())
        scores["whoosh"] = evaluate(searches, runner(engine))
    with transaction.atomic():
        engine = DatabaseEngine()
        engine.rebuild(all_documents())
        scores["database"] = evaluate(searches, runner(engine))
        transaction.set_rollback(True)
    return scores


def runner(engine):
    def run(text, language):
        results = find(text, language, engine=engine)
        if results.is_reduced:
            raise CommandError("The index could not answer during the evaluation.")
        return [f"{result.kind}:{result.reference}" for result in results]

    return run


class Command(BaseCommand):
    help = "Measures the search on labelled searches, each engine and language beside the other."

    def add_arguments(self, parser):
        parser.add_argument("file", nargs="?", default=SEARCHES, help="YAML of labelled searches.")
        parser.add_argument("--json", action="store_true", help="Figures as JSON.")
        parser.add_argument("--worst", type=int, default=0, help="Show the N worst searches.")

    def handle(self, *args, file, worst, **options):
        searches = read_searches(file)
        scores = evaluate_engines(searches)
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {e: {g: vars(s) for g, s in groups.items()} for e, groups in scores.items()},
                    indent=1,
                )
            )
            return
        header = ("engine", "searches of", "number", "nDCG@10", "MRR@10", "recall@10", "no hit")
        row = "{:<10} {:<16} {:>6} {:>8} {:>8} {:>9} {:>7}"
        self.stdout.write(row.format(*header))
        for engine, groups in scores.items():
            for group, s in groups.items():
                figures = [f"{value:.3f}" for value in (s.ndcg, s.mrr, s.recall, s.empty)]
                self.stdout.write(row.format(engine, group, s.searches, *figures))
        if worst:
            self.show_worst(searches, worst)

    def show_worst(self, searches, number):
        with tempfile.TemporaryDirectory() as folder:
            engine = WhooshEngine(folder)
            engine.rebuild(all_documents())
            run = runner(engine)
            scored = []
            for search in searches:
                score = evaluate([search], run)["all"].ndcg
                scored.append((score, search, run(search["text"], search["language"])[:5]))
        for score, search, found in sorted(scored, key=lambda item: item[0])[:number]:
            self.stdout.write(
                f"{score:.2f} [{search['language']} {search['type']}] {search['text']}\n"
                f"     wanted {search['relevant']}\n     found  {found}"
            )
