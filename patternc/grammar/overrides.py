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
    program: typed.Program, params: Mapping[str, ParamValue]
) -> tuple[typed.Program, dict[str, int | tuple[int, ...]], tuple[Diagnostic, ...]]:
    """The program with overrides given as text put in; the others, for elaboration; and what is wrong with the text."""
    overrides: dict[str, int | tuple[int, ...]] = {}
    wrong: list[Diagnostic] = []
    for name, value in params.items():
        if not isinstance(value, str):
            overrides[name] = value
            continue
        declared = next((param for param in program.params if param.name == name), None)
        if declared is None:
            overrides[name] = 0  # elaboration reports the unknown name
            continue
        source = text_source(f"param {name} = {value}\n", f"--param {name}")
        parsed = check_names(parse(source))
        wrong += parsed.diagnostics
        if has_errors(parsed.diagnostics):
            continue
        given = parsed.program.params[0].value
        if isinstance(given, typed.Ids) != isinstance(declared.value, typed.Ids):
            kinds = ("a number", "a list of ids")
            is_list = isinstance(declared.value, typed.Ids)
            message = f"the parameter `{name}` is {kinds[is_list]}, and {kinds[not is_list]} was given for it"
            label = Label(source, given.span, f"is {kinds[not is_list]}")
            place = Label(program.files[declared.file], declared.span, "declared here", primary=False)
            wrong.append(Diagnostic("PA412", message, (label, place)))
            continue
        replaced = replace(declared, value=given, file=len(program.files))
        program = replace(
            program,
            files=(*program.files, source),
            params=tuple(replaced if param is declared else param for param in program.params),
        )
    return program, overrides, tuple(wrong)
