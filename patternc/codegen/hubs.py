"""Hubs: items far above the mean, split into shares that other programs compute.

For: global rows, in forward and dq, and global columns, in dkv: one tile that visits the whole sequence takes as long
as all others together, whatever order items start in. A share computes its part of the counterparts from nothing into a
slot; a merge adds the slots of a tile up. Not for: the CPU target, where an item is no program of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patternc.codegen.cost import (
    PERCENT_BITS,
    PERCENT_FULL,
    PERCENT_GATHERED,
    PERCENT_INTERVAL,
    PERCENT_ITEM,
    item_cost,
)
from patternc.codegen.tables import (
    BITS,
    COUNT,
    END,
    FULL,
    GATHER,
    GATHER_END,
    INTERVAL,
    MERGE_WORDS,
    ORIGIN,
    SLOT,
)

Int64 = NDArray[np.int64]

HUB = 4
"""An item that costs more than so many times the mean is split, into shares of at most that. List scheduling, modelled
on 132 processors of two programs, then ends within 1.16 of the ideal for BigBird and Longformer at 8K to 64K; without
shares it needs 1.9 to 15 times as long."""
LEAST_SPLIT = 32 * PERCENT_FULL
"""A cheaper item is not worth the slots that its shares are written to and read from."""
PROGRAMS = 256
"""About how many programs run at once. Items of a launch that has only hubs are compared with the work for each."""


def costs(items: Int64) -> Int64:
    """The cost of each item, in hundredths of an unmasked tile."""
    return item_cost(
        items[:, INTERVAL] - items[:, FULL],
        items[:, BITS] - items[:, INTERVAL],
        items[:, END] - items[:, BITS],
        items[:, GATHER_END] - items[:, GATHER],
    )


def split_hubs(items: Int64, only_hubs: bool) -> tuple[Int64, Int64]:
    """The items with every hub replaced by its shares, and the merges of those, [M, 4].

    `items` [I, 10] as in `tables.py`, none split; columns other than spans, SLOT are copied to every share.
    `only_hubs`: the launch owns listed rows, few and all expensive.
    """
    cost = costs(items)
    fair = max(HUB * int(cost.sum()) // max(items.shape[0], PROGRAMS if only_hubs else 1, 1), LEAST_SPLIT)
    # A share has an item's fixed work, too.
    shares = -(-(cost - PERCENT_ITEM) // max(fair - PERCENT_ITEM, 1))
    tiles = items[:, END] - items[:, FULL] + items[:, GATHER_END] - items[:, GATHER]
    shares = np.minimum(np.where(cost > fair, shares, 1), tiles)
    (hubs,) = np.nonzero(shares > 1)
    if hubs.size == 0:
        return items, np.zeros((0, MERGE_WORDS), dtype=np.int64)
    hubs = hubs[np.argsort(items[hubs, ORIGIN], kind="stable")]
    number = shares[hubs]
    first = np.cumsum(number) - number
    split = np.concatenate([_shares(items[hub], int(count)) for hub, count in zip(hubs, number, strict=True)])
    split[:, SLOT] = np.arange(split.shape[0])
    merges = np.stack([items[hubs, ORIGIN], items[hubs, COUNT], first, number], axis=1)
    return np.concatenate([np.delete(items, hubs, axis=0), split]), merges


def _shares(item: Int64, number: int) -> Int64:
    """An item cut into `number` shares of about equal cost, each of at least one tile, in the order of its spans."""
    spans = np.array(
        [
            item[INTERVAL] - item[FULL],
            item[BITS] - item[INTERVAL],
            item[END] - item[BITS],
            item[GATHER_END] - item[GATHER],
        ],
        dtype=np.int64,
    )
    kinds = np.array([PERCENT_FULL, PERCENT_INTERVAL, PERCENT_BITS, PERCENT_GATHERED], dtype=np.int64)
    # Before span s lie so many tiles of the item, at such a cost.
    tiles = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(spans)])
    spent = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(spans * kinds)])
    even = int(spent[-1]) * np.arange(number + 1, dtype=np.int64) // number
    span = np.minimum(np.searchsorted(spent, even, side="right"), spans.size) - 1
    cuts = tiles[span] + (even - spent[span]) // kinds[span]
    # Shares of nothing can only come from rounding: every cut keeps a tile for each share on either side.
    least = np.arange(number + 1, dtype=np.int64)
    cuts = np.maximum.accumulate(cuts - least) + least
    cuts = np.minimum(cuts, tiles[-1] - number + least)
    begin, end = cuts[:-1], cuts[1:]
    listed = tiles[3]
    shares = np.tile(item, (number, 1))
    low, high = item[FULL] + np.minimum(begin, listed), item[FULL] + np.minimum(end, listed)
    shares[:, FULL], shares[:, END] = low, high
    shares[:, INTERVAL] = np.clip(item[INTERVAL], low, high)
    shares[:, BITS] = np.clip(item[BITS], low, high)
    shares[:, GATHER] = item[GATHER] + np.maximum(begin - listed, 0)
    shares[:, GATHER_END] = item[GATHER] + np.maximum(end - listed, 0)
    return shares
