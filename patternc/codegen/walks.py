"""Walks: for one pattern, the tables of its forward, dq and dkv launches.

For: mapping the components of a normal form onto launches. Forward and dq walk query tiles; listed keys and listed
pairs are gathered counterparts. dkv walks key tiles; listed queries and listed pairs are gathered counterparts, and
listed keys become a launch whose own rows are those keys. A strided component is a launch on its lattice in each role.
Later launches add to what earlier ones left: neighbours first, then strides, then listed keys. Every pair comes once in
each direction. Not for: kernels and sharing (`lower.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget
from patternc.algebra.normalise import Listed, Normal, Strided, everywhere
from patternc.algebra.pairs import Pairs, listed_pairs
from patternc.analysis.tiles import Side, TileMap, tile_map
from patternc.codegen.build import Part, build_tables, contiguous, masked
from patternc.codegen.classes import OnLattice, on_lattice
from patternc.codegen.cost import TileShape
from patternc.codegen.gathering import GatheredTiles, combined, from_pairs, from_tiles, nothing
from patternc.codegen.intervals import Masked, best_interval
from patternc.codegen.plan import Lattice, RowInterval
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
    gathered_own: bool = False
    lattice: Lattice | None = None


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


SharedWalks = dict[tuple[r.Relation, int, TileShape, Side, bool], Walk]
"""Walks by relation, step (1 for neighbours), shape, own side, and whether they have every own row: patterns that have
a component in common walk the same tables."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pattern:
    """What all walks of a pattern are made from; `intervals` allows interval tiles, `split` shares of hubs."""

    normal: Normal
    pairs: Pairs | None
    intervals: bool
    split: bool
    shared: SharedWalks
    budget: Budget

    def tiles(self, relation: r.Relation, shape: TileShape, own: Side, listed: Int64 | None, along: Side) -> TileMap:
        """The tile map of a relation for a launch of `shape`; the `along` axis may list positions."""
        rows, cols = (shape.own, shape.counterpart) if own == "queries" else (shape.counterpart, shape.own)
        queries, keys = (listed, None) if along == "queries" else (None, listed)
        return tile_map(relation, self.normal.n, rows, cols, own=own, queries=queries, keys=keys, budget=self.budget)


def build_walks(
    name: str, normal: Normal, shapes: Shapes, *, intervals: bool, split: bool, shared: SharedWalks, budget: Budget
) -> Walks:
    """The walks of one pattern; tables are called `name`.forward, .dq (where it differs) and .dkv.

    Those of strides and of listed keys have .step<s> and .gathered behind that. `intervals` allows interval tiles;
    without, every partial tile has bits; `split` allows shares of hubs. `shared` are the walks of earlier patterns,
    under their names; those of this one are added. Raises TileBudgetError.
    """
    pairs = None if normal.drawn is None else listed_pairs(normal.drawn, normal.n, budget)
    pattern = _Pattern(normal, pairs, intervals, split, shared, budget)
    forward = _by_queries(f"{name}.forward", pattern, shapes.forward)
    same = (shapes.dq.own, shapes.dq.counterpart) == (shapes.forward.own, shapes.forward.counterpart)
    dq = forward if same else _by_queries(f"{name}.dq", pattern, shapes.dq)
    dkv = _by_keys(f"{name}.dkv", pattern, shapes.dkv)
    return Walks(forward, dq, dkv)


def _by_queries(name: str, pattern: _Pattern, shape: TileShape) -> tuple[Walk, ...]:
    """Forward and dq: the first and the last launch have every query; rows listed for the backward's sake are tiled."""
    relation, queried, keyed = pattern.normal.tiled, pattern.normal.queried, pattern.normal.keyed
    strided = _strided(pattern, shape, "queries")
    walks: list[Walk] = []
    if not strided or keyed is not None or not _unlisted(pattern.normal):
        if queried is not None:
            relation = r.union(relation, everywhere(queried, "queries"))
        gathered: list[GatheredTiles] = []
        if keyed is not None:
            tiles = pattern.tiles(keyed.relation, shape, "queries", keyed.positions, "keys")
            gathered.append(from_tiles(tiles, keyed.positions))
        walks.append(_contiguous(name, pattern, relation, "queries", shape, gathered))
    for place, (component, tiles) in enumerate(strided):
        every = not walks or place == len(strided) - 1
        walks.append(_on_lattice(name, pattern, component, tiles, "queries", shape, every))
    return tuple(walks)


