"""Bottleneck: through how many tokens at once the first token can reach the last query.

Vertices are positions at the boundaries between layers. Layer l joins (key, before l) to (query, after l) where a head
attends the pair, or both are one position: the residual. The bottleneck is the largest number of paths from token 0
before the first layer to the last query after the last one that have no vertex between these two in common; by Menger's
theorem, the least number of vertices that separate the two. Whatever passes must fit into so many vectors.

For: that number: by maximum flow where the edges on the cone between the two are few enough to be listed, else where
two bounds meet. No boundary lets more paths through than it has tokens on the cone; and there are at least as many
paths as in any part of the graph: in a few of the layers, all others passed on the residual, or over boxes of tokens
that attend each other completely. Not for: what a trained model passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import DEFAULT_BUDGET, TileBudgetError
from patternc.algebra.containment import has_random
from patternc.algebra.evaluate import evaluate
from patternc.algebra.index import expand
from patternc.algebra.relation import Band, Relation, union
from patternc.algebra.rowspans import row_spans
from patternc.analysis.boxes import edges_in, edges_of, over_boxes
from patternc.analysis.network import through
from patternc.analysis.operators import NoOperator, lower
from patternc.analysis.propagate import apply, apply_transposed
from patternc.analysis.saturated import saturated

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

MOST_CONE = 1 << 27
"""Tokens of all layers together: each is a byte, three times."""
MOST_EDGES = 1 << 20
"""Edges of a network that is solved."""
MOST_KINDS = 4
"""Kinds of layers of which one or two are tried between the first and the last."""
MOST_EVALUATED = 1 << 22
"""Pairs of two boundaries that are looked at one by one; beyond, rows are listed."""
MOST_DRAWN = 1 << 12
"""Queries whose random keys are drawn for a network."""
GRIDS = (64, 256)
"""Boxes of equal size that the sequence is cut into at least, in turn."""
MOST_ENDS = 64
"""Edges of what the first layer tells of the first token, and of what the last query attends, that are cuts, too."""
SELF = Band(0, 0)


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """How many paths there are without a common token: `paths` where it is known, else between the two bounds.

    `after` is a layer after which no more than `paths` tokens are on any path, None where the paths are not separated
    at one boundary, or there are none. All are None where nothing was computed, or one layer has no tokens between,
    and `method` says so.
    """

    paths: int | None
    at_least: int | None
    at_most: int | None
    after: int | None
    method: str
    exact: bool


def bottleneck(layers: Sequence[Relation], n: int, causal: bool) -> Bottleneck:
    """The bottleneck of `layers` (each the union over its heads, first layer first) at n positions."""
    if len(layers) == 1:
        return Bottleneck(None, None, None, None, "none: a single layer has no tokens between", exact=False)
    blocks = saturated(layers, n, causal)
    if blocks is None:
        return _of_tokens(layers, n)
    # Each path of blocks is one for every token of a block, which keeps its place; more would be more of blocks.
    size, found = blocks.size, _of_tokens(blocks.layers, n // blocks.size)
    paths, least, most = (
        None if each is None else size * each for each in (found.paths, found.at_least, found.at_most)
    )
    method = f"{n // size:,} blocks of {size:,} tokens, each seen whole or not at all; {found.method}"
    return Bottleneck(paths, least, most, found.after, method, found.exact)


def _of_tokens(layers: Sequence[Relation], n: int) -> Bottleneck:
    if len(layers) * n > MOST_CONE:
        why = f"not computed: {len(layers)} layers of {n:,} are more than the {MOST_CONE:,} tokens this method takes"
        return Bottleneck(None, None, None, None, why, exact=False)
    try:
        inward, outward = _cone(layers, n)
    except NoOperator as error:
        return Bottleneck(None, None, None, None, f"not computed: {error}", exact=False)
    cone = [a & b for a, b in zip(inward[:-1], outward[1:], strict=True)]
    widths = [int(tokens.sum()) for tokens in cone]
    most = min(widths)
    if most == 0:
        return _found(0, None, "no path joins the two")
    after = widths.index(most)
    straight = int((inward[0] & outward[-1]).sum())
    if straight == most:
        return _found(most, after, "tokens that layer 0 tells of the first, and the last layer the last query of")
    if most == 1:
        return _found(1, after, "a boundary where a single token is on any path")
    whole = _paths(layers, n)
    if whole is not None:
        return _found(whole, after if whole == most else None, "maximum flow on the cone, every token once")
    least = max(straight, 1)  # the cone is not empty
    for few in _fewer(layers):
        least = max(least, _paths(few, n) or 0)
        if least == most:
            return _found(most, after, f"maximum flow through {len(few)} of the layers reaches the narrowest boundary")
    drawn = n > MOST_DRAWN and any(has_random(layer) for layer in layers)
    for cuts in () if drawn else _cuts(layers, n, inward[0], outward[-1]):
        low, high = over_boxes(layers, n, inward[0], cone, outward[-1], cuts)
        least, most = max(least, low), min(most, high)
        if least == most:
            method = "maximum flow over boxes of tokens, which is no more than what may pass between them"
            return _found(most, after if widths[after] == most else None, method)
    why = "not decided: its cone has too many edges for maximum flow, and the bounds do not meet"
    return Bottleneck(None, least, most, None, why, exact=False)


def _cuts(layers: Sequence[Relation], n: int, sources: Bool, sinks: Bool) -> Iterator[Int64]:
    """Where the sequence may be cut into boxes: evenly, or at edges of the layers; at those of both ends as well."""
    ends = np.concatenate([edges_of(sources), edges_of(sinks)])
    for even in (*(np.arange(grid) * n // grid for grid in GRIDS), edges_in(layers, n)):
        yield np.concatenate([even, ends]) if ends.size <= MOST_ENDS else even


def _pairs(relation: Relation, keys: Int64, queries: Int64, n: int, most: int) -> tuple[Int64, Int64] | None:
    """The pairs of some keys and queries (ascending), as indices of them; None where there may be more than `most`."""
    if queries.size > MOST_DRAWN and has_random(relation):
        return None
    if keys.size * queries.size <= MOST_EVALUATED:
        query, key = np.nonzero(evaluate(relation, queries[:, None], keys[None, :], n))
        return (key, query) if key.size <= most else None
    try:
        spans = row_spans(relation, queries, n, replace(DEFAULT_BUDGET, spans=MOST_EDGES))
    except TileBudgetError:
        return None
    start, stop = np.searchsorted(keys, spans.start), np.searchsorted(keys, spans.stop)
    lengths = (stop - start).astype(np.int64)
    if int(lengths.sum()) > most:
        return None
    run, place = expand(lengths)
    return start[run] + place, spans.row[run]


def _found(paths: int, after: int | None, method: str) -> Bottleneck:
    return Bottleneck(paths, paths, paths, after, method, exact=True)


def _cone(layers: Sequence[Relation], n: int) -> tuple[list[Bool], list[Bool]]:
    """Which positions token 0 reaches after each layer, and which reach the last query from before each layer.

    Raises:
        NoOperator: a layer has too little structure for its length.
    """
    lowered = {layer: lower(layer, n) for layer in dict.fromkeys(layers)}
    inward: list[Bool] = []
    held = np.zeros((n, 1), dtype=np.uint8)
    held[0] = 1
    for layer in layers:
        after = held.copy()
        apply(lowered[layer], held, after)
        held = after
        inward.append(held[:, 0] != 0)
    outward: list[Bool] = []
    held = np.zeros((n, 1), dtype=np.uint8)
    held[n - 1] = 1
    for layer in reversed(layers):
        before = held.copy()
        apply_transposed(lowered[layer], held, before)
        held = before
        outward.append(held[:, 0] != 0)
    return inward, outward[::-1]


def _fewer(layers: Sequence[Relation]) -> list[list[Relation]]:
    """Parts of the schedule: the first layer and the last, and between them one or two of some kinds, in its order."""
    kinds = list(dict.fromkeys(layers[1:-1]))[:MOST_KINDS]
    between = [*combinations(kinds, 1), *combinations_with_replacement(kinds, 2)]
    return [[layers[0], *some, layers[-1]] for some in between if len(some) + 2 < len(layers) and _within(some, layers)]


def _within(some: Sequence[Relation], layers: Sequence[Relation]) -> bool:
    """Whether these layers come in this order between the first and the last."""
    rest = iter(layers[1:-1])
    return all(layer in rest for layer in some)


def _paths(layers: Sequence[Relation], n: int) -> int | None:
    """The paths of some layers, by maximum flow; None where more than MOST_EDGES would have to be listed."""
    inward, outward = _cone(layers, n)
    cone = [np.flatnonzero(a & b) for a, b in zip(inward[:-1], outward[1:], strict=True)]
    if not all(tokens.size for tokens in cone):
        return 0
    first = np.cumsum([0, *(tokens.size for tokens in cone)])
    edges = int(first[-1]) + cone[0].size + cone[-1].size
    joined: list[tuple[Int64, Int64]] = []
    for at, layer in enumerate(layers[1:-1]):
        pairs = _pairs(union(layer, SELF), cone[at], cone[at + 1], n, MOST_EDGES - edges)
        if pairs is None:
            return None
        key, query = pairs
        edges += key.size
        joined.append((first[at] + key, first[at + 1] + query))
    source = np.arange(cone[0].size, dtype=np.int64)
    sink = first[-2] + np.arange(cone[-1].size, dtype=np.int64)
    tails = np.concatenate([tail for tail, _ in joined]) if joined else np.zeros(0, dtype=np.int64)
    heads = np.concatenate([head for _, head in joined]) if joined else np.zeros(0, dtype=np.int64)
    once = np.ones(int(first[-1]), dtype=np.int64)
    return through(once, source, sink, tails, heads, np.ones(tails.size, dtype=np.int64))
