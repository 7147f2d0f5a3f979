"""Measures: what decoding must keep, which keys everything leans on, how far information goes.

For: small exact figures that follow from counts, operators and growth. Each is None where it is not known. Not for:
reach itself, or figures that mean nothing (a causal graph's strongly connected components, say).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.relation import Relation, Spans, union
from patternc.algebra.schedule import Schedule
from patternc.analysis.count import Counts
from patternc.analysis.operators import lower
from patternc.analysis.propagate import apply_transposed
from patternc.analysis.reach import Reach

Int64 = NDArray[np.int64]

MOST_HUB_SPANS = 8


@dataclass(frozen=True, slots=True)
class Cache:
    """Keys that decoding one token after the other must keep.

    `most` is the largest number, over steps i, layers and kv heads, of keys j <= i that a query at or after i attends;
    `total` the largest number over steps of such (layer, kv head, key) together.
    """

    most: int
    layer: int
    kv_head: int
    step: int
    total: int


@dataclass(frozen=True, slots=True)
class Hubs:
    """The keys that most queries attend: the pairs of the busiest key in one head, against the mean key."""

    layer: int
    head: int
    key: int
    pairs: int
    mean: Fraction
    keys: Spans
    """The keys that every query attends (every query from their own position on, in a causal model)."""


def last_query(relation: Relation, length: int) -> Int64:
    """[length]: the last query that attends each key, -1 where none does.

    Raises:
        NoOperator: the relation has too little structure for its length.
    """
    queries = np.arange(1, length + 1, dtype=np.int64)[:, None]
    last = np.zeros_like(queries)
    apply_transposed(lower(relation, length), queries, last, np.maximum)
    return last[:, 0] - 1


def kept_keys(relation: Relation, length: int) -> Int64:
    """[length]: at each step i, how many keys j <= i a query at or after i attends."""
    last = last_query(relation, length)
    keys = np.arange(length, dtype=np.int64)
    live = last >= keys
    change = np.zeros(length + 1, dtype=np.int64)
    np.add.at(change, keys[live], 1)
    np.add.at(change, last[live] + 1, -1)
    return np.cumsum(change)[:length]


def decode_cache(schedule: Schedule) -> Cache:
    """What decoding must keep; the heads that share a kv head share its keys.

    Raises:
        NoOperator: a pattern has too little structure for its length.
    """
    group = schedule.heads // schedule.kv_heads
    known: dict[Relation, Int64] = {}
    total = np.zeros(schedule.tokens, dtype=np.int64)
    best: tuple[int, int, int, int] | None = None
    for layer, row in enumerate(schedule.table):
        for kv_head in range(schedule.kv_heads):
            used = dict.fromkeys(row[kv_head * group : (kv_head + 1) * group])
            relation = union(*(schedule.patterns[at].relation for at in used))
            if relation not in known:
                known[relation] = kept_keys(relation, schedule.tokens)
            kept = known[relation]
            total += kept
            step = int(np.argmax(kept))
            if best is None or kept[step] > best[0]:
                best = (int(kept[step]), layer, kv_head, step)
    assert best is not None
    return Cache(*best, int(total.max()))


def hubs(schedule: Schedule, counts: Counts) -> Hubs:
    """The busiest key of any pattern, and the keys of that pattern that everyone attends who may."""
    busiest = max(range(len(counts.patterns)), key=lambda at: (int(counts.patterns[at].per_key.max()), -at))
    per_key = counts.patterns[busiest].per_key
    tokens = schedule.tokens
    possible = np.arange(tokens, 0, -1) if schedule.causal else np.full(tokens, tokens)
    everyone = _runs(per_key == possible)
    if schedule.causal:
        # Near its end a causal sequence has few queries left: any window holds them all, which makes no hub.
        everyone = tuple(span for span in everyone if span[1] < tokens)
    layer, head = next(
        (layer, head) for layer, row in enumerate(schedule.table) for head, at in enumerate(row) if at == busiest
    )
    key = int(np.argmax(per_key))
    mean = Fraction(int(per_key.sum()), tokens)
    shown = everyone if len(everyone) <= MOST_HUB_SPANS and everyone != ((0, tokens),) else ()
    return Hubs(layer, head, key, int(per_key[key]), mean, shown)


def _runs(mask: NDArray[np.bool_]) -> Spans:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return tuple((int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True))


def average_depth(reach: Reach, tokens: int) -> Fraction | None:
    """Layers that information takes on average, over all connected pairs but i -> i; None where none is connected."""
    taken, before = 0, tokens
    for growth in reach.growth:
        taken += (growth.total - before) * (growth.layer + 1)
        before = growth.total
    return Fraction(taken, before - tokens) if before > tokens else None
