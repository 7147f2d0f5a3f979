"""A relation on arrays of pairs.

For: deciding many pairs at once with numpy (tiles that are neither empty nor full, masks, samples). Exact. Not for:
whole n x n masks inside the compiler; tiles are decided in `patternc.analysis.tiles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.index import contains, expand
from patternc.algebra.rowspans import chunk_bounds, drawn_keys, inside_spans
from patternc.algebra.stored import pairs_at

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


def evaluate(relation: r.Relation, i: Int64, j: Int64, n: int) -> Bool:
    """Whether query i attends key j, at a place of length `n`.

    `i` and `j` are integer arrays with values in [0, n) whose shapes broadcast; the result has the broadcast shape.
    Pass them unbroadcast ([Q, 1] and [1, K] for a rectangle): what depends on one of them alone is then decided once.
    """
    i, j = np.asarray(i, dtype=np.int64), np.asarray(j, dtype=np.int64)
    return np.broadcast_to(_evaluate(relation, i, j, n), np.broadcast_shapes(i.shape, j.shape))


def multiplicities(branches: Sequence[r.Relation], i: Int64, j: Int64, n: int) -> NDArray[np.int32]:
    """How often query i counts key j in the sum of `branches`; arguments and shape as for `evaluate`."""
    counts = np.zeros(np.broadcast_shapes(np.shape(i), np.shape(j)), dtype=np.int32)
    for branch in branches:
        counts += evaluate(branch, i, j, n)
    return counts


def _evaluate(relation: r.Relation, i: Int64, j: Int64, n: int) -> Bool:
    """As `evaluate`, with a result that may still have to be broadcast."""
    match relation:
        case r.Empty():
            return np.zeros((), dtype=np.bool_)
        case r.Full():
            return np.ones((), dtype=np.bool_)
        case r.Band(low, high, step):
            distance = i - j
            result = np.ones((), dtype=np.bool_)
            if low is not None:
                result = distance >= low
            if high is not None:
                result = result & (distance <= high)
            return result & (distance % step == 0) if step > 1 else result
        case r.Residue(modulus, residues):
            return _member((i - j) % modulus, residues)
        case r.Columns(modulus, residues):
            return _member(j % modulus, residues)
        case r.Rows(modulus, residues):
            return _member(i % modulus, residues)
        case r.Keys(spans):
            return inside_spans(spans, j)
        case r.Queries(spans):
            return inside_spans(spans, i)
        case r.Chunk(sizes):
            return chunk_bounds(sizes, i)[0] == chunk_bounds(sizes, j)[0]
        case r.Random():
            return _drawn(relation, i, j, n)
        case r.Layout():
            return pairs_at(relation, i, j)
        case r.Blocks(size, inner):
            return _evaluate(inner, i // size, j // size, -(-n // size))
        case r.Within(size, inner):
            return _evaluate(inner, i % size, j % size, size)
        case r.Slice(start, stop, inner):
            inside = (i >= start) & (i < stop) & ((j >= start) & (j < stop))
            if start == stop:
                return inside
            last = stop - start - 1
            return inside & _evaluate(inner, np.clip(i - start, 0, last), np.clip(j - start, 0, last), stop - start)
        case r.Union(parts):
            result = np.zeros((), dtype=np.bool_)
            for part in parts:
                result = result | _evaluate(part, i, j, n)
            return result
        case r.Intersection(parts):
            result = np.ones((), dtype=np.bool_)
            for part in parts:
                result = result & _evaluate(part, i, j, n)
            return result
        case r.Difference(left, right):
            return _evaluate(left, i, j, n) & ~_evaluate(right, i, j, n)
        case _:
            assert_never(relation)


def _member(values: Int64, residues: tuple[int, ...]) -> Bool:
    if len(residues) == 1:
        return values == residues[0]
    return np.isin(values, np.array(residues, dtype=np.int64))


def _drawn(random: r.Random, i: Int64, j: Int64, n: int) -> Bool:
    """Whether the keys j are among those drawn for the rows i.

    The draws of all rows are one ascending array of row * n + key. Rectangles (i [..., R, 1], j [..., 1, C]) look up
    in it where each row enters and leaves their columns, and mark the keys between: the cost follows the keys drawn
    there, not the pairs asked about.
    """
    rows, back = np.unique(i, return_inverse=True)
    back = back.reshape(i.shape)
    keys = drawn_keys(random, rows, n)
    codes = np.sort((np.arange(rows.size)[:, None] * n + keys)[keys >= 0])
    if i.ndim < 2 or j.ndim < 2 or i.shape[-1] != 1 or j.shape[-2] != 1 or i.size == 0 or j.size == 0:
        return contains(codes, back * n + j)

    leading = np.broadcast_shapes(i.shape[:-2], j.shape[:-2])
    height, width = i.shape[-2], j.shape[-1]
    row = np.broadcast_to(back[..., 0], (*leading, height)).reshape(-1)
    columns = np.broadcast_to(j[..., 0, :], (*leading, width)).reshape(-1, width)
    order = np.argsort(columns, axis=1, kind="stable")
    ascending = np.take_along_axis(columns, order, axis=1)
    first = np.searchsorted(codes, row * n + np.repeat(ascending[:, 0], height))
    last = np.searchsorted(codes, row * n + np.repeat(ascending[:, -1], height), side="right")
    line, place = expand(last - first)
    key, rectangle = codes[first[line] + place] - row[line] * n, line // height

    # A key may stand in several columns (positions of one block) or in none.
    places: Int64 = (np.arange(columns.shape[0], dtype=np.int64)[:, None] * n + ascending).reshape(-1)
    wanted: Int64 = rectangle * n + key
    begin, end = np.searchsorted(places, wanted), np.searchsorted(places, wanted, side="right")
    hit, place = expand(end - begin)
    result = np.zeros(row.size * width, dtype=np.bool_)
    result[line[hit] * width + order.reshape(-1)[begin[hit] + place]] = True
    return result.reshape((*leading, height, width))
