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
from patternc.algebra.rowspans import row_spans

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class PointSet:
    """The drawn pairs of one random set at a place.

    `cells[a, b]` holds the occupied cells of 2**a queries by 2**b keys, as ascending codes cell_row * 2**32 +
    cell_column; [0, 0] are the pairs themselves. Coarser ones are made from finer ones when first asked for.
    """

    cells: dict[tuple[int, int], Int64] = field(repr=False)

    def occupied(self, q0: Int64, q1: Int64, k0: Int64, k1: Int64) -> Bool:
        """Which boxes [q0, q1) x [k0, k1) touch an occupied cell; False is certain, True is not."""
        result = np.zeros(q0.shape, dtype=np.bool_)
        tall, wide = _log2_up(q1 - q0), _log2_up(k1 - k0)
        shapes = tall << 6 | wide
        for shape in np.unique(shapes).tolist():
            (chosen,) = np.nonzero(shapes == shape)
            a, b = shape >> 6, shape & 63
            cells = self._at(a, b)
            row, column = q0[chosen] >> a, k0[chosen] >> b
            result[chosen] = contains(cells, row << 32 | column)
            # A box no larger than a cell touches a second row or column of cells only when it is not aligned.
            next_row, next_column = (q1[chosen] - 1) >> a, (k1[chosen] - 1) >> b
            down, right = next_row > row, next_column > column
            for odd, i, j in (
                (down, next_row, column),
                (right, row, next_column),
                (down & right, next_row, next_column),
            ):
                result[chosen[odd]] |= contains(cells, i[odd] << 32 | j[odd])
        return result

    def pairs(self, i: Int64, j: Int64) -> Bool:
        """Which pairs (broadcast) are drawn; exact."""
        return contains(self.cells[0, 0], i << 32 | j)

    def _at(self, a: int, b: int) -> Int64:
        if (a, b) not in self.cells:
            finer = self._at(a - 1, b) if a > b else self._at(a, b - 1)
            row, column = finer >> 32, finer & 0xFFFFFFFF
            shifted = row >> 1 << 32 | column if a > b else row << 32 | column >> 1
            self.cells[a, b] = np.unique(shifted)
        return self.cells[a, b]


Draws = dict[tuple[r.Random, int], PointSet]


def draw_all(relation: r.Relation, n: int, budget: Budget) -> Draws:
    """Every random set inside `relation` (not those inside an `avoid`), drawn for every row of its place."""
    draws: Draws = {}
    for random, length in random_sets(relation, n):
        if (random, length) not in draws:
            spans = row_spans(random, np.arange(length, dtype=np.int64), length, budget)
            lengths = spans.stop - spans.start
            first = np.repeat(np.cumsum(lengths) - lengths, lengths)
            key = np.repeat(spans.start, lengths) + np.arange(first.size) - first
            draws[random, length] = PointSet({(0, 0): np.repeat(spans.row, lengths) << 32 | key})
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


def contains(ascending: Int64, values: Int64) -> Bool:
    """Which values occur in an ascending array."""
    if ascending.size == 0:
        return np.zeros(values.shape, dtype=np.bool_)
    index = np.searchsorted(ascending, values)
    return ascending[np.minimum(index, ascending.size - 1)] == values


def _log2_up(lengths: Int64) -> Int64:
    """ceil(log2(length)) of lengths >= 1."""
    return np.ceil(np.log2(lengths)).astype(np.int64)
