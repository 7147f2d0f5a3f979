"""Which terms of a union are certainly part of another: by their form, without looking at pairs.

For: the warning that a term adds nothing. Sound, not complete: "no" means only that the form does not show it. Not
for: deciding inclusion in general, which counting pairs does.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    Queries,
    Relation,
    Residue,
    Rows,
    Slice,
    Spans,
    Union,
    Within,
)


def covered_by(position: int, relations: Sequence[Relation]) -> int | None:
    """The index of another relation that holds all pairs of the one at `position`, if the forms show one.

    Of relations with the same pairs the first covers the others. An empty relation is covered by none.
    """
    one = relations[position]
    if isinstance(one, Empty):
        return None
    for index, other in enumerate(relations):
        if index != position and contains(other, one) and (index < position or not contains(one, other)):
            return index
    return None


def contains(large: Relation, small: Relation) -> bool:
    """Whether every pair of `small` is certainly one of `large`."""
    if large == small or isinstance(large, Full) or isinstance(small, Empty):
        return True
    match large:
        case Union(parts):
            if any(contains(part, small) for part in parts):
                return True
        case Intersection(parts):
            return all(contains(part, small) for part in parts)
        case _:
            pass
    match small:
        case Union(parts):
            return all(contains(large, part) for part in parts)
        case Intersection(parts):
            return any(contains(large, part) for part in parts)
        case Difference(left, _):
            return contains(large, left)
        case _:
            return _contains(large, small)


def _contains(large: Relation, small: Relation) -> bool:
    """`contains` for two relations of which neither is a union or an intersection."""
    match large, small:
        case Band(), Band():
            low = large.low is None or (small.low is not None and large.low <= small.low)
            high = large.high is None or (small.high is not None and small.high <= large.high)
            single = small.low is not None and small.low == small.high and small.low % large.step == 0
            return low and high and (small.step % large.step == 0 or single)
        case Band(None, None, step), Residue():
            return _residues(step, (0,), small.modulus, small.residues)
        case Residue(), Band(low, high, step):
            if low is not None and low == high:
                return low % large.modulus in large.residues
            return _residues(large.modulus, large.residues, step, (0,)) if step > 1 else False
        case (Residue(), Residue()) | (Columns(), Columns()) | (Rows(), Rows()):
            return _residues(large.modulus, large.residues, small.modulus, small.residues)
        case (Keys(outer), Keys(inner)) | (Queries(outer), Queries(inner)):
            return _inside(inner, outer)
        case Chunk((size,)), Chunk((part,)):
            return size % part == 0
        case Chunk(), Band(0, 0):
            return True
        case Blocks(size, outer), Blocks(part, inner):
            return size == part and contains(outer, inner)
        case Within(size, outer), Within(part, inner):
            return size == part and contains(outer, inner)
        case Slice(start, stop, outer), Slice(first, last, inner):
            return (start, stop) == (first, last) and contains(outer, inner)
        case _:
            return False


def _residues(large: int, outer: tuple[int, ...], small: int, inner: tuple[int, ...]) -> bool:
    return small % large == 0 and all(residue % large in outer for residue in inner)


def _inside(inner: Spans, outer: Spans) -> bool:
    return all(any(start <= first and last <= stop for start, stop in outer) for first, last in inner)
