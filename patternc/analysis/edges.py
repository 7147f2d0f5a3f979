"""Where a relation has edges of its own: positions at which what is seen, or by whom, may change.

For: finding where layers become regular (`recurrent.py`), the blocks they see whole (`saturated.py`), and where to cut
a sequence into boxes (`boxes.py`). Not for: edges that move with the query, as those of bands do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from patternc.algebra.relation import (
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
    spans_of,
)


def edges(relation: Relation, length: int) -> Iterator[range]:
    """The edges in a sequence of `length` tokens, as progressions: one of a single position is irregular."""
    match relation:
        case Empty() | Full() | Band() | Residue() | Random() | Layout():
            return
        case Keys(spans) | Queries(spans):
            yield from (_only(edge) for span in spans for edge in span)
        case Columns(modulus, residues) | Rows(modulus, residues):
            yield from (range(edge, length, modulus) for span in spans_of(residues) for edge in span)
        case Chunk(sizes):
            at = 0
            for size in sizes[:-1]:
                yield _only(at)
                at += size
            yield range(at, length, sizes[-1])
        case Blocks(size, inner):
            yield range(0, length, size)
            for found in edges(inner, -(-length // size)):
                yield range(size * found.start, size * found.stop, size * found.step)
        case Within(size, inner):
            yield range(0, length, size)
            yield from (range(edge, length, size) for found in edges(inner, size) for edge in found)
        case Slice(start, stop, inner):
            yield _only(start)
            yield _only(stop)
            for found in edges(inner, stop - start):
                yield range(start + found.start, start + found.stop, found.step)
        case Union(parts) | Intersection(parts):
            for part in parts:
                yield from edges(part, length)
        case Difference(left, right):
            yield from edges(left, length)
            yield from edges(right, length)
        case _:
            assert_never(relation)


def irregular_edges(relation: Relation, length: int) -> Iterator[int]:
    """Positions within the length that are edges by themselves, and do not come again."""
    yield from (found.start for found in edges(relation, length) if len(found) == 1 and found.start < length)


def block_sizes(relation: Relation) -> Iterator[int]:
    """Sizes of the blocks whose edges a beginning must not cut."""
    match relation:
        case Blocks(size, _) | Within(size, _) | Chunk((size,)):
            yield size
        case Union(parts) | Intersection(parts):
            for part in parts:
                yield from block_sizes(part)
        case Difference(left, right):
            yield from block_sizes(left)
            yield from block_sizes(right)
        case _:
            return


def _only(position: int) -> range:
    return range(position, position + 1)
