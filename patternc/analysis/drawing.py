"""Drawing: the cells of a mask, coloured by the term they come from, merged into few rectangles.

For: vector pictures of one head (`cli/svg.py`, `cli/png.py`). Short sequences have a cell for each pair; longer ones a
cell for each tile, so that nothing is ever n * n. Pairs that count more than once, in a sum, are an area of their own.
Not for: how a drawing looks, or the picture in a terminal (`picture.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import Budget, TileBudgetError
from patternc.algebra.evaluate import evaluate
from patternc.algebra.relation import Relation
from patternc.algebra.schedule import HeadPattern
from patternc.analysis.occupied import Occupied, occupied_tiles

MOST_CELLS = 128
"""Cells of a side; up to as many tokens, each pair is a cell."""
LEAST_SHARES = (0.0, 1 / 32, 1 / 4, 1.0)
"""Level l of a cell is the last whose share of the cell's pairs is reached; the last one is a full cell."""
FULL_LEVEL = len(LEAST_SHARES) - 1
CHEAP = Budget(tiles=1 << 21, boxes=1 << 21, mask_bytes=1 << 22)
"""What deciding tiles of one size may cost before smaller ones are tried: a second or so."""
LEAST_TILE, TILE_STEP = 32, 4

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Cells [row, row + height) x [column, column + width); rows are queries, columns keys."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Area:
    """The cells of one term at one level, as disjoint rectangles; term None: those that count more than once."""

    term: int | None
    level: int
    rectangles: tuple[Rectangle, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The mask of one head. A cell belongs to the first term with its pair; a coarse one to that with most pairs.

    Where branches of a sum share a pair, or at least half of those of a coarse cell, it belongs to none of them.
    """

    tokens: int
    cell: int
    """Tokens on a side of a cell."""
    causal: bool
    text: str
    """The pattern as written."""
    terms: tuple[str, ...]
    """The terms of its unions and sums."""
    pairs: tuple[int, ...]
    """What each term has that none before it has, without what counts more than once; of coarse cells, all it has."""
    repeated: int
    """Pairs that count more than once."""
    total: int
    """Pairs of the head, each as often as it counts."""
    areas: tuple[Area, ...]
    """By term, then level; none is empty. Those that count more than once come last."""

    @property
    def cells(self) -> int:
        """Cells on a side of the drawing."""
        return -(-self.tokens // self.cell)


def draw(pattern: HeadPattern, tokens: int, causal: bool, most_cells: int = MOST_CELLS) -> Drawing:
    """The drawing of one head at `tokens` positions, with up to `most_cells` cells on a side.

    Raises:
        TileBudgetError: a term has too many different tiles.
    """
    cell = 1
    while cell * most_cells < tokens:
        cell *= 2
    looked_up = {each: _cell_pairs(each, tokens, cell) for each in dict.fromkeys(_relations(pattern))}
    whole = looked_up[pattern.relation]
    of_terms = np.stack([looked_up[term.relation] for term in pattern.terms])
    counted = np.sum([looked_up[each] for each in pattern.relations], axis=0, dtype=np.int64)
    # A cell of one pair that counts twice has an excess of one.
    repeated = (whole > 0) & (2 * (counted - whole) >= whole)
    owner = np.where(repeated, len(pattern.terms), np.argmax(of_terms, axis=0))
    extent = np.minimum(cell, tokens - np.arange(whole.shape[0], dtype=np.int64) * cell)
    level = np.searchsorted(LEAST_SHARES, whole / (extent[:, None] * extent[None, :]), side="right") - 1
    areas = [
        Area(term if term < len(pattern.terms) else None, each, rectangles)
        for term in range(len(pattern.terms) + 1)
        for each in range(len(LEAST_SHARES))
        if (rectangles := merged((whole > 0) & (owner == term) & (level == each)))
    ]
    own = (int(((whole > 0) & (owner == term)).sum()) for term in range(len(pattern.terms)))
    return Drawing(
        tokens,
        cell,
        causal,
        pattern.text,
        tuple(term.text for term in pattern.terms),
        tuple(own) if cell == 1 else tuple(int(each.sum()) for each in of_terms),
        int(repeated.sum()) if cell == 1 else int((counted - whole).sum()),
        int(counted.sum()),
        tuple(areas),
    )


def _relations(pattern: HeadPattern) -> tuple[Relation, ...]:
    return (pattern.relation, *pattern.relations, *(term.relation for term in pattern.terms))


def _cell_pairs(relation: Relation, tokens: int, cell: int) -> Int64:
    """Pairs in each cell, [cells, cells]."""
    if cell == 1:
        positions = np.arange(tokens, dtype=np.int64)
        return evaluate(relation, positions[:, None], positions[None, :], tokens).astype(np.int64)
    cells = -(-tokens // cell)
    tiles, tile = _fitting_tiles(relation, tokens, cell)
    pairs = np.zeros((cells, cells), dtype=np.int64)
    np.add.at(pairs, (tiles.query_tile * tile // cell, tiles.key_tile * tile // cell), tiles.pairs)
    return pairs


def _fitting_tiles(relation: Relation, tokens: int, cell: int) -> tuple[Occupied, int]:
    """The occupied tiles of the largest size that is cheap to decide, and that size; it divides `cell`.

    A stride has few kinds of large tiles and very many small ones, aligned blocks the other way round.
    """
    tile = cell
    while tile > LEAST_TILE:
        try:
            return occupied_tiles(relation, tokens, tile, tile, CHEAP), tile
        except TileBudgetError:
            tile = max(tile // TILE_STEP, LEAST_TILE)
    return occupied_tiles(relation, tokens, tile, tile), tile


def merged(cells: Bool) -> tuple[Rectangle, ...]:
    """Disjoint rectangles that cover exactly the true cells, by row, then column.

    Runs of a row or of a column, whichever give fewer, with equal runs of neighbours as one.
    """
    by_row = _runs(cells)
    by_column = [Rectangle(each.column, each.row, each.width, each.height) for each in _runs(cells.T)]
    fewest = by_row if len(by_row) <= len(by_column) else by_column
    return tuple(sorted(fewest, key=lambda each: (each.row, each.column)))


def _runs(cells: Bool) -> list[Rectangle]:
    """The runs of each row; one that stands unchanged in the next row, too, goes on there."""
    finished: list[Rectangle] = []
    growing: dict[tuple[int, int], int] = {}
    rows = cells.shape[0]
    for row in range(rows + 1):
        found = _runs_of_row(cells[row]) if row < rows else []
        for run, first in growing.items():
            if run not in found:
                finished.append(Rectangle(first, run[0], row - first, run[1] - run[0]))
        growing = {run: growing.get(run, row) for run in found}
    return finished


def _runs_of_row(row: Bool) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in list(pairwise(edges))[::2]]
