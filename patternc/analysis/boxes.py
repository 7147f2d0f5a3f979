"""Boxes of tokens as vertices: bounds of how many tokens can pass through layers at once.

Positions are cut into boxes. From below: a layer joins a box of keys to one of queries where it has every pair of the
two, and each box to itself token by token: the residual. Such a flow becomes paths of tokens without a common one:
those that stay keep their places, and those that come from other boxes may take any of the places that are left. From
above: a layer joins two boxes where it may have any pair of them, and a box holds as many paths as it has tokens on the
cone.

For: the bottleneck at any length, where both bounds are found without listing pairs. Cuts where the relation itself has
edges (chunks, columns, spans of keys) make them meet. Not for: what is in a box that is joined in part.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import DEFAULT_BUDGET
from patternc.algebra.relation import Relation
from patternc.analysis.classify import EMPTY, FULL, Boxes, State, classify
from patternc.analysis.draws import draw_all
from patternc.analysis.edges import edges
from patternc.analysis.network import through

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

MOST_BOXES = 640
MOST_EDGES = 1 << 20
"""Edges between boxes, over all layers."""


def over_boxes(
    layers: Sequence[Relation], n: int, sources: Bool, cone: Sequence[Bool], sinks: Bool, cuts: Int64
) -> tuple[int, int]:
    """How many tokens can pass, at least and at most, from after the first layer to before the last one.

    `sources` [n] are the positions where they may begin, `sinks` where they may end, `cone` those that are on any path
    at each boundary between; the sequence is cut at `cuts`. (0, n) where that takes too many boxes or edges.
    """
    start = np.unique(np.concatenate([np.zeros(1, dtype=np.int64), cuts[(cuts > 0) & (cuts < n)]]))
    boxes = start.size
    if boxes > MOST_BOXES:
        return 0, n
    states = _states(layers[1:-1], n, start)
    sizes = np.diff(np.append(start, n))
    held = [np.add.reduceat(tokens.astype(np.int64), start) for tokens in cone]
    whole = [np.add.reduceat(tokens.astype(np.int64), start) == sizes for tokens in (sources, sinks)]
    least = _flow([sizes] * len(held), [states[layer] == FULL for layer in layers[1:-1]], sizes, *whole)
    some = [tokens > 0 for tokens in (held[0], held[-1])]
    most = _flow(held, [states[layer] != EMPTY for layer in layers[1:-1]], sizes, *some)
    return least or 0, n if most is None else most


def _states(layers: Sequence[Relation], n: int, start: Int64) -> dict[Relation, State]:
    """[boxes, boxes] (queries, keys) of each distinct layer."""
    boxes, stop = start.size, np.append(start[1:], n)
    query, key = np.divmod(np.arange(boxes * boxes, dtype=np.int64), boxes)
    squares = Boxes(start[query], stop[query], start[key], stop[key])
    return {
        layer: classify(layer, squares, n, draw_all(layer, n, DEFAULT_BUDGET)).reshape(boxes, boxes)
        for layer in dict.fromkeys(layers)
    }


def _flow(held: Sequence[Int64], joined: Sequence[Bool], sizes: Int64, sources: Bool, sinks: Bool) -> int | None:
    """Flow through boxes that hold so many at each boundary; None where they have too many edges."""
    boxes = sizes.size
    tails: list[Int64] = []
    heads: list[Int64] = []
    carried: list[Int64] = []
    for at, pairs in enumerate(joined):
        query, key = np.nonzero(pairs | np.eye(boxes, dtype=np.bool_))
        tails.append(key + boxes * at)
        heads.append(query + boxes * (at + 1))
        carried.append(np.minimum(sizes[query], sizes[key]))
        if sum(each.size for each in tails) > MOST_EDGES:
            return None
    none = np.zeros(0, dtype=np.int64)
    return through(
        np.concatenate(held),
        np.flatnonzero(sources),
        np.flatnonzero(sinks) + boxes * len(joined),
        *(np.concatenate([none, *part]) for part in (tails, heads, carried)),
    )


def edges_of(chosen: Bool) -> Int64:
    """Where runs of chosen positions begin and end."""
    return np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))


def edges_in(layers: Sequence[Relation], n: int) -> Int64:
    """Where the relations have edges of their own, as long as these are few."""
    found: set[int] = set()
    for layer in dict.fromkeys(layers):
        for edge in chain.from_iterable(edges(layer, n)):
            found.add(edge)
            if len(found) > MOST_BOXES:
                return np.zeros(0, dtype=np.int64)
    return np.array(sorted(found), dtype=np.int64)
