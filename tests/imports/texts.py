"""What the tests of imports share: a configuration as a value, its pattern file, its masks."""

import json

from patternc.compiler import analyse
from patternc.diagnostics import render
from patternc.grammar.reading import text_source
from patternc.integrations.deepspeed import Asked
from patternc.integrations.importing import import_sources
from patternc.source import Source


def source_of(config, name="config.json"):
    """A configuration as its system would have it on disk."""
    return Source(name, config if isinstance(config, str) else json.dumps(config, indent=2))


def imported(config, system=None, name="config.json", **asked):
    return import_sources([source_of(config, name)], system, Asked(**asked))


def program_of(config, system=None, name="config.json", params=None, **asked):
    """The compiled pattern file of a configuration."""
    text = imported(config, system, name, **asked).text
    program, failures = analyse(text_source(text), params=params or {})
    assert not failures, render(failures)
    return program
