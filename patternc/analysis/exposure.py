"""Exposure: what of a model's connections hangs on its hubs.

Hubs are the tokens that every query attends: sinks, global tokens. Without them the other tokens are a model of their
own: no path goes through a hub, and none begins or ends in one.

For: how many of the connections among the other tokens are lost, and how much deeper the model gets. Not for: which
tokens are hubs (`measures.py`), or what a trained model sends through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from patternc.algebra.relation import PAST, Keys, Queries, Relation, Spans, difference, intersection, union
from patternc.analysis.clauses import Unstructured
from patternc.analysis.operators import NoOperator, lower
from patternc.analysis.propagate import apply_transposed
from patternc.analysis.reach import Reach, reach
from patternc.analysis.recurrent import restricted
from patternc.analysis.sweep import Target, UInt64, count_bits, step

MOST_BITS = 1 << 30
"""Hubs times tokens: where a model is not connected, what each hub sees, and who sees it, is followed on its own."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Connections between different tokens that are no hubs: `connected` after all layers, `lost` without hubs.

    `depth` is the number of layers after which the other tokens see each other without hubs, None where those of the
    model are not enough. All are None where there are no hubs, or nothing was computed, and `method` says so.
    """

    hubs: Spans
    connected: int | None
    lost: int | None
    depth: int | None
    method: str
    exact: bool

    @property
    def share(self) -> Fraction | None:
        """The share of the connections that is lost; None without any connection."""
        return Fraction(self.lost, self.connected) if self.connected and self.lost is not None else None


def exposure(layers: Sequence[Relation], n: int, target: Target, hubs: Spans, whole: Reach) -> Exposure:
    """What `layers`, which look back only where the target is the past, lose without `hubs`; `whole` is their reach."""
    if not hubs:
        return _open((), "none: there is no key that every query attends")
    if not whole.exact:
        return _open(hubs, whole.method)
    if not (whole.complete or whole.growth):
        return _open(hubs, f"not decided: {n:,} tokens are too many to count what is connected")
    without, alone = _without(layers, n, target, hubs)
    if not without.exact:
        return _open(hubs, f"without hubs, {without.method}")
    others = n - sum(stop - start for start, stop in hubs)
    wanted = others * (others + 1) // 2 if target == "past" else others * others
    try:
        connected = wanted if whole.complete else _among_others(layers, n, hubs, whole)
    except NoOperator as error:
        return _open(hubs, f"not decided: {error}")
    if connected is None:
        return _open(hubs, f"not decided: following every hub takes more than {MOST_BITS:,} bits")
    kept = [each.total - alone for each in without.growth]
    depth = next((layer + 1 for layer, pairs in enumerate(kept) if pairs == wanted), None)
    return Exposure(
        hubs, connected - others, connected - kept[-1], depth, f"without hubs, {without.method}", exact=True
    )


def _open(hubs: Spans, method: str) -> Exposure:
    return Exposure(hubs, None, None, None, method, exact=False)


def _without(layers: Sequence[Relation], n: int, target: Target, hubs: Spans) -> tuple[Reach, int]:
    """The reach of the tokens that are no hubs, and how many pairs of hubs are in it.

    Where the others are neighbours, they are a sequence of their own. Else each span of hubs sees itself and nothing
    more: layers of whole blocks are then still layers of whole blocks.
    """
    edges = [0, *(edge for span in hubs for edge in span), n]
    between = [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]
    if len(between) == 1:
        start, stop = between[0]
        try:
            inside = {layer: restricted(layer, start, stop) for layer in dict.fromkeys(layers)}
        except Unstructured:
            pass
        else:
            return reach([inside[layer] for layer in layers], stop - start, target, bounds=False), 0
    hub = union(Keys(hubs), Queries(hubs))
    own = union(*(intersection(Keys((span,)), Queries((span,))) for span in hubs))
    own = intersection(PAST, own) if target == "past" else own
    apart = {layer: union(difference(layer, hub), own) for layer in dict.fromkeys(layers)}
    sizes = [stop - start for start, stop in hubs]
    alone = sum(size * (size + 1) // 2 if target == "past" else size * size for size in sizes)
    return reach([apart[layer] for layer in layers], n, target, bounds=False), alone


def _among_others(layers: Sequence[Relation], n: int, hubs: Spans, whole: Reach) -> int | None:
    """Pairs that are connected and have no hub, with those of a token and itself; None where that takes too much.

    Of all pairs, those with a hub are left out: what hubs see, and who sees them, both ways between two hubs once.

    Raises:
        NoOperator: a layer has too little structure for its length.
    """
    positions = np.concatenate([np.arange(start, stop) for start, stop in hubs])
    if positions.size * n > MOST_BITS:
        return None
    lowered = {layer: lower(layer, n) for layer in dict.fromkeys(layers)}
    number = np.arange(positions.size)
    seeds = np.zeros((n, -(-positions.size // 64)), dtype=np.uint64)
    seeds[positions, number // 64] = np.uint64(1) << (number % 64).astype(np.uint64)
    seen: UInt64 = seeds
    for layer in layers:
        seen = step(lowered[layer], seen)
    sees: UInt64 = seeds
    for layer in reversed(layers):
        before = sees.copy()
        apply_transposed(lowered[layer], sees, before)
        sees = before
    seen_by = count_bits(seen)
    with_hub = int(seen_by.sum()) + int(count_bits(sees).sum()) - int(seen_by[positions].sum())
    return whole.growth[-1].total - with_hub
