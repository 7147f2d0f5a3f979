"""The door: from a pattern file to a checked, analysed program, one function a stage.

For: `check`, `compile` and `analyse`, which the command line and Python users share. Not for: doing any stage's work,
or what can be done with a compiled pattern (`program.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, SupportsIndex

from patternc.algebra.budget import work_for
from patternc.algebra.elaborate import Elaborated, elaborate, elaborate_parts
from patternc.algebra.schedule import Schedule
from patternc.arguments import Given, GivenParam, check_target, overrides_of, source_of, whole_number
from patternc.codegen.plan import Dtype
from patternc.diagnostics import Diagnostic, Label, PatternError, has_errors, ordered
from patternc.grammar import typed
from patternc.grammar.check import check as check_names
from patternc.grammar.overrides import overridden
from patternc.grammar.parse import parse
from patternc.program import Program, in_budget

if TYPE_CHECKING:
    from patternc.analysis.expectations import Verdict

DEFAULT_TARGET = "cuda:90"


@dataclass(frozen=True, slots=True)
class Checked:
    """A program as far as it could be checked, with everything there is to say about it."""

    program: typed.Program
    elaborated: Elaborated | None
    diagnostics: tuple[Diagnostic, ...]


def check(
    source: Given,
    *,
    tokens: SupportsIndex | None = None,
    params: Mapping[str, GivenParam] | None = None,
    head_dim: SupportsIndex | None = None,
    needs_model: bool = True,
) -> Checked:
    """Check a pattern as far as its text alone decides: syntax, names, kinds, ranges, schedules.

    Takes what `compile` takes. With `needs_model` False, a file of patterns and parameters without a model is fine.
    Raises PatternError only where the file cannot be read at all, TypeError for arguments of other types.
    """
    n, dim = whole_number("tokens", tokens), whole_number("head_dim", head_dim)
    given = overrides_of(params)
    checked = check_names(parse(source_of(source)))
    program, overrides, wrong = overridden(checked.program, given)
    diagnostics = (*checked.diagnostics, *wrong)
    if program.model is None and (has_errors(diagnostics) or not needs_model):
        return Checked(program, None, ordered((*diagnostics, *elaborate_parts(program))))
    elaborated = elaborate(program, n, overrides, dim)
    for model in checked.other_models:  # a mistake by themselves; those in them are worth knowing, too
        other = replace(program, model=model, expectations=())
        diagnostics = (*diagnostics, *elaborate(other, n, overrides, dim).diagnostics)
    return Checked(program, elaborated, ordered((*diagnostics, *elaborated.diagnostics)))


def compile(
    source: Given,
    *,
    tokens: SupportsIndex | None = None,
    params: Mapping[str, GivenParam] | None = None,
    head_dim: SupportsIndex | None = None,
    dtype: Dtype = "bfloat16",
    target: str = DEFAULT_TARGET,
) -> Program:
    """Compile a pattern.

    Args:
        source: path of a pattern file (a Path, or a one-line string that ends in ".attn"), or the text itself.
        tokens: the length n; overrides the model's.
        params: parameter overrides, such as {"l": 128, "sentinels": "0..16", "ids": [0, 5]}.
        head_dim: size of a head; overrides the model's. Kernels need it, `mask` and `report` do not. CUDA kernels
            exist for up to 256.
        dtype: of q, k and v: "float16", "bfloat16", "float32", or "float64" (CPU only).
        target: "cuda:80", "cuda:90", ... or "cpu".

    Raises:
        PatternError: the pattern is wrong, an expectation fails, a row is empty, or compiling would take more than the
            documented budget; `.diagnostics` says all of it.
        ValueError: `dtype` or `target` is none of the above.
        TypeError: another argument is of none of these types (integers and sequences of numpy are fine).
    """
    program, failures = analyse(source, tokens=tokens, params=params, head_dim=head_dim, dtype=dtype, target=target)
    if failures:
        try:
            warnings = program.warnings
        except PatternError as beyond:  # planning would take more than its budget: one more thing that is wrong
            warnings = (*program.remarks, *beyond.diagnostics)
        raise PatternError(ordered((*warnings, *failures)))
    return program


def analyse(
    source: Given,
    *,
    tokens: SupportsIndex | None = None,
    params: Mapping[str, GivenParam] | None = None,
    head_dim: SupportsIndex | None = None,
    dtype: Dtype = "bfloat16",
    target: str = DEFAULT_TARGET,
) -> tuple[Program, tuple[Diagnostic, ...]]:
    """As `compile`, but what only the pairs show to be wrong (an empty row, a failed expectation) is returned.

    Such a program can be looked at; it should not be run.
    """
    check_target(dtype, target)
    checked = check(source, tokens=tokens, params=params, head_dim=head_dim)
    if has_errors(checked.diagnostics):
        raise PatternError(checked.diagnostics)
    assert checked.elaborated is not None
    assert checked.elaborated.schedule is not None
    schedule = checked.elaborated.schedule
    program = Program(checked.program, checked.elaborated, schedule, dtype, target, checked.diagnostics)
    with in_budget(checked.elaborated):
        failures = (*_empty_rows(schedule, checked.elaborated.places), *_failed_expectations(program.verdicts))
    return program, failures


# -- what only the pairs show ------------------------------------------------------------------------------------------


def _empty_rows(schedule: Schedule, places: Sequence[Label]) -> tuple[Diagnostic, ...]:
    """An error for each pattern in which some query attends nothing, unless the model allows it."""
    from patternc.analysis.rows import empty_rows

    if schedule.allow_empty:
        return ()
    empty: dict[Label, Diagnostic] = {}
    for index, pattern in enumerate(schedule.patterns):
        label = replace(places[index], text="no key for this query")
        if label in empty:
            continue
        with work_for(index):
            row = empty_rows(pattern.relation, schedule.tokens)
        if row is not None:
            layer = next(layer for layer, heads in enumerate(schedule.table) if index in heads)
            head = schedule.table[layer].index(index)
            message = f"query {row} attends nothing in layer {layer}, head {head}: `{pattern.text}`"
            empty[label] = Diagnostic("PA801", message, (label,), (_EMPTY_NOTE,))
    return tuple(empty.values())


_EMPTY_NOTE = "the softmax of nothing is undefined: add `self` to the pattern, or say `allow empty` in the model"


def _failed_expectations(verdicts: Sequence[Verdict]) -> tuple[Diagnostic, ...]:
    if not verdicts:
        return ()
    from patternc.analysis.expectations import failures

    return failures(verdicts)
