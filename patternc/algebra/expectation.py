"""Expectations at one length, and the evaluation of comparisons over a few facts.

For: `expect` statements: `elaborate` makes the values, analysis has the facts. Everything that is known without facts
is already a number here. Not for: connectivity, which analysis decides (`Connected` only says what is asked).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from patternc.algebra.evaluation import Evaluation, Frame, Stop
from patternc.algebra.values import all_numbers, combined, count, function, in_range, number, power
from patternc.diagnostics import Label, PatternError
from patternc.grammar import typed

Value = int | Fraction


@dataclass(frozen=True, slots=True)
class Known:
    """A number."""

    value: Value


@dataclass(frozen=True, slots=True)
class PairsOf:
    """The pairs of head `head` of layer `layer`, both counted from 0; head None: the most of any head."""

    layer: int
    head: int | None


@dataclass(frozen=True, slots=True)
class DensityOf:
    """The pairs of all layers and heads over those of dense attention in this model."""


@dataclass(frozen=True, slots=True)
class CacheOf:
    """The most keys, over steps i, layers and kv heads, that a query at or after i attends among j <= i."""


@dataclass(frozen=True, slots=True)
class WasteOf:
    """Pairs in the active tiles of `rows` queries by `columns` keys, over all layers and heads, for each pair."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Computed:
    """A typed expression some of whose operands are facts; `operands` in the order of the expression's own."""

    expression: typed.Negative | typed.Arithmetic | typed.Power | typed.Function
    operands: tuple[Side, ...]


Fact = PairsOf | DensityOf | CacheOf | WasteOf
Side = Known | Fact | Computed


@dataclass(frozen=True, slots=True)
class Comparison:
    """left sign right; `label` is where it was written."""

    text: str
    label: Label
    left: Side
    sign: typed.ComparisonSign
    right: Side

    @property
    def is_precondition(self) -> bool:
        """Whether it can be decided without facts about pairs."""
        return isinstance(self.left, Known) and isinstance(self.right, Known)


@dataclass(frozen=True, slots=True)
class Connected:
    """Every pair is connected after the first `layers` layers; `label` is where it was written.

    `from_any_layer`: after every run of so many consecutive layers, none wrapping round. `to_past`: j <= i is enough.
    """

    text: str
    label: Label
    layers: int
    from_any_layer: bool
    to_past: bool


@dataclass(frozen=True, slots=True)
class Order:
    """The pairs of all layers and heads are Theta(n^power * log(n)^logs)."""

    text: str
    label: Label
    power: Fraction
    logs: int


@dataclass(frozen=True, slots=True)
class CropStable:
    """The mask at a shorter length is the top-left corner of the mask at a longer one."""

    text: str
    label: Label


Expectation = Comparison | Connected | Order | CropStable


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a comparison holds, and the values of its sides."""

    holds: bool
    left: Value
    right: Value


_SIGNS: dict[typed.ComparisonSign, Callable[[Value, Value], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}


def evaluate_comparison(comparison: Comparison, fact: Callable[[Fact], Value]) -> Outcome:
    """Decide a comparison, asking `fact` only for the facts it names.

    Raises PatternError when a fact makes the expression undefined (division by it, overflow), and what `fact` raises.
    """
    evaluation = Evaluation(typed.Program((comparison.label.source,), (), (), None, ()), {}, None, False)
    frame = Frame(comparison.label.source)
    try:
        left, right = (_value(evaluation, frame, side, fact) for side in (comparison.left, comparison.right))
    except Stop:
        raise PatternError(tuple(evaluation.diagnostics.values())) from None
    return Outcome(_SIGNS[comparison.sign](left, right), left, right)


def _value(evaluation: Evaluation, frame: Frame, side: Side, fact: Callable[[Fact], Value]) -> Value:
    match side:
        case Known(value):
            return value
        case PairsOf() | DensityOf() | CacheOf() | WasteOf():
            return fact(side)
        case Computed(expression, operands):
            return _compute(evaluation, frame, expression, [_value(evaluation, frame, each, fact) for each in operands])
        case _:
            assert_never(side)


def _compute(
    evaluation: Evaluation,
    frame: Frame,
    expression: typed.Negative | typed.Arithmetic | typed.Power | typed.Function,
    values: list[Value],
) -> Value:
    whole = [value for value in values if isinstance(value, int)]
    if len(whole) < len(values):  # exact fractions: the checker let only + - * and min max abs through
        return _compute_fractions(expression, [Fraction(value) for value in values])
    match expression:
        case typed.Negative():
            return -whole[0]
        case typed.Arithmetic(operands, signs, span):
            total = whole[0]
            for sign, value, operand in zip(signs, whole[1:], operands[1:], strict=True):
                total = in_range(evaluation, frame, span, combined(evaluation, frame, sign, total, value, operand.span))
            return total
        case typed.Power(_, exponent, span):
            return power(evaluation, frame, whole[0], whole[1], exponent.span, span)
        case typed.Function(name, _, span):
            return function(evaluation, frame, name, whole, span)
        case _:
            assert_never(expression)


def _compute_fractions(
    expression: typed.Negative | typed.Arithmetic | typed.Power | typed.Function, values: list[Fraction]
) -> Fraction:
    match expression:
        case typed.Negative():
            return -values[0]
        case typed.Arithmetic(_, signs):
            total = values[0]
            for sign, value in zip(signs, values[1:], strict=True):
                total = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](total, value)
            return total
        case typed.Function(name):
            return min(values) if name == "min" else max(values) if name == "max" else abs(values[0])
        case typed.Power():
            raise AssertionError(expression)  # the checker refuses fractions in `**`
        case _:
            assert_never(expression)


# -- elaboration ------------------------------------------------------------------------------------------------------


def elaborate_expectation(evaluation: Evaluation, expectation: typed.Expectation) -> Expectation | None:
    """The expectation at the evaluation's length; None after a mistake, which is noted."""
    frame = Frame(evaluation.program.files[expectation.file])
    label = frame.label(expectation.span)
    evaluation.begin(label)
    try:
        match expectation:
            case typed.Comparison(left, sign, right, text):
                sides: list[Side] = []
                for side in (left, right):
                    try:
                        sides.append(_side(evaluation, frame, side))
                    except Stop:
                        continue
                return Comparison(text, label, sides[0], sign, sides[1]) if len(sides) == 2 else None
            case typed.Connected(depth, from_any_layer, to_past, text):
                return Connected(text, label, _depth(evaluation, frame, depth), from_any_layer, to_past)
            case typed.Order(numerator, denominator, logs, text):
                return Order(text, label, Fraction(numerator, denominator), logs)
            case typed.CropStable(text):
                return CropStable(text, label)
            case _:
                assert_never(expectation)
    except Stop:
        return None


