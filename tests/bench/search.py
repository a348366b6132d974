"""`make bench-search`: our engines and what one could pick instead, side by side.

Every contestant runs alone, in a process of its own, on the same documents and searches. The
peers are installed into a throwaway environment; all that is written is deleted at the end.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.measure import TOO_LONG

ROOT = Path(__file__).resolve().parents[2]
ON_POSTGRESQL = [sys.executable, "-m", "tests.with_postgres"]
# name: (class in `peers`, what to install, whether it needs PostgreSQL)
PEERS = {
    "Whoosh, defaults": ("Whoosh", ["whoosh==2.7.4"], False),
    "Whoosh, OR + LanguageAnalyzer": ("WhooshTuned", ["whoosh==2.7.4"], False),
    "django-haystack + Whoosh": (
        "Haystack",
        ["django==5.2.19", "django-haystack==3.4.0", "whoosh==2.7.4"],
        False,
    ),
    "PostgreSQL, ts_rank": ("PostgreSQL", ["psycopg[binary]==3.3.9"], True),
    "PostgreSQL, ts_rank by length": ("PostgreSQLByLength", ["psycopg[binary]==3.3.9"], True),
    "SQLite FTS5": ("FTS5", [], False),
    "tantivy, stemmed": ("Tantivy", ["tantivy==0.27.0"], False),
}
# name: (engine, whether it runs on PostgreSQL)
OURS = {
    "**ours**: whoosh": ("whoosh", False),
    "**ours**: database, SQLite": ("database", False),
    "**ours**: database, PostgreSQL": ("database", True),
}
# From so many records on, a sample of the searches is enough, the same one for everybody.
LARGE, SAMPLE = 50_000, 100

NOTES = """
Load {load} on {cores} cores before the first build. One search at a time, each asked once: every
fifth first, as a warm-up ("cold"), the others timed after it. Ours is the whole `find()`, with
synonyms, both languages, spelling, facets and highlighted excerpts; the peers return ten keys from
one index of the page's language, PostgreSQL's with its configuration `french` or `english`. Build
includes reading the documents. "of best" and "x fastest" compare nDCG and p95 with the best peer
of the same table. From {large:,} records on, {sample} of the searches are asked.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--set", type=Path, help="folder with docs.jsonl, queries.jsonl, qrels.json"
    )
    parser.add_argument("--language", choices=["fr", "en"], default="fr", help="of the set")
    parser.add_argument("--sizes", default="real,1000,10000,100000", help="real, or records")
    parser.add_argument("--limit", type=int, default=900, help="seconds a contestant may take")
    parser.add_argument("--only", default="", help="whose name holds one of these: ours,tantivy")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reperes-bench-") as folder:
        folder = Path(folder)
        load = f"{os.getloadavg()[0]:.1f}"
        _set_up_django(folder)
        peers, missing = _install(folder / "peers", options.only)
        for name, records, collection in _collections(folder, options):
            rows = {}
            for contestant, command in _commands(folder, peers, options.only).items():
                print(f"{name}: {contestant}", file=sys.stderr)
                rows[contestant] = _run(command, collection, records, options.limit)
            print(_table(name, collection, records, rows | missing), flush=True)
        print(NOTES.format(load=load, cores=os.cpu_count(), large=LARGE, sample=SAMPLE))


def _set_up_django(folder):
    """Sets up the site on an empty database of its own."""
    os.environ.pop("TEST_DATABASE_URL", None)  # a bench never writes into a server in use
    os.environ |= {
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'content.sqlite3'}",
        "DEBUG": "false",
        "DJANGO_SETTINGS_MODULE": "kb_site.settings",
        "LOG_LEVEL": "ERROR",
        "PGOPTIONS": "-c max_parallel_workers_per_gather=0",
        "PYTHONPATH": str(ROOT),
        "SEARCH_ENGINE": "whoosh",
        "SECRET_KEY": "only-for-the-bench",
    }
    import django

    django.setup()


