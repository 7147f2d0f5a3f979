"""Reach: which keys can influence which queries after some layers, exactly, at a concrete length.

Layer l connects i with j when one of its heads attends (i, j), or i == j: the residual. R_l is the composition of the
layers 0..l; the receptive field of query i after layer l is {j : (i, j) in R_l}. The target is every pair, or j <= i
in a causal model. *Complete at depth d*: the composition of the first d layers contains the target.

For: depth, growth of the receptive fields, and the first missing pair. Two methods, both exact: a causal schedule that
repeats every p tokens needs the columns 0..p-1 alone; otherwise every column is swept, some hundreds at a time, as
packed bits. Not for: proofs for all lengths, or paths (`witness.py`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import lcm
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.relation import Relation, Spans, merge_spans, union
from patternc.algebra.schedule import Schedule
from patternc.analysis.operators import NoOperator, Operator, lower
from patternc.analysis.period import looks_back, period
from patternc.analysis.propagate import apply
from patternc.analysis.saturated import saturated

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]
Target = Literal["all", "past"]
Pair = tuple[int, int]
"""(query, key)."""

LARGEST_SWEEP = 1 << 16
"""Longest sequence whose every column is swept: its n * n bits are 512 MB, propagated some MB at a time."""
LARGEST_REDUCED = 1 << 21
"""Longest sequence for the periodic reduction, whose period must be at most PERIOD_SHARE of it."""
PERIOD_SHARE = 4
CHUNK_BYTES = 1 << 20
"""Size of one block of columns: it should stay in the cache beside its copies."""
LEAST_WORDS = 8
MOST_WORDS = 64
MOST_THREADS = 4
PROSPECT_LAYERS = 4096


@dataclass(frozen=True, slots=True)
class Growth:
    """Sizes of the receptive fields after layer `layer`: smallest, largest, and their sum over all queries."""

    layer: int
    least: int
    most: int
    total: int


@dataclass(frozen=True, slots=True)
class Reach:
    """What the layers connect. `complete`, `depth` and `missing` are None where `exact` is False: not decided.

    `depth` is the number of layers, at least 1, after which the target is reached; None if it never is within them.
    `missing` is the first pair (query, key) of the target, by query, then by key, that no path joins after the last
    layer; `hardest` the first pair that takes all `depth` layers, where `depth` is above 1.
    """

    complete: bool | None
    depth: int | None
    growth: tuple[Growth, ...]
    missing: Pair | None
    hardest: Pair | None
    method: str
    exact: bool


def layer_relations(schedule: Schedule) -> tuple[Relation, ...]:
    """The union over the heads, for each layer; equal layers give equal relations."""
    return tuple(union(*(schedule.patterns[at].relation for at in dict.fromkeys(row))) for row in schedule.table)


def reach(layers: Sequence[Relation], length: int, target: Target) -> Reach:
    """Reach of `layers` (each the union over its heads, first layer first) at `length` positions."""
    blocks = saturated(layers, length, causal=target == "past")
    if blocks is not None:
        return _of_blocks(reach(blocks.layers, length // blocks.size, target), blocks.size, length, target)
    backward = all(looks_back(layer) for layer in layers)
    repeat = _common_period(layers) if backward else None
    reduced = repeat is not None and repeat * PERIOD_SHARE <= length and target == "past"
    largest = LARGEST_REDUCED if reduced else LARGEST_SWEEP
    if length > largest:
        return _undecided(f"not decided: {length:,} tokens are more than the {largest:,} this method takes")
    try:
        lowered = {layer: lower(layer, length) for layer in dict.fromkeys(layers)}
    except NoOperator as error:
        return _undecided(f"not decided: {error}")
    steps = [lowered[layer] for layer in layers]
    if reduced and repeat is not None:
        return _periodic(steps, length, repeat)
    return _swept(steps, length, target, backward)


def _of_blocks(found: Reach, size: int, length: int, target: Target) -> Reach:
    """The reach of tokens, from that of the blocks of `size` tokens they are in."""
    method = f"{length // size:,} blocks of {size:,} tokens, each seen whole or not at all; {found.method}"
    if not found.exact:
        return _undecided(found.method)
    own = 0 if target == "all" else size * (size - 1) // 2  # pairs of a block with itself that look ahead
    cut = 0 if target == "all" else size - 1
    growth = tuple(
        Growth(each.layer, size * each.least - cut, size * each.most, size * size * each.total - own * (length // size))
        for each in found.growth
    )
    missing, hardest = (
        None if pair is None else (pair[0] * size, pair[1] * size) for pair in (found.missing, found.hardest)
    )
    return Reach(found.complete, found.depth, growth, missing, hardest, method, exact=True)


def _undecided(method: str) -> Reach:
    return Reach(None, None, (), None, None, method, exact=False)


def _common_period(layers: Sequence[Relation]) -> int | None:
    common = 1
    for layer in dict.fromkeys(layers):
        own = period(layer)
        if own is None:
            return None
        common = lcm(common, own)
    return common


def _blocks(columns: int, length: int) -> list[tuple[int, int]]:
    """The columns 0..columns in blocks [first, last), each a whole number of words wide."""
    words = max(LEAST_WORDS, min(MOST_WORDS, CHUNK_BYTES // (8 * length)))
    return [(first, min(first + 64 * words, columns)) for first in range(0, columns, 64 * words)]


def seed(first: int, last: int, length: int) -> UInt64:
    """[length, words] bits: column c of [first, last) is bit c - first, set in row c alone."""
    rows = np.zeros((length, -(-(last - first) // 64)), dtype=np.uint64)
    at = np.arange(last - first)
    rows[first:last][at, at // 64] = np.uint64(1) << (at % 64).astype(np.uint64)
    return rows


def step(operators: tuple[Operator, ...], rows: UInt64) -> UInt64:
    """One layer: what each row holds, or any key it attends holds."""
    after = rows.copy()
    apply(operators, rows, after)
    return after


def count_bits(rows: UInt64) -> Int64:
    """[length]: the bits set in each row."""
    return np.bitwise_count(rows).sum(axis=1, dtype=np.int64)


def _wanted(first: int, last: int, length: int, target: Target) -> Int64:
    """How many of the columns [first, last) each row is meant to have."""
    if target == "all":
        return np.full(length, last - first, dtype=np.int64)
    return np.clip(np.arange(1, length + 1) - first, 0, last - first)


def _target_bits(first: int, last: int, rows: Int64, target: Target) -> UInt64:
    """[rows, words]: the columns [first, last) that `rows` are meant to have, as in `seed`."""
    words = -(-(last - first) // 64)
    full = np.full(words, ~np.uint64(0), dtype=np.uint64)
    wanted = np.clip(rows + 1 - first, 0, last - first) if target == "past" else np.full(rows.shape, last - first)
    left = np.clip(wanted[:, None] - 64 * np.arange(words), 0, 64)
    # A shift by 64 is no shift: take half of it twice.
    shift = (64 - left).astype(np.uint64)
    return (full >> (shift // np.uint64(2))) >> (shift - shift // np.uint64(2))


def _first_column(bits: UInt64) -> int:
    """The lowest bit set in one row of words."""
    word = int(np.argmax(bits != 0))
    value = int(bits[word])
    return 64 * word + (value & -value).bit_length() - 1


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """What one block of columns showed: row sizes after each layer [layers, length], first missing pair after each."""

    sizes: Int64
    missing: tuple[Pair | None, ...]


def _sweep_block(
    steps: list[tuple[Operator, ...]], length: int, target: Target, backward: bool, columns: tuple[int, int]
) -> _Block:
    first, last = columns
    rows = seed(first, last, length)
    wanted = _wanted(first, last, length, target)
    final = target == "all" or backward
    mask = None if final else _target_bits(first, last, np.arange(length), target)
    sizes = np.zeros((len(steps), length), dtype=np.int64)
    missing: list[Pair | None] = []
    for layer, operators in enumerate(steps):
        rows = step(operators, rows)
        sizes[layer] = count_bits(rows)
        lacks = wanted > (sizes[layer] if mask is None else count_bits(rows & mask))
        if lacks.any():
            query = int(np.argmax(lacks))
            lacking = _target_bits(first, last, np.array([query]), target)[0] & ~rows[query]
            missing.append((query, first + _first_column(lacking)))
        elif final:
            # Nothing is left to gain: no later layer can change these columns.
            sizes[layer + 1 :] = sizes[layer]
            missing += [None] * (len(steps) - layer)
            break
        else:
            missing.append(None)
    return _Block(sizes, tuple(missing))


def _swept(steps: list[tuple[Operator, ...]], length: int, target: Target, backward: bool) -> Reach:
    blocks = _blocks(length, length)
    sizes = np.zeros((len(steps), length), dtype=np.int64)
    missing: list[Pair | None] = [None] * len(steps)

    def work(columns: tuple[int, int]) -> _Block:
        return _sweep_block(steps, length, target, backward, columns)

    with ThreadPoolExecutor(min(len(blocks), os.cpu_count() or 1, MOST_THREADS)) as threads:
        for block in threads.map(work, blocks):
            sizes += block.sizes
            missing = [_earlier(a, b) for a, b in zip(missing, block.missing, strict=True)]
    depth = next((layer + 1 for layer, pair in enumerate(missing) if pair is None), None)
    hardest = missing[depth - 2] if depth is not None and depth > 1 else None
    method = f"bit sweep over all {length:,} keys"
    return Reach(depth is not None, depth, _growth(sizes), missing[-1], hardest, method, exact=True)


def _earlier(a: Pair | None, b: Pair | None) -> Pair | None:
    return b if a is None else a if b is None else min(a, b)


def _growth(sizes: Int64) -> tuple[Growth, ...]:
    return tuple(
        Growth(layer, int(row.min()), int(row.max()), int(row.sum(dtype=np.int64))) for layer, row in enumerate(sizes)
    )


def _periodic(steps: list[tuple[Operator, ...]], length: int, repeat: int) -> Reach:
    """R(i, j) = R(i - p t, j - p t): row i holds, of the keys p t + c, what row i - p t holds of the keys c < p."""
    sizes = np.zeros((len(steps), length), dtype=np.int64)
    blocks = _blocks(repeat, length)
    for first, last in blocks:
        rows = seed(first, last, length)
        for layer, operators in enumerate(steps):
            rows = step(operators, rows)
            sizes[layer] += count_bits(rows)
    periods = -(-length // repeat)
    padded = np.zeros((len(steps), periods * repeat), dtype=np.int64)
    padded[:, :length] = sizes
    sizes = padded.reshape(len(steps), periods, repeat).cumsum(axis=1).reshape(len(steps), -1)[:, :length]
    wanted = np.arange(1, length + 1)
    full = (sizes == wanted).all(axis=1)
    depth = int(np.argmax(full)) + 1 if full[-1] else None
    method = f"the {repeat:,} keys of one period, by shift invariance" if repeat > 1 else "one key, by shift invariance"
    last = len(steps) if depth is None else depth - 1
    pair: Pair | None = None
    if last:
        query = int(np.argmax(sizes[last - 1] < wanted))
        pair = (query, _missing_key(steps[:last], length, repeat, query))
    complete = depth is not None
    return Reach(
        complete, depth, _growth(sizes), None if complete else pair, pair if complete else None, method, exact=True
    )


def _missing_key(steps: list[tuple[Operator, ...]], length: int, repeat: int, query: int) -> int:
    """The first key that a deficient `query` does not reach; the columns of one period are swept once more."""
    turns = np.arange(query // repeat + 1)
    found: list[int] = []
    for first, last in _blocks(repeat, length):
        rows = seed(first, last, length)
        for operators in steps:
            rows = step(operators, rows)
        at = query - repeat * turns
        lacking = _target_bits(first, last, at, "past") & ~rows[at]
        (some,) = np.nonzero(lacking.any(axis=1))
        if some.size:
            turn = int(some[0])
            found.append(repeat * turn + first + _first_column(lacking[turn]))
    return min(found)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What more layers would do for a pair that the model leaves unconnected, its schedule starting over at the end.

    `depth` is the number of layers after which the pair is connected, None if it never is or PROSPECT_LAYERS are not
    enough. `closed` are the positions that the key never leaves when it never is, `never` says that this is so.
    """

    depth: int | None
    never: bool
    closed: Spans


def prospect(layers: Sequence[Relation], length: int, pair: Pair) -> Prospect:
    """Follow one key through the layers, again and again.

    Raises:
        NoOperator: a layer has too little structure for its length.
    """
    query, key = pair
    lowered = {layer: lower(layer, length) for layer in dict.fromkeys(layers)}
    holds = np.zeros((length, 1), dtype=np.uint8)
    holds[key] = 1
    idle = 0
    for depth in range(1, max(PROSPECT_LAYERS, 2 * len(layers)) + 1):
        after = holds.copy()
        apply(lowered[layers[(depth - 1) % len(layers)]], holds, after)
        idle = idle + 1 if np.array_equal(after, holds) else 0
        holds = after
        if holds[query, 0]:
            return Prospect(depth, False, ())
        if idle == len(layers):
            return Prospect(None, True, merge_spans((int(at), int(at) + 1) for at in np.flatnonzero(holds[:, 0])))
    return Prospect(None, False, ())
