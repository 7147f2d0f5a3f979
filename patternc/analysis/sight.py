"""Sight: how many keys one query sees through some layers.

For: showing quickly that layers do not connect a model: one column back from one query, where `reach.py` may have to
sweep all of them. Not for: showing that they do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patternc.algebra.relation import Relation
from patternc.analysis.operators import lower
from patternc.analysis.propagate import apply_transposed


def seen_by(query: int, layers: Sequence[Relation], length: int) -> int:
    """How many keys `query` sees after `layers`, first layer first; itself is one of them.

    Raises:
        NoOperator: a layer has too little structure for its length.
    """
    lowered = {layer: lower(layer, length) for layer in dict.fromkeys(layers)}
    seen = np.zeros((length, 1), dtype=np.uint8)
    seen[query] = 1
    for layer in reversed(layers):
        before = seen.copy()
        apply_transposed(lowered[layer], before, seen, np.maximum)
    return int(seen.sum())


def blind(layers: Sequence[Relation], length: int, both_ways: bool) -> bool:
    """Whether an end of the sequence shows that the layers do not connect it: its last query should see every key.

    `both_ways`: and its first one. Raises NoOperator as `seen_by` does.
    """
    ends = (length - 1, 0) if both_ways else (length - 1,)
    return any(seen_by(end, layers, length) < length for end in ends)
