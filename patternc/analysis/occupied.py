"""Occupied tiles: which tiles of a tiling a relation touches and with how many pairs, without what is in them.

For: pictures, block graphs and block masks, which ask for no mask of a tile. Cheaper than a tile map where tiles are
all different: pairs that the normal form lists are counted instead of evaluated. Not for: lowering (`tiles.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget
from patternc.algebra.normalise import everywhere, normalise
from patternc.algebra.pairs import listed_pairs
from patternc.analysis.tiles import tile_map

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Occupied:
    """The occupied tiles, by query tile, then key tile: `pairs[t]` pairs in the tile (query_tile[t], key_tile[t])."""

    query_tile: Int64
    key_tile: Int64
    pairs: Int64


def occupied_tiles(relation: r.Relation, n: int, rows: int, cols: int, budget: Budget = DEFAULT_BUDGET) -> Occupied:
    """The occupied tiles of `rows` queries by `cols` keys of a relation at a place of length n, with exact pairs.

    Raises TileBudgetError beyond the budget.
    """
    normal = normalise(relation, n)
    contiguous = [normal.tiled]
    if normal.queried is not None:
        contiguous.append(everywhere(normal.queried, "queries"))
    if normal.keyed is not None:
        contiguous.append(everywhere(normal.keyed, "keys"))
    tiles = tile_map(r.union(*contiguous), n, rows, cols, budget=budget)
    across = -(-n // cols)
    numbers, pairs = tiles.owners() * across + tiles.counterparts, tiles.tile_pairs()
    if normal.drawn is not None:
        drawn = listed_pairs(normal.drawn, n, budget)
        touched, times = np.unique(drawn.query // rows * across + drawn.key // cols, return_counts=True)
        numbers, index = np.unique(np.concatenate([numbers, touched]), return_inverse=True)
        total = np.zeros(numbers.size, dtype=np.int64)
        np.add.at(total, index, np.concatenate([pairs, times]))
        pairs = total
    return Occupied(numbers // across, numbers % across, pairs)
