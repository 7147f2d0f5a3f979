"""Three-valued classification of boxes: a rectangle of pairs is empty, full, or undecided.

For: pruning while tiles are found. EMPTY and FULL are certain. UNDECIDED says nothing: under `-` and `&` it also comes
out for boxes that are in truth empty or full, so what is undecided at tile size is evaluated pair by pair. Not for:
that (`tiles.py`).

A box is [q0, q1) x [k0, k1) with q0 < q1, k0 < k1, inside the place. Boxes come as four arrays of one shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.rowspans import chunk_bounds
from patternc.algebra.stored import pairs_in
from patternc.analysis.draws import Draws

Int64 = NDArray[np.int64]
State = NDArray[np.int8]
Bool = NDArray[np.bool_]

EMPTY = np.int8(0)
UNDECIDED = np.int8(1)
FULL = np.int8(2)


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes [q0, q1) x [k0, k1)."""

    q0: Int64
    q1: Int64
    k0: Int64
    k1: Int64

    def __getitem__(self, index: Int64 | Bool) -> Boxes:
        return Boxes(self.q0[index], self.q1[index], self.k0[index], self.k1[index])

    def transposed(self) -> Boxes:
        """The boxes with their sides exchanged."""
        return Boxes(self.k0, self.k1, self.q0, self.q1)


