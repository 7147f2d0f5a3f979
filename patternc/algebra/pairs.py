"""Pairs listed one by one, for the component of a normal form that has few scattered keys in each row.

For: gathered tiles and counts of such a component. Not for: anything with many pairs a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import Budget, refuse
from patternc.algebra.evaluate import evaluate
from patternc.algebra.index import expand
from patternc.algebra.normalise import Drawn
from patternc.algebra.rowspans import row_spans

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Distinct pairs (query, key) [P] of a place of length n, query by query."""

    n: int
    query: Int64
    key: Int64


def listed_pairs(drawn: Drawn, n: int, budget: Budget) -> Pairs:
    """The pairs of a drawn component. Raises TileBudgetError when there are too many to list."""
    spans = row_spans(drawn.source, np.arange(n, dtype=np.int64), n, budget)
    lengths = spans.stop - spans.start
    total = int(lengths.sum())
    if total > budget.spans:
        raise refuse("pairs listed one by one", total, budget.spans, "lift `random` to blocks(b, .)")
    span, place = expand(lengths)
    query, key = spans.row[span], spans.start[span] + place
    kept = evaluate(drawn.relation, query, key, n)
    return Pairs(n, query[kept], key[kept])
