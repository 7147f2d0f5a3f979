"""The sandwich: what blocks of tokens must reach, and what they may, where there are too many tokens to follow.

The positions are cut into blocks, at the edges of what is irregular as well. Of each layer it is known exactly, for
two blocks I and J, whether some query of I sees a key of J, whether each does, whether each key of J is seen, and
whether all pairs are there. Composed, they bound the reach from both sides: all of I reaches all of J if each query of
I sees some key of a block that reaches all of J before, or all of I sees all of a block by which each key of J is
reached before; and no query of I reaches J unless blocks that see one another join them. A block that may not be
reached proves that the model is incomplete; blocks that must be reached prove that it is complete; what is in between
is decided query by query, while these are few.

For: `reach.py`, beyond the longest sequence that is swept. Not for: the growth of the receptive fields, which bounds
do not give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.relation import Relation
from patternc.analysis.block_layers import BlockLayer, block_cuts, block_layer
from patternc.analysis.propagate import apply
from patternc.analysis.sweep import Int64, Pair, Steps, Target, rows_reach

Bool = NDArray[np.bool_]
UInt64 = NDArray[np.uint64]

MOST_FOLLOWED = 2048
"""Queries that are followed one by one for each depth that the bounds leave open."""
FOLLOWED_WORDS = 4
"""64 times as many queries are followed at a time."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """What the bounds decide, as in `Reach`; `between` is the share of the target that they leave open at the end."""

    depth: int | None
    pair: Pair | None
    method: str
    between: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """After some layers: [blocks, words] bits, row I holds block J where ...; and blocks that reach their own past."""

    may: UInt64
    """... some query of I may reach some key of J,"""
    columns: UInt64
    """... each key of J is reached by some query of I,"""
    must: UInt64
    """... each query of I reaches each key of J."""
    past: Bool


def bounded(layers: Sequence[Relation], steps: Steps, length: int, target: Target) -> Bounded | None:
    """The reach of `layers`, whose operators are `steps`; None where the bounds leave open too much.

    Raises:
        TileBudgetError: a layer has more runs of keys than MOST_RUNS.
    """
    cuts = block_cuts(layers, length)
    made = {layer: block_layer(layer, cuts, length) for layer in dict.fromkeys(layers)}
    state = _start(cuts)
    states: list[_State] = []
    for layer in layers:
        state = _after(made[layer], state)
        states.append(state)
    asked = _Asked(steps, cuts, length, target)
    depth = None
    for layer, each in enumerate(states):
        complete = asked.complete(each, layer + 1)
        if complete is None:
            return None
        if complete:
            depth = layer + 1
            break
    deepest = len(states) if depth is None else depth - 1
    pair = asked.first_missing(states[deepest - 1], deepest) if deepest else None
    if deepest and pair is None:
        return None
    between = asked.between(states[-1])
    method = f"bounds over {cuts.size - 1:,} blocks of tokens"
    if asked.followed:
        method += f", and {asked.followed:,} queries one by one"
    return Bounded(depth, pair, f"{method}; the bounds leave {float(between):.2%} of the pairs open", between)


def _start(cuts: Int64) -> _State:
    """Before the first layer each token reaches itself."""
    count = cuts.size - 1
    at = np.arange(count)
    same = np.zeros((count, -(-count // 64)), dtype=np.uint64)
    same[at, at // 64] = np.uint64(1) << (at % 64).astype(np.uint64)
    single = np.diff(cuts) == 1
    return _State(same, same, np.where(single[:, None], same, np.uint64(0)), single)


def _after(layer: BlockLayer, before: _State) -> _State:
    may, columns, must = before.may.copy(), before.columns.copy(), before.must.copy()
    apply(layer.some, before.may, may)
    apply(layer.columns, before.columns, columns)
    apply(layer.rows, before.must, must)
    apply(layer.whole, before.columns, must)
    return _State(may, columns | must, must, before.past | layer.past)


class _Asked:
    """Questions about the target, answered by the bounds or by following queries; `followed` counts these."""

    def __init__(self, steps: Steps, cuts: Int64, length: int, target: Target) -> None:
        self.steps, self.cuts, self.length, self.target = steps, cuts, length, target
        self.followed = 0

    def complete(self, state: _State, depth: int) -> bool | None:
        """Whether the first `depth` layers reach the target; None where too many queries are open."""
        wanted = self._wanted()
        if (wanted & ~_unpacked(state.may)).any():
            return False
        open_blocks = np.flatnonzero((wanted & ~self._must(state)).any(axis=1))
        rows = int(np.diff(self.cuts)[open_blocks].sum())
        if rows > MOST_FOLLOWED:
            return None
        return all(pair is None for pair in self._followed(open_blocks, depth))

    def first_missing(self, state: _State, depth: int) -> Pair | None:
        """The first missing pair after `depth` layers, which there is; None where it takes too many queries to find."""
        open_blocks = np.flatnonzero((self._wanted() & ~self._must(state)).any(axis=1))
        before = np.cumsum(np.diff(self.cuts)[open_blocks])
        within = open_blocks[: 1 + int(np.searchsorted(before, MOST_FOLLOWED))]
        return next((pair for pair in self._followed(within, depth) if pair is not None), None)

    def between(self, state: _State) -> Fraction:
        """The share of the target that neither bound decides."""
        sizes = np.diff(self.cuts)
        left = self._wanted() & _unpacked(state.may) & ~self._must(state)
        # Pairs, not blocks; of a block's own past, what is not ahead.
        pairs = sizes @ left.astype(np.int64) @ sizes
        total = self.length * self.length
        if self.target == "past":
            own = left.diagonal()
            pairs -= int((sizes * (sizes - 1) // 2)[own].sum())
            total = self.length * (self.length + 1) // 2
        return Fraction(int(pairs), total)

    def _wanted(self) -> Bool:
        count = self.cuts.size - 1
        every = np.ones((count, count), dtype=np.bool_)
        return every if self.target == "all" else np.tril(every)

    def _must(self, state: _State) -> Bool:
        """Pairs of blocks whose share of the target is reached for sure."""
        must = _unpacked(state.must)
        if self.target == "past":
            np.fill_diagonal(must, must.diagonal() | state.past)
        return must

    def _followed(self, some_blocks: Int64, depth: int) -> Iterator[Pair | None]:
        """For the queries of some blocks, in order and some at a time: the first that lacks a key, with the key."""
        chosen = np.isin(np.arange(self.cuts.size - 1), some_blocks)
        rows = np.flatnonzero(np.repeat(chosen, np.diff(self.cuts)))
        for first in range(0, rows.size, 64 * FOLLOWED_WORDS):
            some = rows[first : first + 64 * FOLLOWED_WORDS]
            self.followed += some.size
            yield self._lacking(rows_reach(self.steps[:depth], self.length, some), some)

    def _lacking(self, reached: UInt64, rows: Int64) -> Pair | None:
        for at, row in enumerate(rows):
            bit = np.uint64(1) << np.uint64(at % 64)
            stop = int(row) + 1 if self.target == "past" else self.length
            lacks = (reached[:stop, at // 64] & bit) == 0
            if lacks.any():
                return int(row), int(np.argmax(lacks))
        return None


def _unpacked(bits: UInt64) -> Bool:
    """Bits as [blocks, blocks]."""
    count = bits.shape[0]
    return np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little", count=count).astype(np.bool_)
