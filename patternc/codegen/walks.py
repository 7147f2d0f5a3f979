"""Walks: for one pattern, the tables of its forward, dq and dkv launches.

For: mapping the components of a normal form onto launches. Forward and dq walk query tiles; listed keys and listed
pairs are gathered counterparts. dkv walks key tiles; listed queries and listed pairs are gathered counterparts, and
listed keys become a launch whose own rows are those keys. A strided component is a launch on its lattice in each role.
Later launches add to what earlier ones left: neighbours first, then strides, then listed keys. Every pair comes once in
each direction, in a sum once for each branch that has it: branches share launches, their tiles are laid over one
another (`patternc.analysis.overlay`). Not for: kernels and sharing (`lower.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget
from patternc.algebra.normalise import Normal, Strided, everywhere
from patternc.algebra.pairs import Pairs, listed_pairs
from patternc.analysis.overlay import overlaid, pair_levels
from patternc.analysis.tiles import Side, TileMap, tile_map
from patternc.codegen.build import Part, build_tables, contiguous, masked
from patternc.codegen.classes import OnLattice, on_lattice, sum_on_lattice
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


SharedWalks = dict[tuple[tuple[r.Relation, ...], int, TileShape, Side, bool], Walk]
"""Walks by relations, step (1 for neighbours), shape, own side, and whether they have every own row: patterns that have
a component in common walk the same tables."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pattern:
    """What all walks of a pattern are made from; `intervals` allows interval tiles, `split` shares of hubs.

    `normals` are the branches of a sum, nearly always one; `pairs` their listed pairs, level by level.
    """

    n: int
    normals: tuple[Normal, ...]
    pairs: tuple[Pairs, ...]
    intervals: bool
    split: bool
    shared: SharedWalks
    budget: Budget

    def tiles(
        self, relations: tuple[r.Relation, ...], shape: TileShape, own: Side, listed: Int64 | None, along: Side
    ) -> TileMap:
        """The tile map of the sum of relations for a launch of `shape`; the `along` axis may list positions."""
        rows, cols = (shape.own, shape.counterpart) if own == "queries" else (shape.counterpart, shape.own)
        queries, keys = (listed, None) if along == "queries" else (None, listed)
        known = {
            relation: tile_map(relation, self.n, rows, cols, own=own, queries=queries, keys=keys, budget=self.budget)
            for relation in dict.fromkeys(relations)
        }
        return overlaid([known[relation] for relation in relations])

    @property
    def tiled(self) -> tuple[r.Relation, ...]:
        """What is on tiles of neighbours, of each branch that has any; at least one, if only an empty one."""
        tiled = tuple(normal.tiled for normal in self.normals if not isinstance(normal.tiled, r.Empty))
        return tiled or (r.EMPTY,)

    def listed(self, side: Side) -> _ListedSum | None:
        """The component over listed keys (or queries) of all branches."""
        found = [normal.keyed if side == "keys" else normal.queried for normal in self.normals]
        parts = [part for part in found if part is not None]
        if not parts:
            return None
        positions = np.unique(np.concatenate([part.positions for part in parts]))
        # A branch that lists fewer of them holds for its own alone.
        relations = [
            part.relation if part.positions.size == positions.size else everywhere(part, side) for part in parts
        ]
        return _ListedSum(positions, tuple(relations))

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps of the lattices on which some branch has a component, in the order in which they come."""
        return tuple(dict.fromkeys(strided.step for normal in self.normals for strided in normal.strided))

    @property
    def unlisted(self) -> bool:
        """Whether nothing but strides and listed keys needs tiles of neighbours."""
        return self.tiled == (r.EMPTY,) and not self.pairs and all(one.queried is None for one in self.normals)


@dataclass(frozen=True, slots=True, eq=False)
class _ListedSum:
    """A sum of relations that are right for `positions`, the listed keys (or queries), only."""

    positions: Int64
    relations: tuple[r.Relation, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _StridedSum:
    """The sum of the strided components of one step, and its tiles."""

    components: tuple[Strided, ...]
    tiles: OnLattice


def build_walks(
    name: str,
    normals: Sequence[Normal],
    shapes: Shapes,
    *,
    intervals: bool,
    split: bool,
    backward: bool,
    shared: SharedWalks,
    budget: Budget,
) -> Walks:
    """The walks of a pattern, the sum of `normals`; tables are called `name`.forward, .dq (where it differs) and .dkv.

    Those of strides and of listed keys have .step<s> and .gathered behind that. `intervals` allows interval tiles;
    without, every partial tile has bits; `split` allows shares of hubs; without `backward` there are none of .dq and
    .dkv. `shared` are the walks of earlier patterns, under their names; those of this one are added. Raises
    TileBudgetError.
    """
    n = normals[0].n
    pairs = pair_levels([listed_pairs(each.drawn, n, budget) for each in normals if each.drawn is not None])
    pattern = _Pattern(n, tuple(normals), pairs, intervals, split, shared, budget)
    forward = _by_queries(f"{name}.forward", pattern, shapes.forward)
    if not backward:
        return Walks(forward, (), ())
    same = (shapes.dq.own, shapes.dq.counterpart) == (shapes.forward.own, shapes.forward.counterpart)
    dq = forward if same else _by_queries(f"{name}.dq", pattern, shapes.dq)
    dkv = _by_keys(f"{name}.dkv", pattern, shapes.dkv)
    return Walks(forward, dq, dkv)


def _by_queries(name: str, pattern: _Pattern, shape: TileShape) -> tuple[Walk, ...]:
    """Forward and dq: the first and the last launch have every query; rows listed for the backward's sake are tiled."""
    keyed = pattern.listed("keys")
    strided = _strided(pattern, shape, "queries")
    walks: list[Walk] = []
    if not strided or keyed is not None or not pattern.unlisted:
        relations = [
            normal.tiled if normal.queried is None else r.union(normal.tiled, everywhere(normal.queried, "queries"))
            for normal in pattern.normals
        ]
        tiled = tuple(relation for relation in relations if not isinstance(relation, r.Empty)) or (r.EMPTY,)
        gathered: list[GatheredTiles] = []
        if keyed is not None:
            tiles = pattern.tiles(keyed.relations, shape, "queries", keyed.positions, "keys")
            gathered.append(from_tiles(tiles, keyed.positions))
        walks.append(_contiguous(name, pattern, tiled, "queries", shape, gathered))
    for place, component in enumerate(strided):
        every = not walks or place == len(strided) - 1
        walks.append(_on_lattice(name, pattern, component, "queries", shape, every))
    return tuple(walks)


