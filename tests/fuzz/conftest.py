import os

import pytest


@pytest.fixture(autouse=True)
def figures():
    """Leaves what was asked so far where `make fuzz` adds it up."""
    # The site's application wants its folders, which are made once this file is read.
    from tests.fuzz import asking

    yield
    if folder := os.environ.get("FUZZ_FIGURES"):
        asking.FIGURES.write(folder)
