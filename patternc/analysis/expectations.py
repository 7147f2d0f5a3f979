"""Expectations judged: what the program says must hold, against the facts, with the place that proves a failure.

For: `expect` statements, elaborated. Each verdict has the values of both sides or what was found instead, and where
one exists the concrete layer, head, query and key. What cannot be answered is not decided, with the reason, and never
passes. Not for: finding facts (`facts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import assert_never

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.expectation import (
    CacheOf,
    Comparison,
    Computed,
    Connected,
    CropStable,
    DensityOf,
    Expectation,
    Fact,
    Known,
    Order,
    PairsOf,
    Side,
    Value,
    WasteOf,
    evaluate_comparison,
)
from patternc.analysis.facts import Facts
from patternc.analysis.operators import NoOperator
from patternc.analysis.proof import Proof
from patternc.analysis.reach import Reach, Target, reach
from patternc.analysis.tile_counts import Occupied, occupied_tiles
from patternc.diagnostics import Diagnostic, Label, PatternError

FAILED, UNDECIDED = "PA601", "PA606"
LONGEST_FORMULA = 120


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expectation fails; what does not apply is None.

    A head whose pairs are counted; a pair that no path through the layers first..layer joins; the kv head that keeps
    most keys, at step `query`; a pair that is another one at the shorter length `tokens`.
    """

    layer: int
    head: int | None = None
    query: int | None = None
    key: int | None = None
    first: int | None = None
    kv_head: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation: whether it holds (None: not decided), and why in words.

    `undefined` says what is wrong with an expectation that has no value here.
    """

    text: str
    holds: bool | None
    detail: str
    place: Place | None
    label: Label
    undefined: tuple[Diagnostic, ...] = ()


def judge(expectations: Sequence[Expectation], facts: Facts) -> tuple[Verdict, ...]:
    """Judge each expectation by itself: what keeps one from being decided does not touch the others."""
    return tuple(_judge(expectation, facts) for expectation in expectations)


def _judge(expectation: Expectation, facts: Facts) -> Verdict:
    text, label = expectation.text, expectation.label
    try:
        match expectation:
            case Comparison():
                return _compare(expectation, facts)
            case Connected():
                return _connected(expectation, facts)
            case Order():
                return _order(expectation, facts)
            case CropStable():
                return _crop_stable(expectation, facts)
            case _:
                assert_never(expectation)
    except PatternError as error:
        return Verdict(text, None, error.diagnostics[0].message, None, label, error.diagnostics)
    except (TileBudgetError, NoOperator) as error:
        return Verdict(text, None, f"not decided: {error}", None, label)


def failures(verdicts: Iterable[Verdict]) -> tuple[Diagnostic, ...]:
    """The expectations that do not hold, or of which nobody knows, as errors where they were written."""
    found: list[Diagnostic] = []
    for verdict in verdicts:
        label = replace(verdict.label, text=verdict.detail)
        if verdict.undefined:
            found += verdict.undefined
        elif verdict.holds is None:
            found.append(Diagnostic(UNDECIDED, f"it is not known whether `{verdict.text}` holds", (label,)))
        elif not verdict.holds:
            found.append(Diagnostic(FAILED, f"`{verdict.text}` does not hold", (label,)))
    return tuple(found)


# -- comparisons ------------------------------------------------------------------------------------------------------


def _compare(comparison: Comparison, facts: Facts) -> Verdict:
    outcome = evaluate_comparison(comparison, lambda fact: _fact(comparison, fact, facts))
    shares = isinstance(comparison.left, DensityOf) or isinstance(comparison.right, DensityOf)
    left, right = (_text(value, shares) for value in (outcome.left, outcome.right))
    if left == right and outcome.left != outcome.right:
        left, right = (_exact(value) for value in (outcome.left, outcome.right))
    detail = f"{left} {comparison.sign} {right}"
    if outcome.holds:
        return Verdict(comparison.text, True, detail, None, comparison.label)
    named = [*_named(comparison.left), *_named(comparison.right)]
    place, where = _blamed(named[0], facts) if named else (None, "")
    return Verdict(comparison.text, False, f"{detail} is not so{where}", place, comparison.label)


def _fact(comparison: Comparison, fact: Fact, facts: Facts) -> Value:
    match fact:
        case PairsOf(layer, head):
            row = facts.schedule.table[layer]
            return max(facts.counts.patterns[at].pairs for at in (row if head is None else row[head : head + 1]))
        case DensityOf():
            return facts.counts.density
        case CacheOf():
            return facts.cache.most
        case WasteOf():
            computed, useful = _computed(fact, facts)
            if useful == 0:
                label = replace(comparison.label, text="no pairs to divide by")
                raise PatternError([Diagnostic("PA404", "`waste` has no value: the model has no pairs", (label,))])
            return Fraction(computed, useful)
        case _:
            assert_never(fact)


def _computed(waste: WasteOf, facts: Facts) -> tuple[int, int]:
    """The pairs that the active tiles of all layers and heads hold, and those of the patterns."""
    of_pattern = _occupied(waste, facts)
    tiles = [of_pattern[at] for row in facts.schedule.table for at in row]
    return sum(each.tiles for each in tiles) * waste.rows * waste.columns, sum(each.pairs for each in tiles)


def _occupied(waste: WasteOf, facts: Facts) -> tuple[Occupied, ...]:
    """The active tiles of each pattern of the schedule."""
    return tuple(
        occupied_tiles(pattern.relation, facts.schedule.tokens, waste.rows, waste.columns)
        for pattern in facts.schedule.patterns
    )


def _blamed(fact: Fact, facts: Facts) -> tuple[Place | None, str]:
    """Where the value of a fact comes from, and how to say that."""
    match fact:
        case PairsOf(layer, head):
            row = facts.schedule.table[layer]
            if head is None:
                head = max(range(len(row)), key=lambda each: (facts.counts.patterns[row[each]].pairs, -each))
            return Place(layer, head), f" (layer {layer}, head {head})"
        case CacheOf():
            cache = facts.cache
            where = f" (at step {cache.step:,} of layer {cache.layer}, kv head {cache.kv_head})"
            return Place(cache.layer, query=cache.step, kv_head=cache.kv_head), where
        case WasteOf(rows, columns):
            computed, useful = _computed(fact, facts)
            layer, head = _most_wasteful(fact, facts)
            tiles = f"{computed // (rows * columns):,} tiles of {rows} x {columns}"
            share = f"{tiles} hold {computed:,} pairs for {useful:,} that count"
            return Place(layer, head), f": {share} (most of all in layer {layer}, head {head})"
        case DensityOf():
            return None, ""
        case _:
            assert_never(fact)


def _most_wasteful(waste: WasteOf, facts: Facts) -> tuple[int, int]:
    """The first head with the most computed pairs for each useful one."""
    of_pattern = _occupied(waste, facts)

    def ratio(place: tuple[int, int]) -> Fraction:
        found = of_pattern[facts.schedule.table[place[0]][place[1]]]
        return Fraction(found.tiles, found.pairs) if found.pairs else Fraction(0)

    places = [(layer, head) for layer, row in enumerate(facts.schedule.table) for head in range(len(row))]
    return max(places, key=lambda place: (ratio(place), -place[0], -place[1]))


def _named(side: Side) -> Iterable[Fact]:
    """The facts that a side names."""
    match side:
        case PairsOf() | DensityOf() | CacheOf() | WasteOf():
            return (side,)
        case Computed(_, operands):
            return tuple(fact for operand in operands for fact in _named(operand))
        case Known():
            return ()
        case _:
            assert_never(side)


def _text(value: Value, share: bool) -> str:
    if share:
        return f"{float(100 * value):.6g}%"
    return f"{value:,}" if isinstance(value, int) else f"{float(value):.6g}"


def _exact(value: Value) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value.numerator:,}/{value.denominator:,}"


# -- connectivity -----------------------------------------------------------------------------------------------------


def _connected(expected: Connected, facts: Facts) -> Verdict:
    """Every run of layers that is asked for, in order; the first that leaves a pair out is a failure."""
    target: Target = "past" if expected.to_past else facts.target
    count, most = expected.layers, facts.schedule.layers
    undecided: str | None = None
    deepest = 0
    known: dict[tuple[object, ...], Reach] = {}
    for first in range(most - count + 1 if expected.from_any_layer else 1):
        run = facts.layers[first : first + count]
        if run not in known:
            known[run] = _reach_of(first, count, target, facts)
        found = known[run]
        if not found.exact:
            undecided = found.method
        elif found.missing is not None:
            return _disconnected(expected, facts, first, found.missing, target)
        elif found.depth is not None:
            deepest = max(deepest, found.depth)
    if undecided is not None:
        proved = None if expected.from_any_layer or target != facts.target else _proved_depth(facts)
        if proved is not None and proved <= count:
            detail = f"connected after {_layers(proved)}, as is proved for every length"
            return Verdict(expected.text, True, detail, None, expected.label)
        return Verdict(expected.text, None, undecided, None, expected.label)
    runs = f"every run of {_layers(count)} connects: " if expected.from_any_layer else ""
    return Verdict(expected.text, True, f"{runs}connected after {_layers(deepest)}", None, expected.label)


def _proved_depth(facts: Facts) -> int | None:
    """Layers, from the first on, that connect the model at every length; None where that was not proved."""
    proof = facts.proof
    return proof.here.depth if isinstance(proof, Proof) and not proof.here.assumes else None


def _reach_of(first: int, count: int, target: Target, facts: Facts) -> Reach:
    """What the layers first, first + 1, ... reach; the whole model's answer where it says enough."""
    if first == 0:
        whole = facts.reach if target == facts.target else facts.reach_to_past
        if not whole.exact or count == facts.schedule.layers:
            return whole
        if whole.depth is not None and whole.depth <= count:
            return replace(whole, missing=None)
    return reach(facts.layers[first : first + count], facts.schedule.tokens, target)


