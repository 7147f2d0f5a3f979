"""Block saturation: layers that see whole blocks of tokens, or nothing of them, are layers over blocks.

Where every layer joins all tokens of two blocks or none, and every block sees itself, a path of tokens may go through
any token of a block, so that tokens are connected exactly as their blocks are; in a causal model a token of an earlier
block is as free, and one's own block is seen up to oneself. 1,048,576 tokens in blocks of 64 are 16,384 nodes.

For: `reach.py`. Not for: bounds where blocks are seen in part (`graph.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import assert_never

import numpy as np

from patternc.algebra.evaluate import evaluate
from patternc.algebra.relation import (
    PAST,
    Band,
    Blocks,
    Chunk,
    Columns,
    Difference,
    Empty,
    Full,
    Intersection,
    Keys,
    Layout,
    Queries,
    Random,
    Relation,
    Residue,
    Rows,
    Slice,
    Spans,
    Union,
    Within,
    difference,
    intersection,
    union,
)
from patternc.analysis.edges import edges


@dataclass(frozen=True, slots=True)
class Saturated:
    """The layers over blocks of `size` tokens; in a causal model cut to blocks that are not later."""

    size: int
    layers: tuple[Relation, ...]


def saturated(layers: Sequence[Relation], length: int, causal: bool) -> Saturated | None:
    """The layers over the largest blocks that all of them see whole; None where they do not, or `length` cuts one."""
    uncut = {layer: _without_past(layer) if causal else layer for layer in dict.fromkeys(layers)}
    relations = [relation for relation in uncut.values() if relation is not None]
    if len(relations) < len(uncut):
        return None
    size = gcd(length, *(each for relation in relations for each in _multiples(relation, length)))
    if size < 2:
        return None
    every = np.arange(length // size)
    coarse: dict[Relation, Relation] = {}
    for layer, relation in uncut.items():
        blocks = None if relation is None else _over_blocks(relation, size)
        if blocks is None or not evaluate(blocks, every, every, every.size).all():
            return None
        coarse[layer] = intersection(PAST, blocks) if causal else blocks
    return Saturated(size, tuple(coarse[layer] for layer in layers))


def _without_past(relation: Relation) -> Relation | None:
    """What was cut to the past; None where something was not."""
    match relation:
        case Empty():
            return relation
        case Band() if relation == PAST:
            return Full()
        case Intersection(parts) if PAST in parts:
            return intersection(*(part for part in parts if part != PAST))
        case Union(parts):
            uncut = [_without_past(part) for part in parts]
            return None if None in uncut else union(*(part for part in uncut if part is not None))
        case _:
            return None


def _multiples(relation: Relation, length: int) -> Iterator[int]:
    """Numbers of tokens that the size of the blocks must divide."""
    for found in edges(relation, length):
        yield found.start
        if len(found) > 1 or found.step > 1:
            yield found.step


def _over_blocks(relation: Relation, size: int) -> Relation | None:
    """The relation of blocks of `size`, which divides all its edges; None where it is not one of whole blocks."""
    match relation:
        case Empty() | Full():
            return relation
        case Blocks(own, inner):
            return inner if own == size else Blocks(own // size, inner)
        case Within(own, inner):
            places = None if gcd(size, own, *_multiples(inner, own)) < size else _over_blocks(inner, size)
            return None if places is None else Within(own // size, places)
        case Chunk(sizes):
            return Chunk(tuple(each // size for each in sizes))
        case Keys(spans):
            return Keys(_spans(spans, size))
        case Queries(spans):
            return Queries(_spans(spans, size))
        case Slice(start, stop, inner):
            part = _over_blocks(inner, size)
            return None if part is None else Slice(start // size, stop // size, part)
        case Union(parts) | Intersection(parts):
            coarse = [_over_blocks(part, size) for part in parts]
            known = [part for part in coarse if part is not None]
            if len(known) < len(coarse):
                return None
            return union(*known) if isinstance(relation, Union) else intersection(*known)
        case Difference(left, right):
            kept, taken = _over_blocks(left, size), _over_blocks(right, size)
            return None if kept is None or taken is None else difference(kept, taken)
        case Band() | Residue() | Columns() | Rows() | Random() | Layout():
            return None
        case _:
            assert_never(relation)


def _spans(spans: Spans, size: int) -> Spans:
    return tuple((start // size, stop // size) for start, stop in spans)