def classify(relation: r.Relation, boxes: Boxes, n: int, draws: Draws) -> State:
    """EMPTY, FULL or UNDECIDED for every box of a place of length n; `draws` holds the relation's random sets."""
    match relation:
        case r.Empty():
            return np.full(boxes.q0.shape, EMPTY)
        case r.Full():
            return np.full(boxes.q0.shape, FULL)
        case r.Band(low, high, step):
            return _band(boxes, low, high, step)
        case r.Residue(modulus, residues):
            return _counted(boxes.q0 - boxes.k1 + 1, boxes.q1 - boxes.k0, _Periodic(modulus, residues))
        case r.Columns(modulus, residues):
            return _counted(boxes.k0, boxes.k1, _Periodic(modulus, residues))
        case r.Rows(modulus, residues):
            return _counted(boxes.q0, boxes.q1, _Periodic(modulus, residues))
        case r.Keys(spans):
            return _counted(boxes.k0, boxes.k1, _Listed(spans))
        case r.Queries(spans):
            return _counted(boxes.q0, boxes.q1, _Listed(spans))
        case r.Chunk(sizes):
            first, _ = chunk_bounds(sizes, np.stack([boxes.q0, boxes.q1 - 1, boxes.k0, boxes.k1 - 1]))
            q_first, q_last, k_first, k_last = first
            return _state((q_last < k_first) | (k_last < q_first), (q_first == k_last) & (k_first == q_last))
        case r.Random():
            occupied = draws[relation, n].occupied(boxes.q0, boxes.q1, boxes.k0, boxes.k1)
            return np.where(occupied, UNDECIDED, EMPTY)
        case r.Layout():
            count = pairs_in(relation, boxes.q0, boxes.q1, boxes.k0, boxes.k1)
            return _state(count == 0, count == (boxes.q1 - boxes.q0) * (boxes.k1 - boxes.k0))
        case r.Blocks(size, inner):
            return classify(inner, in_blocks(boxes, size), -(-n // size), draws)
        case r.Within(size, inner):
            return _within(boxes, size, inner, draws)
        case r.Slice(start, stop, inner):
            return _slice(boxes, start, stop, inner, draws)
        case r.Union(parts):
            state = np.full(boxes.q0.shape, EMPTY)
            for part in sorted(parts, key=_fills_nothing):
                # A part that never fills a box matters only where nothing else was found.
                open_ = state < (UNDECIDED if _fills_nothing(part) else FULL)
                state = _where(open_, state, np.maximum, part, boxes, n, draws)
            return state
        case r.Intersection(parts):
            state = np.full(boxes.q0.shape, FULL)
            for part in sorted(parts, key=_fills_nothing):
                state = _where(state > EMPTY, state, np.minimum, part, boxes, n, draws)
            return state
        case r.Difference(left, right):
            state = classify(left, boxes, n, draws)
            return FULL - _where(state > EMPTY, FULL - state, np.maximum, right, boxes, n, draws)
        case _:
            assert_never(relation)


def _where(
    open_: Bool,
    state: State,
    combine: Callable[[State, State], State],
    part: r.Relation,
    boxes: Boxes,
    n: int,
    draws: Draws,
) -> State:
    """Combine a state with that of another part, which is only found for the boxes where it can change anything."""
    (chosen,) = np.nonzero(open_)
    if chosen.size > boxes.q0.size * 3 // 4:
        return combine(state, classify(part, boxes, n, draws))
    if chosen.size:
        state[chosen] = combine(state[chosen], classify(part, boxes[chosen], n, draws))
    return state


def _fills_nothing(part: r.Relation) -> bool:
    """Whether `classify` never finds a box full of this part; such parts are also the slow ones."""
    match part:
        case r.Random():
            return True
        case r.Blocks(_, inner) | r.Slice(_, _, inner) | r.Within(_, inner):
            return _fills_nothing(inner)
        case r.Intersection(parts):
            return any(map(_fills_nothing, parts))
        case r.Difference(left, _):
            return _fills_nothing(left)
        case _:
            return False


def in_blocks(boxes: Boxes, size: int) -> Boxes:
    """The boxes of blocks that the boxes touch."""
    return Boxes(boxes.q0 // size, (boxes.q1 - 1) // size + 1, boxes.k0 // size, (boxes.k1 - 1) // size + 1)


def in_period(boxes: Boxes, size: int) -> tuple[Bool, Boxes]:
    """Which boxes stay inside one period on both axes, and every box taken modulo the period (only those are right)."""
    inside = (boxes.q0 // size == (boxes.q1 - 1) // size) & (boxes.k0 // size == (boxes.k1 - 1) // size)
    q0, k0 = boxes.q0 % size, boxes.k0 % size
    return inside, Boxes(q0, q0 + boxes.q1 - boxes.q0, k0, k0 + boxes.k1 - boxes.k0)


def in_slice(boxes: Boxes, start: int, stop: int) -> tuple[Bool, Bool, Boxes]:
    """Which boxes meet the square [start, stop)**2, which lie inside it, and every box cut to it, seen from `start`."""
    cut = Boxes(
        np.maximum(boxes.q0, start) - start,
        np.minimum(boxes.q1, stop) - start,
        np.maximum(boxes.k0, start) - start,
        np.minimum(boxes.k1, stop) - start,
    )
    meets = (cut.q0 < cut.q1) & (cut.k0 < cut.k1)
    inside = (boxes.q0 >= start) & (boxes.q1 <= stop) & (boxes.k0 >= start) & (boxes.k1 <= stop)
    return meets, inside, cut


def _state(empty: Bool, full: Bool) -> State:
    return np.where(empty, EMPTY, np.where(full, FULL, UNDECIDED))


def _band(boxes: Boxes, low: int | None, high: int | None, step: int) -> State:
    least, most = boxes.q0 - boxes.k1 + 1, boxes.q1 - 1 - boxes.k0
    first = least if low is None else np.maximum(least, low)
    last = most if high is None else np.minimum(most, high)
    full = (first == least) & (last == most)
    if step == 1:
        return _state(first > last, full)
    # Distances in reach are first..last; the first multiple of the step among them decides whether any is right.
    return _state(first + (-first) % step > last, full & (least == most))


@dataclass(frozen=True, slots=True)
class _Periodic:
    modulus: int
    residues: tuple[int, ...]

    def below(self, positions: Int64) -> Int64:
        """How many integers in [0, position) are in the set; negative positions count downwards."""
        residues = np.array(self.residues, dtype=np.int64)
        turns, rest = positions // self.modulus, positions % self.modulus
        return turns * residues.size + np.searchsorted(residues, rest, side="left")


@dataclass(frozen=True, slots=True)
class _Listed:
    spans: r.Spans

    def below(self, positions: Int64) -> Int64:
        """How many integers below each position are in the spans."""
        if not self.spans:
            return np.zeros(positions.shape, dtype=np.int64)
        spans = np.array(self.spans, dtype=np.int64)
        length = spans[:, 1] - spans[:, 0]
        before = np.cumsum(length) - length
        index = np.maximum(np.searchsorted(spans[:, 0], positions, side="right") - 1, 0)
        return before[index] + np.clip(positions - spans[index, 0], 0, length[index])


def _counted(start: Int64, stop: Int64, members: _Periodic | _Listed) -> State:
    """Decided by counting the members of a set in [start, stop)."""
    count = members.below(stop) - members.below(start)
    return _state(count == 0, count == stop - start)


def _within(boxes: Boxes, size: int, inner: r.Relation, draws: Draws) -> State:
    """Inside one period, the inner box decides; a box over the edge of a period is decided by its pieces."""
    inside, moved = in_period(boxes, size)
    state = np.full(boxes.q0.shape, UNDECIDED)
    state[inside] = classify(inner, moved[inside], size, draws)
    (outside,) = np.nonzero(~inside)
    if outside.size:
        queries = _pieces(boxes.q0[outside], boxes.q1[outside], size)
        keys = _pieces(boxes.k0[outside], boxes.k1[outside], size)
        least, most = np.full(outside.size, FULL), np.full(outside.size, EMPTY)
        for q0, q1 in queries:
            for k0, k1 in keys:
                piece = classify(inner, Boxes(q0, q1, k0, k1), size, draws)
                least, most = np.minimum(least, piece), np.maximum(most, piece)
        state[outside] = np.where(least == most, least, UNDECIDED)
    return state


def _pieces(start: Int64, stop: Int64, size: int) -> list[tuple[Int64, Int64]]:
    """Two intervals inside [0, size) whose union is [start, stop) modulo size; equal ones where one suffices."""
    first, last = start % size, (stop - 1) % size + 1
    whole = stop - start >= size
    wraps = ~whole & (last <= first)
    zero, end = np.zeros_like(first), np.full_like(first, size)
    one = (np.where(whole, zero, first), np.where(whole | wraps, end, last))
    two = (np.where(whole | wraps, zero, first), np.where(whole, end, last))
    return [one, two]


def _slice(boxes: Boxes, start: int, stop: int, inner: r.Relation, draws: Draws) -> State:
    meets, inside, cut = in_slice(boxes, start, stop)
    state = np.full(boxes.q0.shape, EMPTY)
    decided = classify(inner, cut[meets], stop - start, draws)
    state[meets] = np.where(inside[meets], decided, np.minimum(decided, UNDECIDED))
    return state
