"""How many keys each query attends, exactly, in O(tiles).

For: exact pair counts per row, and the first row that attends nothing. Full boxes of tiles are never laid out as
tiles, so a dense layer costs no more than its diagonal. Not for: tile maps (`tiles.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget
from patternc.analysis.contents import EMPTY_CLASS, FULL_CLASS, Axis, decide
from patternc.analysis.draws import draw_all
from patternc.analysis.tiles import refine

Int64 = NDArray[np.int64]

TILE = 64
TILES_AT_ONCE = 1 << 16


def row_counts(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> Int64:
    """The number of keys that each query attends, int64 [n]. Raises TileBudgetError beyond the budget."""
    axis = Axis(n, TILE, None)
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, axis, axis, draws, budget)
    full, single = refined.full, refined.undecided

    # A full box gives each of its rows as many keys as it is wide: added where it begins, taken back where it ends.
    width = np.minimum(full.k1 * TILE, n) - full.k0 * TILE
    change = np.zeros(axis.tiles + 1, dtype=np.int64)
    np.add.at(change, full.q0, width)
    np.add.at(change, full.q1, -width)
    counts = np.repeat(np.cumsum(change[:-1]), TILE).reshape(-1, TILE)

    contents = decide(relation, n, axis, axis, single.q0, single.k0, "queries", draws, budget)
    per_row = np.unpackbits(contents.masks, axis=2).sum(axis=2, dtype=np.int64)
    for start in range(0, single.q0.size, TILES_AT_ONCE):
        part = slice(start, start + TILES_AT_ONCE)
        classes, rows = contents.classes[part], single.q0[part]
        active = classes != EMPTY_CLASS
        whole = active & (classes == FULL_CLASS)
        masked = active & ~whole
        np.add.at(counts, rows[whole], axis.live(single.k0[part][whole])[:, None])
        np.add.at(counts, rows[masked], per_row[classes[masked] - 1])
    return counts.reshape(-1)[:n]


def empty_rows(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> int | None:
    """The first query that attends no key; None when every query attends one."""
    (empty,) = np.nonzero(row_counts(relation, n, budget) == 0)
    return int(empty[0]) if empty.size else None