def _disconnected(expected: Connected, facts: Facts, first: int, missing: tuple[int, int], target: Target) -> Verdict:
    query, key = missing
    last = first + expected.layers - 1
    whole = facts.reach if target == facts.target else facts.reach_to_past
    through = f"after {_layers(expected.layers)}"
    more = f"; it takes {_layers(whole.depth)}" if whole.depth is not None else ""
    if expected.from_any_layer:
        through = f"through layer {first}" if first == last else f"through layers {first} to {last}"
        more = ""
    detail = f"{through} query {query:,} does not see key {key:,}{more}"
    place = Place(last, query=query, key=key, first=first)
    return Verdict(expected.text, False, detail, place, expected.label)


def _layers(count: int) -> str:
    return f"{count} layer{'s' * (count != 1)}"


# -- growth and cropping ----------------------------------------------------------------------------------------------


def _order(expected: Order, facts: Facts) -> Verdict:
    from patternc.analysis.expression import write
    from patternc.analysis.order import theta, with_constant

    leading = facts.leading
    if leading is None:
        return Verdict(expected.text, None, f"the order is not known: {_why_no_order(facts)}", None, expected.label)
    assert facts.formula is not None
    assert facts.origin is not None
    written = write(facts.formula)
    form = ", ".join((written.text, *written.where))
    form = form if len(form) <= LONGEST_FORMULA else f"to leading order {with_constant(leading)}"
    constant = [f"{name} = {value}" for name, value in facts.origin.given.items()]
    given = f" with {', '.join(constant)} as given" if constant else ""
    holds = leading.rank == (expected.power, expected.logs)
    return Verdict(expected.text, holds, f"the pairs are {theta(leading)}{given}: {form}", None, expected.label)


def _why_no_order(facts: Facts) -> str:
    for layer, row in enumerate(facts.schedule.table):
        for head, at in enumerate(row):
            if facts.formulas[at] is None:
                text = facts.schedule.patterns[at].text
                return f"there is no closed form for the pairs of `{text}` (layer {layer}, head {head})"
    return "the closed form holds for short lengths only, or has no leading term in n"


def _crop_stable(expected: CropStable, facts: Facts) -> Verdict:
    cropped = facts.cropped
    if cropped.place is None:
        return Verdict(expected.text, cropped.stable, cropped.method, None, expected.label)
    tokens, layer, head, query, key = cropped.place
    return Verdict(
        expected.text,
        False,
        f"at {tokens:,} tokens query {query:,} and key {key:,} (layer {layer}, head {head}) are not what they are at "
        f"{facts.schedule.tokens:,}",
        Place(layer, head, query, key, tokens=tokens),
        expected.label,
    )
