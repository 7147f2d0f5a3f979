"""Leaves of patterns where one distance k is symbolic: position i is tile a and place s in it, i = a k + s.

Presburger arithmetic has no product of symbols, so i % k and i // k of a symbolic k have no form on the line; in tile
coordinates they are s and a. The length is n = q k + r with 0 <= r < k. A number A k + B is compared with a position
tile by tile, which is right for -k <= B <= k: that is taken for granted, and said.

For: `symbolic_patterns.py`. Not for: patterns with two different symbolic distances (`Outside`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import islpy as isl

from patternc.analysis.symbolic_leaves import Leaf, relation, window
from patternc.analysis.symbolic_values import (
    Number,
    Outside,
    Run,
    Scope,
    World,
    ids,
    number,
    numbers,
    plus,
    product,
    symbols_of,
)
from patternc.grammar import typed

TILES, REST = "q", "r"
"""The symbols of n // k and n % k."""
COORDINATES = "[a, s] -> [b, t]"


@dataclass(frozen=True, slots=True)
class Tiles:
    """The whole sequence in tiles of the symbolic `size`, called `name`; `tiles` is how many there are."""

    name: str
    size: isl.PwAff
    tiles: Number
    causal: bool


def tile_relation(world: World, condition: str, **values: Number) -> isl.Map:
    """The pairs, in tile coordinates, for which `condition` holds; `{name}` in it stands for a value."""
    return relation(world, condition, COORDINATES, **values)


def tile_numbers(world: World) -> isl.Map:
    """{[a, s] -> [a]}."""
    return relation(world, "j = a", "[a, s] -> [j]")


def places(world: World) -> isl.Map:
    """{[a, s] -> [s]}."""
    return relation(world, "j = s", "[a, s] -> [j]")


def inside(size: str, causal: bool) -> str:
    """The pairs of the target: both positions in the sequence, in a causal model the key not after the query."""
    position = f"0 <= {{0}} and 0 <= {{1}} < {size} and ({{0}} < {TILES} or ({{0}} = {TILES} and {{1}} < {REST}))"
    past = " and (b < a or (b = a and t <= s))" if causal else ""
    return f"{position.format('a', 's')} and {position.format('b', 't')}{past}"


def of_tiles(place: Tiles, value: Number, what: str) -> None:
    """Raises Outside where a distance is not the tiles' size."""
    if isinstance(value, int) or not value.is_equal(place.size):
        raise Outside(f"{what} is not the symbolic distance `{place.name.removesuffix('_')}`", symbols_of(value))


def tiled(world: World, scope: Scope, place: Tiles, pattern: Leaf) -> isl.Map:
    """The relation of a leaf in tile coordinates. Raises Outside."""
    match pattern:
        case typed.Constant(name):
            conditions = {
                "dense": "",
                "empty": "false",
                "self": "a = b and s = t",
                "past": "b < a or (b = a and t <= s)",
            }
            return tile_relation(world, conditions[name])
        case typed.Local() | typed.Window():
            low, high, step = window(world, scope, None, place.causal, pattern)
            if step > 1:
                raise Outside("a dilated window, beside a symbolic distance", symbols_of(place.size))
            below = _less(world, place, "a - b", "s - t", plus(world, high, 1))
            return below.subtract(_less(world, place, "a - b", "s - t", low)).coalesce()
        case typed.Residues():
            return _residues(world, scope, place, pattern)
        case typed.Chunks(sizes):
            runs = ids(world, scope, None, sizes)
            if len(runs) != 1 or runs[0].stop is not None:
                raise Outside("chunks of several sizes, beside a symbolic distance", symbols_of(place.size))
            of_tiles(place, runs[0].start, "the size of `chunk`")
            return tile_relation(world, "a = b")
        case typed.Positions(of, listed):
            return _positions(world, place, of, ids(world, scope, None, listed))
        case _:
            assert_never(pattern)


