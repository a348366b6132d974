"""SECURITY.md says what is true: each test that it names exists."""

import re

import pytest
from django.conf import settings

pytestmark = pytest.mark.anywhere

TEXT = (settings.BASE_DIR / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_exists():
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT))
    assert len(named) > 40
    for path, name in sorted(named):
        source = (settings.BASE_DIR / "tests" / path).read_text(encoding="utf-8")
        assert re.search(rf"^ *def {name}\(", source, re.MULTILINE), f"{path}::{name}"


def test_it_invents_no_address_and_no_point_twice():
    assert not re.search(r"\S+@\S+\.\w+|mailto:|https?://", TEXT)
    points = re.findall(r"\b\d{1,2}\.\d{1,2}\.\d{1,2}\b(?!,? level)", TEXT.partition("| --- |")[2])
    assert len(points) == len(set(points))
