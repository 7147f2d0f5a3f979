"""Each mistake of a configuration has a file and the exact text a user reads, and what can be imported its pattern.

A case is `<code>-<what>.json` or `.yml` with its `.txt`. Comments in its first lines say the options it is imported
with, and how many diagnostics there are (`# mistakes: 3`, default 1). JSON with comments is what DeepSpeed reads.
"""

import re
from pathlib import Path

import pytest

from patternc.catalogue import CATALOGUE
from patternc.compiler import check
from patternc.diagnostics import PatternError, has_errors, ordered, render
from patternc.grammar.reading import read_source, text_source
from patternc.integrations.deepspeed import Asked
from patternc.integrations.importing import import_sources
from patternc.source import Source

HERE = Path(__file__).parent / "mistakes"
CASES = sorted(path.name for path in HERE.iterdir() if path.suffix in (".json", ".yml"))


def options(text):
    """(system, Asked) of the comments on top."""
    system = re.search(r"^# from: (\S+)", text, re.MULTILINE)
    sizes = {name.replace("-", "_"): int(value) for name, value in re.findall(r"--([a-z-]+) (\d+)", text)}
    evaluation = "--evaluation" in text
    return system and system.group(1), Asked(**sizes, evaluation=evaluation)


def outcome(source):
    """(diagnostics, the text that was made or None)."""
    try:
        imported = import_sources([source], *options(source.text))
    except PatternError as error:
        return error.diagnostics, None
    return imported.warnings, imported.text


def source_of(case):
    return Source(case, read_source(HERE / case).text)


@pytest.mark.parametrize("case", CASES)
def test_rendering(case, golden):
    source = source_of(case)
    diagnostics, text = outcome(source)
    drawn = render(ordered(diagnostics))
    golden(HERE / f"{case.rpartition('.')[0]}.txt", drawn if text is None else f"{drawn}\n{text}")
    assert case.split("-")[0].removesuffix(".json") in {each.code for each in diagnostics}
    count = re.search(r"^# mistakes: (\d+)", source.text, re.MULTILINE)
    assert len(diagnostics) == int(count.group(1) if count else 1)
    assert (text is None) == has_errors(diagnostics)


@pytest.mark.parametrize("case", CASES)
def test_fixes_fix(case):
    source = source_of(case)
    before, _ = outcome(source)
    for diagnostic in before:
        if diagnostic.fix is not None:
            after, _ = outcome(Source(source.name, diagnostic.fix.applied()))
            assert diagnostic.message not in {each.message for each in after}


@pytest.mark.parametrize("case", CASES)
def test_what_is_imported_is_a_pattern_file(case):
    _, text = outcome(source_of(case))
    if text is not None:
        assert check(text_source(text)).diagnostics == ()


def test_every_code_of_imports_has_a_case():
    codes = {code for code in CATALOGUE if code[:4] in ("PA82", "PA92")}
    assert {re.split(r"[-.]", case)[0] for case in CASES} == codes


def test_texts_and_cases_match():
    assert {path.stem for path in HERE.glob("*.txt")} == {case.rpartition(".")[0] for case in CASES}


@pytest.mark.parametrize("name", ["llama", "olmo", "gpt_neox", "gemma3n", "pixtral", "qwen4", "phi", "bert"])
def test_another_model_type_is_no_misspelling(name):
    (found,), _ = outcome(Source("config.json", f'{{"model_type": "{name}"}}'))
    assert (found.code, found.fix) == ("PA823", None)
    assert found.message == f"patternc has no reader for the model type `{name}`"
    assert "`all: dense`" in found.notes[0]


@pytest.mark.parametrize(("name", "meant"), [("Gemma-2", "gemma2"), ("mistrall", "mistral"), ("bigbird", "big_bird")])
def test_another_spelling_of_a_model_type(name, meant):
    (found,), _ = outcome(Source("config.json", f'{{"model_type": "{name}"}}'))
    assert found.fix is not None
    assert found.fix.text == f"did you mean `{meant}`?"
