"""Each mistake has a file and the exact text a user reads; each proposed fix removes its mistake and makes no other.

A case is `<code>.attn` or `<code>-<what>.attn` with its `.txt`. Comments in its first lines say how it is checked:
`# mistakes: 3` (default 1), `# params: a=1 b=2,3`. Codes that need more than the front end have `# check: compile`,
those that need counts `# check: report`, those about kernels `# check: kernels`, those about choosing parameters
`# check: design`; files for others to use have `# check: parts`.
"""

import re
from pathlib import Path

import pytest

from patternc.catalogue import CATALOGUE
from patternc.compiler import check
from patternc.diagnostics import PatternError, ordered, render
from patternc.source import Source

HERE = Path(__file__).parent
CASES = sorted(path.stem for path in HERE.glob("*.attn"))

ELSEWHERE = {
    "PA003": "tests/grammar/test_bad_input.py",
    "PA007": "tests/grammar/test_bad_input.py",
    "PA802": "tests/door/test_compile.py",
    **{code: "tests/imports/test_mistakes.py" for code in CATALOGUE if code[:4] in ("PA82", "PA92")},
}
"""Codes whose mistake is no text: where they are tested."""


def directive(text, name, default):
    found = re.search(rf"^# {name}: (.*)$", text, re.MULTILINE)
    return default if found is None else found.group(1)


def params(text):
    given = (each.split("=") for each in directive(text, "params", "").split())
    return {name: ids[0] if len(ids := tuple(map(int, value.split(",")))) == 1 else ids for name, value in given}


def diagnosed(source):
    how = directive(source.text, "check", "front")
    if how == "design":
        from patternc.designer import design

        with pytest.raises(PatternError) as caught:
            design(source)
        return caught.value.diagnostics
    if how not in ("front", "parts"):
        from patternc.compiler import analyse

        try:
            program, failures = analyse(source)
        except PatternError as error:
            return error.diagnostics
        if how == "report":
            return program.report().warnings
        if how == "kernels":
            with pytest.raises(PatternError) as caught:
                program.save("unused")
            return caught.value.diagnostics
        return ordered((*program.warnings, *failures))
    return check(source, params=params(source.text), needs_model=how != "parts").diagnostics


def source_of(case):
    path = HERE / f"{case}.attn"
    return Source(path.name, path.read_bytes().decode(), path)


@pytest.mark.parametrize("case", CASES)
def test_rendering(case, golden):
    source = source_of(case)
    diagnostics = diagnosed(source)
    golden(HERE / f"{case}.txt", render(diagnostics))
    assert {each.code for each in diagnostics} >= {case.split("-")[0]}
    assert len(diagnostics) == int(directive(source.text, "mistakes", "1"))


@pytest.mark.parametrize("case", CASES)
def test_fixes_fix(case):
    source = source_of(case)
    before = diagnosed(source)
    for diagnostic in before:
        if diagnostic.fix is None:
            continue
        assert diagnostic.fix.source == source
        after = diagnosed(Source(source.name, diagnostic.fix.applied(), source.path))
        assert len(after) == len(before) - 1, render(after)
        assert {each.message for each in after} <= {each.message for each in before}


def test_every_code_has_a_case():
    cases = {case.split("-")[0] for case in CASES}
    assert cases | ELSEWHERE.keys() == set(CATALOGUE)


def test_texts_and_cases_match():
    assert {path.stem for path in HERE.glob("*.txt")} == set(CASES)
