"""`make fuzz`: the tests of this folder with seeds at random, on SQLite and then on PostgreSQL.

They go on for `MINUTES` in all, in rounds; or for one round of `CASES` requests on each.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.plan import SLOW

ROUND = 5000
DATABASES = {"SQLite": [], "PostgreSQL": [sys.executable, "-m", "tests.with_postgres"]}


def main(minutes, cases, jobs):
    """Returns whether no round failed; takes texts, as the environment has them."""
    is_sound = True
    for database, begin in DATABASES.items():
        end = time.monotonic() + float(minutes) * 60 / len(DATABASES)
        with tempfile.TemporaryDirectory() as folder:
            while is_sound:
                seed = random.randrange(1, 2**32)  # noqa: S311
                figures = Path(folder) / str(seed)
                figures.mkdir()
                print(f"== {database}, FUZZ_SEED={seed} FUZZ_CASES={cases or ROUND}", flush=True)
                told = {"SEED": seed, "CASES": cases or ROUND, "FIGURES": figures}
                run = subprocess.run(
                    [*begin, sys.executable, "-m", "pytest", "-n", jobs, "tests/fuzz"],
                    env={**os.environ, **{f"FUZZ_{name}": str(one) for name, one in told.items()}},
                    check=False,
                )
                is_sound = run.returncode == 0
                if cases or time.monotonic() > end:
                    break
            report(database, Path(folder))
    return is_sound


def report(database, folder):
    """Prints what was asked in all rounds, and how it was answered."""
    statuses, routes, slowest, slow = Counter(), Counter(), [], 0
    for path in folder.glob("*/*.json"):
        figures = json.loads(path.read_text())
        statuses.update(figures["statuses"])
        routes.update(figures["routes"])
        slowest += figures["slowest"]
        slow += figures["slow"]
    print(f"\n{database}: {sum(statuses.values())} requests to {len(routes)} addresses.")
    print("Statuses:", ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items())))
    print(f"{slow} took more than {SLOW} s. The slowest:")
    for seconds, request in sorted(slowest, reverse=True)[:10]:
        print(f"{seconds:7.3f} s  {request}")


if __name__ == "__main__":
    asked = [os.environ.get(name) for name in ("MINUTES", "CASES", "JOBS")]
    sys.exit(not main(asked[0] or "60", asked[1], asked[2] or "auto"))
