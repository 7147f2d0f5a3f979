"""Load balance: how much more work the busiest tile row has than the mean one.

A tile row is as many neighbouring queries as a tile is high: what one program of a kernel computes, if nothing is cut
in shares. Causal attention has twice the mean in its last row; a global query makes its row the one that all wait for.

For: the busiest tile row of a pattern, by pairs and by tiles of neighbouring keys. Not for: what a plan makes of it
(strides on their own classes, hubs in shares): `codegen` says that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import DEFAULT_BUDGET, Budget, TileBudgetError
from patternc.algebra.relation import Relation
from patternc.analysis.contents import EMPTY_CLASS, Axis, decide
from patternc.analysis.count import PatternCount
from patternc.analysis.draws import draw_all
from patternc.analysis.rows import pair_counts
from patternc.analysis.tile_counts import PLANNED_TILE
from patternc.analysis.tiles import refine

Int64 = NDArray[np.int64]


FEW_TILES = Budget(tiles=1 << 24, boxes=1 << 20)
"""What the tiles of a pattern may cost here."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The busiest of the tile rows of `rows` queries against the mean one; a sum is computed branch by branch.

    `pairs` and `tiles` are ratios, None without any pair; `busiest` is the first query of the row with the most tiles.
    Where a pattern touches too many tiles to be looked at, `tiles` is None, and `busiest` is the row with most pairs.
    """

    rows: int
    pairs: Fraction | None
    tiles: Fraction | None
    busiest: int


def balance(branches: Sequence[Relation], counted: PatternCount, n: int) -> Balance:
    """The balance of one head with the sum of `branches`, whose pairs are `counted`."""
    rows, columns = PLANNED_TILE
    alone = len(branches) == 1
    queries = [counted.per_query] if alone else [pair_counts(branch, n).per_query for branch in branches]
    pairs = np.add.reduceat(np.sum(queries, axis=0), np.arange(0, n, rows))
    try:
        tiles = np.sum([active_tiles(branch, n, rows, columns, FEW_TILES) for branch in branches], axis=0)
    except TileBudgetError:  # a stride at a million tokens touches all tiles, and is planned on other ones
        return Balance(rows, _over_mean(pairs), None, rows * int(np.argmax(pairs)))
    return Balance(rows, _over_mean(pairs), _over_mean(tiles), rows * int(np.argmax(tiles)))


def _over_mean(work: Int64) -> Fraction | None:
    total = int(work.sum())
    return Fraction(int(work.max()) * work.size, total) if total else None


def active_tiles(relation: Relation, n: int, rows: int, columns: int, budget: Budget = DEFAULT_BUDGET) -> Int64:
    """For each tile row, how many tiles of `rows` queries by `columns` keys hold a pair.

    Raises:
        TileBudgetError: beyond the budget.
    """
    queries, keys = Axis(n, rows, None), Axis(n, columns, None)
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, queries, keys, draws, budget)
    full, single = refined.full, refined.undecided
    contents = decide(relation, n, queries, keys, single.q0, single.k0, "queries", draws, budget)
    # A full box gives each of its rows as many tiles as it is wide: added where it begins, taken back where it ends.
    change = np.zeros(queries.tiles + 1, dtype=np.int64)
    np.add.at(change, full.q0, full.k1 - full.k0)
    np.add.at(change, full.q1, full.k0 - full.k1)
    active = single.q0[contents.classes != EMPTY_CLASS]
    return np.cumsum(change[:-1]) + np.bincount(active, minlength=queries.tiles)
