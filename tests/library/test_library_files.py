"""The files of the library: every published pattern compiles with its published defaults, and small."""

from __future__ import annotations

import pytest

import patternc
from patternc.compiler import check
from patternc.grammar.reading import library_names, read_library
from tests.library.files import Entry, all_entries, heading

ENTRIES = all_entries()
PUBLIC = [entry for entry in ENTRIES if entry.defaults is not None]
TOKENS = 4096
"""Long enough for every default."""


def program(entry: Entry, pattern: str, tokens: int, direction: str) -> str:
    head = f"use std.{entry.file}\nmodel m {{ {direction} allow empty tokens {tokens} heads 4 head_dim 16 layers 2 {{\n"
    return f"{head}    all: {pattern}\n}} }}\n"


def test_every_pattern_is_found_and_has_its_own_name():
    declared = [
        pattern.name
        for file in library_names()
        for pattern in check(read_library(file), needs_model=False).program.patterns
    ]
    assert [entry.name for entry in ENTRIES] == declared
    assert len(set(declared)) == len(declared)


@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry.name)
def test_defaults_are_those_of_the_parameters(entry):
    assert tuple(entry.defaults) == entry.parameters
    assert entry.comment


@pytest.mark.parametrize("file", library_names())
def test_files_say_what_they_are(file):
    assert len(heading(file)) > 60
    assert any(entry.file == file for entry in PUBLIC)
    assert all(len(line) <= 120 for line in read_library(file).text.splitlines())


@pytest.mark.parametrize("direction", ["causal", "bidirectional"])
@pytest.mark.parametrize("entry", PUBLIC, ids=lambda entry: entry.name)
def test_published_defaults_compile(entry, direction):
    text = program(entry, entry.with_defaults(), TOKENS, direction)
    lowered = patternc.compile(text, target="cpu", dtype="float32").lowered
    assert len(lowered.plan.layers) == 2
