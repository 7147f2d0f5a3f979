"""Pictures: how dense each cell of a coarse grid over the mask is.

For: drawing a mask at any size without its n x n pairs. Not for: exact counts of cells at large n: there a tile belongs
to the cell that its first pair lies in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.evaluate import evaluate
from patternc.algebra.relation import Relation
from patternc.analysis.occupied import occupied_tiles

MOST_EXACT = 2048
"""Longest sequence whose pairs are looked at one by one."""
TILES_A_CELL = 8
STRIP = 256


def block_density(relation: Relation, tokens: int, rows: int, columns: int) -> NDArray[np.float64]:
    """Share of the pairs of each cell that the relation has: [rows, columns] (queries, keys), values in 0..1.

    `rows` and `columns` must not exceed `tokens`. Exact up to MOST_EXACT tokens.

    Raises:
        TileBudgetError: the relation has too many different tiles.
    """
    if tokens <= MOST_EXACT:
        return _exact(relation, tokens, rows, columns)
    tile = 1
    while tile * TILES_A_CELL * max(rows, columns) < tokens:
        tile *= 2
    tiles = occupied_tiles(relation, tokens, tile, tile)
    number = -(-tokens // tile)
    extent = np.minimum(tile, tokens - np.arange(number) * tile)
    row_of, column_of = (np.arange(number) * tile * cells // tokens for cells in (rows, columns))
    pairs = np.zeros((rows, columns), dtype=np.int64)
    np.add.at(pairs, (row_of[tiles.query_tile], column_of[tiles.key_tile]), tiles.pairs)
    heights = np.bincount(row_of, weights=extent, minlength=rows)
    widths = np.bincount(column_of, weights=extent, minlength=columns)
    return pairs / np.outer(heights, widths)


def _exact(relation: Relation, tokens: int, rows: int, columns: int) -> NDArray[np.float64]:
    keys = np.arange(tokens, dtype=np.int64)
    row_starts, column_starts = _starts(tokens, rows), _starts(tokens, columns)
    by_column = np.empty((tokens, columns), dtype=np.int64)
    for start in range(0, tokens, STRIP):
        queries = keys[start : start + STRIP]
        mask = evaluate(relation, queries[:, None], keys[None, :], tokens)
        by_column[start : start + STRIP] = np.add.reduceat(mask, column_starts, axis=1, dtype=np.int64)
    pairs = np.add.reduceat(by_column, row_starts, axis=0)
    heights, widths = np.diff(np.append(row_starts, tokens)), np.diff(np.append(column_starts, tokens))
    return pairs / np.outer(heights, widths)


def _starts(tokens: int, cells: int) -> NDArray[np.int64]:
    """The first position of each cell: position p lies in cell p * cells // tokens."""
    return -(-np.arange(cells, dtype=np.int64) * tokens // cells)
