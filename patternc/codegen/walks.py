"""Walks: for one pattern, the tables of its forward, dq and dkv launches.

For: mapping the components of a normal form onto launches. Forward and dq walk query tiles; listed keys and listed
pairs are gathered counterparts. dkv walks key tiles; listed queries and listed pairs are gathered counterparts, and
listed keys become a second launch whose own rows are those keys, adding to what the first left. Every pair comes once
in each direction. Not for: kernels and sharing (`lower.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget
from patternc.algebra.normalise import Listed, Normal
from patternc.algebra.pairs import Pairs, listed_pairs
from patternc.analysis.tiles import Side, TileMap, tile_map
from patternc.codegen.build import build_tables, masked
from patternc.codegen.cost import TileShape
from patternc.codegen.gathering import GatheredTiles, combined, from_pairs, from_tiles
from patternc.codegen.intervals import best_interval
from patternc.codegen.plan import RowInterval
from patternc.codegen.tables import TableSet

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Tile shapes of the three roles."""

    forward: TileShape
    dq: TileShape
    dkv: TileShape


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """What one launch walks, and the row interval of its interval tiles."""

    tables: TableSet
    interval: RowInterval | None
    gathered_own: bool


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """All walks of a pattern. `dq` is `forward` where their tile shapes are equal; later ones of `dkv` accumulate."""

    forward: Walk
    dq: Walk
    dkv: tuple[Walk, ...]

    @property
    def all(self) -> tuple[Walk, ...]:
        """Every walk, shared ones once."""
        return (self.forward, *(() if self.dq is self.forward else (self.dq,)), *self.dkv)


def build_walks(name: str, normal: Normal, shapes: Shapes, *, intervals: bool, budget: Budget) -> Walks:
    """The walks of one pattern; tables are called `name`.forward, .dq, .dkv and .dkv.gathered.

    `intervals` allows interval tiles; without, every partial tile has bits.
    """
    pairs = None if normal.drawn is None else listed_pairs(normal.drawn, normal.n, budget)
    forward = _by_queries(f"{name}.forward", normal, pairs, shapes.forward, intervals, budget)
    same = (shapes.dq.own, shapes.dq.counterpart) == (shapes.forward.own, shapes.forward.counterpart)
    dq = forward if same else _by_queries(f"{name}.dq", normal, pairs, shapes.dq, intervals, budget)
    dkv = [_by_keys(f"{name}.dkv", normal, pairs, shapes.dkv, intervals, budget)]
    if normal.keyed is not None:
        dkv.append(_by_listed_keys(f"{name}.dkv.gathered", normal.n, normal.keyed, shapes.dkv, intervals, budget))
    return Walks(forward, dq, tuple(dkv))


def _by_queries(
    name: str, normal: Normal, pairs: Pairs | None, shape: TileShape, intervals: bool, budget: Budget
) -> Walk:
    contiguous = normal.tiled
    if normal.queried is not None:
        rows = r.intersection(r.Queries(r.spans_of(normal.queried.positions.tolist())), normal.queried.relation)
        contiguous = r.union(contiguous, rows)
    gathered: list[GatheredTiles] = []
    if normal.keyed is not None:
        keys = normal.keyed.positions
        tiles = tile_map(
            normal.keyed.relation, normal.n, shape.own, shape.counterpart, own="queries", keys=keys, budget=budget
        )
        gathered.append(from_tiles(tiles, keys))
    return _contiguous(name, normal.n, pairs, contiguous, "queries", shape, gathered, intervals, budget)


def _by_keys(name: str, normal: Normal, pairs: Pairs | None, shape: TileShape, intervals: bool, budget: Budget) -> Walk:
    gathered: list[GatheredTiles] = []
    if normal.queried is not None:
        queries = normal.queried.positions
        tiles = tile_map(
            normal.queried.relation, normal.n, shape.counterpart, shape.own, own="keys", queries=queries, budget=budget
        )
        gathered.append(from_tiles(tiles, queries))
    return _contiguous(name, normal.n, pairs, normal.tiled, "keys", shape, gathered, intervals, budget)


def _by_listed_keys(name: str, n: int, keyed: Listed, shape: TileShape, intervals: bool, budget: Budget) -> Walk:
    keys = keyed.positions
    tiles = tile_map(keyed.relation, n, shape.counterpart, shape.own, own="keys", keys=keys, budget=budget)
    interval, described = _interval(keyed.relation, tiles, intervals)
    return Walk(build_tables(name, tiles, described, None, keys), interval, gathered_own=True)


def _contiguous(
    name: str,
    n: int,
    pairs: Pairs | None,
    relation: r.Relation,
    own: Side,
    shape: TileShape,
    gathered: Sequence[GatheredTiles],
    intervals: bool,
    budget: Budget,
) -> Walk:
    rows, cols = (shape.own, shape.counterpart) if own == "queries" else (shape.counterpart, shape.own)
    tiles = tile_map(relation, n, rows, cols, own=own, budget=budget)
    interval, described = _interval(relation, tiles, intervals)
    parts = list(gathered)
    if pairs is not None:
        parts.append(from_pairs(pairs, own, shape.own, shape.counterpart, budget))
    visited = combined(parts) if parts else None
    return Walk(build_tables(name, tiles, described, visited, None), interval, gathered_own=False)


def _interval(relation: r.Relation, tiles: TileMap, allowed: bool) -> tuple[RowInterval | None, NDArray[np.bool_]]:
    (chosen,) = np.nonzero(masked(tiles))
    if not allowed:
        return None, np.zeros(tiles.classes.size, dtype=np.bool_)
    return best_interval(relation, tiles, chosen)
