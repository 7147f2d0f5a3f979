"""Tile maps: which tiles of a tiling a relation touches, and what each holds. The only place where tiles are decided.

For: the active tiles of an own x counterpart tiling in O(active tiles), exact, each with its class: full, or one of a
few distinct masks. Boxes of tiles are classified from coarse to fine; undecided tiles are told apart by translation
class, and one tile of each class is evaluated pair by pair. Never n * n work, never a dense matrix of tiles. Not for:
block tables (`codegen/lower.py`) or reports.

Rows or columns of the tiling may stand for listed positions instead of 0..n-1 (gathered keys or queries): tile t of
such an axis holds positions[t * tile : (t + 1) * tile], ascending.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget, TileBudgetError, refuse
from patternc.algebra.index import expand
from patternc.analysis.classify import FULL, UNDECIDED, Boxes, classify
from patternc.analysis.contents import EMPTY_CLASS, FULL_CLASS, Axis, Contents, Side, decide
from patternc.analysis.draws import Draws, draw_all

__all__ = ["EMPTY_CLASS", "FULL_CLASS", "Axis", "Side", "TileBudgetError", "TileMap", "contents_of", "tile_map"]

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class TileMap:
    """The active tiles of a relation at a place of length n.

    `own` is the side that owns tiles ("queries", or "keys" for the transposed map); own tiles number R. Own tile t has
    the active counterpart tiles `counterparts[first[t] : first[t + 1]]`, ascending, with `classes` beside them:
    FULL_CLASS, or 1 + a row of `masks`. A full tile holds every pair that exists in it, so the last tile of an axis
    can be full although it hangs over the end.
    """

    n: int
    own: Side
    queries: Axis
    keys: Axis
    first: Int64
    """[R + 1]"""
    counterparts: Int32
    """[T] tile indices"""
    classes: Int32
    """[T]"""
    masks: Bytes
    """[U, own tile, ceil(counterpart tile / 8)] distinct masks; bit c % 8 of byte c // 8 is counterpart c; positions
    beyond the end are 0."""
    popcounts: Int64
    """[U] pairs in each mask"""

    @property
    def own_axis(self) -> Axis:
        """The axis that owns tiles."""
        return self.queries if self.own == "queries" else self.keys

    @property
    def counterpart_axis(self) -> Axis:
        """The other axis."""
        return self.keys if self.own == "queries" else self.queries

    @property
    def own_tile(self) -> int:
        """Rows of an own tile."""
        return self.own_axis.tile

    @property
    def counterpart_tile(self) -> int:
        """Positions of a counterpart tile."""
        return self.counterpart_axis.tile

    def owners(self) -> Int64:
        """The own tile of each active tile, [T]."""
        return np.repeat(np.arange(self.first.size - 1, dtype=np.int64), np.diff(self.first))

    def tile_pairs(self) -> Int64:
        """Exact pairs of each active tile, [T]."""
        heights = self.own_axis.live(self.owners())
        widths = self.counterpart_axis.live(self.counterparts.astype(np.int64))
        return np.where(self.classes == FULL_CLASS, heights * widths, np.append(0, self.popcounts)[self.classes])

    def own_pairs(self) -> Int64:
        """Exact pairs of each own tile, [R]."""
        total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.tile_pairs())])
        return total[self.first[1:]] - total[self.first[:-1]]

    @property
    def pairs(self) -> int:
        """Exact number of pairs of the relation."""
        return int(self.tile_pairs().sum())

    @property
    def full(self) -> int:
        """Number of full tiles."""
        return int((self.classes == FULL_CLASS).sum())

    @property
    def partial(self) -> int:
        """Number of active tiles that are not full."""
        return self.classes.size - self.full


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """Boxes of tiles [q0, q1) x [k0, k1) that are full, and single tiles (q0, k0) that are still undecided."""

    full: Boxes
    undecided: Boxes


def tile_map(
    relation: r.Relation,
    n: int,
    rows: int,
    cols: int,
    *,
    own: Side = "queries",
    queries: Int64 | None = None,
    keys: Int64 | None = None,
    budget: Budget = DEFAULT_BUDGET,
) -> TileMap:
    """All active tiles of `rows` queries by `cols` keys of a relation at a place of length n.

    `own` says which side the map is indexed by. `queries` and `keys` list positions (ascending, distinct, below n) in
    place of 0..n-1. Raises TileBudgetError beyond the budget.
    """
    query_axis = Axis(n if queries is None else queries.size, rows, queries)
    key_axis = Axis(n if keys is None else keys.size, cols, keys)
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, query_axis, key_axis, draws, budget)
    undecided = refined.undecided
    contents = decide(relation, n, query_axis, key_axis, undecided.q0, undecided.k0, own, draws, budget)
    active = contents.classes != EMPTY_CLASS
    tiles = int(((refined.full.q1 - refined.full.q0) * (refined.full.k1 - refined.full.k0)).sum()) + int(active.sum())
    if tiles > budget.tiles:
        raise refuse("active tiles", tiles, budget.tiles, "use a smaller length or a sparser pattern")
    full, single = refined.full, undecided[active]
    if own == "keys":
        full, single = full.transposed(), single.transposed()
    own_axis, other_axis = (query_axis, key_axis) if own == "queries" else (key_axis, query_axis)
    first, counterparts, classes = _rows_of_tiles(
        full, single, contents.classes[active], own_axis.tiles, other_axis.tiles
    )
    return TileMap(n, own, query_axis, key_axis, first, counterparts, classes, contents.masks, contents.popcounts)


def contents_of(relation: r.Relation, tiles: TileMap, chosen: Int64, budget: Budget = DEFAULT_BUDGET) -> Contents:
    """What `relation`, another one at the same place, holds in the active tiles number `chosen` of a tile map."""
    own, other = tiles.owners()[chosen], tiles.counterparts[chosen].astype(np.int64)
    q, k = (own, other) if tiles.own == "queries" else (other, own)
    draws = draw_all(relation, tiles.n, budget)
    return decide(relation, tiles.n, tiles.queries, tiles.keys, q, k, tiles.own, draws, budget)


def refine(relation: r.Relation, n: int, queries: Axis, keys: Axis, draws: Draws, budget: Budget) -> Refined:
    """Classify boxes of tiles from one box over everything down to single tiles, level by level."""
    height, width = _power_of_two(queries.tiles), _power_of_two(keys.tiles)
    none = np.zeros(0, dtype=np.int64)
    full = [Boxes(none, none, none, none)]
    row, column = (
        (np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)) if queries.tiles and keys.tiles else (none, none)
    )
    while True:
        q0, k0 = row * height, column * width
        tiles = Boxes(q0, np.minimum(q0 + height, queries.tiles), k0, np.minimum(k0 + width, keys.tiles))
        state = classify(relation, Boxes(*queries.hull(tiles.q0, tiles.q1), *keys.hull(tiles.k0, tiles.k1)), n, draws)
        full.append(tiles[state == FULL])
        undecided = state == UNDECIDED
        if height == 1 and width == 1:
            joined = [np.concatenate([getattr(part, side) for part in full]) for side in ("q0", "q1", "k0", "k1")]
            return Refined(Boxes(*joined), tiles[undecided])
        row, column = row[undecided], column[undecided]
        # Split what is long: both sides as long as both can be split, so that boxes keep the shape of a tile.
        if height > 1:
            height //= 2
            row, column = np.concatenate([row * 2, row * 2 + 1]), np.concatenate([column, column])
        if width > 1 and width > height:
            width //= 2
            row, column = np.concatenate([row, row]), np.concatenate([column * 2, column * 2 + 1])
        exists = (row * height < queries.tiles) & (column * width < keys.tiles)
        row, column = row[exists], column[exists]
        if row.size > budget.boxes:
            raise refuse(
                "undecided boxes of tiles", row.size, budget.boxes, "use a smaller length or a sparser pattern"
            )


def _rows_of_tiles(
    boxes: Boxes, single: Boxes, classes: Int64, own_tiles: int, other_tiles: int
) -> tuple[Int64, Int32, Int32]:
    """Full boxes and single tiles, own side first, as rows: first [R + 1], counterparts [T], classes [T].

    Sorted as runs (own tile, start, length), of which there are far fewer than tiles, then laid out.
    """
    heights = boxes.q1 - boxes.q0
    box, row = expand(heights)
    own = boxes.q0[box] + row
    run_own = np.concatenate([own, single.q0])
    run_start = np.concatenate([boxes.k0[box], single.k0])
    run_length = np.concatenate([(boxes.k1 - boxes.k0)[box], np.ones_like(single.k0)])
    run_class = np.concatenate([np.full(own.size, FULL_CLASS, dtype=np.int64), classes])
    order = np.argsort(run_own * other_tiles + run_start)
    run_own, run_start, run_length, run_class = run_own[order], run_start[order], run_length[order], run_class[order]

    ends = np.cumsum(run_length)
    total = int(ends[-1]) if ends.size else 0
    run_first = np.concatenate([np.zeros(1, dtype=np.int64), ends])
    first = run_first[np.searchsorted(run_own, np.arange(own_tiles + 1))]
    shift = run_start - run_first[:-1]
    counterparts = (np.arange(total) + np.repeat(shift, run_length)).astype(np.int32)
    return first, counterparts, np.repeat(run_class.astype(np.int32), run_length)


def _power_of_two(count: int) -> int:
    return 1 << max(count - 1, 0).bit_length()
