"""How much is tried: always the same little in `make test`, much and at random in `make fuzz`."""

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings

# So many requests; everything else in proportion.
SHORT = 500
# A request that takes longer, in seconds, is told in the figures.
SLOW = 1
CASES = int(os.environ.get("FUZZ_CASES") or SHORT)
SEED = int(os.environ.get("FUZZ_SEED") or 0)
# A long run is for each database.
marks = [pytest.mark.anywhere, *([pytest.mark.each] if "FUZZ_CASES" in os.environ else [])]


def tries(share):
    """Decorates a Hypothesis test that makes `share` of all cases."""

    def decorate(test):
        profile = settings(
            max_examples=max(2, round(CASES * share)),
            derandomize=not SEED,
            deadline=None,
            database=None,
            print_blob=True,
            phases=[Phase.explicit, Phase.generate, *([] if SEED else [Phase.shrink])],
            suppress_health_check=list(HealthCheck),
        )
        return profile(seed(SEED)(test) if SEED else test)

    return decorate
