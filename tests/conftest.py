"""Settings all tests share: `long` tests run only in the long profile, hypothesis is deterministic."""

import os

import pytest
from hypothesis import settings

LONG = os.environ.get("PATTERNC_LONG") == "1"

settings.register_profile("short", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=2000, deadline=None, derandomize=True)
settings.load_profile("long" if LONG else "short")


def pytest_collection_modifyitems(config, items):
    if LONG:
        return
    skip = pytest.mark.skip(reason="long profile only: make test-long")
    for item in items:
        if "long" in item.keywords:
            item.add_marker(skip)
