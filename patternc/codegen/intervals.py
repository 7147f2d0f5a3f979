"""Row intervals: when the mask of a tile can be two comparisons a row instead of a bit a pair.

For: turning bands, chunks, bands of blocks and single runs of keys into a `RowInterval`, and finding the tiles whose
content is exactly that. Not for: writing the comparisons (`expr.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.analysis.contents import EMPTY_CLASS, FULL_CLASS, Contents, Side
from patternc.analysis.tiles import TileMap, contents_of
from patternc.codegen.plan import Bound, ChunkStart, Constant, RowInterval, Shift

Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]

INTERVALS_TRIED = 8
"""Candidates compared with the tiles; a union of more bands keeps the bits for the rest."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A `RowInterval` for launches whose own side is `own`, and the relation that says the same."""

    own: Side
    rows: RowInterval
    relation: r.Relation


def interval_of(part: r.Relation, own: Side) -> Interval | None:
    """What `part`, or those factors of an intersection that allow it, says about a row in two comparisons.

    The result contains `part` but may be larger; only tiles that agree with it are interval tiles.
    """
    factors = part.parts if isinstance(part, r.Intersection) else (part,)
    lows: list[Bound] = []
    highs: list[Bound] = []
    used: list[r.Relation] = []
    for factor in factors:
        bounds = _bounds(factor, own)
        if bounds is not None:
            lows += bounds[0]
            highs += bounds[1]
            used.append(factor)
    if not lows and not highs:
        return None
    return Interval(own, RowInterval(tuple(dict.fromkeys(lows)), tuple(dict.fromkeys(highs))), r.intersection(*used))


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """Tiles of a launch that a row interval may describe: those of `tiles`, the map of a sum, number `masked`.

    `relations` are the branches of the sum, nearly always one. The launch has the tiles `times` times over.
    """

    relations: tuple[r.Relation, ...]
    tiles: TileMap
    masked: Int64
    times: int


def best_interval(maps: Sequence[Masked], step: int = 1) -> tuple[RowInterval | None, list[Bool]]:
    """The row interval that describes the most tiles, and which active tiles of each map it describes exactly, [T].

    The maps are in coordinates of classes modulo `step`, the interval that is returned in positions. Candidates are
    the parts of the union that occurs most often.
    """
    commonest = max(maps, key=lambda one: one.times).relations
    parts = [part for one in commonest for part in (one.parts if isinstance(one, r.Union) else (one,))]
    own = maps[0].tiles.own
    found = [interval_of(part, own) for part in parts]
    candidates = list(dict.fromkeys(interval for interval in found if interval is not None))[:INTERVALS_TRIED]
    # No bound at all still ends at n: what full tiles over the end need.
    candidates.append(Interval(own, RowInterval((), ()), r.FULL))
    best: RowInterval | None = None
    most, every = 0, sum(one.masked.size * one.times for one in maps)
    described = [np.zeros(one.tiles.classes.size, dtype=np.bool_) for one in maps]
    for candidate in candidates:
        if most == every:
            break
        agrees = [_agrees(candidate.relation, one) for one in maps]
        total = sum(int(some.sum()) * one.times for some, one in zip(agrees, maps, strict=True))
        if total > most:
            best, most = in_positions(candidate.rows, step), total
            for all_, some, one in zip(described, agrees, maps, strict=True):
                all_[:] = False
                all_[one.masked] = some
    return best, described


def in_positions(rows: RowInterval, step: int) -> RowInterval:
    """An interval over the coordinates of a class modulo `step` as one over positions, right for every such class.

    u >= v + o is position >= own + step * o; u < v + o, so u <= v + o - 1, is position < own + step * (o - 1) + 1.
    Class c begins at c < step, so that a bound on u alone is the same bound, times step, on position.
    """
    return RowInterval(
        tuple(_in_positions(bound, step, 0) for bound in rows.lows),
        tuple(_in_positions(bound, step, 1) for bound in rows.highs),
    )


def _in_positions(bound: Bound, step: int, beyond: int) -> Bound:
    match bound:
        case Shift(offset):
            return Shift(step * (offset - beyond) + beyond)
        case ChunkStart(size, offset):
            return ChunkStart(step * size, step * offset)
        case Constant(value):
            return Constant(step * value)
        case _:
            assert_never(bound)


def _agrees(relation: r.Relation, one: Masked) -> Bool:
    """Which of the masked tiles hold exactly what `relation` holds there."""
    if (relation,) == one.relations:
        return np.ones(one.masked.size, dtype=np.bool_)
    return agreeing(relation, one.tiles, one.masked)


def agreeing(relation: r.Relation, tiles: TileMap, chosen: Int64) -> Bool:
    """Which of the active tiles number `chosen` hold exactly what `relation` holds there."""
    theirs = contents_of(relation, tiles, chosen)
    ours = tiles.classes[chosen].astype(np.int64)
    labels, number = np.unique((ours << 32) | (theirs.classes - EMPTY_CLASS), return_inverse=True)
    same = [_same(tiles, int(label) >> 32, theirs, (int(label) & 0xFFFFFFFF) + EMPTY_CLASS) for label in labels]
    return np.array(same, dtype=np.bool_)[number]


def _same(tiles: TileMap, ours: int, contents: Contents, theirs: int) -> bool:
    if ours == FULL_CLASS or theirs in (FULL_CLASS, EMPTY_CLASS):
        return ours == theirs
    return np.array_equal(tiles.masks[ours - 1], contents.masks[theirs - 1])


def _bounds(factor: r.Relation, own: Side) -> tuple[list[Bound], list[Bound]] | None:
    """The lows and highs of one factor; None when it is no interval of counterparts in every row."""
    match factor:
        case r.Band(low, high, 1):
            return _band(low, high, own, 1)
        case r.Blocks(size, r.Band(low, high, 1)):
            return _band(low, high, own, size)
        case r.Chunk((size,)):
            return [ChunkStart(size, 0)], [ChunkStart(size, size)]
        case r.Keys(((start, stop),)) if own == "queries":
            return [Constant(start)], [Constant(stop)]
        case r.Queries(((start, stop),)) if own == "keys":
            return [Constant(start)], [Constant(stop)]
        case _:
            return None


def _band(low: int | None, high: int | None, own: Side, size: int) -> tuple[list[Bound], list[Bound]]:
    """Bounds on the counterpart for low <= i // size - j // size <= high."""
    if own == "queries":
        low, high = (None if high is None else -high), (None if low is None else -low)
    # Now low <= counterpart block - own block <= high.
    if size == 1:
        return [] if low is None else [Shift(low)], [] if high is None else [Shift(high + 1)]
    lows: list[Bound] = [] if low is None else [ChunkStart(size, low * size)]
    highs: list[Bound] = [] if high is None else [ChunkStart(size, (high + 1) * size)]
    return lows, highs