def _install(folder, only):
    """Installs the peers; returns (the Python that has them, {peer: why it is missing})."""
    print("Installing the peers into a throwaway environment", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python, missing = folder / "bin" / "python", {}
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for name, (_class, packages, _postgresql) in PEERS.items():
        if packages and _is_asked_for(name, only):
            done = subprocess.run([*pip, *packages], capture_output=True, text=True)
            if done.returncode:
                missing[name] = f"could not be installed: {_error(done.stderr)}"
    return {name: python for name in PEERS if name not in missing}, missing


def _collections(folder, options):
    """Yields (name, number of records or 0, folder) of each collection to measure."""
    from tests.bench import collect

    if options.set:
        collect.save_set(folder / "set", options.set, options.language)
        yield f"{options.set.name} ({options.language})", 0, folder / "set"
        return
    print("Loading the real content", file=sys.stderr)
    collect.save_content(folder / "real")
    for size in options.sizes.replace(",", " ").split():
        if size == "real":
            yield "the real content", 0, folder / "real"
        else:
            collect.save_grown(folder / size, folder / "real", int(size))
            yield f"{int(size):,} records", int(size), folder / size


def _commands(folder, peers, only):
    """Returns {contestant: the command that measures it, its last arguments aside}."""
    commands = {}
    for name, (engine, on_postgresql) in OURS.items():
        command = [sys.executable, "-m", "tests.bench.ours", engine]
        commands[name] = [*ON_POSTGRESQL, *command] if on_postgresql else command
    for name, python in peers.items():
        peer, _packages, on_postgresql = PEERS[name]
        command = [python, "-m", "tests.bench.peers", peer]
        commands[name] = [*ON_POSTGRESQL, *command] if on_postgresql else command
    return {name: command for name, command in commands.items() if _is_asked_for(name, only)}


def _is_asked_for(name, only):
    return any(part in name for part in only.split(","))


def _run(command, collection, records, limit):
    """Returns what a contestant's process measured, or why it did not: the table goes on."""
    with tempfile.TemporaryDirectory(prefix="reperes-bench-run-") as folder:
        searches = SAMPLE if records >= LARGE else 0
        done = subprocess.run(
            [*command, collection, str(searches), str(limit)],
            cwd=folder,
            env=os.environ | {"DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"},
            capture_output=True,
            text=True,
        )
    if TOO_LONG in done.stderr:
        return f"over {limit} s"
    if done.returncode:
        return f"failed: {_error(done.stderr)}"
    return json.loads(done.stdout.strip().splitlines()[-1])


def _table(name, collection, records, rows):
    """Returns the Markdown table of one collection."""
    searches = json.loads((collection / "searches.json").read_text(encoding="utf-8"))
    with (collection / "documents.jsonl").open(encoding="utf-8") as file:
        documents = sum(1 for _line in file)
    rows = {
        contestant: row if isinstance(row, str) else _figures(row, searches)
        for contestant, row in rows.items()
    }
    peers = [row for n, row in rows.items() if n in PEERS and not isinstance(row, str)]
    best = max((row["ndcg"] for row in peers), default=0)
    fastest = min((row["p95"] for row in peers), default=0)
    asked = SAMPLE if records >= LARGE else len(searches)
    lines = [
        f"### {name}: {documents:,} documents, {asked:,} searches",
        "",
        "| engine | build s | MB | nDCG@10 | of best | MRR@10 | no hit % | p50 ms | p95 ms |"
        " x fastest | cold p95 |",
        "| --- |" + " ---: |" * 10,
    ]
    for contestant, row in rows.items():
        if isinstance(row, str):
            lines.append(f"| {contestant} | {row} |" + " |" * 9)
            continue
        of_best = f"{row['ndcg'] / best:.2f}" if best else ""
        of_fastest = f"{row['p95'] / fastest:.1f}" if fastest else ""
        lines.append(
            f"| {contestant} | {row['build']:.1f} | {row['mb']:.1f} | {row['ndcg']:.3f} | {of_best}"
            f" | {row['mrr']:.3f} | {row['empty']:.1f} | {row['p50']:.2f} | {row['p95']:.2f}"
            f" | {of_fastest} | {row['cold']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _figures(row, searches):
    from kb_site.search.evaluation import evaluate
    from tests.bench.measure import sample

    searches = sample(searches, len(row["found"]))
    found = iter(row["found"])
    score = evaluate(searches, lambda _text, _language: next(found))["all"]
    return {
        "build": row["build"],
        "mb": row["bytes"] / 1e6,
        "ndcg": score.ndcg,
        "mrr": score.mrr,
        "empty": 100 * score.empty,
        "p50": _percentile(row["warm"], 0.5),
        "p95": _percentile(row["warm"], 0.95),
        "cold": _percentile(row["cold"], 0.95),
    }


def _percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _error(text):
    """Returns the line of a process's last words that names the error, fit for a table."""
    lines = text.strip().splitlines() or ["it said nothing"]
    named = [line for line in lines if re.match(r"^(?:[\w.]*Error\b|ERROR)", line)]
    return (named or lines)[-1][:200].replace("|", "/")


if __name__ == "__main__":
    main()
