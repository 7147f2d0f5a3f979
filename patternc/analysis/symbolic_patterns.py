"""Patterns as Presburger relations: which query attends which key, for every length and value of the symbols at once.

For: `prove.py`. A typed pattern becomes an isl map {[i] -> [j]} over the symbols of its `World`; what the language says
of ids beyond a shorter length holds here, too: they are left out. Random keys are left out, and noted. Not for: one
concrete length (`algebra/construct.py`), and what has no such relation (`Outside`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import assert_never

import islpy as isl

from patternc.analysis.symbolic_leaves import Leaf, relation, window
from patternc.analysis.symbolic_tiles import Tiles, of_tiles, places, tile_numbers, tile_relation, tiled
from patternc.analysis.symbolic_values import (
    Closure,
    Number,
    Outside,
    Run,
    Scope,
    World,
    greatest,
    ids,
    least,
    number,
    numbers,
    plus,
    position,
    product,
    quotient,
    symbols_of,
    whole,
)
from patternc.grammar import typed

MOST_CHUNKS = 64
"""Listed chunk sizes, each of which is a piece of the relation."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pattern is: its length, and whether the causal forms hold."""

    n: Number
    causal: bool


def construct(world: World, scope: Scope, place: Place | Tiles, pattern: typed.Pattern) -> isl.Map:
    """The relation of a pattern at a place, for positions that lie in it. Raises Outside."""
    match pattern:
        case typed.Random():
            if world.taken_away:
                raise Outside("random keys that are taken away")
            world.undrawn = True
            return place_relation(world, place, "false")
        case typed.Sum(parts) | typed.Union(parts):  # what is connected is a set
            return union([construct(world, scope, place, part) for part in parts])
        case typed.Intersection(parts):
            return reduce(isl.Map.intersect, (construct(world, scope, place, part) for part in parts)).coalesce()
        case typed.Difference(parts):
            left = construct(world, scope, place, parts[0])
            world.taken_away += 1
            others = union([construct(world, scope, place, part) for part in parts[1:]])
            world.taken_away -= 1
            return left.subtract(others).coalesce()
        case typed.PatternArgument(name):
            closure = scope.arguments[name]
            assert isinstance(closure, Closure)
            return construct(world, closure.scope, place, closure.pattern)
        case typed.NamedPattern(name):
            n = place.n if isinstance(place, Place) else None
            return construct(world, called(world, scope, n, pattern), place, _declared(world, name).body)
        case typed.Lift():
            return _lift(world, scope, place, pattern)
        case typed.Slice() | typed.Neighborhood():
            if isinstance(place, Tiles):
                raise Outside("a slice or a neighborhood, beside a symbolic distance", symbols_of(place.size))
            if isinstance(pattern, typed.Slice):
                return _slice(world, scope, place, pattern)
            return _neighborhood(world, scope, place, pattern)
        case typed.Layout():
            raise Outside("a stored layout")
        case typed.Hole():
            raise AssertionError(pattern)  # no right program has one
        case typed.Constant() | typed.Local() | typed.Window() | typed.Residues() | typed.Chunks() | typed.Positions():
            return (
                tiled(world, scope, place, pattern) if isinstance(place, Tiles) else _leaf(world, scope, place, pattern)
            )
        case _:
            assert_never(pattern)


def place_relation(world: World, place: Place | Tiles, condition: str) -> isl.Map:
    """A relation that depends on no value, in the coordinates of a place."""
    return tile_relation(world, condition) if isinstance(place, Tiles) else relation(world, condition)


def _leaf(world: World, scope: Scope, place: Place, pattern: Leaf) -> isl.Map:
    match pattern:
        case typed.Constant(name):
            return relation(world, {"dense": "", "empty": "false", "self": "i = j", "past": "j <= i"}[name])
        case typed.Local() | typed.Window():
            return _band(world, *window(world, scope, place.n, place.causal, pattern))
        case typed.Residues():
            return _residues(world, scope, place, pattern)
        case typed.Chunks(sizes):
            return _chunks(world, numbers(world, scope, place.n, sizes))
        case typed.Positions(of, listed):
            return _positions(world, place, of, ids(world, scope, place.n, listed))
        case _:
            assert_never(pattern)


def union(maps: Sequence[isl.Map]) -> isl.Map:
    """The union of one map or more."""
    return reduce(isl.Map.union, maps).coalesce()


def _declared(world: World, name: str) -> typed.PatternDeclaration:
    return next(pattern for pattern in world.program.patterns if pattern.name == name)


def called(world: World, scope: Scope, n: Number | None, call: typed.NamedPattern) -> Scope:
    """The scope of a named pattern's body: its arguments, evaluated in the caller's."""
    arguments: dict[str, Number | tuple[Run, ...] | Closure] = {}
    for (name, kind), written in zip(_declared(world, call.name).parameters, call.arguments, strict=True):
        match kind:  # the checker saw to it that each argument is of its parameter's kind
            case None:
                continue
            case "number":
                arguments[name] = number(world, scope, n, written)  # pyright: ignore[reportArgumentType]
            case "ids":
                arguments[name] = ids(world, scope, n, written)  # pyright: ignore[reportArgumentType]
            case "pattern":
                arguments[name] = Closure(written, scope)  # pyright: ignore[reportArgumentType]
    return Scope(scope.layer, scope.head, arguments)


# -- distances and residues -------------------------------------------------------------------------------------------


def _band(world: World, low: Number, high: Number, step: int) -> isl.Map:
    taps = f" and (i - j) mod {step} = 0" if step > 1 else ""
    return relation(world, f"{{low}} <= i - j and i - j <= {{high}}{taps}", low=low, high=high)


