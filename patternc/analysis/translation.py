"""Translation classes: which boxes must have the same content, by where they lie relative to the pattern.

For: evaluating each distinct tile once. `translation_classes` gives boxes the same number only if their masks are
equal; boxes with equal masks may still get different numbers (they are merged by content afterwards). Not for:
evaluating (`tiles.py`) or pruning (`classify.py`).

A box's class is a row of integers. Every atom contributes what its content inside a box depends on: a band the
distance of the corners, a residue that distance modulo the period, sets of queries or keys their content over the
box's side, chunks where the chunk borders fall, random and stored sets their content in a small box and the position
itself in a large one. Lifts contribute the offset in the block or period and hand the lifted box on. What is already
decided for a box contributes nothing, so most boxes share few rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.evaluate import evaluate
from patternc.algebra.rowspans import chunk_bounds
from patternc.algebra.stored import pairs_at
from patternc.analysis.classify import FULL, UNDECIDED, Boxes, State, classify, in_blocks, in_period, in_slice
from patternc.analysis.draws import Draws

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Columns = list[Int64]

SMALL_BOX = 62
"""Pairs in a box whose content fits one integer column."""


def translation_classes(
    relation: r.Relation, boxes: Boxes, n: int, draws: Draws, layout: Columns
) -> tuple[Int64, Int64]:
    """Class numbers [N] of boxes of a place of length n, and for each class the index of one of its boxes.

    `layout` are further columns [N] that a box's content depends on (how its rows and columns lie in it). The size of
    a box is always part of its class.
    """
    state, columns = _key(relation, boxes, n, draws)
    return distinct([boxes.q1 - boxes.q0, boxes.k1 - boxes.k0, *layout, state.astype(np.int64), *columns])


def distinct(columns: Columns) -> tuple[Int64, Int64]:
    """Number the distinct rows of integer columns [N]: numbers [N], and the index of one row of each number.

    Columns are packed into one integer by mixed radix; when it would overflow, what is packed so far is renumbered.
    """
    packed = np.zeros_like(columns[0])
    size = 1
    for column in columns:
        if column.size == 0:
            continue
        low = int(column.min())
        extent = int(column.max()) - low + 1
        if extent == 1:
            continue
        if size * extent >= 1 << 62:
            packed, first = _numbered(packed)
            size = first.size
            column, first = _numbered(column)
            low, extent = 0, first.size
        packed = packed * extent + (column - low)
        size *= extent
    return _numbered(packed)


def _numbered(values: Int64) -> tuple[Int64, Int64]:
    """As `distinct`, of one column [N]; few distinct values are found, and looked up, faster than N are sorted."""
    known = np.unique(values)
    numbers = np.searchsorted(known, values)
    first = np.empty(known.size, dtype=np.int64)
    first[numbers[::-1]] = np.arange(values.size - 1, -1, -1)
    return numbers, first


def content_ids(start: Int64, stop: Int64, members: Callable[[Int64], Bool]) -> Int64:
    """Number intervals [start, stop) [N] so that equal numbers mean: `members` has the same positions, from `start`."""
    if start.size == 0:
        return start
    numbers, first = distinct([start, stop])
    low, high = start[first], stop[first]
    positions = low[:, None] + np.arange(int((high - low).max()), dtype=np.int64)
    inside = positions < high[:, None]
    content = members(np.minimum(positions, high[:, None] - 1)) & inside
    return row_ids(np.packbits(content, axis=1))[numbers]


def row_ids(rows: NDArray[np.uint8] | Int64) -> Int64:
    """Number the entries of the first axis, equal ones alike, in order of first occurrence."""
    seen: dict[bytes, int] = {}
    data, count = np.ascontiguousarray(rows).tobytes(), rows.shape[0]
    width = len(data) // count if count else 0
    return np.array(
        [seen.setdefault(data[at * width : at * width + width], len(seen)) for at in range(count)], dtype=np.int64
    )


def _key(relation: r.Relation, boxes: Boxes, n: int, draws: Draws) -> tuple[State, Columns]:
    """The state of every box, and the columns its content depends on; they are 0 where the state is decided."""
    columns: Columns
    match relation:
        case r.Empty() | r.Full():
            return classify(relation, boxes, n, draws), []
        case r.Union(parts):
            state, columns = _joined([_key(part, boxes, n, draws) for part in parts], r.Union)
        case r.Intersection(parts):
            state, columns = _joined([_key(part, boxes, n, draws) for part in parts], r.Intersection)
        case r.Difference(left, right):
            right_state, right_columns = _key(right, boxes, n, draws)
            without = (FULL - right_state, right_columns)
            state, columns = _joined([_key(left, boxes, n, draws), without], r.Intersection)
        case _:
            state = classify(relation, boxes, n, draws)
            (chosen,) = np.nonzero(state == UNDECIDED)
            columns = [_scattered(column, chosen, state.size) for column in _atom(relation, boxes[chosen], n, draws)]
            return state, [state.astype(np.int64), *columns]
    undecided = state == UNDECIDED
    return state, [np.where(undecided, column, 0) for column in columns]


def _joined(parts: list[tuple[State, Columns]], case: type[r.Union | r.Intersection]) -> tuple[State, Columns]:
    states = [state for state, _ in parts]
    state = np.maximum.reduce(states) if case is r.Union else np.minimum.reduce(states)
    return state, [column for _, columns in parts for column in columns]


def _scattered(column: Int64, chosen: Int64, size: int) -> Int64:
    full = np.zeros(size, dtype=np.int64)
    full[chosen] = column
    return full


Atom = (
    r.Band
    | r.Residue
    | r.Columns
    | r.Rows
    | r.Keys
    | r.Queries
    | r.Chunk
    | r.Random
    | r.Layout
    | r.Blocks
    | r.Within
    | r.Slice
)


def _atom(relation: Atom, boxes: Boxes, n: int, draws: Draws) -> Columns:
    """The columns of undecided boxes."""
    corner = boxes.q0 - boxes.k0
    match relation:
        case r.Band(low, high, step):
            if step == 1:
                return [corner]
            above = True if low is None else boxes.q0 - boxes.k1 + 1 >= low
            below = True if high is None else boxes.q1 - 1 - boxes.k0 <= high
            interior = np.broadcast_to(np.logical_and(above, below), corner.shape)
            return [interior.astype(np.int64), np.where(interior, corner % step, corner)]
        case r.Residue(modulus):
            return [corner % modulus]
        case r.Columns() | r.Keys():
            return [content_ids(boxes.k0, boxes.k1, lambda j: evaluate(relation, np.zeros(1, np.int64), j, n))]
        case r.Rows() | r.Queries():
            return [content_ids(boxes.q0, boxes.q1, lambda i: evaluate(relation, i, np.zeros(1, np.int64), n))]
        case r.Chunk(sizes):
            return _chunk(boxes, sizes)
        case r.Random():
            return _scattered_pairs(boxes, draws[relation, n].pairs)
        case r.Layout():
            return _scattered_pairs(boxes, partial(pairs_at, relation))
        case r.Blocks(size, inner):
            lifted = in_blocks(boxes, size)
            # Inside one block the offset does not matter.
            q_offset = np.where(lifted.q1 - lifted.q0 == 1, 0, boxes.q0 % size)
            k_offset = np.where(lifted.k1 - lifted.k0 == 1, 0, boxes.k0 % size)
            return [q_offset, k_offset, *_key(inner, lifted, -(-n // size), draws)[1]]
        case r.Within(size, inner):
            inside, moved = in_period(boxes, size)
            (chosen,) = np.nonzero(inside)
            _, columns = _key(inner, moved[chosen], size, draws)
            offsets = [inside.astype(np.int64), *(np.where(inside, 0, c % size) for c in (boxes.q0, boxes.k0))]
            return [*offsets, *(_scattered(column, chosen, inside.size) for column in columns)]
        case r.Slice(start, stop, inner):
            # Undecided boxes meet the square, so the cut box is one; where it lies in the box is part of the class.
            _, _, cut = in_slice(boxes, start, stop)
            place = [cut.q0 + start - boxes.q0, cut.q1 - cut.q0, cut.k0 + start - boxes.k0, cut.k1 - cut.k0]
            return [*place, *_key(inner, cut, stop - start, draws)[1]]
        case _:
            assert_never(relation)


def _chunk(boxes: Boxes, sizes: tuple[int, ...]) -> Columns:
    """Where chunk borders fall along either side, and how the first chunks of the sides relate.

    Chunks are compared by their first position; that of the first query, seen from the key side, is all that matters.
    """

    def border(positions: Int64) -> Bool:
        return chunk_bounds(sizes, positions)[0] == positions

    # A border on the first position of a side changes nothing inside it.
    queries = content_ids(boxes.q0 + 1, boxes.q1, border)
    keys = content_ids(boxes.k0 + 1, boxes.k1, border)
    q_chunk, k_chunk = _chunk_numbers(sizes, boxes.q0), _chunk_numbers(sizes, boxes.k0)
    return [queries, keys, q_chunk - k_chunk]


def _chunk_numbers(sizes: tuple[int, ...], positions: Int64) -> Int64:
    edges = np.cumsum(np.array(sizes[:-1], dtype=np.int64))
    listed = np.searchsorted(edges, positions, side="right")
    total = int(edges[-1]) if edges.size else 0
    return np.where(listed == len(sizes) - 1, listed + (positions - total) // sizes[-1], listed)


def _scattered_pairs(boxes: Boxes, pairs: Callable[[Int64, Int64], Bool]) -> Columns:
    """The pairs in small boxes, and the position of large ones: nothing else tells single pairs apart."""
    if boxes.q0.size == 0:
        return [boxes.q0, boxes.k0]
    tall, wide = int((boxes.q1 - boxes.q0).max()), int((boxes.k1 - boxes.k0).max())
    if tall * wide > SMALL_BOX:
        return [boxes.q0, boxes.k0]
    content = np.zeros_like(boxes.q0)
    for a in range(tall):
        for b in range(wide):
            i, j = boxes.q0 + a, boxes.k0 + b
            inside = (i < boxes.q1) & (j < boxes.k1)
            content = content << 1 | (pairs(i, j) & inside)
    return [content, np.zeros_like(content)]
