"""The bench says of a contestant that takes too long that it did, and goes on."""

import sys

from tests.bench.search import _run, _table

ENDLESS = """
import sys
from tests.bench.measure import measure

class Endless:
    def build(self, documents):
        while True:
            try:
                for _document in documents: pass
            except Exception: pass

measure(Endless(), sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""


def test_a_contestant_that_takes_too_long_has_a_row_in_the_table(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    (tmp_path / "documents.jsonl").write_text("{}\n")
    (tmp_path / "searches.json").write_text("[]")
    row = _run([sys.executable, "-c", ENDLESS], tmp_path, 0, 1)
    assert row == "over 1 s"
    assert "| SQLite FTS5 | over 1 s |" in _table("x", tmp_path, 0, {"SQLite FTS5": row})
