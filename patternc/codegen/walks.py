"""Walks: for one pattern, the tables of its forward, dq and dkv launches.

For: mapping the components of a normal form onto launches. Forward and dq walk query tiles; listed keys and listed
pairs are gathered counterparts. dkv walks key tiles; listed queries and listed pairs are gathered counterparts, and
listed keys become a second launch whose own rows are those keys, adding to what the first left. Every pair comes once
in each direction. Not for: kernels and sharing (`lower.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget
from patternc.algebra.normalise import Listed, Normal, everywhere
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
    """All walks of a pattern. `dq` is `forward` where their tile shapes are equal; later ones of a role accumulate."""

    forward: tuple[Walk, ...]
    dq: tuple[Walk, ...]
    dkv: tuple[Walk, ...]

    @property
    def all(self) -> tuple[Walk, ...]:
        """Every walk, shared ones once."""
        return (*self.forward, *(walk for walk in self.dq if walk not in self.forward), *self.dkv)


@dataclass(frozen=True, slots=True, eq=False)
class _Pattern:
    """What all walks of a pattern are made from; `intervals` allows interval tiles."""

    normal: Normal
    pairs: Pairs | None
    intervals: bool
    budget: Budget

    def tiles(self, relation: r.Relation, shape: TileShape, own: Side, listed: Int64 | None, along: Side) -> TileMap:
        """The tile map of a relation for a launch of `shape`; the `along` axis may list positions."""
        rows, cols = (shape.own, shape.counterpart) if own == "queries" else (shape.counterpart, shape.own)
        queries, keys = (listed, None) if along == "queries" else (None, listed)
        return tile_map(relation, self.normal.n, rows, cols, own=own, queries=queries, keys=keys, budget=self.budget)


def build_walks(name: str, normal: Normal, shapes: Shapes, *, intervals: bool, budget: Budget) -> Walks:
    """The walks of one pattern; tables are called `name`.forward, .dq (where it differs), .dkv and .dkv.gathered.

    `intervals` allows interval tiles; without, every partial tile has bits. Raises TileBudgetError.
    """
    pairs = None if normal.drawn is None else listed_pairs(normal.drawn, normal.n, budget)
    pattern = _Pattern(normal, pairs, intervals, budget)
    forward = _by_queries(f"{name}.forward", pattern, shapes.forward)
    same = (shapes.dq.own, shapes.dq.counterpart) == (shapes.forward.own, shapes.forward.counterpart)
    dq = forward if same else _by_queries(f"{name}.dq", pattern, shapes.dq)
    dkv = [_by_keys(f"{name}.dkv", pattern, shapes.dkv)]
    if normal.keyed is not None:
        dkv.append(_by_listed_keys(f"{name}.dkv.gathered", pattern, normal.keyed, shapes.dkv))
    return Walks((forward,), (dq,), tuple(dkv))


def _by_queries(name: str, pattern: _Pattern, shape: TileShape) -> Walk:
    """Forward and dq: rows that are listed for the backward's sake are tiled like the rest."""
    relation, queried, keyed = pattern.normal.tiled, pattern.normal.queried, pattern.normal.keyed
    if queried is not None:
        relation = r.union(relation, everywhere(queried, "queries"))
    gathered: list[GatheredTiles] = []
    if keyed is not None:
        tiles = pattern.tiles(keyed.relation, shape, "queries", keyed.positions, "keys")
        gathered.append(from_tiles(tiles, keyed.positions))
    return _contiguous(name, pattern, relation, "queries", shape, gathered)


def _by_keys(name: str, pattern: _Pattern, shape: TileShape) -> Walk:
    """The dkv launch that owns every key."""
    queried = pattern.normal.queried
    gathered: list[GatheredTiles] = []
    if queried is not None:
        tiles = pattern.tiles(queried.relation, shape, "keys", queried.positions, "queries")
        gathered.append(from_tiles(tiles, queried.positions))
    return _contiguous(name, pattern, pattern.normal.tiled, "keys", shape, gathered)


def _by_listed_keys(name: str, pattern: _Pattern, keyed: Listed, shape: TileShape) -> Walk:
    """The dkv launch that owns the listed keys."""
    tiles = pattern.tiles(keyed.relation, shape, "keys", keyed.positions, "keys")
    interval, described = _interval(keyed.relation, tiles, pattern.intervals)
    tables = build_tables(name, tiles, described, combined([], tiles), keyed.positions)
    return Walk(tables, interval, gathered_own=True)


def _contiguous(
    name: str, pattern: _Pattern, relation: r.Relation, own: Side, shape: TileShape, gathered: list[GatheredTiles]
) -> Walk:
    """A launch over all own positions: `relation` on contiguous tiles, beside what is gathered and what is drawn."""
    tiles = pattern.tiles(relation, shape, own, None, own)
    interval, described = _interval(relation, tiles, pattern.intervals)
    if pattern.pairs is not None:
        drawn = from_pairs(pattern.pairs, own, shape.own, shape.counterpart, pattern.budget)
        gathered = [*gathered, drawn]
    return Walk(build_tables(name, tiles, described, combined(gathered, tiles), None), interval, gathered_own=False)


def _interval(relation: r.Relation, tiles: TileMap, allowed: bool) -> tuple[RowInterval | None, NDArray[np.bool_]]:
    if not allowed:
        return None, np.zeros(tiles.classes.size, dtype=np.bool_)
    (chosen,) = np.nonzero(masked(tiles))
    return best_interval(relation, tiles, chosen)
