"""Witness: how one query comes to see one key, hop by hop.

For: a shortest path, with the head and the term of the pattern that carries each hop. One sweep forward from the key,
one walk back from the query; no state of all pairs. Not for: how many paths there are, or how good they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.evaluate import evaluate
from patternc.algebra.relation import Relation
from patternc.algebra.schedule import HeadPattern, Schedule
from patternc.analysis.operators import lower
from patternc.analysis.propagate import apply
from patternc.analysis.reach import layer_relations

Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Hop:
    """In layer `layer`, query `query` takes what it needs from key `key`.

    `head` is the first head that attends the pair and `term` the text of its first term that does; both are None where
    nothing is attended and the residual carries the token on (query == key).
    """

    layer: int
    query: int
    key: int
    head: int | None
    term: str | None


@dataclass(frozen=True, slots=True)
class Witness:
    """A shortest path from `key` to `query`, first layer first: layers 0..len(hops)-1, one hop each."""

    query: int
    key: int
    hops: tuple[Hop, ...]


def witness(schedule: Schedule, query: int, key: int) -> Witness | None:
    """A shortest path within the layers of the model, or None where there is none.

    Raises:
        NoOperator: a layer has too little structure for its length.
    """
    layers = layer_relations(schedule)
    length = schedule.tokens
    reached = _sweep(layers, key, query, length)
    if not reached[-1][query]:
        return None
    depth = len(reached) - 1
    hops: list[Hop] = []
    at = query
    for layer in reversed(range(depth)):
        source = _source(layers[layer], at, reached, layer, length)
        hops.append(_hop(schedule, layer, at, source))
        at = source
    return Witness(query, key, tuple(reversed(hops)))


def _sweep(layers: Sequence[Relation], key: int, query: int, length: int) -> list[Bool]:
    """Which positions hold `key` after 0, 1, 2, ... layers, up to the first time that `query` does."""
    lowered = {layer: lower(layer, length) for layer in dict.fromkeys(layers)}
    holds = np.zeros((length, 1), dtype=np.uint8)
    holds[key] = 1
    reached = [holds[:, 0] != 0]
    for layer in layers:
        if reached[-1][query]:
            break
        after = holds.copy()
        apply(lowered[layer], holds, after)
        holds = after
        reached.append(holds[:, 0] != 0)
    return reached


def _source(relation: Relation, at: int, reached: list[Bool], layer: int, length: int) -> int:
    """Whence position `at` has the key after layer `layer`: from itself if it had it, else from a key it attends.

    Of those, the one that had it earliest, then the first: the path uses few hops and is the same every time.
    """
    if reached[layer][at]:
        return at
    (candidates,) = np.nonzero(reached[layer])
    row = np.full(1, at, dtype=np.int64)
    attended = candidates[evaluate(relation, row, candidates, length)]
    for earlier in reached[: layer + 1]:
        holding = attended[earlier[attended]]
        if holding.size:
            return int(holding[0])
    raise AssertionError("the sweep and the relation disagree")


def _hop(schedule: Schedule, layer: int, query: int, key: int) -> Hop:
    for head in range(schedule.heads):
        pattern = schedule.pattern(layer, head)
        if _attends(pattern.relation, query, key, schedule.tokens):
            return Hop(layer, query, key, head, _term(pattern, query, key, schedule.tokens))
    return Hop(layer, query, key, None, None)


def _term(pattern: HeadPattern, query: int, key: int, length: int) -> str:
    for term in pattern.terms:
        if _attends(term.relation, query, key, length):
            return term.text
    return pattern.text


def _attends(relation: Relation, query: int, key: int, length: int) -> bool:
    pair = np.full(1, query, dtype=np.int64), np.full(1, key, dtype=np.int64)
    return bool(evaluate(relation, *pair, length)[0])
