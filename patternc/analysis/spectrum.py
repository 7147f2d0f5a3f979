"""Spectral gap: how fast a model that looks both ways mixes its sequence.

The sequence is cut into blocks. In each layer a walker stays at its block with probability 1/2, which is the residual,
and else moves to the block of a key, drawn evenly from the pairs of the layer's heads together. One round of the
schedule is the product of its layers. Its largest eigenvalue is 1; the modulus of the second, as a rate per layer, is
how slowly the walk forgets where it began. The gap is 1 minus that rate: 1/2 for dense attention, 0 where parts never
mix.

For: one figure of mixing with the hubs and one without. Not for: causal models, in which nothing comes back, or any in
which some blocks are left for good: the gap of such a walk says nothing about mixing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.relation import Keys, Queries, Relation, Spans, difference, union
from patternc.algebra.rowspans import inside_spans
from patternc.analysis.occupied import occupied_tiles

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

MOST_BLOCKS = 256
MOST_LAYERS = 24
"""Layers of a round: each halves at most what is not mixed yet, and rounding hides what is left after 50."""
DIGITS = 4
ROUNDING = 1e-15
"""What float64 leaves open in a walk, which times the condition of an eigenvalue is what it leaves open in that."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The gap of the walk over `blocks` blocks of `block` tokens, a layer; `without` is that without the hubs.

    None where there is none to be had, and `method` says why. `exact` where blocks are single tokens.
    """

    blocks: int
    block: int
    gap: float | None
    without: float | None
    method: str
    exact: bool


def spectral_gap(layers: Sequence[Relation], n: int, causal: bool, hubs: Spans) -> Gap:
    """The gap of `layers` (each the union over its heads) with and without `hubs`."""
    block = 1
    while block * MOST_BLOCKS < n:
        block *= 2
    blocks = -(-n // block)
    if causal:
        return Gap(
            blocks, block, None, None, "none: a causal walk never comes back, and its gap says nothing", exact=False
        )
    if blocks < 2:
        return Gap(blocks, block, None, None, "none: a single token has nothing to mix with", exact=False)
    layers = _round(layers)
    if len(layers) > MOST_LAYERS:
        why = f"not computed: a round of this schedule has more than {MOST_LAYERS} layers"
        return Gap(blocks, block, None, None, why, exact=False)
    try:
        gap = _gap(layers, n, block, ())
        without = _gap(layers, n, block, hubs) if hubs else None
    except TileBudgetError as error:
        return Gap(blocks, block, None, None, f"not computed: {error}", exact=False)
    if gap is None:
        why = "none: some blocks are left for good, or so nearly that rounding would decide; the gap says nothing"
        return Gap(blocks, block, None, without, why, exact=False)
    of = "every token" if block == 1 else f"{blocks} blocks of {block:,} tokens"
    method = f"second eigenvalue of the walk over {of}, in float64"
    return Gap(blocks, block, gap, without, method, exact=block == 1)


def _round(layers: Sequence[Relation]) -> Sequence[Relation]:
    """The layers until the schedule starts over; its last round may be cut short."""
    for length in range(1, len(layers)):
        if all(layer == layers[at % length] for at, layer in enumerate(layers)):
            return layers[:length]
    return layers


def _gap(layers: Sequence[Relation], n: int, block: int, hubs: Spans) -> float | None:
    """The gap without some tokens; None where the walk leaves some blocks for good, or rounding would decide it.

    Raises:
        TileBudgetError: a layer has too many tiles.
    """
    hub = union(Keys(hubs), Queries(hubs)) if hubs else union()
    left = np.add.reduceat(~inside_spans(hubs, np.arange(n)), np.arange(0, n, block), dtype=np.int64) > 0
    walks = {layer: _walk(difference(layer, hub), n, block)[np.ix_(left, left)] for layer in dict.fromkeys(layers)}
    once = np.eye(int(left.sum()))
    for layer in layers:
        once = walks[layer] @ once
    if once.shape[0] < 2:
        return None
    comes = _reached(once > 0)
    if not (comes == comes.T).all():
        return None
    if not comes.all():
        return 0.0
    values, vectors = np.linalg.eig(once)
    try:
        dual = np.linalg.inv(vectors)
    except np.linalg.LinAlgError:
        return None
    second = np.argsort(np.abs(values))[-2]
    gap = 1 - float(np.abs(values[second])) ** (1 / len(layers))
    condition = float(np.linalg.norm(vectors[:, second]) * np.linalg.norm(dual[second]))
    # Far from symmetric, eigenvalues are what rounding makes of them.
    return float(f"{gap:.{DIGITS}g}") if condition * ROUNDING < gap / 10**DIGITS else None


def _walk(relation: Relation, n: int, block: int) -> Float64:
    """One layer's walk over all blocks; a block without pairs keeps to itself."""
    tiles = occupied_tiles(relation, n, block, block)
    blocks = -(-n // block)
    pairs = np.zeros((blocks, blocks))
    pairs[tiles.query_tile, tiles.key_tile] = tiles.pairs
    total = pairs.sum(axis=1)
    pairs[total == 0] = np.eye(blocks)[total == 0]
    return (np.eye(blocks) + pairs / np.maximum(total, 1)[:, None]) / 2


def _reached(joined: Bool) -> Bool:
    """Which blocks come to which, in any number of steps; every block is joined with itself."""
    while True:
        further = (joined.astype(np.float32) @ joined.astype(np.float32)) > 0
        if (further == joined).all():
            return joined
        joined = further
