"""The periodic reduction: causal layers that repeat every p tokens, but for a few at the beginning and the end.

Layers that only look back and are the same p tokens further on reach the same p tokens further on:
R(i, j) = R(i - p, j - p), so that the keys of one period say all. Sinks, prompts and image text are irregular only
below some position `start`: whatever reaches from a later key to a later query stays above it, so the keys below it
are followed one by one, and one period above it says the rest. Queries at the very end, from `stop` on, are seen by no
earlier one, and are followed one by one, backwards.

For: `reach.py`, up to millions of tokens. Not for: models that look ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np

from patternc.algebra.relation import (
    Chunk,
    Difference,
    Intersection,
    Relation,
    Slice,
    Union,
    difference,
    intersection,
    union,
)
from patternc.analysis.clauses import Unstructured, shift_into
from patternc.analysis.edges import block_sizes, irregular_edges
from patternc.analysis.operators import lower
from patternc.analysis.period import looks_back, period
from patternc.analysis.sweep import (
    LARGEST_SWEEP,
    Int64,
    Steps,
    Swept,
    blocks,
    concluded,
    count_bits,
    rows_reach,
    seed,
    step,
)

LARGEST_REDUCED = 1 << 21
"""Longest sequence for this reduction."""
PERIOD_SHARE = 4
"""What is followed one by one, irregular keys and one period, must be at most this share of the sequence ..."""
LARGEST_WORK = LARGEST_SWEEP**2
"""... and times the length at most this: as much as a sweep over all keys of the longest sequence that has one."""
MOST_LAST = 1024
"""Irregular queries at the end that are followed at most: for each layer they go through all layers before it."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Between `start` and `stop` the layers are `inside`, in positions of their own, and repeat every `repeat`."""

    start: int
    stop: int
    repeat: int
    inside: tuple[Relation, ...]


def recurrence(layers: Sequence[Relation], length: int) -> Recurrence | None:
    """Where causal `layers` repeat themselves; None where they do not, or not enough to be worth it."""
    if not all(looks_back(layer) for layer in layers):
        return None
    distinct = tuple(dict.fromkeys(layers))
    places = sorted({edge for layer in distinct for edge in irregular_edges(layer, length)})
    align = lcm(*(size for layer in distinct for size in block_sizes(layer)))
    early = [0, *(edge for edge in places if edge * PERIOD_SHARE <= length)]
    last = min(MOST_LAST, length // PERIOD_SHARE)
    late = [*(edge for edge in places if length - last <= edge < length), length]
    starts = dict.fromkeys(at for edge in (early[0], early[-1]) for at in (edge, -(-edge // align) * align))
    for start in starts:
        for stop in dict.fromkeys((late[-1], late[0])):
            found = _between(layers, distinct, start, stop)
            if found is not None and _worth_it(found, length):
                return found
    return None


def _worth_it(found: Recurrence, length: int) -> bool:
    keys = found.start + found.repeat
    return keys * PERIOD_SHARE <= length and keys * length <= LARGEST_WORK


def _between(layers: Sequence[Relation], distinct: Iterable[Relation], start: int, stop: int) -> Recurrence | None:
    try:
        inside = {layer: restricted(layer, start, stop) for layer in distinct}
    except Unstructured:
        return None
    periods = [period(layer) for layer in inside.values()]
    known = [each for each in periods if each is not None]
    if len(known) < len(periods):
        return None
    return Recurrence(start, stop, lcm(*known), tuple(inside[layer] for layer in layers))


def restricted(relation: Relation, start: int, stop: int) -> Relation:
    """The relation between the positions `start` and `stop`, in positions counted from `start`.

    Raises:
        Unstructured: its pieces do not move with the place.
    """
    match relation:
        case Union(parts):
            return union(*(restricted(part, start, stop) for part in parts))
        case Intersection(parts):
            return intersection(*(restricted(part, start, stop) for part in parts))
        case Difference(left, right):
            return difference(restricted(left, start, stop), restricted(right, start, stop))
        case Chunk((size,)) if start % size == 0:
            return relation
        case Slice(first, last, inner) if first <= start and stop <= last:
            return restricted(inner, start - first, stop - first)
        case Slice(first, last, _) if last <= start or stop <= first:
            return union()
        case _ if start == 0 and period(relation) is not None:
            return relation
        case _:
            return shift_into(relation, start, stop)


def recurrent(steps: Steps, found: Recurrence, length: int) -> Swept:
    """The reach of causal layers, `steps` over the whole length, that repeat as `found` says."""
    sizes = np.zeros((len(steps), length), dtype=np.int64)
    for first, last in blocks(found.start, length):
        rows = seed(first, last, length)
        for layer, operators in enumerate(steps):
            rows = step(operators, rows)
            sizes[layer] += count_bits(rows)
    sizes[:, found.start : found.stop] += _periodic(found)
    wanted = np.arange(1, length + 1)
    last_rows = np.arange(found.stop, length)
    if last_rows.size:
        for layer in range(len(steps)):
            if layer and (sizes[layer - 1, found.stop :] == wanted[found.stop :]).all():
                sizes[layer, found.stop :] = sizes[layer - 1, found.stop :]
                continue
            reached = rows_reach(steps[: layer + 1], length, last_rows)
            sizes[layer, found.stop :] = _columns_of(reached, last_rows.size)
    return concluded(sizes, wanted, steps, _method(found, length))


def _periodic(found: Recurrence) -> Int64:
    """[layers, stop - start]: sizes of the receptive fields inside, from the keys of one period."""
    length, repeat = found.stop - found.start, found.repeat
    lowered = {layer: lower(layer, length) for layer in dict.fromkeys(found.inside)}
    periods = -(-length // repeat)
    sizes = np.zeros((len(found.inside), periods * repeat), dtype=np.int64)
    for first, last in blocks(min(repeat, length), length):
        rows = seed(first, last, length)
        for layer, relation in enumerate(found.inside):
            rows = step(lowered[relation], rows)
            sizes[layer, :length] += count_bits(rows)
    # Row i holds, of the keys p t + c, what row i - p t holds of the keys c < p.
    return sizes.reshape(-1, periods, repeat).cumsum(axis=1).reshape(len(found.inside), -1)[:, :length]


def _columns_of(rows: np.ndarray[tuple[int, ...], np.dtype[np.uint64]], count: int) -> Int64:
    """[count]: in how many rows each of the first `count` bits is set."""
    total = np.zeros(count, dtype=np.int64)
    for first in range(0, rows.shape[0], 1 << 16):
        packed = rows[first : first + (1 << 16)].view(np.uint8)
        total += np.unpackbits(packed, axis=1, bitorder="little", count=count).sum(axis=0, dtype=np.int64)
    return total


def _method(found: Recurrence, length: int) -> str:
    one = f"the {found.repeat:,} keys of one period" if found.repeat > 1 else "one key"
    parts = [f"{one}, by shift invariance"]
    if found.start:
        parts.append(f"the first {found.start:,} keys" if found.start > 1 else "the first key")
    if found.stop < length:
        last = length - found.stop
        parts.append(f"the last {last:,} queries" if last > 1 else "the last query")
    return f"{parts[0]}, and {' and '.join(parts[1:])} one by one" if len(parts) > 1 else parts[0]
