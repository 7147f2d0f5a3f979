"""Where random sets have keys, at every scale.

For: pruning boxes and telling tiles apart while tiles are decided. Not for: the draw itself (`algebra/random.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget
from patternc.algebra.index import contains, expand
from patternc.algebra.rowspans import row_spans

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

LARGEST_GRID = 1 << 24
"""Cells, a byte each."""


@dataclass(frozen=True, slots=True, eq=False)
class PointSet:
    """The drawn pairs of one random set at a place of length n, as ascending codes row * 2**32 + key.

    Which cells of 2**a queries by 2**b keys hold a pair is kept by (a, b), made when first asked for: as a boolean grid
    where that is small, else as ascending codes like those of the pairs.
    """

    n: int
    codes: Int64
    grids: dict[tuple[int, int], Bool] = field(default_factory=dict[tuple[int, int], Bool])
    listed: dict[tuple[int, int], Int64] = field(default_factory=dict[tuple[int, int], Int64])

    def occupied(self, q0: Int64, q1: Int64, k0: Int64, k1: Int64) -> Bool:
        """Which boxes [q0, q1) x [k0, k1) touch an occupied cell; False is certain, True is not."""
        result = np.zeros(q0.shape, dtype=np.bool_)
        shapes = _log2_up(q1 - q0) << 6 | _log2_up(k1 - k0)
        for shape in np.unique(shapes).tolist():
            (chosen,) = np.nonzero(shapes == shape)
            a, b = shape >> 6, shape & 63
            row, column = q0[chosen] >> a, k0[chosen] >> b
            result[chosen] = self._cell(a, b, row, column)
            # A box no larger than a cell touches a second row or column of cells only when it is not aligned.
            next_row, next_column = (q1[chosen] - 1) >> a, (k1[chosen] - 1) >> b
            down, right = next_row > row, next_column > column
            for odd, i, j in (
                (down, next_row, column),
                (right, row, next_column),
                (down & right, next_row, next_column),
            ):
                result[chosen[odd]] |= self._cell(a, b, i[odd], j[odd])
        return result

    def pairs(self, i: Int64, j: Int64) -> Bool:
        """Which pairs (broadcast) are drawn; exact."""
        return contains(self.codes, i << 32 | j)

    def _cell(self, a: int, b: int, row: Int64, column: Int64) -> Bool:
        height, width = (self.n - 1 >> a) + 1, (self.n - 1 >> b) + 1
        if height * width <= LARGEST_GRID:
            if (a, b) not in self.grids:
                grid = np.zeros((height, width), dtype=np.bool_)
                grid[self.codes >> 32 + a, (self.codes & 0xFFFFFFFF) >> b] = True
                self.grids[a, b] = grid
            return self.grids[a, b][row, column]
        if (a, b) not in self.listed:
            self.listed[a, b] = np.unique(self.codes >> 32 + a << 32 | (self.codes & 0xFFFFFFFF) >> b)
        return contains(self.listed[a, b], row << 32 | column)


Draws = dict[tuple[r.Random, int], PointSet]


def draw_all(relation: r.Relation, n: int, budget: Budget) -> Draws:
    """Every random set inside `relation` (not those inside an `avoid`), drawn for every row of its place."""
    draws: Draws = {}
    for random, length in random_sets(relation, n):
        if (random, length) not in draws:
            spans = row_spans(random, np.arange(length, dtype=np.int64), length, budget)
            span, place = expand(spans.stop - spans.start)
            draws[random, length] = PointSet(length, spans.row[span] << 32 | spans.start[span] + place)
    return draws


def random_sets(relation: r.Relation, n: int) -> Iterator[tuple[r.Random, int]]:
    """The random sets in a relation at a place of length n, each with the length of its own place."""
    match relation:
        case r.Random():
            yield relation, n
        case r.Blocks(size, inner):
            yield from random_sets(inner, -(-n // size))
        case r.Within(size, inner):
            yield from random_sets(inner, size)
        case r.Slice(start, stop, inner):
            yield from random_sets(inner, stop - start)
        case r.Union(parts) | r.Intersection(parts):
            for part in parts:
                yield from random_sets(part, n)
        case r.Difference(left, right):
            yield from random_sets(left, n)
            yield from random_sets(right, n)
        case _:
            return


def _log2_up(lengths: Int64) -> Int64:
    """ceil(log2(length)) of lengths >= 1."""
    return np.ceil(np.log2(lengths)).astype(np.int64)
