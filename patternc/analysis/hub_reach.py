"""The reduction at hubs: windows with a few global tokens, in models that look both ways.

A path that no global token is on goes through windows alone, and windows add up: R0(i, j) holds where i - j lies
between the sums of their bounds. Any other path is at a global token g before some layer l, so that
R(i, j) = R0(i, j) or, for some g and l, (i reaches g through the layers from l on) and (g reaches j through those
before l): a boolean product of rank |G| (L + 1). A few sweeps of |G| rows and columns take the place of n columns.

For: `reach.py`. Not for: causal models (`recurrent.py`), where a sink passes on only what is before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.relation import Band, Empty, Keys, Queries, Relation, Union, merge_spans
from patternc.analysis.recurrent import LARGEST_REDUCED
from patternc.analysis.sweep import Int64, Steps, Swept, UInt64, concluded, rows_reach, step

Bool = NDArray[np.bool_]

MOST_HUBS = 64
"""Global tokens at most: each is a bit of the words that are swept."""
LARGEST_KINDS = 1 << 28
"""Kinds of queries, by the hubs they reach, times tokens: for each kind the keys that its hubs have are counted."""


@dataclass(frozen=True, slots=True)
class Hubs:
    """The windows of the layers (least and greatest i - j, both inclusive), and the positions that are global."""

    windows: tuple[tuple[int, int], ...]
    positions: tuple[int, ...]


def through_hubs(layers: Sequence[Relation], length: int) -> Hubs | None:
    """Windows and global tokens, if any, of layers that have nothing else; None where there is more, or too many."""
    windows: dict[Relation, tuple[int, int]] = {}
    spans: list[tuple[int, int]] = []
    for layer in dict.fromkeys(layers):
        parts = layer.parts if isinstance(layer, Union) else (layer,)
        bands = [part for part in parts if isinstance(part, Band)]
        ends = [part.spans for part in parts if isinstance(part, Keys | Queries)]
        window = _window(bands)
        if window is None or len(bands) + len(ends) + parts.count(Empty()) < len(parts):
            return None
        windows[layer] = window
        spans += [span for each in ends for span in each]
    merged = merge_spans((start, min(stop, length)) for start, stop in spans)
    positions = tuple(at for start, stop in merged for at in range(start, min(stop, start + MOST_HUBS + 1)))
    if len(positions) > MOST_HUBS or length > LARGEST_REDUCED:
        return None
    return Hubs(tuple(windows[layer] for layer in layers), positions)


def _window(bands: Sequence[Band]) -> tuple[int, int] | None:
    """Bands that make one window around the query itself, which the residual joins to it; None where they do not."""
    waiting = [(band.low, band.high) for band in bands if band.low is not None and band.high is not None]
    if len(waiting) < len(bands) or any(band.step != 1 for band in bands):
        return None
    low = high = 0
    while waiting:
        touching = [(first, last) for first, last in waiting if first <= high + 1 and last >= low - 1]
        if not touching:
            return None
        low, high = min(low, *(first for first, _ in touching)), max(high, *(last for _, last in touching))
        waiting = [each for each in waiting if each not in touching]
    return low, high


def reach_through_hubs(steps: Steps, hubs: Hubs, length: int) -> Swept | None:
    """The reach of `steps`, whose layers are what `hubs` says, for all pairs; None where queries are of many kinds."""
    positions = np.array(hubs.positions, dtype=np.int64)
    whole = np.zeros((len(steps), length), dtype=np.bool_)  # queries that reach a hub which has every key by then
    reached: list[list[UInt64]] = [[] for _ in steps]  # by layer: for each boundary, the other hubs that queries reach
    gains: list[Bool] = []  # for each boundary: [other hubs, length], the keys that they have
    partial: list[Int64] = []  # for each boundary: the numbers of these hubs
    for first, keys in enumerate(_keys_of_hubs(steps, positions, length) if hubs.positions else ()):
        full = np.bitwise_and.reduce(keys)
        others = np.flatnonzero(_bits(full[None, None], positions.size)[0] == 0)
        if (sum(map(len, partial)) + others.size) * length > LARGEST_KINDS:
            return None
        gains.append(_bits(keys[:, None], positions.size)[:, others].T)
        partial.append(others)
        for layer, queries in enumerate(_hubs_of_queries(steps[first:], positions, length), first - 1):
            if layer >= 0:
                whole[layer] |= (queries & full) != 0
                reached[layer].append(queries)
    sizes = np.full((len(steps), length), length, dtype=np.int64)
    low = high = 0
    for layer, (least, greatest) in enumerate(hubs.windows):
        low, high = low + least, high + greatest
        (rest,) = np.nonzero(~whole[layer])
        bits = [
            _bits(queries[rest][:, None], positions.size)[:, others]
            for queries, others in zip(reached[layer], partial, strict=False)
        ]
        window = np.clip(rest - high, 0, length), np.clip(rest - low + 1, 0, length)
        counted = (
            _sizes(np.concatenate(bits, axis=1), np.concatenate(gains[: layer + 2]), *window)
            if bits
            else window[1] - window[0]
        )
        if counted is None:
            return None
        sizes[layer, rest] = counted
    wanted = np.full(length, length, dtype=np.int64)
    count = len(hubs.positions)
    paths = "" if count == 0 else ", and paths through one hub" if count == 1 else f", and paths through {count:,} hubs"
    method = f"windows that add up{paths}"
    return concluded(sizes, wanted, steps, method)


def _keys_of_hubs(steps: Steps, positions: Int64, length: int) -> Iterator[UInt64]:
    """Before each layer, and after all: [length], bit h of key j is set where hub h has it."""
    every = ~np.uint64(0) >> np.uint64(64 - positions.size)
    keys: UInt64 | None = None
    for layer in range(len(steps) + 1):
        if keys is None or not (keys == every).all():
            keys = rows_reach(steps[:layer], length, positions)[:, 0]
        yield keys


def _hubs_of_queries(steps: Steps, positions: Int64, length: int) -> Iterator[UInt64]:
    """Before these layers, and after each: [length], bit h of query i is set where it has hub h."""
    every = ~np.uint64(0) >> np.uint64(64 - positions.size)
    rows = np.zeros((length, 1), dtype=np.uint64)
    rows[positions, 0] = np.uint64(1) << np.arange(positions.size, dtype=np.uint64)
    yield rows[:, 0]
    for operators in steps:
        if not (rows == every).all():
            rows = step(operators, rows)
        yield rows[:, 0]


def _bits(words: UInt64, count: int) -> Bool:
    """[rows, count]: the first `count` bits of each row of `words` [rows, 1]."""
    words = np.ascontiguousarray(words)
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little", count=count).astype(np.bool_)


def _sizes(reached: Bool, gains: Bool, start: Int64, stop: Int64) -> Int64 | None:
    """[rows]: keys in [start, stop) or in `gains` [hubs, length] of a hub in `reached` [rows, hubs]; None: too many."""
    rows, length = reached.shape[0], gains.shape[1]
    kinds, kind = np.unique(np.packbits(reached, axis=1), axis=0, return_inverse=True)
    if kinds.shape[0] * length > LARGEST_KINDS:
        return None
    sizes = np.zeros(rows, dtype=np.int64)
    for index in range(kinds.shape[0]):
        (at,) = np.nonzero(kind.reshape(-1) == index)
        running = np.concatenate([[0], np.cumsum(gains[reached[at[0]]].any(axis=0))])
        sizes[at] = running[-1] + (stop[at] - start[at]) - (running[stop[at]] - running[start[at]])
    return sizes
