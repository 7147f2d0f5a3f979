"""Counts: how many pairs each pattern, head, layer and the model has.

For: exact pairs and density, in O(tiles). Not for: formulas in n (`formula.py`) or what computes the pairs
(`tile_counts.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import work_for
from patternc.algebra.relation import Relation
from patternc.algebra.schedule import Schedule
from patternc.analysis.rows import key_counts, row_counts

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PatternCount:
    """One distinct pattern of a schedule: how many pairs each query and each key is in, both [tokens]."""

    per_query: Int64
    per_key: Int64

    @property
    def pairs(self) -> int:
        """Pairs of one head with this pattern."""
        return int(self.per_query.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """The counts of a schedule: `patterns` beside those of the schedule, `layers` summed over the query heads."""

    patterns: tuple[PatternCount, ...]
    layers: tuple[int, ...]
    dense: int
    """Pairs of one dense head in this model: n * n, or n * (n + 1) / 2 when it is causal."""
    heads: int

    @property
    def total(self) -> int:
        """Pairs over all layers and heads."""
        return sum(self.layers)

    @property
    def density(self) -> Fraction:
        """Share of the pairs that the same model would have with dense attention."""
        return Fraction(self.total, self.dense * self.heads * len(self.layers))


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
            patterns.append(count_pattern(pattern.relation, schedule.tokens))
    layers = tuple(sum(patterns[at].pairs for at in row) for row in schedule.table)
    return Counts(tuple(patterns), layers, dense_pairs(schedule.tokens, schedule.causal), schedule.heads)


def count_pattern(relation: Relation, tokens: int) -> PatternCount:
    """The counts of one pattern. Raises TileBudgetError."""
    return PatternCount(row_counts(relation, tokens), key_counts(relation, tokens))
