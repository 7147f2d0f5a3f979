"""Relations of whole blocks of tokens, as relations over blocks.

For: counting rows of blocks instead of rows of tokens (`rows.py`), and reach over blocks (`saturated.py`). Not for:
relations that see blocks in part, but for the cut to the past.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import assert_never

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
    Union,
    Within,
    difference,
    intersection,
    union,
)
from patternc.analysis.edges import edges


@dataclass(frozen=True, slots=True)
class Coarse:
    """A relation of whole blocks of `size` tokens as one over `blocks` blocks, of which the last may be shorter.

    `causal`: it is cut to the past, token by token, which only cuts the block of the query itself.
    """

    size: int
    blocks: int
    relation: Relation
    causal: bool


def coarse(relation: Relation, length: int) -> Coarse | None:
    """The relation over the largest blocks that it sees whole; None where these are single tokens."""
    past = without_past(relation)
    whole = relation if past is None else past
    size = gcd(*multiples(whole, length))
    blocks = over_blocks(whole, size) if size > 1 else None
    if blocks is None:
        return None
    return Coarse(size, -(-length // size), blocks if past is None else intersection(PAST, blocks), past is not None)


def without_past(relation: Relation) -> Relation | None:
    """What was cut to the past; None where something was not."""
    match relation:
        case Empty():
            return relation
        case Band() if relation == PAST:
            return Full()
        case Intersection(parts) if PAST in parts:
            return intersection(*(part for part in parts if part != PAST))
        case Union(parts):
            uncut = [without_past(part) for part in parts]
            return None if None in uncut else union(*(part for part in uncut if part is not None))
        case _:
            return None


def multiples(relation: Relation, length: int) -> Iterator[int]:
    """Numbers of tokens that the size of blocks must divide, each block being seen whole or not at all."""
    for found in edges(relation, length):
        if found.start < length:
            yield found.start
        if len(found) > 1 or found.step > 1:
            yield found.step


def over_blocks(relation: Relation, size: int) -> Relation | None:
    """The relation of blocks of `size`, which divides all its `multiples`; None where it is not one of whole blocks."""
    match relation:
        case Empty() | Full():
            return relation
        case Blocks(own, inner):
            return None if own % size else inner if own == size else Blocks(own // size, inner)
        case Within(own, inner):
            places = over_blocks(inner, size) if gcd(size, own, *multiples(inner, own)) == size else None
            return None if places is None else Within(own // size, places)
        case Chunk(sizes):
            if any(each % size for each in sizes):
                return None
            return Chunk(tuple(each // size for each in sizes))
        case Keys(spans) | Queries(spans):
            if any(start % size for start, _ in spans):
                return None
            return type(relation)(tuple((start // size, -(-stop // size)) for start, stop in spans))
        case Slice(start, stop, inner):
            part = None if start % size else over_blocks(inner, size)
            return None if part is None else Slice(start // size, -(-stop // size), part)
        case Union(parts) | Intersection(parts):
            found = [over_blocks(part, size) for part in parts]
            known = [part for part in found if part is not None]
            if len(known) < len(found):
                return None
            return union(*known) if isinstance(relation, Union) else intersection(*known)
        case Difference(left, right):
            kept, taken = over_blocks(left, size), over_blocks(right, size)
            return None if kept is None or taken is None else difference(kept, taken)
        case Band() | Residue() | Columns() | Rows() | Random() | Layout():
            return None
        case _:
            assert_never(relation)