def _neighborhood(world: World, scope: Scope, place: Place, pattern: typed.Neighborhood) -> isl.Map:
    """Member p of a class is attended from first <= p < first + width, or, at the ends, is one of its first or last."""
    width = world.at_least(number(world, scope, place.n, pattern.width), 1)
    step = 1 if pattern.dilation is None else whole(number(world, scope, place.n, pattern.dilation), "a dilation")
    group = 1 if pattern.group is None else whole(number(world, scope, place.n, pattern.group), "`group`")
    causal = place.causal if pattern.direction is None else pattern.direction == "causal"
    first = product(world, -1, quotient(world, width, 2))
    first = plus(world, group, width, -1) if causal else plus(world, group // 2, first)
    key, leader = f"floor(j/{step})", f"{group}*floor(i/{step * group}) + {{first}}"
    late = plus(world, place.n, width, -step)
    end = "j <= i" if causal else f"({key} < {{width}} or {key} < {leader} + {{width}})"
    condition = f"(i - j) mod {step} = 0 and ({key} >= {leader} or j >= {{late}}) and {end}"
    return relation(world, condition, first=first, late=late, width=width)


def _residues(world: World, scope: Scope, place: Place, pattern: typed.Residues) -> isl.Map:
    of = {"stride": "i - j", "columns": "j", "rows": "i"}[pattern.of]
    modulus = whole(number(world, scope, place.n, pattern.modulus), f"the distance of `{pattern.of}`")
    rest = f"({of}) mod {modulus}"
    if pattern.last is not None:
        first = plus(world, modulus, world.at_least(number(world, scope, place.n, pattern.last), 0), -1)
        if not isinstance(first, int):
            world.at_least(first, 0)
        return relation(world, f"{rest} >= {{first}}", first=first)
    if pattern.at is None:
        return relation(world, f"{rest} = 0")
    residues = {residue % modulus for residue in numbers(world, scope, place.n, pattern.at)}
    return relation(world, _one_of(rest, sorted(residues)))


def _one_of(value: str, numbers: Sequence[int]) -> str:
    """The condition that a value is among numbers, neighbours taken together."""
    runs: list[list[int]] = []
    for each in numbers:
        if runs and runs[-1][1] == each - 1:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    return " or ".join(f"({first} <= {value} and {value} <= {last})" for first, last in runs) or "false"


def _chunks(world: World, sizes: Sequence[int]) -> isl.Map:
    if len(sizes) > MOST_CHUNKS:
        raise Outside(f"more than {MOST_CHUNKS} sizes of chunks")
    conditions: list[str] = []
    start = 0
    for size in sizes[:-1]:
        conditions.append(f"({start} <= i < {start + size} and {start} <= j < {start + size})")
        start += size
    last = sizes[-1]
    rest = f"i >= {start} and j >= {start} and floor((i - {start})/{last}) = floor((j - {start})/{last})"
    return relation(world, " or ".join((*conditions, f"({rest})")))


# -- positions --------------------------------------------------------------------------------------------------------


def _positions(world: World, place: Place, of: str, runs: Sequence[Run]) -> isl.Map:
    if of == "diagonals":
        parts = [_among(world, "i - j", run, run.start, run.stop) for run in runs]
    else:
        names = {"keys": "j", "queries": "i", "global": "ij"}[of]
        parts = [
            _among(world, name, run, *_ends(world, run, place.n))  # ids outside the place select nothing
            for run in runs
            for name in names
        ]
    return union(parts) if parts else relation(world, "false")


def _ends(world: World, run: Run, n: Number) -> tuple[Number, Number | None]:
    """The ends of a run as positions, where negative ones counted from the end."""
    return position(world, run.start, n), None if run.stop is None else position(world, run.stop, n)


def _among(world: World, value: str, run: Run, start: Number, stop: Number | None) -> isl.Map:
    if stop is None:
        return relation(world, f"{value} = {{start}}", start=start)
    step = f" and ({value} - {{start}}) mod {run.step} = 0" if run.step > 1 else ""
    return relation(world, f"{{start}} <= {value} and {value} < {{stop}}{step}", start=start, stop=stop)


# -- lifts ------------------------------------------------------------------------------------------------------------


def _lift(world: World, scope: Scope, place: Place | Tiles, pattern: typed.Lift) -> isl.Map:
    n = place.n if isinstance(place, Place) else None
    size = number(world, scope, n, pattern.size)
    what = f"the size of `{pattern.by}`"
    if isinstance(place, Tiles):
        of_tiles(place, size, what)
        length, onto = (place.tiles, tile_numbers(world)) if pattern.by == "blocks" else (place.size, places(world))
    elif pattern.by == "blocks":
        by = whole(size, what)
        length, onto = quotient(world, plus(world, place.n, by - 1), by), relation(world, f"j = floor(i/{by})")
    else:
        length, onto = size, relation(world, f"j = i mod {whole(size, what)}")
    inner = Place(length, place.causal and pattern.by == "blocks")
    return _through(onto, construct(world, scope, inner, pattern.inner))


def _slice(world: World, scope: Scope, place: Place, pattern: typed.Slice) -> isl.Map:
    (run,) = ids(world, scope, place.n, pattern.where)
    assert run.stop is not None
    start, stop = (
        least(world, (greatest(world, (position(world, end, place.n), 0)), place.n)) for end in (run.start, run.stop)
    )
    length = plus(world, stop, start, -1)
    onto = relation(world, "j = i - {start} and {start} <= i and i < {stop}", start=start, stop=stop)
    return _through(onto, construct(world, scope, replace(place, n=length), pattern.inner))


def _through(onto: isl.Map, inner: isl.Map) -> isl.Map:
    """`inner` over the positions that `onto` maps positions to."""
    return onto.apply_range(inner).apply_range(onto.reverse()).coalesce()
