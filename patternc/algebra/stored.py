"""Stored layouts as arrays: their pairs, their rows as runs, and how many pairs lie in a box.

For: everything that looks at a `Layout` with numpy; what is derived from one is kept while it is being worked with. Not
for: reading files (`grammar/layout_file.py`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

_KEPT = 4
"""Layouts whose arrays are kept; an array of counts has up to 256 MiB."""


@lru_cache(maxsize=_KEPT)
def matrix(layout: r.Layout) -> Bool:
    """The pairs of a layout, [side, side] (query, key)."""
    packed = np.frombuffer(layout.bits, dtype=np.uint8).reshape(layout.side, -1)
    return np.unpackbits(packed, axis=1, count=layout.side, bitorder="little").astype(np.bool_)


def pairs_at(layout: r.Layout, i: Int64, j: Int64) -> Bool:
    """Which pairs (broadcast) a layout has; none beyond its sides."""
    last = layout.side - 1
    return matrix(layout)[np.minimum(i, last), np.minimum(j, last)] & (i <= last) & (j <= last)


def pairs_in(layout: r.Layout, q0: Int64, q1: Int64, k0: Int64, k1: Int64) -> Int64:
    """How many pairs each box [q0, q1) x [k0, k1) has."""
    below = _below(layout)
    q0, q1, k0, k1 = (np.minimum(edge, layout.side) for edge in (q0, q1, k0, k1))
    return below[q1, k1].astype(np.int64) - below[q0, k1] - below[q1, k0] + below[q0, k0]


@lru_cache(maxsize=_KEPT)
def _below(layout: r.Layout) -> NDArray[np.int32]:
    """At [a, b], how many pairs have i < a and j < b."""
    counts = np.zeros((layout.side + 1, layout.side + 1), dtype=np.int32)
    np.cumsum(matrix(layout), axis=0, out=counts[1:, 1:])
    np.cumsum(counts[1:, 1:], axis=1, out=counts[1:, 1:])
    return counts


def runs_of(layout: r.Layout, rows: Int64, n: int) -> tuple[Int64, Int64, Int64]:
    """The runs of keys below n in some rows: (index into `rows`, start, stop), in order of row and start."""
    width = min(layout.side, n)
    inside = np.zeros((rows.size, width + 2), dtype=np.int8)
    stored = rows < layout.side
    inside[stored, 1:-1] = matrix(layout)[rows[stored], :width]
    change = np.diff(inside, axis=1)
    row, start = np.nonzero(change == 1)
    _, stop = np.nonzero(change == -1)
    return row.astype(np.int64), start.astype(np.int64), stop.astype(np.int64)