def _residues(world: World, scope: Scope, place: Tiles, pattern: typed.Residues) -> isl.Map:
    of_tiles(place, number(world, scope, None, pattern.modulus), f"the distance of `{pattern.of}`")
    of = {"stride": "s - t", "columns": "t", "rows": "s"}[pattern.of]
    k = place.name
    if pattern.last is not None:
        last = world.at_least(number(world, scope, None, pattern.last), 0)
        world.at_least(plus(world, place.size, last, -1), 0)
        return tile_relation(world, f"{of} >= {k} - {{last}}", last=last)
    residues = [0] if pattern.at is None else numbers(world, scope, None, pattern.at)
    found = tile_relation(world, "false")
    for residue in residues:
        world.at_least(place.size, max(residue + 1, -residue))
        wraps = (f"{of} = {residue}", f"{of} = {residue} + {k}", f"{of} = {residue} - {k}")
        found = found.union(tile_relation(world, " or ".join(wraps)))
    return found.coalesce()


def _positions(world: World, place: Tiles, of: str, runs: tuple[Run, ...]) -> isl.Map:
    if of == "diagonals":
        sides = [("a - b", "s - t")]
    else:
        sides = [{"k": ("b", "t"), "q": ("a", "s")}[side] for side in {"keys": "k", "queries": "q", "global": "kq"}[of]]
    found = tile_relation(world, "false")
    for run in runs:
        if run.step > 1:
            raise Outside("ids with a step, beside a symbolic distance", symbols_of(place.size))
        for end in (run.start, run.stop):
            if of != "diagonals" and end is not None and not isinstance(end, int):
                world.at_least(end, 0)
        from_end = of != "diagonals" and _negative(run.start)
        stop_from_end = from_end if run.stop is None else of != "diagonals" and _negative(run.stop)
        stop = plus(world, run.start, 1) if run.stop is None else run.stop
        for tile, rest in sides:
            before_start = _before(world, place, tile, rest, run.start, from_end)
            found = found.union(_before(world, place, tile, rest, stop, stop_from_end).subtract(before_start))
    return found.coalesce()


def _negative(end: Number) -> bool:
    """Whether an id counts from the end; a symbolic one is taken to count from the start."""
    return isinstance(end, int) and end < 0


def _before(world: World, place: Tiles, tile: str, rest: str, end: Number, from_end: bool) -> isl.Map:
    """The pairs whose position is before an end of a run."""
    if from_end:
        return _less(world, place, f"{tile} - {TILES}", rest, plus(world, world.function(REST), end))
    return _less(world, place, tile, rest, end)


def _less(world: World, place: Tiles, tiles: str, rest: str, value: Number) -> isl.Map:
    """Tiles * k + rest < value, for -k < rest < k; the value is split in A k + B."""
    whole_tiles, left = _split(world, place, value)
    world.at_least(plus(world, place.size, left), 0)
    world.at_least(plus(world, place.size, left, -1), 0)
    over, k = f"{tiles} - {{over}}", place.name
    cases = (
        f"{over} <= -2",
        f"({over} = -1 and {rest} - {k} < {{left}})",
        f"({over} = 0 and {rest} < {{left}})",
        f"({over} = 1 and {rest} + {k} < {{left}})",
    )
    return tile_relation(world, " or ".join(cases), over=whole_tiles, left=left)


def _split(world: World, place: Tiles, value: Number) -> tuple[int, Number]:
    """(A, B) with value = A k + B, k not in B."""
    if isinstance(value, int):
        return 0, value
    if not value.isa_aff():
        raise Outside("a number with several cases, beside a symbolic distance", symbols_of(value))
    affine = value.as_aff()
    at = affine.get_space().find_dim_by_name(isl.dim_type.param, place.name)
    factor = affine.get_coefficient_val(isl.dim_type.param, at)
    if affine.dim(isl.dim_type.div) or not factor.is_int():
        raise Outside("a rounded number, beside a symbolic distance", symbols_of(value))
    tiles = factor.to_python()
    return tiles, plus(world, value, product(world, tiles, place.size), -1)
