"""Numbers and ids of a typed program with the length, and parameters, left symbolic: integer quasi-affine functions.

For: `symbolic_patterns.py`, which makes Presburger relations of patterns. A value is a plain integer where it depends
on nothing symbolic, else an isl function of the symbols. What has no such function (a product of two symbols, isqrt(n))
raises `Outside`, which says what it was and which symbols took part, so that a caller can fix those and try again.
Not for: checking a program; that was done by `check` and `elaborate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import assert_never

import islpy as isl

from patternc.algebra.values import MAX_TOKENS
from patternc.grammar import typed

Number = int | isl.PwAff
"""An integer, or a function of the symbols."""

LENGTH = "n"
"""The symbol of the number of tokens."""


class Outside(Exception):
    """Something that Presburger arithmetic does not have; `symbols` are the symbols that took part in it."""

    def __init__(self, what: str, symbols: frozenset[str] = frozenset()) -> None:
        super().__init__(what)
        self.symbols = symbols


@dataclass(frozen=True, slots=True)
class Run:
    """The id `start` alone when `stop` is None, else start..stop by `step`; negative ones count from the end."""

    start: Number
    stop: Number | None
    step: int


@dataclass(frozen=True, slots=True)
class Closure:
    """A pattern given as an argument, with the scope its names belong to."""

    pattern: typed.Pattern
    scope: Scope


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression is evaluated: the arguments of its pattern, and the layer and head at hand."""

    layer: int
    head: int
    arguments: Mapping[str, Number | tuple[Run, ...] | Closure] = field(
        default_factory=dict[str, "Number | tuple[Run, ...] | Closure"]
    )


@dataclass(slots=True)
class World:
    """What one proof knows: the symbols, the values of parameters, and what its answers take for granted."""

    context: isl.Context
    program: typed.Program
    symbols: tuple[str, ...]
    """The names that isl sees, the length first where it is one of them."""
    params: Mapping[str, Number | tuple[Run, ...]]
    counts: Mapping[str, int]
    """layers, heads and kv_heads."""
    assumptions: list[isl.Set] = field(default_factory=list[isl.Set])
    """What must hold of the symbols for the program to be right, such as w >= 1; sets over the symbols."""
    used: set[str] = field(default_factory=set[str])
    """The parameters that were read."""
    taken_away: int = 0
    """How many right sides of differences the pattern at hand is in."""
    undrawn: bool = False
    """Whether random keys were left out: the relations then are those that hold whatever is drawn."""

    def function(self, text: str) -> isl.PwAff:
        """An isl function of the symbols."""
        return isl.PwAff.read_from_str(self.context, f"[{', '.join(self.symbols)}] -> {{ [({text})] }}")

    def as_function(self, value: Number) -> isl.PwAff:
        """The value as an isl function."""
        return self.function(str(value)) if isinstance(value, int) else value

    def where(self, text: str) -> isl.Set:
        """The values of the symbols for which `text` holds."""
        return isl.Set.read_from_str(self.context, f"[{', '.join(self.symbols)}] -> {{ : {text} }}")

    def at_least(self, value: Number, least: int) -> Number:
        """The value, which a right program has at `least` or more."""
        if isinstance(value, isl.PwAff):
            self.assumptions.append(value.ge_set(self.as_function(least)))
        return value


