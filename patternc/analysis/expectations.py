"""Expectations judged: what the program says must hold, against the facts, with the pair that proves a failure.

For: `expect` statements, elaborated. Each verdict has the values of both sides or the depth found, and where one exists
the concrete layer, head, query and key. Not for: finding facts beyond those that an expectation asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import assert_never

from patternc.algebra.expectation import (
    Comparison,
    Computed,
    Connected,
    DensityOf,
    Expectation,
    Known,
    PairsOf,
    Side,
    Value,
    evaluate_comparison,
)
from patternc.algebra.schedule import Schedule
from patternc.analysis.count import Counts
from patternc.analysis.reach import Reach, layer_relations, reach
from patternc.diagnostics import Diagnostic, Label

FAILED = "PA601"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expectation fails: a head whose pairs it counts, or a pair that is not connected (layers 0..layer)."""

    layer: int
    head: int | None
    query: int | None
    key: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation: whether it holds (None: not decided), and why in words."""

    text: str
    holds: bool | None
    detail: str
    place: Place | None
    label: Label


def judge(expectations: Sequence[Expectation], schedule: Schedule, counts: Counts, whole: Reach) -> tuple[Verdict, ...]:
    """Judge each expectation. `whole` is the reach of all layers.

    Raises:
        PatternError: a fact makes a comparison undefined (division by it, overflow).
    """
    return tuple(_judge(expectation, schedule, counts, whole) for expectation in expectations)


def _judge(expectation: Expectation, schedule: Schedule, counts: Counts, whole: Reach) -> Verdict:
    match expectation:
        case Comparison():
            return _compare(expectation, schedule, counts)
        case Connected():
            return _connected(expectation, schedule, whole)
        case _:
            assert_never(expectation)


def _compare(comparison: Comparison, schedule: Schedule, counts: Counts) -> Verdict:
    def head_pairs(layer: int, head: int | None) -> int:
        row = schedule.table[layer]
        return max(counts.patterns[at].pairs for at in (row if head is None else row[head : head + 1]))

    outcome = evaluate_comparison(comparison, head_pairs, lambda: counts.density)
    text = f"{_text(comparison.left, outcome.left)} {comparison.sign} {_text(comparison.right, outcome.right)}"
    place: Place | None = None
    if not outcome.holds:
        text = f"{text} is not so"
        named = [*_named(comparison.left), *_named(comparison.right)]
        if named:
            place = _busiest(named[0], schedule, counts)
            text = f"{text} (layer {place.layer}, head {place.head})"
    return Verdict(comparison.text, outcome.holds, text, place, comparison.label)


def _busiest(pairs: PairsOf, schedule: Schedule, counts: Counts) -> Place:
    row = schedule.table[pairs.layer]
    head = (
        pairs.head
        if pairs.head is not None
        else max(range(len(row)), key=lambda h: (counts.patterns[row[h]].pairs, -h))
    )
    return Place(pairs.layer, head, None, None)


def _named(side: Side) -> Iterable[PairsOf]:
    """The pair counts that a side names."""
    match side:
        case PairsOf():
            return (side,)
        case Computed(_, operands):
            return tuple(pairs for operand in operands for pairs in _named(operand))
        case Known() | DensityOf():
            return ()
        case _:
            assert_never(side)


def _text(side: Side, value: Value) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{float(100 * value):.6g}%" if _is_share(side, value) else f"{float(value):.6g}"


def _is_share(side: Side, value: Fraction) -> bool:
    return isinstance(side, DensityOf) or (isinstance(side, Known) and 0 <= value <= 1)


def _connected(expected: Connected, schedule: Schedule, whole: Reach) -> Verdict:
    within = expected.layers
    found = whole
    if whole.exact and (whole.depth is None or whole.depth > within) and within < schedule.layers:
        found = reach(layer_relations(schedule)[:within], schedule.tokens, "past" if schedule.causal else "all")
    if not found.exact:
        return Verdict(expected.text, None, found.method, None, expected.label)
    if found.depth is not None and found.depth <= within:
        return Verdict(expected.text, True, f"connected after {_layers(found.depth)}", None, expected.label)
    assert found.missing is not None
    query, key = found.missing
    detail = f"after {_layers(within)} query {query:,} does not see key {key:,}"
    if whole.depth is not None:
        detail += f"; it takes {_layers(whole.depth)}"
    return Verdict(expected.text, False, detail, Place(within - 1, None, query, key), expected.label)


def _layers(count: int) -> str:
    return f"{count} layer{'s' * (count != 1)}"


def failures(verdicts: Iterable[Verdict]) -> tuple[Diagnostic, ...]:
    """The expectations that do not hold, as errors where they were written."""
    return tuple(
        Diagnostic(FAILED, f"`{verdict.text}` does not hold", (replace(verdict.label, text=verdict.detail),))
        for verdict in verdicts
        if verdict.holds is False
    )
