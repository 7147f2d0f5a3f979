"""Sweeps: what the layers join, key by key or query by query, as packed bits.

For: the engines of `reach.py`. A sweep of columns follows keys forwards through the layers, some hundreds at a time; a
sweep of rows follows queries backwards. All columns at once decide any pattern that has operators, up to LARGEST_SWEEP
tokens. Not for: choosing an engine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from patternc.analysis.operators import Operator
from patternc.analysis.propagate import apply, apply_transposed

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]
Steps = Sequence[tuple[Operator, ...]]
"""The operators of each layer, first layer first."""
Target = Literal["all", "past"]
Pair = tuple[int, int]
"""(query, key)."""

LARGEST_SWEEP = 1 << 16
"""Longest sequence whose every column is swept: its n * n bits are 512 MB, propagated some MB at a time."""
CHUNK_BYTES = 1 << 20
"""Size of one block of columns: it should stay in the cache beside its copies."""
LEAST_WORDS = 8
MOST_WORDS = 64
MOST_THREADS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """What an engine found. `sizes` [layers, length]: of the receptive fields after each layer.

    `depth` layers reach the target, None where these do not. `pair` is the first that is missing after the last layer,
    or, where the target is reached, the first that takes all layers; None where one layer does.
    """

    sizes: Int64
    depth: int | None
    pair: Pair | None
    method: str


def blocks(columns: int, length: int) -> list[tuple[int, int]]:
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


def wanted_sizes(first: int, last: int, length: int, target: Target) -> Int64:
    """How many of the columns [first, last) each row is meant to have."""
    if target == "all":
        return np.full(length, last - first, dtype=np.int64)
    return np.clip(np.arange(1, length + 1) - first, 0, last - first)


def target_bits(first: int, last: int, rows: Int64, target: Target) -> UInt64:
    """[rows, words]: the columns [first, last) that `rows` are meant to have, as in `seed`."""
    words = -(-(last - first) // 64)
    full = np.full(words, ~np.uint64(0), dtype=np.uint64)
    wanted = np.clip(rows + 1 - first, 0, last - first) if target == "past" else np.full(rows.shape, last - first)
    left = np.clip(wanted[:, None] - 64 * np.arange(words), 0, 64)
    # A shift by 64 is no shift: take half of it twice.
    shift = (64 - left).astype(np.uint64)
    return (full >> (shift // np.uint64(2))) >> (shift - shift // np.uint64(2))


def first_column(bits: UInt64) -> int:
    """The lowest bit set in one row of words."""
    word = int(np.argmax(bits != 0))
    value = int(bits[word])
    return 64 * word + (value & -value).bit_length() - 1


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """What one block of columns showed: row sizes after each layer [layers, length], first missing pair after each."""

    sizes: Int64
    missing: tuple[Pair | None, ...]


def _sweep_block(steps: Steps, length: int, target: Target, backward: bool, columns: tuple[int, int]) -> _Block:
    first, last = columns
    rows = seed(first, last, length)
    wanted = wanted_sizes(first, last, length, target)
    final = target == "all" or backward
    mask = None if final else target_bits(first, last, np.arange(length), target)
    sizes = np.zeros((len(steps), length), dtype=np.int64)
    missing: list[Pair | None] = []
    for layer, operators in enumerate(steps):
        rows = step(operators, rows)
        sizes[layer] = count_bits(rows)
        lacks = wanted > (sizes[layer] if mask is None else count_bits(rows & mask))
        if lacks.any():
            query = int(np.argmax(lacks))
            lacking = target_bits(first, last, np.array([query]), target)[0] & ~rows[query]
            missing.append((query, first + first_column(lacking)))
        elif final:
            # Nothing is left to gain: no later layer can change these columns.
            sizes[layer + 1 :] = sizes[layer]
            missing += [None] * (len(steps) - layer)
            break
        else:
            missing.append(None)
    return _Block(sizes, tuple(missing))


def swept(steps: Steps, length: int, target: Target, backward: bool) -> Swept:
    """Every column; `backward` where no layer looks ahead."""
    sizes = np.zeros((len(steps), length), dtype=np.int64)
    missing: list[Pair | None] = [None] * len(steps)

    def work(columns: tuple[int, int]) -> _Block:
        return _sweep_block(steps, length, target, backward, columns)

    columns = blocks(length, length)
    with ThreadPoolExecutor(min(len(columns), os.cpu_count() or 1, MOST_THREADS)) as threads:
        try:
            for block in threads.map(work, columns):
                sizes += block.sizes
                missing = [_earlier(a, b) for a, b in zip(missing, block.missing, strict=True)]
        except KeyboardInterrupt:
            threads.shutdown(cancel_futures=True)  # else all that is left would be done before the end
            raise
    depth = next((layer + 1 for layer, pair in enumerate(missing) if pair is None), None)
    pair = missing[-1] if depth is None else missing[depth - 2] if depth > 1 else None
    return Swept(sizes, depth, pair, f"bit sweep over all {length:,} keys")


def _earlier(a: Pair | None, b: Pair | None) -> Pair | None:
    return b if a is None else a if b is None else min(a, b)


def rows_reach(steps: Steps, length: int, rows: Int64) -> UInt64:
    """[length, words] bits: row rows[t] reaches key j through these layers if bit t of row j is set."""
    holds = np.zeros((length, -(-rows.size // 64)), dtype=np.uint64)
    at = np.arange(rows.size)
    holds[rows, at // 64] = np.uint64(1) << (at % 64).astype(np.uint64)
    for operators in reversed(steps):
        after = holds.copy()
        apply_transposed(operators, holds, after)
        holds = after
    return holds


def concluded(sizes: Int64, wanted: Int64, steps: Steps, method: str) -> Swept:
    """What `sizes` [layers, length] say where each row should have `wanted` keys, all those before the others."""
    full = (sizes == wanted).all(axis=1)
    depth = int(np.argmax(full)) + 1 if full[-1] else None
    deepest = len(steps) if depth is None else depth - 1
    pair: Pair | None = None
    if deepest:
        query = int(np.argmax(sizes[deepest - 1] < wanted))
        reached = rows_reach(steps[:deepest], wanted.size, np.array([query]))
        pair = (query, int(np.argmin(reached[:, 0])))
    return Swept(sizes, depth, pair, method)