def _by_keys(name: str, pattern: _Pattern, shape: TileShape) -> tuple[Walk, ...]:
    """dkv: the first launch has every key."""
    queried, keyed = pattern.listed("queries"), pattern.listed("keys")
    strided = _strided(pattern, shape, "keys")
    walks: list[Walk] = []
    if not strided or not pattern.unlisted:
        gathered: list[GatheredTiles] = []
        if queried is not None:
            tiles = pattern.tiles(queried.relations, shape, "keys", queried.positions, "queries")
            gathered.append(from_tiles(tiles, queried.positions))
        walks.append(_contiguous(name, pattern, pattern.tiled, "keys", shape, gathered))
    for component in strided:
        walks.append(_on_lattice(name, pattern, component, "keys", shape, every=not walks))
    if keyed is not None:
        walks.append(_by_listed_keys(f"{name}.gathered", pattern, keyed, shape))
    return tuple(walks)


def _strided(pattern: _Pattern, shape: TileShape, own: Side) -> list[_StridedSum]:
    """The strided components that have any pairs, step by step, and their tiles."""
    found: list[_StridedSum] = []
    for step in pattern.steps:
        components = [strided for normal in pattern.normals for strided in normal.strided if strided.step == step]
        tiles = {
            one: on_lattice(one, pattern.n, shape.own, shape.counterpart, own, pattern.budget)
            for one in dict.fromkeys(components)
        }
        kept = tuple(one for one in components if tiles[one].pairs)
        if kept:
            found.append(_StridedSum(kept, sum_on_lattice([tiles[one] for one in kept])))
    return found


def _on_lattice(name: str, pattern: _Pattern, component: _StridedSum, own: Side, shape: TileShape, every: bool) -> Walk:
    """The launch of the strided components of one step, with `every` own row or those that have pairs."""
    tiles = component.tiles
    lattice = tiles.lattice
    key = (tuple(one.relation for one in component.components), lattice.step, shape, own, every)
    if key in pattern.shared:
        return pattern.shared[key]
    maps = [
        Masked(part.relations, part.tiles, np.nonzero(masked(part.tiles))[0], part.offsets.size)
        for part in tiles.parts
        if part.relations
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
        pattern.n,
        parts,
        nothing(own_tiles, shape.own, shape.counterpart),
        None,
        every=every,
        split=pattern.split,
    )
    pattern.shared[key] = Walk(tables, interval, lattice=lattice)
    return pattern.shared[key]


def _by_listed_keys(name: str, pattern: _Pattern, keyed: _ListedSum, shape: TileShape) -> Walk:
    """The dkv launch that owns the listed keys."""
    tiles = pattern.tiles(keyed.relations, shape, "keys", keyed.positions, "keys")
    interval, described = _interval(keyed.relations, tiles, pattern.intervals)
    parts = [contiguous(tiles, described)]
    tables = build_tables(
        name, pattern.n, parts, combined([], tiles), keyed.positions, every=False, split=pattern.split
    )
    return Walk(tables, interval, gathered_own=True)


def _contiguous(
    name: str,
    pattern: _Pattern,
    relations: tuple[r.Relation, ...],
    own: Side,
    shape: TileShape,
    gathered: list[GatheredTiles],
) -> Walk:
    """A launch over all own positions: `relations` on contiguous tiles, beside what is gathered and what is drawn."""
    key = (relations, 1, shape, own, True) if not gathered and not pattern.pairs else None
    if key in pattern.shared:
        return pattern.shared[key]
    tiles = pattern.tiles(relations, shape, own, None, own)
    interval, described = _interval(relations, tiles, pattern.intervals)
    drawn = [from_pairs(level, own, shape.own, shape.counterpart, pattern.budget) for level in pattern.pairs]
    parts = [contiguous(tiles, described)]
    listed = combined([*gathered, *drawn], tiles)
    tables = build_tables(name, pattern.n, parts, listed, None, every=True, split=pattern.split)
    walk = Walk(tables, interval)
    if key is not None:
        pattern.shared[key] = walk
    return walk


def _interval(
    relations: tuple[r.Relation, ...], tiles: TileMap, allowed: bool
) -> tuple[RowInterval | None, NDArray[np.bool_]]:
    if not allowed:
        return None, np.zeros(tiles.classes.size, dtype=np.bool_)
    (chosen,) = np.nonzero(masked(tiles))
    interval, (described,) = best_interval([Masked(relations, tiles, chosen, 1)])
    return interval, described
