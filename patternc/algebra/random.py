"""The draw behind `random(r)`: counter-based, written down here, the same on every platform and in every version.

For: which of a row's candidates are drawn, once as plain Python (the definition) and once over all rows with numpy.
Not for: what the candidates are (`holds.py` defines them, `rowspans.py` lists them).

Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011), a
function of a 128-bit counter and a 64-bit key. Seed: a tuple of integers, folded into the key one element at a time:
key (0, 0) at first, then key = first two words of philox(counter = (low, high, position, length), key), where low and
high are the 32-bit halves of the element in two's complement, modulo 2**64. Word pair: draw t of row i takes the
words (2 * (t % 2), 2 * (t % 2) + 1) of philox(counter = (t // 2, i low, i high, 0), key) as the high and low half of
a 64-bit fraction x. Rank: with m candidates in ascending order, draw t < min(r, m) takes u = t + floor(x * (m - t) /
2**64) in a Fisher-Yates shuffle that stores only what it displaced; the candidate now at u is the one drawn. So a draw
without replacement costs O(r) a row, and depends on nothing but the seed, i and the candidates.

Published vectors (count, seed, row, candidates -> keys in the order drawn):
    3, (0,),    5,       0..6       -> 2 5 1
    3, (7,),    1000000, 0..1000001 -> 132926 626344 833362
    4, (1, -2), 12,      0..64      -> 4 37 23 32
    2, (),      0,       0..1       -> 0
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
UInt64 = NDArray[np.uint64]

ROUNDS = 10
MULTIPLIER_0 = 0xD2511F53
MULTIPLIER_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9
WEYL_1 = 0xBB67AE85
WORD = 0xFFFFFFFF

ROWS_AT_ONCE = 1 << 13
"""Rows drawn in one go: their words stay in cache."""

Words = tuple[int, int, int, int]
Key = tuple[int, int]


def philox(counter: Words, key: Key) -> Words:
    """Philox4x32-10 of one counter: four 32-bit words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        p0 = MULTIPLIER_0 * c0
        p1 = MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0 = (k0 + WEYL_0) & WORD
        k1 = (k1 + WEYL_1) & WORD
    return c0, c1, c2, c3


def key_of(seed: Sequence[int]) -> Key:
    """The generator's key for a seed."""
    key: Key = (0, 0)
    for position, element in enumerate(seed):
        k0, k1, _, _ = philox((element & WORD, (element >> 32) & WORD, position, len(seed)), key)
        key = (k0, k1)
    return key


def draw(count: int, seed: Sequence[int], row: int, candidates: Sequence[int]) -> list[int]:
    """The keys row `row` draws, in the order drawn, from `candidates` (ascending, distinct)."""
    key = key_of(seed)
    size = len(candidates)
    displaced: dict[int, int] = {}
    drawn: list[int] = []
    for t in range(min(count, size)):
        words = philox((t // 2, row & WORD, row >> 32, 0), key)
        fraction = words[2 * (t % 2)] << 32 | words[2 * (t % 2) + 1]
        u = t + (fraction * (size - t) >> 64)
        drawn.append(candidates[displaced.get(u, u)])
        displaced[u] = displaced.get(t, t)
    return drawn


def philox_rows(block: int, rows: Int64, key: Key) -> tuple[UInt64, UInt64, UInt64, UInt64]:
    """Philox4x32-10 of the counters (block, row low, row high, 0): four arrays of 32-bit words, as uint64."""
    word = np.uint64(WORD)
    half = np.uint64(32)
    m0, m1 = np.uint64(MULTIPLIER_0), np.uint64(MULTIPLIER_1)
    unsigned = rows.astype(np.uint64)
    c0 = np.full(rows.shape, block, dtype=np.uint64)
    c1 = unsigned & word
    c2 = unsigned >> half
    c3 = np.zeros(rows.shape, dtype=np.uint64)
    k0, k1 = key
    for _ in range(ROUNDS):
        p0 = m0 * c0
        p1 = m1 * c2
        c0, c1, c2, c3 = (
            (p1 >> half) ^ c1 ^ np.uint64(k0),
            p1 & word,
            (p0 >> half) ^ c3 ^ np.uint64(k1),
            p0 & word,
        )
        k0 = (k0 + WEYL_0) & WORD
        k1 = (k1 + WEYL_1) & WORD
    return c0, c1, c2, c3


def draw_ranks(count: int, seed: Sequence[int], rows: Int64, sizes: Int64) -> Int64:
    """The draws of many rows at once, as ranks among each row's candidates.

    `rows` [R] the row numbers, `sizes` [R] how many candidates each has (below 2**32). Returns [R, count] in the order
    drawn, -1 where a row has fewer candidates than `count`.
    """
    key = key_of(seed)
    parts = [np.zeros((0, count), dtype=np.int64)]
    for start in range(0, rows.size, ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        parts.append(_draw_ranks(count, key, rows[part], sizes[part]))
    return np.concatenate(parts)


def _draw_ranks(count: int, key: Key, rows: Int64, sizes: Int64) -> Int64:
    taken = np.empty((rows.size, count), dtype=np.int64)
    words: tuple[UInt64, ...] = ()
    for t in range(count):
        if t % 2 == 0:
            words = philox_rows(t // 2, rows, key)
        # floor(x * m / 2**64) with 32-bit halves: no product exceeds 64 bits because m < 2**32.
        left = np.maximum(sizes - t, 1).astype(np.uint64)
        high, low = words[2 * (t % 2)], words[2 * (t % 2) + 1]
        offset = (high * left + ((low * left) >> np.uint64(32))) >> np.uint64(32)
        taken[:, t] = offset.astype(np.int64) + t
    ranks = _undisplace(taken)
    ranks[np.arange(count) >= sizes[:, None]] = -1
    return ranks


def _undisplace(taken: Int64) -> Int64:
    """What a Fisher-Yates shuffle finds at position taken[row, t] at step t, for every row.

    Step s writes to position taken[s] what stood at position s. So step t finds what the last earlier step with the
    same position wrote, else the position itself; and what stood at t was written by the last earlier step that took
    t. Both "last earlier steps" are neighbours once a row's steps are sorted by (position, step).
    """
    rows, count = taken.shape
    if count == 0 or rows == 0:
        return taken
    steps = np.arange(count, dtype=np.int64)
    ordered = np.sort(taken * count + steps, axis=1)
    position, step = ordered // count, ordered % count
    repeated = position[:, 1:] == position[:, :-1]

    earlier = np.full((rows, count), -1, dtype=np.int64)
    np.put_along_axis(earlier, step[:, 1:], np.where(repeated, step[:, :-1], -1), axis=1)

    last = np.ones((rows, count), dtype=np.bool_)
    last[:, :-1] = ~repeated
    written_by = np.full((rows, count), -1, dtype=np.int64)
    # A step that took its own position left nothing that a later one can take.
    row, column = np.nonzero(last & (position < count) & (position != step))
    written_by[row, position[row, column]] = step[row, column]

    every = np.arange(rows, dtype=np.int64)
    stood = np.empty((rows, count), dtype=np.int64)
    for t in range(count):
        source = written_by[:, t]
        stood[:, t] = np.where(source >= 0, stood[every, np.maximum(source, 0)], t)
    return np.where(earlier >= 0, np.take_along_axis(stood, np.maximum(earlier, 0), axis=1), taken)
