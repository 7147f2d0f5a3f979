"""Block saturation: layers that see whole blocks of tokens, or nothing of them, are layers over blocks.

Where every layer joins all tokens of two blocks or none, and every block sees itself, a path of tokens may go through
any token of a block, so that tokens are connected exactly as their blocks are; in a causal model a token of an earlier
block is as free, and one's own block is seen up to oneself. 1,048,576 tokens in blocks of 64 are 16,384 nodes.

For: `reach.py`. Not for: bounds where blocks are seen in part (`graph.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from patternc.algebra.evaluate import evaluate
from patternc.algebra.relation import PAST, Relation, intersection
from patternc.analysis.coarse import multiples, over_blocks, without_past


@dataclass(frozen=True, slots=True)
class Saturated:
    """The layers over blocks of `size` tokens; in a causal model cut to blocks that are not later."""

    size: int
    layers: tuple[Relation, ...]


def saturated(layers: Sequence[Relation], length: int, causal: bool) -> Saturated | None:
    """The layers over the largest blocks that all of them see whole; None where they do not, or `length` cuts one."""
    uncut = {layer: without_past(layer) if causal else layer for layer in dict.fromkeys(layers)}
    relations = [relation for relation in uncut.values() if relation is not None]
    if len(relations) < len(uncut):
        return None
    size = gcd(length, *(each for relation in relations for each in multiples(relation, length)))
    if size < 2:
        return None
    every = np.arange(length // size)
    found: dict[Relation, Relation] = {}
    for layer, relation in uncut.items():
        blocks = None if relation is None else over_blocks(relation, size)
        if blocks is None or not evaluate(blocks, every, every, every.size).all():
            return None
        found[layer] = intersection(PAST, blocks) if causal else blocks
    return Saturated(size, tuple(found[layer] for layer in layers))
