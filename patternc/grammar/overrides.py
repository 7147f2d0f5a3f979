"""Parameter overrides: values given from outside for what a program declares with `param`.

For: `--param` and `params=`; text is read by the language's own parser, so it may be whatever a `param` may be. Not
for: what the values do (`algebra/elaborate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from patternc.diagnostics import Diagnostic, Label, has_errors
from patternc.grammar import typed
from patternc.grammar.check import check as check_names
from patternc.grammar.parse import parse
from patternc.grammar.reading import text_source

ParamValue = int | str | tuple[int, ...]
"""A parameter override: a number, a list of ids, or text in the language such as "0..16" or "4 * 32"."""


def overridden(
    program: typed.Program, params: Mapping[str, ParamValue], *, choosing: bool = False
) -> tuple[typed.Program, dict[str, int | tuple[int, ...]], tuple[Diagnostic, ...]]:
    """The program with overrides given as text put in; the others, for elaboration; and what is wrong with the text.

    `choosing`: a list for a number is what it is to be chosen from.
    """
    overrides: dict[str, int | tuple[int, ...]] = {}
    wrong: list[Diagnostic] = []
    for name, value in params.items():
        declared = next((param for param in program.params if param.name == name), None)
        if declared is None:
            overrides[name] = 0 if isinstance(value, str) else value  # elaboration reports the unknown name
            continue
        if not isinstance(value, str) and not _as_written(value, declared.value, choosing):
            overrides[name] = value
            continue
        text = str(list(value)) if isinstance(value, tuple) else str(value)
        source = text_source(f"param {name} = {text}\n", f"--param {name}")
        parsed = check_names(parse(source))
        wrong += parsed.diagnostics
        if has_errors(parsed.diagnostics):
            program = _without(program, declared)
            continue
        given = parsed.program.params[0].value
        if choosing and isinstance(given, typed.Ids) and not isinstance(declared.value, typed.Ids):
            given = typed.Choice(given)
        if isinstance(given, typed.Ids) != isinstance(declared.value, typed.Ids):
            kinds = ("a number", "a list of ids")
            is_list = isinstance(declared.value, typed.Ids)
            message = f"the parameter `{name}` is {kinds[is_list]}, and {kinds[not is_list]} was given for it"
            label = Label(source, given.span, f"is {kinds[not is_list]}")
            place = Label(program.files[declared.file], declared.span, "declared here", primary=False)
            wrong.append(Diagnostic("PA412", message, (label, place)))
            program = _without(program, declared)
            continue
        program = _with(program, declared, replace(declared, value=given, file=len(program.files)))
        program = replace(program, files=(*program.files, source))
    return program, overrides, tuple(wrong)


def _with(program: typed.Program, declared: typed.Param, other: typed.Param) -> typed.Program:
    return replace(program, params=tuple(other if param is declared else param for param in program.params))


def _without(program: typed.Program, declared: typed.Param) -> typed.Program:
    """The program where a mistake was reported: a number that was to be chosen is not asked for once more."""
    if not isinstance(declared.value, typed.Choice):
        return program
    return _with(program, declared, replace(declared, value=typed.Hole(declared.value.span)))


def _as_written(
    value: int | tuple[int, ...], declared: typed.Number | typed.Ids | typed.Choice, choosing: bool
) -> bool:
    """Whether a value takes the place of what the program says: a number that was still to be chosen, or its list."""
    if isinstance(value, int):
        return isinstance(declared, typed.Choice)
    return choosing and not isinstance(declared, typed.Ids)