def symbols_of(*values: Number | None) -> frozenset[str]:
    """The symbols that any of the values depends on."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, isl.PwAff):
            used = value.drop_unused_params()
            found |= set(used.get_var_names_not_none(isl.dim_type.param))
    return frozenset(found)


def whole(value: Number, what: str) -> int:
    """The value of what must not be symbolic; `what` says what it is. Raises Outside."""
    if isinstance(value, int):
        return value
    raise Outside(f"{what} is symbolic", symbols_of(value))


# -- arithmetic -------------------------------------------------------------------------------------------------------


def plus(world: World, left: Number, right: Number, times: int = 1) -> Number:
    """Left + times * right."""
    if isinstance(left, int) and isinstance(right, int):
        return left + times * right
    scaled = world.as_function(right).scale_val(isl.Val(times, context=world.context))
    return _plain(world.as_function(left).add(scaled))


def product(world: World, left: Number, right: Number) -> Number:
    """Left * right. Raises Outside for two symbolic ones."""
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    if not isinstance(left, int) and not isinstance(right, int):
        raise Outside("a product of symbols", symbols_of(left, right))
    factor, function = (left, right) if isinstance(left, int) else (right, left)
    assert isinstance(factor, int)
    return _plain(world.as_function(function).scale_val(isl.Val(factor, context=world.context)))


def quotient(world: World, left: Number, right: Number) -> Number:
    """Floor(left / right). Raises Outside for a symbolic right side."""
    by = whole(right, "the right side of `//`")
    if isinstance(left, int):
        return left // by
    return _plain(left.scale_down_val(isl.Val(by, context=world.context)).floor())


def least(world: World, values: Sequence[Number]) -> Number:
    """The smallest value."""
    if all(isinstance(value, int) for value in values):
        return min(value for value in values if isinstance(value, int))
    first, *others = map(world.as_function, values)
    for other in others:
        first = first.min(other)
    return _plain(first)


def greatest(world: World, values: Sequence[Number]) -> Number:
    """The largest value."""
    return product(world, -1, least(world, [product(world, -1, value) for value in values]))


def _plain(function: isl.PwAff) -> Number:
    """A function that does not depend on the symbols as an integer."""
    function = function.coalesce()
    if not function.isa_aff():
        return function
    affine = function.as_aff()
    if not affine.is_cst():
        return function
    return affine.get_constant_val().to_python()


# -- expressions ------------------------------------------------------------------------------------------------------


def number(world: World, scope: Scope, n: Number | None, expression: typed.Number) -> Number:
    """The value of a number at a place of length `n` (None: a length that is no function). Raises Outside."""
    match expression:
        case typed.Integer(value):
            return value
        case typed.NumberParam(name):
            world.used.add(name)
            value = world.params[name]
            assert not isinstance(value, tuple)
            return value
        case typed.NumberArgument(name):
            value = scope.arguments[name]
            assert not isinstance(value, tuple | Closure)
            return value
        case typed.Quantity(name):
            return _quantity(world, scope, n, name)
        case typed.Negative(operand):
            return product(world, -1, number(world, scope, n, operand))
        case typed.Arithmetic(operands, signs):
            total, *others = (number(world, scope, n, operand) for operand in operands)
            for sign, other in zip(signs, others, strict=True):
                total = _combined(world, sign, total, other)
            return total
        case typed.Power(base, exponent):
            left, right = (number(world, scope, n, each) for each in (base, exponent))
            return whole(left, "the base of `**`") ** whole(right, "the exponent of `**`")
        case typed.Function(name, arguments):
            return _function(world, name, [number(world, scope, n, each) for each in arguments])
        case typed.Hole() | typed.Pairs() | typed.Density() | typed.Cache() | typed.Waste() | typed.Ratio():
            raise AssertionError(expression)  # no right program has holes, and these stand in expectations only
        case _:
            assert_never(expression)


def _quantity(world: World, scope: Scope, n: Number | None, name: typed.QuantityName) -> Number:
    match name:
        case "n":
            if n is None:
                raise Outside("n in an expression, beside a symbolic distance")
            return n
        case "layers" | "heads" | "kv_heads":
            return world.counts[name]
        case "layer":
            return scope.layer
        case "head":
            return scope.head
        case "kv_head":
            return scope.head // (world.counts["heads"] // world.counts["kv_heads"])
        case _:
            assert_never(name)


def _combined(world: World, sign: typed.Sign, left: Number, right: Number) -> Number:
    match sign:
        case "+":
            return plus(world, left, right)
        case "-":
            return plus(world, left, right, -1)
        case "*":
            return product(world, left, right)
        case "//":
            return quotient(world, left, right)
        case "%":
            return plus(world, left, product(world, quotient(world, left, right), right), -1)
        case _:
            assert_never(sign)


def _function(world: World, name: typed.FunctionName, values: Sequence[Number]) -> Number:
    match name:
        case "min":
            return least(world, values)
        case "max":
            return greatest(world, values)
        case "abs":
            return greatest(world, [values[0], product(world, -1, values[0])])
        case "ceildiv":
            return product(world, -1, quotient(world, product(world, -1, values[0]), values[1]))
        case "isqrt":
            return isqrt(whole(values[0], "the argument of `isqrt`"))
        case "log2":
            return whole(values[0], "the argument of `log2`").bit_length() - 1
        case _:
            assert_never(name)


# -- ids --------------------------------------------------------------------------------------------------------------


def ids(world: World, scope: Scope, n: Number | None, expression: typed.Ids) -> tuple[Run, ...]:
    """The items of a list at a place of length `n`, where one at n or beyond selects nothing. Raises Outside."""
    return tuple(run for item in expression.items for run in _item(world, scope, n, item))


def _item(world: World, scope: Scope, n: Number | None, item: typed.Item) -> Iterable[Run]:
    match item:
        case typed.Single(value):
            return (Run(number(world, scope, n, value), None, 1),)
        case typed.Stretch(start, stop, step):
            first, last = (number(world, scope, n, each) for each in (start, stop))
            by = 1 if step is None else whole(number(world, scope, n, step), "a step")
            return (Run(first, last, by),)
        case typed.Powers(base):
            return _powers(whole(number(world, scope, n, base), "the base of `powers`"))
        case typed.IdsParam(name):
            value = world.params[name]
            assert isinstance(value, tuple)
            return value
        case typed.IdsArgument(name):
            value = scope.arguments[name]
            assert isinstance(value, tuple)
            return value
        case typed.Hole():
            raise AssertionError(item)
        case _:
            assert_never(item)


def numbers(world: World, scope: Scope, n: Number | None, expression: typed.Ids) -> list[int]:
    """The items of a list of plain numbers (residues, sizes) one by one. Raises Outside for symbolic ones."""
    if any(isinstance(item, typed.Powers) for item in expression.items):
        raise Outside("`powers`, which end at n, as plain numbers")
    listed: list[int] = []
    for run in ids(world, scope, n, expression):
        start = whole(run.start, "an item of a list")
        stop = start + 1 if run.stop is None else whole(run.stop, "an item of a list")
        listed += range(start, stop, run.step)
    return listed


def _powers(base: int) -> Iterable[Run]:
    power = 1
    while power < MAX_TOKENS:
        yield Run(power, None, 1)
        power *= base


def position(world: World, value: Number, n: Number) -> Number:
    """An id as a position: negative ones count from the end of a place of length `n`."""
    if isinstance(value, int):
        return value if value >= 0 else plus(world, n, value)
    zero = world.as_function(0)
    from_end = world.as_function(plus(world, value, n)).intersect_params(value.lt_set(zero))
    return _plain(value.intersect_params(value.ge_set(zero)).union_add(from_end))
