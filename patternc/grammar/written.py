"""From typed expressions back to trees: how a program would be written.

For: the text of a term after the arguments of named patterns took the place of its parameters, and for printing
programs that were never text. Not for: text itself (`format.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from patternc.grammar import tree, typed

Lookup = Callable[[str], tree.Expression]
"""What stands for a parameter of the pattern an expression is in."""


def as_declared(name: str) -> tree.Expression:
    """The lookup that leaves parameters as they are."""
    return tree.Name(name)


def written(value: typed.Value, lookup: Lookup = as_declared) -> tree.Expression:
    """The expression a typed value was, or could have been, written as."""
    match value:
        case typed.Ids():
            return _ids(value, lookup)
        case (
            typed.Constant()
            | typed.Local()
            | typed.Window()
            | typed.Residues()
            | typed.Chunks()
            | typed.Positions()
            | typed.Random()
            | typed.Neighborhood()
            | typed.Layout()
            | typed.Lift()
            | typed.Slice()
            | typed.Sum()
            | typed.Union()
            | typed.Intersection()
            | typed.Difference()
            | typed.PatternArgument()
            | typed.NamedPattern()
        ):
            return _pattern(value, lookup)
        case _:
            return _number(value, lookup)


def _call(name: str, *arguments: tree.Argument | None) -> tree.Call:
    return tree.Call(tree.Word(name), tuple(each for each in arguments if each is not None))


def _named(name: str, value: typed.Value | None, lookup: Lookup) -> tree.NamedArgument | None:
    return None if value is None else tree.NamedArgument(tree.Word(name), written(value, lookup))


def _chain(operands: tuple[tree.Expression, ...], *signs: str) -> tree.Chain:
    return tree.Chain(operands, tuple(map(tree.Operator, signs)))


def _direction(direction: typed.Direction | None) -> tree.DirectionArgument | None:
    return None if direction is None else tree.DirectionArgument(direction)


def _number(number: typed.Number, lookup: Lookup) -> tree.Expression:
    match number:
        case typed.Integer(value):
            return tree.Number(str(value))
        case typed.NumberParam(name) | typed.Quantity(name):
            return tree.Name(name)
        case typed.NumberArgument(name):
            return lookup(name)
        case typed.Negative(operand):
            return tree.Negative(_number(operand, lookup))
        case typed.Arithmetic(operands, signs):
            return _chain(tuple(_number(each, lookup) for each in operands), *signs)
        case typed.Power(base, exponent):
            return tree.Power(_number(base, lookup), _number(exponent, lookup))
        case typed.Function(name, arguments):
            return _call(name, *(_number(each, lookup) for each in arguments))
        case typed.Pairs(layer, head):
            return _call("pairs", _number(layer, lookup), None if head is None else _number(head, lookup))
        case typed.Density():
            return tree.Name("density")
        case typed.Cache():
            return tree.Name("cache")
        case typed.Waste(rows, columns):
            return _call("waste", _number(rows, lookup), _number(columns, lookup))
        case typed.Ratio(numerator, denominator):
            return tree.Number(_decimal(numerator, denominator), "decimal")
        case typed.Hole(span):
            return tree.Missing(span)
        case _:
            assert_never(number)


def _decimal(numerator: int, denominator: int) -> str:
    """A ratio as a decimal; its denominator divides a power of ten."""
    digits = 1
    while 10**digits % denominator:
        digits += 1
    text = str(numerator * 10**digits // denominator).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}"


def _ids(ids: typed.Ids, lookup: Lookup) -> tree.Expression:
    items = tuple(_item(item, lookup) for item in ids.items)
    return items[0] if len(items) == 1 else tree.List(items)


def _item(item: typed.Item, lookup: Lookup) -> tree.Expression:
    match item:
        case typed.Single(value):
            return _number(value, lookup)
        case typed.Stretch(start, stop, step):
            return tree.Range(
                _number(start, lookup), _number(stop, lookup), None if step is None else _number(step, lookup)
            )
        case typed.Powers(base):
            return _call("powers", _number(base, lookup))
        case typed.IdsParam(name):
            return tree.Name(name)
        case typed.IdsArgument(name):
            return lookup(name)
        case typed.Hole(span):
            return tree.Missing(span)
        case _:
            assert_never(item)


def _pattern(pattern: typed.Pattern, lookup: Lookup) -> tree.Expression:
    match pattern:
        case typed.Constant(name):
            return tree.Name(name)
        case typed.Local(width, dilation, direction):
            return _call("local", _number(width, lookup), _named("dilation", dilation, lookup), _direction(direction))
        case typed.Window(back, ahead, dilation):
            pairs = (("back", back), ("ahead", ahead), ("dilation", dilation))
            return _call("local", *(_named(name, value, lookup) for name, value in pairs))
        case typed.Residues(of, modulus, at, last):
            return _call(of, _number(modulus, lookup), _named("at", at, lookup), _named("last", last, lookup))
        case typed.Chunks(sizes, listed):
            return _call("chunks" if listed else "chunk", _ids(sizes, lookup))
        case typed.Positions(of, ids):
            return _call(of, _ids(ids, lookup))
        case typed.Random(count, seed, avoid, among, direction):
            return _call(
                "random",
                _number(count, lookup),
                None if seed is None else tree.NamedArgument(tree.Word("seed"), _seed(seed, lookup)),
                _named("avoid", avoid, lookup),
                _named("among", among, lookup),
                _direction(direction),
            )
        case typed.Neighborhood(width, dilation, group, direction):
            named = (_named("dilation", dilation, lookup), _named("group", group, lookup))
            return _call("neighborhood", _number(width, lookup), *named, _direction(direction))
        case typed.Layout(file):
            return _call("layout", tree.Text(file))
        case typed.Lift(by, size, inner):
            return _call(by, _number(size, lookup), _pattern(inner, lookup))
        case typed.Slice(where, inner):
            return _call("slice", _ids(where, lookup), _pattern(inner, lookup))
        case typed.Sum(parts):
            return _chain(tuple(_pattern(each, lookup) for each in parts), *["+"] * (len(parts) - 1))
        case typed.Union(parts):
            return _chain(tuple(_pattern(each, lookup) for each in parts), *["|"] * (len(parts) - 1))
        case typed.Intersection(parts):
            return _chain(tuple(_pattern(each, lookup) for each in parts), *["&"] * (len(parts) - 1))
        case typed.Difference(parts):
            return _chain(tuple(_pattern(each, lookup) for each in parts), *["-"] * (len(parts) - 1))
        case typed.PatternArgument(name):
            return lookup(name)
        case typed.NamedPattern(name, arguments):
            return _call(name, *(written(each, lookup) for each in arguments)) if arguments else tree.Name(name)
        case typed.Hole(span):
            return tree.Missing(span)
        case _:
            assert_never(pattern)


def _seed(seed: tuple[typed.Number, ...], lookup: Lookup) -> tree.Expression:
    items = tuple(_number(each, lookup) for each in seed)
    return items[0] if len(items) == 1 else tree.Tuple(items)
