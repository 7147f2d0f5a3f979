"""Overlay: the tile maps of the branches of a sum laid over one another, as one map that holds a pair as often as they.

For: `+`, in which a key counts once for each branch that has it. Where branches share a tile, the first tile there
holds the pairs that any of them has, the second those that two have, and so on: a tile is visited as often as its
busiest pair counts, and branches that lie side by side in a tile cost no more than their union. Not for: deciding tiles
(`tiles.py`) or arrays (`patternc.codegen.build`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.pairs import Pairs
from patternc.analysis.contents import FULL_CLASS
from patternc.analysis.tiles import TileMap
from patternc.analysis.translation import row_ids

Int64 = NDArray[np.int64]
Bytes = NDArray[np.uint8]

NO_TILE = -1
_AT_ONCE = 1 << 26
"""Pairs counted together: 128 MiB."""


def overlaid(maps: Sequence[TileMap]) -> TileMap:
    """One map of the sum of maps of one tiling: counterparts ascending, a place as often as its busiest pair counts.

    Masks need not be distinct any more, nor all be in use.
    """
    if len(maps) == 1:
        return maps[0]
    base = maps[0]
    masks = np.concatenate([one.masks for one in maps])
    first_mask = np.cumsum([0, *(one.masks.shape[0] for one in maps)])
    classes = np.concatenate(
        [
            np.where(one.classes == FULL_CLASS, FULL_CLASS, one.classes + before)
            for one, before in zip(maps, first_mask, strict=False)
        ]
    ).astype(np.int64)
    across = base.counterpart_axis.tiles
    place = np.concatenate([one.owners() * across + one.counterparts for one in maps])
    order = np.lexsort((classes, place))
    place, classes = place[order], classes[order]

    (begin,) = np.nonzero(np.append(True, place[1:] != place[:-1])[: place.size])
    times = np.diff(np.append(begin, place.size))
    (shared,) = np.nonzero(times > 1)
    if shared.size:
        # What is done to the tiles of one place depends on their classes alone: few combinations occur.
        column = np.arange(int(times[shared].max()))
        there = column < times[shared][:, None]
        combined = np.where(there, classes[np.minimum(begin[shared][:, None] + column, place.size - 1)], NO_TILE)
        number = row_ids(combined)
        _, example = np.unique(number, return_index=True)
        levels, added = _levels(combined[example], masks)
        masks = np.concatenate([masks, added])
        alone = np.repeat(times == 1, times)
        visited = levels[number]
        kept = visited != NO_TILE
        place = np.concatenate([place[alone], np.repeat(place[begin[shared]], kept.sum(axis=1))])
        classes = np.concatenate([classes[alone], visited[kept]])
        order = np.argsort(place, kind="stable")
        place, classes = place[order], classes[order]

    own_tiles = base.first.size - 1
    return replace(
        base,
        first=np.searchsorted(place, np.arange(own_tiles + 1) * across).astype(np.int64),
        counterparts=(place % max(across, 1)).astype(np.int32),
        classes=classes.astype(np.int32),
        masks=masks,
        popcounts=_popcounts(masks),
    )


def _levels(combined: Int64, masks: Bytes) -> tuple[Int64, Bytes]:
    """For each combination of classes [C, M], the classes of its levels, [C, M]; and the masks that they add.

    Level m of a combination has the pairs that more than m of its tiles have. Classes of added masks follow those of
    `masks`. NO_TILE fills up rows.
    """
    count, most = combined.shape
    height, width = masks.shape[1], masks.shape[2] * 8
    levels = np.full((count, most), NO_TILE, dtype=np.int64)
    added: list[Bytes] = []
    following = masks.shape[0] + 1
    together = max(1, _AT_ONCE // (height * width))
    for start in range(0, count, together):
        some = combined[start : start + together]
        counts = np.zeros((some.shape[0], height, width), dtype=np.uint16)
        for tile in some.T:
            counts += (tile == FULL_CLASS).astype(np.uint16)[:, None, None]
            (masked,) = np.nonzero(tile > FULL_CLASS)
            counts[masked] += np.unpackbits(masks[tile[masked] - 1], axis=2, bitorder="little")
        for level in range(most):
            holds = counts > level
            full, active = holds.all(axis=(1, 2)), holds.any(axis=(1, 2))
            (masked,) = np.nonzero(active & ~full)
            levels[start : start + together, level][full] = FULL_CLASS
            levels[start + masked, level] = following + np.arange(masked.size)
            following += masked.size
            added.append(np.packbits(holds[masked], axis=2, bitorder="little"))
    return levels, np.concatenate(added)


def _popcounts(masks: Bytes) -> Int64:
    in_byte = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)
    return in_byte[masks].sum(axis=(1, 2), dtype=np.int64)


def pair_levels(branches: Sequence[Pairs]) -> tuple[Pairs, ...]:
    """The listed pairs of several branches: those that any has, then those that two have, and so on."""
    if len(branches) < 2:
        return tuple(branches)
    n = branches[0].n
    codes, times = np.unique(np.concatenate([one.query * n + one.key for one in branches]), return_counts=True)
    levels = [codes[times > level] for level in range(int(times.max(initial=0)))]
    return tuple(Pairs(n, level // n, level % n) for level in levels)
