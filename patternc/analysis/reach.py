"""Reach: which keys can influence which queries after some layers, exactly, at a concrete length.

Layer l connects i with j when one of its heads attends (i, j), or i == j: the residual. R_l is the composition of the
layers 0..l; the receptive field of query i after layer l is {j : (i, j) in R_l}. The target is every pair, or j <= i
in a causal model. *Complete at depth d*: the composition of the first d layers contains the target.

For: depth, growth of the receptive fields, and the first missing pair, by whichever exact method applies: blocks that
are seen whole (`saturated.py`), causal layers that repeat themselves (`recurrent.py`), windows with global tokens
(`hub_reach.py`), a sweep over all keys (`sweep.py`), or, where they are too many, bounds over blocks (`sandwich.py`).
Not for: proofs for all lengths, or paths (`witness.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.relation import Relation, Spans, merge_spans, union
from patternc.algebra.schedule import Schedule
from patternc.analysis.growth import Growth, Own, growth_of
from patternc.analysis.hub_reach import reach_through_hubs, through_hubs
from patternc.analysis.operators import NoOperator, lower
from patternc.analysis.period import looks_back
from patternc.analysis.propagate import apply
from patternc.analysis.recurrent import LARGEST_REDUCED, recurrence, recurrent
from patternc.analysis.sandwich import bounded
from patternc.analysis.saturated import saturated
from patternc.analysis.sweep import LARGEST_SWEEP, Pair, Steps, Swept, Target, swept

PROSPECT_LAYERS = 4096


@dataclass(frozen=True, slots=True)
class Reach:
    """What the layers connect. `complete`, `depth` and `missing` are None where `exact` is False: not decided.

    `depth` is the number of layers, at least 1, after which the target is reached; None if it never is within them.
    `missing` is the first pair (query, key) of the target, by query, then by key, that no path joins after the last
    layer; `hardest` the first pair that takes all `depth` layers, where `depth` is above 1. `growth` has an entry for
    each layer, or none where bounds decided the rest (`sandwich.py`).
    """

    complete: bool | None
    depth: int | None
    growth: tuple[Growth, ...]
    missing: Pair | None
    hardest: Pair | None
    method: str
    exact: bool


def layer_relations(schedule: Schedule) -> tuple[Relation, ...]:
    """The union over the heads, for each layer; equal layers give equal relations."""
    return tuple(union(*(schedule.patterns[at].relation for at in dict.fromkeys(row))) for row in schedule.table)


def reach(layers: Sequence[Relation], length: int, target: Target, *, bounds: bool = True) -> Reach:
    """Reach of `layers` (each the union over its heads, first layer first) at `length` positions.

    Without `bounds` it is not decided where only these decide it, which takes long and gives no growth.
    """
    return _reach(layers, length, target, block=1, bounds=bounds)


def _reach(layers: Sequence[Relation], length: int, target: Target, *, block: int, bounds: bool) -> Reach:
    """The same where each position stands for `block` tokens; `growth` is that of the tokens."""
    blocks = saturated(layers, length, causal=target == "past")
    if blocks is not None:
        inner = _reach(blocks.layers, length // blocks.size, target, block=block * blocks.size, bounds=bounds)
        return _of_blocks(inner, blocks.size, length)
    repeats = recurrence(layers, length) if target == "past" else None
    hubs = through_hubs(layers, length) if target == "all" else None
    if length > LARGEST_REDUCED:
        return _undecided(f"not decided: {length:,} tokens are more than {LARGEST_REDUCED:,}")
    try:
        lowered = {layer: lower(layer, length) for layer in dict.fromkeys(layers)}
    except NoOperator as error:
        return _undecided(f"not decided: {error}")
    steps = [lowered[layer] for layer in layers]
    own = Own(block, whole=target == "all")
    if repeats is not None:
        return _found(recurrent(steps, repeats, length), own)
    joined = None if hubs is None else reach_through_hubs(steps, hubs, length)
    if joined is not None:
        return _found(joined, own)
    if length > LARGEST_SWEEP and not bounds:
        return _undecided(f"not decided: {length:,} tokens are too many to count what is connected")
    if length > LARGEST_SWEEP:
        return _bounded(layers, steps, length, target)
    return _found(swept(steps, length, target, backward=all(looks_back(layer) for layer in layers)), own)


def _bounded(layers: Sequence[Relation], steps: Steps, length: int, target: Target) -> Reach:
    """Without growth, which bounds do not give."""
    why = f"{length:,} tokens are more than the {LARGEST_SWEEP:,} whose keys are all followed"
    try:
        found = bounded(layers, steps, length, target)
    except TileBudgetError as error:
        return _undecided(f"not decided: {why}, and {error}")
    if found is None:
        return _undecided(f"not decided: {why}, and bounds over blocks of tokens leave too much open")
    complete = found.depth is not None
    missing, hardest = (None, found.pair) if complete else (found.pair, None)
    return Reach(complete, found.depth, (), missing, hardest, found.method, exact=True)


def _found(found: Swept, own: Own) -> Reach:
    complete = found.depth is not None
    missing, hardest = (None, found.pair) if complete else (found.pair, None)
    return Reach(complete, found.depth, growth_of(found.sizes, own), missing, hardest, found.method, exact=True)


def _of_blocks(found: Reach, size: int, length: int) -> Reach:
    """The reach of tokens, from that of the blocks of `size` tokens they are in; `growth` is that of tokens already."""
    method = f"{length // size:,} blocks of {size:,} tokens, each seen whole or not at all; {found.method}"
    if not found.exact:
        return _undecided(found.method)
    missing, hardest = (
        None if pair is None else (pair[0] * size, pair[1] * size) for pair in (found.missing, found.hardest)
    )
    return Reach(found.complete, found.depth, found.growth, missing, hardest, method, exact=True)


def _undecided(method: str) -> Reach:
    return Reach(None, None, (), None, None, method, exact=False)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What more layers would do for a pair that the model leaves unconnected, its schedule starting over at the end.

    `depth` is the number of layers after which the pair is connected, None if it never is or PROSPECT_LAYERS are not
    enough. `closed` are the positions that the key never leaves when it never is, `never` says that this is so.
    """

    depth: int | None
    never: bool
    closed: Spans


def prospect(layers: Sequence[Relation], length: int, pair: Pair) -> Prospect:
    """Follow one key through the layers, again and again.

    Raises:
        NoOperator: a layer has too little structure for its length.
    """
    query, key = pair
    lowered = {layer: lower(layer, length) for layer in dict.fromkeys(layers)}
    holds = np.zeros((length, 1), dtype=np.uint8)
    holds[key] = 1
    idle = 0
    for depth in range(1, max(PROSPECT_LAYERS, 2 * len(layers)) + 1):
        after = holds.copy()
        apply(lowered[layers[(depth - 1) % len(layers)]], holds, after)
        idle = idle + 1 if np.array_equal(after, holds) else 0
        holds = after
        if holds[query, 0]:
            return Prospect(depth, False, ())
        if idle == len(layers):
            return Prospect(None, True, merge_spans((int(at), int(at) + 1) for at in np.flatnonzero(holds[:, 0])))
    return Prospect(None, False, ())
