"""Counts: how many pairs each pattern, head, layer and the model has.

For: exact pairs and density, in O(tiles). Not for: formulas in n (`formula.py`) or what computes the pairs
(`tile_counts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import work_for
from patternc.algebra.relation import Relation, union
from patternc.algebra.schedule import Schedule
from patternc.analysis.rows import pair_counts

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PatternCount:
    """One distinct pattern of a schedule: how many pairs each query and each key is in, both [tokens], counted once.

    `branches` are the pairs of each branch of the sum that the pattern is.
    """

    per_query: Int64
    per_key: Int64
    branches: tuple[int, ...]

    @property
    def distinct(self) -> int:
        """Pairs of one head with this pattern, each counted once: what density is about."""
        return int(self.per_query.sum())

    @property
    def pairs(self) -> int:
        """Pairs of one head with this pattern, each as often as it counts in the softmax: what work is about."""
        return sum(self.branches)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """The counts of a schedule: `patterns` beside those of the schedule, the others summed over the query heads.

    `layers` are pairs as often as they count, `distinct` each once.
    """

    patterns: tuple[PatternCount, ...]
    layers: tuple[int, ...]
    distinct: tuple[int, ...]
    dense: int
    """Pairs of one dense head in this model: n * n, or n * (n + 1) / 2 when it is causal."""
    heads: int

    @property
    def total(self) -> int:
        """Pairs over all layers and heads."""
        return sum(self.layers)

    @property
    def density(self) -> Fraction:
        """Share of the pairs that the same model would have with dense attention, each counted once."""
        return Fraction(sum(self.distinct), self.dense * self.heads * len(self.layers))


def dense_pairs(tokens: int, causal: bool) -> int:
    """Pairs of one dense head."""
    return tokens * (tokens + 1) // 2 if causal else tokens * tokens


def count(schedule: Schedule) -> Counts:
    """Count every distinct pattern once.

    Raises:
        TileBudgetError: deciding the pairs of a pattern takes more than the budget allows.
    """
    patterns: list[PatternCount] = []
    for index, pattern in enumerate(schedule.patterns):
        with work_for(index):
            patterns.append(count_pattern(pattern.relations, schedule.tokens))
    layers = tuple(sum(patterns[at].pairs for at in row) for row in schedule.table)
    distinct = tuple(sum(patterns[at].distinct for at in row) for row in schedule.table)
    dense = dense_pairs(schedule.tokens, schedule.causal)
    return Counts(tuple(patterns), layers, distinct, dense, schedule.heads)


def count_pattern(branches: Sequence[Relation], tokens: int) -> PatternCount:
    """The counts of the sum of `branches`. Raises TileBudgetError."""
    known = {branch: pair_counts(branch, tokens) for branch in dict.fromkeys((*branches, union(*branches)))}
    whole = known[union(*branches)]
    return PatternCount(whole.per_query, whole.per_key, tuple(known[branch].total for branch in branches))