def _by_keys(name: str, pattern: _Pattern, shape: TileShape) -> tuple[Walk, ...]:
    """dkv: the first launch has every key."""
    queried, keyed = pattern.normal.queried, pattern.normal.keyed
    strided = _strided(pattern, shape, "keys")
    walks: list[Walk] = []
    if not strided or not _unlisted(pattern.normal):
        gathered: list[GatheredTiles] = []
        if queried is not None:
            tiles = pattern.tiles(queried.relation, shape, "keys", queried.positions, "queries")
            gathered.append(from_tiles(tiles, queried.positions))
        walks.append(_contiguous(name, pattern, pattern.normal.tiled, "keys", shape, gathered))
    for component, tiles in strided:
        walks.append(_on_lattice(name, pattern, component, tiles, "keys", shape, every=not walks))
    if keyed is not None:
        walks.append(_by_listed_keys(f"{name}.gathered", pattern, keyed, shape))
    return tuple(walks)


def _unlisted(normal: Normal) -> bool:
    """Whether nothing but strides and listed keys needs tiles of neighbours."""
    return isinstance(normal.tiled, r.Empty) and normal.queried is None and normal.drawn is None


def _strided(pattern: _Pattern, shape: TileShape, own: Side) -> list[tuple[Strided, OnLattice]]:
    """The strided components that have any pairs, and their tiles."""
    components = [
        (strided, on_lattice(strided, pattern.normal.n, shape.own, shape.counterpart, own, pattern.budget))
        for strided in pattern.normal.strided
    ]
    return [(strided, tiles) for strided, tiles in components if tiles.pairs]


def _on_lattice(
    name: str, pattern: _Pattern, component: Strided, tiles: OnLattice, own: Side, shape: TileShape, every: bool
) -> Walk:
    """The launch of a strided component, with `every` own row or those that have pairs."""
    lattice = tiles.lattice
    key = (component.relation, lattice.step, shape, own, every)
    if key in pattern.shared:
        return pattern.shared[key]
    maps = [
        Masked(part.relation, part.tiles, np.nonzero(masked(part.tiles))[0], part.offsets.size)
        for part in tiles.parts
        if part.relation is not None
    ]
    interval, described = best_interval(maps, lattice.step) if maps and pattern.intervals else (None, [])
    if not described:
        described = [np.zeros(part.tiles.classes.size, dtype=np.bool_) for part in tiles.parts]
    pitches = lattice.step * lattice.own_run, lattice.step * lattice.counterpart_run
    parts = [
        Part(part.tiles, exact, part.offsets, *pitches, part.live)
        for part, exact in zip(tiles.parts, described, strict=True)
    ]
    own_tiles = sum(part.live.size * part.offsets.size for part in parts)
    tables = build_tables(
        f"{name}.step{lattice.step}",
        pattern.normal.n,
        parts,
        nothing(own_tiles, shape.own, shape.counterpart),
        None,
        every=every,
        split=pattern.split,
    )
    pattern.shared[key] = Walk(tables, interval, lattice=lattice)
    return pattern.shared[key]


def _by_listed_keys(name: str, pattern: _Pattern, keyed: Listed, shape: TileShape) -> Walk:
    """The dkv launch that owns the listed keys."""
    tiles = pattern.tiles(keyed.relation, shape, "keys", keyed.positions, "keys")
    interval, described = _interval(keyed.relation, tiles, pattern.intervals)
    parts = [contiguous(tiles, described)]
    tables = build_tables(
        name, pattern.normal.n, parts, combined([], tiles), keyed.positions, every=False, split=pattern.split
    )
    return Walk(tables, interval, gathered_own=True)


def _contiguous(
    name: str, pattern: _Pattern, relation: r.Relation, own: Side, shape: TileShape, gathered: list[GatheredTiles]
) -> Walk:
    """A launch over all own positions: `relation` on contiguous tiles, beside what is gathered and what is drawn."""
    key = (relation, 1, shape, own, True) if not gathered and pattern.pairs is None else None
    if key in pattern.shared:
        return pattern.shared[key]
    tiles = pattern.tiles(relation, shape, own, None, own)
    interval, described = _interval(relation, tiles, pattern.intervals)
    if pattern.pairs is not None:
        drawn = from_pairs(pattern.pairs, own, shape.own, shape.counterpart, pattern.budget)
        gathered = [*gathered, drawn]
    parts = [contiguous(tiles, described)]
    listed = combined(gathered, tiles)
    tables = build_tables(name, pattern.normal.n, parts, listed, None, every=True, split=pattern.split)
    walk = Walk(tables, interval)
    if key is not None:
        pattern.shared[key] = walk
    return walk


def _interval(relation: r.Relation, tiles: TileMap, allowed: bool) -> tuple[RowInterval | None, NDArray[np.bool_]]:
    if not allowed:
        return None, np.zeros(tiles.classes.size, dtype=np.bool_)
    (chosen,) = np.nonzero(masked(tiles))
    interval, (described,) = best_interval([Masked(relation, tiles, chosen, 1)])
    return interval, described
