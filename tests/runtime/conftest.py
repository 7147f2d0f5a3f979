import pytest

from patternc.runtime.artifact import write_module
from tests.runtime.programs import content_of, program


@pytest.fixture
def directory(tmp_path):
    """A module as it was written."""
    return write_module(tmp_path / "module", content_of(program(target="cuda:90")))
