"""Layers over blocks of tokens: what the queries of one block see of the keys of another, exactly where runs are few.

For: the bounds of `sandwich.py`. Not for: composing layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import Budget, TileBudgetError
from patternc.algebra.relation import (
    FULL,
    PAST,
    Band,
    Blocks,
    Chunk,
    Columns,
    Difference,
    Empty,
    Full,
    Intersection,
    Keys,
    Layout,
    Queries,
    Random,
    Relation,
    Residue,
    Rows,
    Slice,
    Union,
    Within,
    band,
    intersection,
    union,
)
from patternc.algebra.rowspans import RowSpans, row_spans
from patternc.analysis.edges import block_sizes, irregular_edges
from patternc.analysis.operators import Operator, planned

Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]

MOST_BLOCKS = 2048
"""Blocks of one size; edges add some."""
MOST_RUNS = 1 << 24
"""Runs of keys, over all queries, that a layer may have: they are looked at one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockLayer:
    """One layer over blocks: operators of the pairs of blocks of each kind, and blocks that see all their own past."""

    some: tuple[Operator, ...]
    rows: tuple[Operator, ...]
    columns: tuple[Operator, ...]
    whole: tuple[Operator, ...]
    past: Bool


def block_cuts(layers: Sequence[Relation], length: int) -> Int64:
    """[blocks + 1]: where blocks begin, and the length: every so often, and at every edge of something irregular."""
    distinct = tuple(dict.fromkeys(layers))
    size = max(1, -(-length // MOST_BLOCKS))
    whole = lcm(*(each for layer in distinct for each in block_sizes(layer)))
    if whole <= size * 4:
        size = -(-size // whole) * whole
    irregular = [edge for layer in distinct for edge in irregular_edges(layer, length)]
    return np.unique(np.array([*range(0, length, size), *irregular[:MOST_BLOCKS], length], dtype=np.int64))


def block_layer(relation: Relation, cuts: Int64, length: int) -> BlockLayer:
    """The layer over the blocks between `cuts`.

    Raises:
        TileBudgetError: the parts that have few, or what contains the others, have more than MOST_RUNS runs of keys.
    """
    spans, rest = _listed(relation, length)
    sizes = np.diff(cuts)
    block = np.repeat(np.arange(sizes.size), sizes)[spans.row]
    touched = _touched(spans, block, cuts)
    whole = _inside(block, spans.start, spans.stop, cuts) == sizes[:, None]
    columns = _inside(*_merged(block, spans, length), cuts) > 0
    own = (spans.start <= cuts[block]) & (spans.stop > spans.row)
    past = np.bincount(block[own], minlength=sizes.size) == sizes
    return BlockLayer(
        some=(*_operators(touched > 0), *(each for part in rest for each in _operators(_covered(part, cuts, length)))),
        rows=_operators(touched == sizes[:, None]),
        columns=_operators(columns),
        whole=_operators(whole),
        past=past,
    )


def _listed(relation: Relation, length: int) -> tuple[RowSpans, list[Relation]]:
    """The runs of the parts that have few, and simpler relations that contain the others."""
    parts = relation.parts if isinstance(relation, Union) else (relation,)
    budget, every = Budget(spans=MOST_RUNS), np.arange(length, dtype=np.int64)
    few: list[Relation] = []
    rest: list[Relation] = []
    for part in parts:
        try:
            row_spans(part, every, length, budget)
            few.append(part)
        except TileBudgetError:
            rest.append(_hull(part))
    return row_spans(union(*few), every, length, budget), rest


def _hull(relation: Relation) -> Relation:
    """A relation that contains this one and has few runs: windows without their steps."""
    match relation:
        case Band(low, high, _):
            return band(low, high)
        case Blocks(size, inner):
            return Blocks(size, _hull(inner))
        case Slice(start, stop, inner):
            return Slice(start, stop, _hull(inner))
        case Union(parts):
            return union(*(_hull(part) for part in parts))
        case Intersection(parts):
            return intersection(*(_hull(part) for part in parts))
        case Difference(left, _):
            return _hull(left)
        case Random(causal=causal):
            return PAST if causal else FULL
        case Empty() | Full() | Keys() | Queries() | Chunk():
            return relation
        case Within() | Residue() | Columns() | Rows() | Layout():
            return FULL
        case _:
            assert_never(relation)


def _covered(relation: Relation, cuts: Int64, length: int) -> Bool:
    """[blocks, blocks]: whether some query of the first may see a key of the second."""
    spans = row_spans(relation, np.arange(length, dtype=np.int64), length, Budget(spans=MOST_RUNS))
    return _touched(spans, np.repeat(np.arange(cuts.size - 1), np.diff(cuts))[spans.row], cuts) > 0


def _touched(spans: RowSpans, block: Int64, cuts: Int64) -> Int64:
    """[blocks, blocks]: queries of the first that see a key of the second."""
    first = np.searchsorted(cuts, spans.start, side="right") - 1
    last = np.searchsorted(cuts, spans.stop - 1, side="right") - 1
    again = np.zeros(first.size, dtype=np.bool_)  # a run in the block in which the one before it ends
    again[1:] = (spans.row[1:] == spans.row[:-1]) & (first[1:] == last[:-1])
    return _counted(block, first + again, last + 1, cuts.size - 1)


def _inside(block: Int64, start: Int64, stop: Int64, cuts: Int64) -> Int64:
    """[blocks, blocks]: runs [start, stop) of the first that cover the second."""
    first, last = np.searchsorted(cuts, start), np.searchsorted(cuts, stop, side="right") - 1
    return _counted(block, first, np.maximum(first, last), cuts.size - 1)


def _merged(block: Int64, spans: RowSpans, length: int) -> tuple[Int64, Int64, Int64]:
    """Runs of all queries of a block as one set: (block, start, stop), disjoint and not adjacent."""
    shift = block * (length + 1)
    order = np.argsort(shift + spans.start, kind="stable")
    start, reached = (shift + spans.start)[order], np.maximum.accumulate((shift + spans.stop)[order])
    fresh = np.ones(start.size, dtype=np.bool_)
    fresh[1:] = start[1:] > reached[:-1]
    ends = np.append(fresh[1:], True)[: start.size]
    of, origin = block[order][fresh], shift[order]
    return of, start[fresh] - origin[fresh], reached[ends] - origin[ends]


def _counted(block: Int64, first: Int64, stop: Int64, count: int) -> Int64:
    """[count, count]: how often each block of keys lies in one of the ranges [first, stop) of each block of queries."""
    width, size = count + 1, count * (count + 1)
    change = np.bincount(block * width + first, minlength=size)
    change -= np.bincount(block * width + stop, minlength=size)
    return change.reshape(count, width).cumsum(axis=1)[:, :count]


def _operators(pairs: Bool) -> tuple[Operator, ...]:
    """Pairs of blocks, as operators over blocks."""
    edge = np.diff(np.pad(pairs, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(edge == 1)
    _, stop = np.nonzero(edge == -1)
    return planned(row, start, stop, pairs.shape[0], None)
