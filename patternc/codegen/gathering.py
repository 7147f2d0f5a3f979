"""Gathered tiles: counterparts listed one by one, for pairs that contiguous tiles would hold too thinly.

For: the lists and masks of a component whose keys (or queries) are known positions, and of one whose pairs are listed
(`random` at token level). Not for: choosing what is gathered (`normalise.py`) or the arrays (`build.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import Budget, refuse
from patternc.algebra.pairs import Pairs
from patternc.analysis.tiles import FULL_CLASS, Side, TileMap

Int64 = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class GatheredTiles:
    """The gathered tiles that own tiles visit.

    Own tile t (of R) visits tiles first[t] .. first[t + 1]; tile s has the list `lists[list_of[s]]` and the mask
    `masks[mask_of[s]]`. `pairs` [R] counts the pairs of each own tile; `lists` [G, width] are positions, padded with
    -1; `masks` [M, own_tile, width / 8] as in `TileMap`.
    """

    first: Int64
    list_of: Int64
    lists: Int64
    mask_of: Int64
    masks: Bytes
    pairs: Int64


def padded_lists(positions: Int64, width: int) -> Int64:
    """Positions [P] cut into lists [ceil(P / width), width], the last padded with -1."""
    lists = np.full((-(-positions.size // width), width), -1, dtype=np.int64)
    lists.reshape(-1)[: positions.size] = positions
    return lists


def from_tiles(tiles: TileMap, positions: Int64) -> GatheredTiles:
    """The gathered form of a tile map whose counterpart axis lists `positions`."""
    masks, labels = with_full_masks(tiles)
    return GatheredTiles(
        first=tiles.first,
        list_of=tiles.counterparts.astype(np.int64),
        lists=padded_lists(positions, tiles.counterpart_tile),
        mask_of=labels,
        masks=masks,
        pairs=tiles.own_pairs(),
    )


def with_full_masks(tiles: TileMap) -> tuple[Bytes, Int64]:
    """Masks in which full tiles have one too, and every active tile's row in them.

    A full tile's mask depends on whether it hangs over the end of either axis: after the map's own masks come those
    of a tile that does not, that does along its own rows, along its counterparts, and both ways.
    """
    rows, columns = tiles.own_axis, tiles.counterpart_axis
    live_rows = np.arange(rows.tile) <= (rows.length - 1) % rows.tile
    live_columns = np.arange(columns.tile) <= (columns.length - 1) % columns.tile
    ends = [
        np.outer(live, present)
        for present in (np.ones_like(live_columns), live_columns)
        for live in (np.ones_like(live_rows), live_rows)
    ]
    over_rows = tiles.owners() == rows.tiles - 1
    over_columns = tiles.counterparts == columns.tiles - 1
    count = tiles.masks.shape[0]
    labels = np.where(tiles.classes == FULL_CLASS, count + over_rows + 2 * over_columns, tiles.classes - 1)
    return np.concatenate([tiles.masks, np.packbits(np.stack(ends), axis=2, bitorder="little")]), labels


def from_pairs(pairs: Pairs, own: Side, own_tile: int, width: int, budget: Budget) -> GatheredTiles:
    """Gathered tiles of pairs: each own tile lists the counterparts it has.

    Raises TileBudgetError when the masks go beyond the budget.
    """
    n = pairs.n
    row, other = (pairs.query, pairs.key) if own == "queries" else (pairs.key, pairs.query)
    tile = row // own_tile

    # Distinct (tile, counterpart), ascending; a counterpart's place in its tile's lists is its rank there.
    visited, visit = np.unique(tile * n + other, return_inverse=True)
    own_tiles = -(-n // own_tile)
    visits = np.bincount(visited // n, minlength=own_tiles)
    per_tile = -(-visits // width)
    first = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(per_tile)])
    count = int(first[-1])
    if count * own_tile * width // 8 > budget.mask_bytes:
        raise refuse(
            "bytes of masks for listed pairs",
            count * own_tile * width // 8,
            budget.mask_bytes,
            "lift `random` to blocks(b, .)",
        )
    begin = np.cumsum(visits) - visits
    slot = first[visited // n] * width + np.arange(visited.size) - begin[visited // n]
    lists = np.full(count * width, -1, dtype=np.int64)
    lists[slot] = visited % n

    masks = np.zeros((count, own_tile, width // 8), dtype=np.uint8)
    at, column = slot[visit] // width, slot[visit] % width
    np.bitwise_or.at(masks, (at, row % own_tile, column // 8), (1 << (column % 8)).astype(np.uint8))
    every = np.arange(count, dtype=np.int64)
    per_own = np.bincount(tile, minlength=own_tiles).astype(np.int64)
    return GatheredTiles(first, every, lists.reshape(count, width), every, masks, per_own)


def nothing(own_tiles: int, own_tile: int, width: int) -> GatheredTiles:
    """No gathered tiles beside so many own tiles."""
    none = np.zeros(0, dtype=np.int64)
    masks = np.zeros((0, own_tile, -(-width // 8)), dtype=np.uint8)
    zeros = np.zeros(own_tiles + 1, dtype=np.int64)
    return GatheredTiles(zeros, none, np.zeros((0, width), dtype=np.int64), none, masks, zeros[1:])


def combined(parts: Sequence[GatheredTiles], tiles: TileMap) -> GatheredTiles:
    """The gathered tiles of disjoint components, own tile by own tile, beside the contiguous `tiles`."""
    own_tiles = tiles.first.size - 1
    start = nothing(own_tiles, tiles.own_tile, tiles.counterpart_tile)
    own, counts, pairs = start.list_of, np.diff(start.first), start.pairs
    list_of, lists, mask_of, masks = start.list_of, start.lists, start.mask_of, start.masks
    for part in parts:
        own = np.concatenate([own, np.repeat(np.arange(own_tiles), np.diff(part.first))])
        list_of = np.concatenate([list_of, part.list_of + lists.shape[0]])
        mask_of = np.concatenate([mask_of, part.mask_of + masks.shape[0]])
        lists, masks = np.concatenate([lists, part.lists]), np.concatenate([masks, part.masks])
        counts, pairs = counts + np.diff(part.first), pairs + part.pairs
    order = np.argsort(own, kind="stable")
    first = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    return GatheredTiles(first, list_of[order], lists, mask_of[order], masks, pairs)
