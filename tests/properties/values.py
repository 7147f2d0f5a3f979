"""Numbers and id lists of a program, read straight off its tree; and where an expression is evaluated.

For: `meaning.py`. Not for: patterns.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isqrt

from patternc.grammar import tree as t


@dataclass(frozen=True)
class Closure:
    """A pattern given as an argument: evaluated where it is used, with the names of where it was written."""

    expression: t.Expression
    at: Place


@dataclass(frozen=True)
class Place:
    """Where an expression is evaluated: n and the direction of the place, and every name in scope."""

    n: int
    causal: bool
    file: t.File
    numbers: dict = field(default_factory=dict)
    """layer, head and the like."""
    arguments: dict = field(default_factory=dict)


def number(expression: t.Expression, place: Place) -> int:
    match expression:
        case t.Number(text):
            return int(text)
        case t.Negative(operand):
            return -number(operand, place)
        case t.Power(base, exponent):
            return number(base, place) ** number(exponent, place)
        case t.Chain(operands, operators):
            value = number(operands[0], place)
            for operator, operand in zip(operators, operands[1:], strict=True):
                other = number(operand, place)
                match operator.sign:
                    case "+":
                        value += other
                    case "-":
                        value -= other
                    case "*":
                        value *= other
                    case "//":
                        value //= other
                    case "%":
                        value %= other
            return value
        case t.Call(name, arguments):
            values = [number(each, place) for each in arguments]
            functions = {
                "min": min, "max": max, "abs": abs, "isqrt": isqrt,
                "ceildiv": lambda a, b: -(-a // b), "log2": lambda a: a.bit_length() - 1,
            }  # fmt: skip
            return functions[name.text](*values)
        case t.Name("n"):
            return place.n
        case t.Name(name) if name in place.arguments:
            return place.arguments[name]
        case t.Name(name) if name in place.numbers:
            return place.numbers[name]
        case t.Name(name):
            return number(parameter(name, place), of_model(place))


def parameter(name, place):
    (value,) = (each.value for each in place.file.statements if isinstance(each, t.Param) and each.name.text == name)
    return value


def of_model(place):
    """Where a `param` is evaluated: with the model's n."""
    bare = replace(place, arguments={}, numbers={})
    (model,) = (each for each in place.file.statements if isinstance(each, t.Model))
    (tokens,) = (each.value for each in model.settings if isinstance(each, t.Setting) and each.name == "tokens")
    return replace(bare, n=number(tokens, bare))


def ids(expression: t.Expression, place: Place) -> list[tuple]:
    """(id,) and (start, stop, step), as written: from the end they are counted where they are used."""
    match expression:
        case t.List(items):
            return [each for item in items for each in ids(item, place)]
        case t.Range(start, stop, step):
            return [(number(start, place), number(stop, place), 1 if step is None else number(step, place))]
        case t.Call(t.Word("powers"), (base,)):
            powers, b = [1], number(base, place)
            while powers[-1] < place.n:
                powers.append(powers[-1] * b)
            return [(each,) for each in powers[:-1]]
        case t.Name(name) if isinstance(place.arguments.get(name), list):
            return place.arguments[name]
        case t.Name(name) if name not in place.arguments and name in declared_lists(place):
            return ids(parameter(name, place), of_model(place))
        case _:
            return [(number(expression, place),)]


def declared_lists(place):
    params = [each for each in place.file.statements if isinstance(each, t.Param)]
    return {each.name.text for each in params if isinstance(each.value, t.List | t.Range)}


def resolved(runs, length):
    """The positions of a place that a list has; negative ends count from the end."""
    found = set()
    for run in runs:
        start, *rest = (each + length if each < 0 else each for each in run[:2])
        found |= set(range(start, rest[0], run[2])) if rest else {start}
    return found


def themselves(runs):
    """The numbers of a list where they are not positions."""
    return [each for run in runs for each in (range(*run) if len(run) > 1 else run)]