def _depth(evaluation: Evaluation, frame: Frame, depth: typed.Number | None) -> int:
    layers = count(evaluation, "layers")
    if depth is None:
        return layers
    value = number(evaluation, frame, None, depth)
    if not 1 <= value <= layers:
        evaluation.stop(
            "PA602",
            f"the model has {layers} layers, so `connected within {value} layers` cannot be asked",
            frame.label(depth.span, f"is {value}"),
        )
    return value


def _has_facts(expression: typed.Number) -> bool:
    match expression:
        case typed.Pairs() | typed.Density() | typed.Cache() | typed.Waste() | typed.Ratio():
            return True
        case typed.Negative(operand):
            return _has_facts(operand)
        case typed.Arithmetic(operands) | typed.Function(_, operands):
            return any(map(_has_facts, operands))
        case typed.Power(base, exponent):
            return _has_facts(base) or _has_facts(exponent)
        case _:
            return False


def _side(evaluation: Evaluation, frame: Frame, expression: typed.Number) -> Side:
    if not _has_facts(expression):
        return Known(number(evaluation, frame, None, expression))
    match expression:
        case typed.Ratio(numerator, denominator):
            return Known(Fraction(numerator, denominator))
        case typed.Density():
            return DensityOf()
        case typed.Cache():
            return CacheOf()
        case typed.Waste(rows, columns):
            return WasteOf(*_tile(evaluation, frame, (rows, columns)))
        case typed.Pairs(layer, head):
            return _pairs(evaluation, frame, layer, head)
        case typed.Negative(operand):
            return Computed(expression, (_side(evaluation, frame, operand),))
        case typed.Arithmetic(operands) | typed.Function(_, operands):
            return Computed(expression, tuple(_side(evaluation, frame, each) for each in operands))
        case typed.Power(base, exponent):
            return Computed(expression, (_side(evaluation, frame, base), _side(evaluation, frame, exponent)))
        case _:
            raise AssertionError(expression)  # has no facts


def _tile(evaluation: Evaluation, frame: Frame, sides: tuple[typed.Number, typed.Number]) -> tuple[int, int]:
    rows, columns = all_numbers(evaluation, frame, None, sides)
    wrong = [(value, side) for value, side in zip((rows, columns), sides, strict=True) if value < 1]
    if wrong:
        labels = (frame.label(side.span, f"is {value}") for value, side in wrong)
        evaluation.stop("PA401", "a tile has at least 1 query and 1 key", *labels)
    return rows, columns


def _pairs(evaluation: Evaluation, frame: Frame, layer: typed.Number, head: typed.Number | None) -> PairsOf:
    written = (layer,) if head is None else (layer, head)
    values = all_numbers(evaluation, frame, None, written)
    resolved: list[int] = []
    for value, expression, noun in zip(values, written, ("layer", "head"), strict=False):
        most = count(evaluation, f"{noun}s")
        if not -most <= value < most:
            evaluation.stop(
                "PA603",
                f"there is no {noun} {value} in a model of {most} {noun}s",
                frame.label(expression.span, f"is {value}"),
                notes=(f"{noun}s are 0 to {most - 1}, or -1 to {-most} from the end",),
            )
        resolved.append(value % most)
    return PairsOf(resolved[0], resolved[1] if head is not None else None)
