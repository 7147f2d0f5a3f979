"""The library: `use std.name` brings in what a file that ships with patternc declares."""

import importlib
import sys
from dataclasses import replace

import pytest

import patternc
from patternc.algebra.elaborate import elaborate
from patternc.compiler import check
from patternc.grammar.reading import library_names, read_library
from patternc.grammar.resolved import resolved_text
from patternc.grammar.typed_json import typed_from_json
from tests.grammar.front import diagnosed, model, pairs_of, pairs_where, program_of


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library of its own, so that a test can have mistakes in it."""
    from patternc.grammar import reading

    package = tmp_path / "library_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(reading, "_LIBRARY", package.name)
    importlib.invalidate_caches()
    yield package
    sys.modules.pop(package.name, None)


@pytest.mark.parametrize("name", library_names())
def test_library_files_are_right_by_themselves(name):
    assert check(read_library(name), needs_model=False).diagnostics == ()


def test_a_library_file_brings_in_its_patterns():
    text = f"use std.windows\n{model('keys_including_self(5) | distances(2, 0)', 16, 'bidirectional')}"
    program = program_of(text)
    assert [file.name for file in program.files] == ["<text>", "std.windows"]
    assert pairs_of("keys_including_self(5)", 16, "bidirectional", before="use std.windows") == pairs_where(
        lambda i, j: 0 <= i - j < 5, 16
    )
    alone = resolved_text(program)
    assert "use" not in alone.split("model")[0].split()
    assert program_of(alone).patterns == tuple(replace(each, file=0) for each in program.patterns)


def test_a_library_file_counts_once_and_may_use_others(library, tmp_path):
    (library / "a.attn").write_text("use std.b\npattern a = b\n")
    (library / "b.attn").write_text("pattern b = self\n")
    by_path = f'use "{library}/b.attn"'
    program = program_of(f"use std.b\nuse std.a\n{by_path}\nuse std.a\n{model('a | b')}")
    assert [file.name for file in program.files] == ["<text>", "std.b", "std.a"]
    (library / "b.attn").write_text("use std.a\npattern b = self\n")
    (circle, *rest) = diagnosed(f"use std.a\n{model('a | b')}")
    assert (circle.code, circle.message, rest) == ("PA006", "`std.a` uses itself", [])
    assert circle.primary.source.name == "std.b"


def test_mistakes_in_a_library_file_are_shown_there(library):
    (library / "windows.attn").write_text("pattern window(w) = local(w)\npattern broken = loca(3)\n")
    found = diagnosed(f"use std.windows\n{model('broken | widow(3)')}")
    assert [(each.code, each.primary.source.name) for each in found] == [("PA201", "<text>"), ("PA201", "std.windows")]
    (library / "windows.attn").write_text("pattern window = local(0)\n")
    (found,) = diagnosed(f"use std.windows\n{model('window')}")
    assert (found.code, found.primary.source.name) == ("PA401", "std.windows")


def test_what_the_library_has_not():
    (unknown,) = diagnosed(f"use std.widnows\n{model('anything(3)')}")
    assert (unknown.code, unknown.fix.applied()) == ("PA008", f"use std.windows\n{model('anything(3)')}")
    (unknown,) = diagnosed(f"use std.zzz\n{model('self')}")
    assert unknown.fix is None
    assert "`std.windows`" in unknown.notes[0]
    assert len(diagnosed(f"use std.\n{model('self')}")) == 1


def test_a_compiled_module_holds_what_it_used(tmp_path):
    text = f"use std.windows\n{model('keys_including_self(5)', 64)}"
    compiled = patternc.compile(text, head_dim=16, target="cpu", dtype="float32")
    module = compiled.save(tmp_path / "window.attnc")
    alone = (module / "pattern.attn").read_text()
    assert "pattern keys_including_self(w) = local(w, causal)" in alone
    assert patternc.compile(alone, head_dim=16, target="cpu", dtype="float32").schedule == compiled.schedule
    kept = typed_from_json((module / "ir.json").read_text())
    assert [file.name for file in kept.files] == ["<text>", "std.windows"]
    assert elaborate(kept, head_dim=16).schedule == compiled.schedule
    patternc.load(module)
