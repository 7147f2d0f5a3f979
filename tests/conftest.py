"""Settings all tests share: `long` tests run only in the long profile, hypothesis is deterministic, goldens.

A golden says what changed; the oracle says what is right. `--update-golden` writes goldens anew (read the difference
before you keep it); without it, a missing golden is a failure, never written silently.
"""

import os

import pytest
from hypothesis import settings

LONG = os.environ.get("PATTERNC_LONG") == "1"

settings.register_profile("short", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=500, deadline=None, derandomize=True)
settings.load_profile("long" if LONG else "short")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write goldens anew instead of comparing")


def pytest_collection_modifyitems(config, items):
    if LONG:
        return
    skip = pytest.mark.skip(reason="long profile only: make test-long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


@pytest.fixture
def golden(request):
    """golden(path, text): `text` is what the file at `path` says."""

    def compare(path, text):
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        assert path.exists(), f"{path} is missing; run pytest with --update-golden and read what it writes"
        assert text == path.read_text(), (
            f"{path} says otherwise; run pytest with --update-golden and read the difference"
        )

    return compare


class _Failures:
    """The long profile takes long: what fails is named at once, not only at the end."""

    def __init__(self, config):
        self.config = config

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.config.pluginmanager.get_plugin("terminalreporter").write_line(f"\nfailed: {report.nodeid}")


def pytest_configure(config):
    if LONG and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Failures(config))
