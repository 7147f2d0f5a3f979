"""construct: the relation that a typed pattern denotes at a place.

For: evaluating the pattern of one layer and head (section 3 of the language): operators, lifts, named patterns. The
cut to the past happens outside, once, at token level. Not for: the primitives (`primitives.py`), schedules
(`elaborate.py`) or membership (`holds.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from patternc.algebra import primitives
from patternc.algebra import relation as r
from patternc.algebra.evaluation import Argument, Closure, Evaluation, Frame, Run, Stop
from patternc.algebra.neighborhood import neighborhood
from patternc.algebra.positions import resolve
from patternc.algebra.primitives import Place, Ragged, at_least
from patternc.algebra.values import ids, number
from patternc.grammar import typed


def construct(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Pattern) -> r.Relation:
    """The relation of a pattern at a place. Raises Stop after noting every mistake in it."""
    evaluation.enter(frame, pattern.span)
    try:
        evaluation.step(frame, pattern.span)
        return _construct(evaluation, frame, place, pattern)
    finally:
        evaluation.leave()


def _construct(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Pattern) -> r.Relation:
    match pattern:
        case typed.Constant(name):
            return {"dense": r.FULL, "empty": r.EMPTY, "self": r.Band(0, 0), "past": r.PAST}[name]
        case typed.Local():
            return primitives.local(evaluation, frame, place, pattern)
        case typed.Window():
            return primitives.window(evaluation, frame, place, pattern)
        case typed.Residues():
            return primitives.residues(evaluation, frame, place, pattern)
        case typed.Chunks():
            return primitives.chunks(evaluation, frame, place, pattern)
        case typed.Positions():
            return primitives.positions(evaluation, frame, place, pattern)
        case typed.Random():
            avoid = r.EMPTY if pattern.avoid is None else construct(evaluation, frame, place, pattern.avoid)
            return primitives.random(evaluation, frame, place, pattern, avoid)
        case typed.Neighborhood():
            return neighborhood(evaluation, frame, place, pattern)
        case typed.Layout():
            return primitives.layout(evaluation, frame, place, pattern)
        case typed.Lift():
            return _lift(evaluation, frame, place, pattern)
        case typed.Slice():
            return _slice(evaluation, frame, place, pattern)
        case typed.Union(parts):
            return r.union(*_all(evaluation, frame, place, parts))
        case typed.Intersection(parts):
            return r.intersection(*_all(evaluation, frame, place, parts))
        case typed.Difference(parts):
            left, *others = _all(evaluation, frame, place, parts)
            return r.difference(left, r.union(*others))
        case typed.PatternArgument(name):
            closure = frame.argument(name).value
            assert isinstance(closure, Closure)
            return construct(evaluation, closure.frame, place, closure.pattern)
        case typed.NamedPattern(name):
            body = evaluation.patterns[name].body
            return construct(evaluation, called(evaluation, frame, place.n, pattern), place, body)
        case typed.Sum(parts):
            # Reported where it stands (`sums.py`); its parts may have mistakes of their own.
            _all(evaluation, frame, place, parts)
            raise Stop
        case typed.Hole():
            raise Stop
        case _:
            assert_never(pattern)


def _all(evaluation: Evaluation, frame: Frame, place: Place, parts: Sequence[typed.Pattern]) -> list[r.Relation]:
    """The relations of all parts; the mistakes of all of them are noted before Stop is raised."""
    relations: list[r.Relation] = []
    for part in parts:
        try:
            relations.append(construct(evaluation, frame, place, part))
        except Stop:
            continue
    if len(relations) < len(parts):
        raise Stop
    return relations


def called(evaluation: Evaluation, frame: Frame, n: int, call: typed.NamedPattern) -> Frame:
    """The frame in which the body of a named pattern is evaluated: its arguments, evaluated in the caller's."""
    declared = evaluation.patterns[call.name]
    arguments: dict[str, Argument] = {}
    stopped = False
    for (name, kind), written in zip(declared.parameters, call.arguments, strict=True):
        try:
            value: int | tuple[Run, ...] | Closure
            match kind:  # the checker saw to it that each argument is of its parameter's kind
                case None:
                    continue
                case "number":
                    value = number(evaluation, frame, n, written)  # pyright: ignore[reportArgumentType]
                case "ids":
                    value = ids(evaluation, frame, n, written)  # pyright: ignore[reportArgumentType]
                case "pattern":
                    value = Closure(written, frame)  # pyright: ignore[reportArgumentType]
            arguments[name] = Argument(value, written, frame)
        except Stop:
            stopped = True
    if stopped:
        raise Stop
    source = evaluation.program.files[declared.file]
    return Frame(source, arguments, frame.layer, frame.head)


# -- lifts ------------------------------------------------------------------------------------------------------------


def _lift(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Lift) -> r.Relation:
    size = at_least(evaluation, frame, place, pattern.size, 1, f"the size of `{pattern.by}`")
    ragged = place.ragged
    if ragged is None and place.n % size:
        ragged = Ragged(size, place.n, frame.label(pattern.size.span, "in this lift", primary=False))
    if pattern.by == "blocks":
        inner = replace(place, n=-(-place.n // size), title=f"`blocks({size}, ...)`", ragged=ragged)
    else:
        inner = Place(size, False, f"`within({size}, ...)`", ragged)
    lifted = construct(evaluation, frame, inner, pattern.inner)
    if isinstance(lifted, r.Full | r.Empty) or (pattern.by == "blocks" and size == 1):
        return lifted
    return r.Blocks(size, lifted) if pattern.by == "blocks" else r.Within(size, lifted)


def _slice(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Slice) -> r.Relation:
    runs = ids(evaluation, frame, place.n, pattern.where)
    where = pattern.where.span
    if len(runs) != 1 or runs[0].stop is None or runs[0].step != 1:
        evaluation.stop(
            "PA410",
            "`slice` takes one range without a step, as in `slice(64..n, ...)`",
            frame.label(where, "not one range"),
        )
    stretches = resolve(evaluation, runs, place.domain, frame.label(pattern.span))
    if not stretches:
        return r.EMPTY
    start, stop = stretches[0].start, stretches[0].stop
    inner = replace(place, n=stop - start, title=f"`slice({start}..{stop}, ...)`")
    lifted = construct(evaluation, frame, inner, pattern.inner)
    if isinstance(lifted, r.Empty) or (start, stop) == (0, place.n):
        return lifted
    return r.Slice(start, stop, lifted)
