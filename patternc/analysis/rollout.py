"""Rollout: how far away what arrives at the last query comes from, if attention is uniform.

Each layer is a matrix whose row i is the mean over the heads of even weights over the keys of query i, as often as each
counts; a head without keys there is left out, and a query without any keeps its own token. Attention rollout (Abnar and
Zuidema 2020) multiplies the layers, each mixed half and half with the residual. The last row of that product is the
influence of every token on the last query: here that row alone is pulled back through the layers.

For: the distance within which nearly all influence lies, beside the nominal reach, which any path extends. Not for:
what a trained model attends: rollout knows the pattern alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import DEFAULT_BUDGET, TileBudgetError
from patternc.algebra.schedule import Schedule
from patternc.analysis.collect import Collector, collector

Float64 = NDArray[np.float64]

TOLERANCE = 1e-9
"""Influence that rounding may hide: a window of 100 keys holds 99 % in its nearest 99, and no rounding may say 100."""
DIGITS, HALF_WAY = 9, 1e-12
"""Digits of a share, and what is added before it is rounded: one that lies half-way, as quotients by powers of two do,
goes up on every machine."""
MOST_RUNS = 1 << 21
"""Runs of keys that one pattern may have."""
MOST_WORK = 1 << 25
"""Runs that all layers together may go through, which takes a second or two."""
ROLLOUT_METHOD = (
    "the last row of the product of all layers, each with even weights over the keys of every head, in float64"
)


@dataclass(frozen=True, slots=True)
class Influence:
    """Where the influence on the last query comes from.

    `half` and `most`: the distances within which 50 % and 99 % of it lie; `first`: the share of the first token.
    """

    half: int
    most: int
    first: float


@dataclass(frozen=True, slots=True)
class Rollout:
    """The influence on the last query; all None where it was not computed, and `method` says why.

    `nominal` is the distance to the farthest token that any path joins with it. `mixed` has each layer half and half
    with the residual, `attention` is without it.
    """

    nominal: int | None
    mixed: Influence | None
    attention: Influence | None
    method: str
    exact: bool


def rollout(schedule: Schedule) -> Rollout:
    """The rollout of the last query of a schedule."""
    n = schedule.tokens
    budget = replace(DEFAULT_BUDGET, spans=MOST_RUNS)
    try:
        patterns = [collector(pattern.relations, n, budget) for pattern in schedule.patterns]
    except TileBudgetError as error:
        return _refused(str(error))
    work = sum(patterns[at].runs + n for row in schedule.table for at in dict.fromkeys(row))
    if work > MOST_WORK:
        return _refused(f"its layers have {work:,} runs of keys, more than the {MOST_WORK:,} this method takes")
    layers = {row: _Layer.of(row, patterns) for row in dict.fromkeys(schedule.table)}
    held = np.zeros((n, 3))
    held[-1] = 1
    for row in reversed(schedule.table):
        held = layers[row].back(held)
    farthest = n - 1 - int(np.flatnonzero(held[:, 2])[0])
    return Rollout(farthest, _influence(held[:, 0]), _influence(held[:, 1]), ROLLOUT_METHOD, exact=True)


def _refused(why: str) -> Rollout:
    return Rollout(None, None, None, f"not computed: {why}", exact=False)


def _influence(held: Float64) -> Influence:
    within = np.cumsum(held[::-1]) + TOLERANCE
    return Influence(
        int(np.argmax(within >= 0.5)),
        int(np.argmax(within >= 0.99)),
        min(round(float(held[0]) + HALF_WAY, DIGITS), 1.0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The distinct patterns of a layer, how many heads have each, and of how many heads each query [n] has keys."""

    patterns: tuple[Collector, ...]
    times: tuple[int, ...]
    attending: NDArray[np.int64]

    @staticmethod
    def of(row: Sequence[int], patterns: Sequence[Collector]) -> _Layer:
        """The layer whose heads have these patterns."""
        counted = Counter(row)
        attending = sum(
            (times * (patterns[at].keys > 0).astype(np.int64) for at, times in counted.items()),
            np.zeros(1, dtype=np.int64),
        )
        return _Layer(tuple(patterns[at] for at in counted), tuple(counted.values()), attending)

    def back(self, held: Float64) -> Float64:
        """One layer back. Column 0 is mixed with the residual, 1 is not, 2 marks every token with any influence."""
        found = np.where((self.attending == 0)[:, None], held, 0.0)
        for pattern, times in zip(self.patterns, self.times, strict=True):
            weights = held * (times / np.maximum(self.attending * pattern.keys, 1))[:, None]
            weights[:, 2] = held[:, 2]
            found += pattern.collect(weights)
        found[:, 0] = (found[:, 0] + held[:, 0]) / 2
        # The marks are whole numbers, and exact; what a running total leaves of nothing is nothing.
        found[:, 2] = (found[:, 2] + held[:, 2]) > 0
        return np.maximum(found, 0.0)
