"""Boxes of tokens as vertices: how many tokens can pass over boxes that attend each other completely.

Positions are cut into boxes. A layer joins a box of keys to one of queries where it has every pair of the two, and each
box to itself token by token: the residual. Flow over boxes becomes paths of tokens without a common one: those that
stay keep their places, and those that come from other boxes may take any of the places that are left.

For: a bound from below of the bottleneck at any length. Not for: pairs of boxes that are joined in part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import DEFAULT_BUDGET
from patternc.algebra.relation import Relation
from patternc.analysis.classify import FULL, Boxes, classify
from patternc.analysis.draws import draw_all
from patternc.analysis.network import through

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

MOST_BOXES = 384
MOST_EDGES = 1 << 19
"""Edges between boxes, over all layers."""


def over_boxes(layers: Sequence[Relation], n: int, sources: Bool, sinks: Bool, grid: int) -> int:
    """How many tokens can pass from `sources` [n] after the first layer to `sinks` [n] before the last one, at least.

    The sequence is cut into `grid` boxes of equal size, and where sources or sinks begin or end. 0 where that takes
    too many boxes, or too many edges between them.
    """
    cuts = np.unique(np.concatenate([_edges(sources), _edges(sinks), np.arange(grid + 1) * n // grid]))
    start, stop = cuts[:-1], cuts[1:]
    boxes = start.size
    if boxes > MOST_BOXES:
        return 0
    query, key = np.divmod(np.arange(boxes * boxes, dtype=np.int64), boxes)
    squares = Boxes(start[query], stop[query], start[key], stop[key])
    sizes = stop - start
    joined: dict[Relation, tuple[Int64, Int64, Int64]] = {}
    for layer in dict.fromkeys(layers[1:-1]):
        full = classify(layer, squares, n, draw_all(layer, n, DEFAULT_BUDGET)) == FULL
        some = np.flatnonzero(full | (query == key))
        carried = np.minimum(sizes[query[some]], sizes[key[some]])
        joined[layer] = key[some], query[some], carried
    between = [joined[layer] for layer in layers[1:-1]]
    if sum(tails.size for tails, _, _ in between) > MOST_EDGES:
        return 0
    none = np.zeros(0, dtype=np.int64)
    first = np.flatnonzero(sources[start])
    last = np.flatnonzero(sinks[start]) + boxes * len(between)
    return through(
        np.tile(sizes, len(between) + 1),
        first,
        last,
        np.concatenate([none, *(tails + boxes * at for at, (tails, _, _) in enumerate(between))]),
        np.concatenate([none, *(heads + boxes * (at + 1) for at, (_, heads, _) in enumerate(between))]),
        np.concatenate([none, *(carried for _, _, carried in between)]),
    )


def _edges(chosen: Bool) -> Int64:
    """Where runs of chosen positions begin and end."""
    return np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
