"""Index arithmetic on arrays that several parts share.

For: laying runs out as their elements, and finding values in sorted arrays. Not for: anything about patterns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


def expand(counts: Int64) -> tuple[Int64, Int64]:
    """Lay out runs of lengths `counts` [R]: for every element the run it belongs to and its place in the run."""
    run = np.repeat(np.arange(counts.size, dtype=np.int64), counts)
    begin = np.cumsum(counts) - counts
    return run, np.arange(run.size, dtype=np.int64) - begin[run]


def contains(ascending: Int64, values: Int64) -> Bool:
    """Which values, of any shape, occur in an ascending array."""
    if ascending.size == 0:
        return np.zeros(values.shape, dtype=np.bool_)
    index = np.searchsorted(ascending, values)
    return ascending[np.minimum(index, ascending.size - 1)] == values
