"""How good the search is, measured on labelled searches."""

import math
from collections import defaultdict
from dataclasses import dataclass

FIELDS = ("ndcg", "mrr", "recall", "empty")


@dataclass(frozen=True)
class Score:
    """Averages over searches: nDCG@10, MRR@10, recall@10 and the share that found nothing."""

    searches: int
    ndcg: float
    mrr: float
    recall: float
    empty: float


def score_ranking(found, relevant):
    """Returns (nDCG@10, MRR@10, recall@10) of one ranking.

    Takes keys in the order found, and {key: gain} with gains from 1; the gain counts as
    2**gain - 1, as is usual.
    """
    found = found[:10]
    gains = [2 ** relevant.get(key, 0) - 1 for key in found]
    ideal = sorted((2**gain - 1 for gain in relevant.values()), reverse=True)[:10]
    dcg, best = (sum(g / math.log2(i + 2) for i, g in enumerate(part)) for part in (gains, ideal))
    first = next((i for i, gain in enumerate(gains) if gain), None)
    return (
        dcg / best if best else 0.0,
        0.0 if first is None else 1 / (first + 1),
        sum(gain > 0 for gain in gains) / min(10, len(relevant)),
    )


def evaluate(searches, run):
    """Returns {group: `Score`}, for all searches, each language and each type.

    Takes dicts with text, language, type, relevant and an optional group (averaged inside first),
    and a function from (text, language) to keys in the order found.
    """
    grouped = defaultdict(lambda: defaultdict(list))
    for search in searches:
        found = run(search["text"], search["language"])
        figures = (*score_ranking(found, search["relevant"]), 0.0 if found else 1.0)
        group = search.get("group", (search["text"], search["language"]))
        for name in ("all", search["language"], search.get("type")):
            if name:
                grouped[name][group].append(figures)
    return {
        name: Score(
            sum(map(len, groups.values())),
            *(
                sum(sum(f[i] for f in figures) / len(figures) for figures in groups.values())
                / len(groups)
                for i in range(4)
            ),
        )
        for name, groups in grouped.items()
    }
