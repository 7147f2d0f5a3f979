"""Choices: the numbers that a parameter may still be, and a program with some of them chosen.

For: `patternc design`, which tries them. Not for: choosing, or other commands, to which a choice is a number that is
missing (`values.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from patternc.algebra.evaluation import Evaluation, Frame, Stop
from patternc.algebra.values import ids
from patternc.diagnostics import Diagnostic, Label, PatternError, ordered
from patternc.grammar import typed

MAX_CANDIDATES = 1 << 16
"""How many numbers one parameter may be chosen from."""
SUGGESTED = 64
"""How many are left where a narrower list is proposed."""
NOT_CHOSEN = "PA415"

Chosen = tuple[tuple[str, int], ...]
"""Values of the parameters that were chosen, in the order declared."""


def choices(program: typed.Program) -> tuple[typed.Param, ...]:
    """The parameters that are still to be chosen, in the order declared."""
    return tuple(each for each in program.params if isinstance(each.value, typed.Choice))


def choose(program: typed.Program, chosen: Mapping[str, int]) -> typed.Program:
    """The program with some of its choices made: as if the numbers stood in the place of the lists."""

    def made(param: typed.Param) -> typed.Param:
        if not isinstance(param.value, typed.Choice) or param.name not in chosen:
            return param
        return replace(param, value=number_at(chosen[param.name], param.value))

    return replace(program, params=tuple(map(made, program.params)))


def number_at(value: int, choice: typed.Choice) -> typed.Number:
    """A number in the place of a list."""
    literal = typed.Integer(abs(value), choice.span)
    return literal if value >= 0 else typed.Negative(literal, choice.span)


def all_choices(program: typed.Program, tokens: int | None, most: int) -> tuple[Chosen, ...]:
    """Every way to choose, ascending, the parameter declared first slowest; a list may depend on what others are.

    Raises PatternError for a list that cannot be evaluated or is empty, and where there are more than `most` ways.
    """
    names = [each.name for each in choices(program)]
    if not names:
        raise PatternError([_nothing(program)])
    found: list[Chosen] = []
    for ways in _ways(program, tokens, {}, names):
        found.append(tuple((name, ways[name]) for name in names))
        if len(found) > most:
            raise PatternError([_too_many(program, tokens, names, most)])
    if not found:
        raise PatternError([_nothing(program)])
    return tuple(sorted(found, key=lambda chosen: tuple(value for _, value in chosen)))


def _ways(
    program: typed.Program, tokens: int | None, chosen: Mapping[str, int], names: list[str]
) -> Iterator[Mapping[str, int]]:
    """The ways to choose the parameters that are not in `chosen`."""
    if len(chosen) == len(names):
        yield chosen
        return
    name, numbers = _next(program, tokens, chosen)
    for value in numbers:
        yield from _ways(choose(program, {name: value}), tokens, {**chosen, name: value}, names)


def _next(program: typed.Program, tokens: int | None, chosen: Mapping[str, int]) -> tuple[str, tuple[int, ...]]:
    """The first parameter whose list does not wait for another choice, with its numbers."""
    waiting: list[Diagnostic] = []
    for declared in choices(program):
        evaluation = Evaluation(program, {}, tokens, clip_ids=False)
        try:
            return declared.name, _candidates(evaluation, declared)
        except Stop:
            waiting += evaluation.diagnostics.values()
    wrong = [each for each in waiting if each.code != NOT_CHOSEN]
    raise PatternError(ordered(dict.fromkeys(wrong or waiting)))


def _candidates(evaluation: Evaluation, declared: typed.Param) -> tuple[int, ...]:
    """The numbers of a list, each once, ascending. Raises Stop.

    As in `diagonals`, negative numbers are themselves, not counted from the end.
    """
    assert isinstance(declared.value, typed.Choice)
    frame = Frame(evaluation.program.files[declared.file])
    found: dict[int, None] = {}
    for run in ids(evaluation, frame, None, declared.value.numbers):
        stop = run.start + 1 if run.stop is None else run.stop
        label = replace(run.label, text=f"{run.start} is above {stop}")
        if stop < run.start:
            evaluation.stop("PA401", f"the range {run.start}..{stop} runs backwards", label)
        numbers = range(run.start, stop, run.step)
        if len(numbers) > MAX_CANDIDATES:
            evaluation.stop(
                "PA417",
                f"`{declared.name}` is chosen from at most {MAX_CANDIDATES:,} numbers, and this list has "
                f"{len(numbers):,}",
                replace(run.label, text="too many"),
                notes=(f"a step leaves some out: {_narrowed(numbers, SUGGESTED)}",),
            )
        found.update(dict.fromkeys(numbers))
    return tuple(sorted(found))


def _narrowed(numbers: range, most: int) -> str:
    """A stretch of at most so many numbers."""
    step = numbers.step * -(-len(numbers) // most)
    return f"{numbers.start}..{numbers.stop} step {step}"


def _too_many(program: typed.Program, tokens: int | None, names: list[str], most: int) -> Diagnostic:
    """The error of a grid with too many points, with lists that would do."""
    labels: list[Label] = []
    narrower: list[str] = []
    share = max(2, int(most ** (1 / len(names))))
    for declared in choices(program):
        evaluation = Evaluation(program, {}, tokens, clip_ids=False)
        try:
            numbers = _candidates(evaluation, declared)
        except Stop:  # its list depends on another choice
            continue
        source = program.files[declared.file]
        labels.append(Label(source, declared.value.span, f"{len(numbers):,} numbers", primary=not labels))
        if len(numbers) > share:
            shorter = _narrowed(range(numbers[0], numbers[-1] + 1), share)
            narrower.append(f"--param '{declared.name}={shorter}'")
    note = "narrow the lists, with a step for instance" + (f": {' '.join(narrower)}" if narrower else "")
    return Diagnostic("PA417", f"there are more than {most:,} ways to choose", tuple(labels), (note,))


def _nothing(program: typed.Program) -> Diagnostic:
    declared = choices(program)
    note = "say what a parameter may be: `param k = 16..1024` in the file, or --param k=16..1024"
    if not declared:
        return Diagnostic("PA416", "there is nothing to choose: no parameter is a list of numbers", (), (note,))
    labels = [Label(program.files[each.file], each.value.span, f"for `{each.name}`") for each in declared]
    return Diagnostic("PA416", "there is nothing to choose: a list is empty", (labels[0],), (note,))
