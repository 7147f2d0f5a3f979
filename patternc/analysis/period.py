"""Shift invariance: by how much a relation may be moved along the sequence without changing.

For: the exact reduction of reach in causal models (if every layer looks back only and repeats every p tokens, what the
first p keys reach says all), and for telling which patterns are the same at every length. Not for: `n` inside a
program: a relation's numbers are concrete.
"""

from __future__ import annotations

from math import lcm
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
)


def period(relation: Relation) -> int | None:
    """A p such that (i, j) holds iff (i + p, j + p) does, wherever all four exist; None where none is seen."""
    match relation:
        case Empty() | Full() | Band() | Residue():
            return 1
        case Columns(modulus, _) | Rows(modulus, _):
            return modulus
        case Chunk((size,)):
            return size
        case Keys() | Queries() | Random() | Layout() | Slice() | Chunk():
            return None
        case Blocks(size, inner):
            blocks = period(inner)
            return None if blocks is None else size * blocks
        case Within(size, _):
            return size
        case Union(parts) | Intersection(parts):
            return _common(parts)
        case Difference(left, right):
            return _common((left, right))
        case _:
            assert_never(relation)


def _common(parts: tuple[Relation, ...]) -> int | None:
    common = 1
    for part in parts:
        own = period(part)
        if own is None:
            return None
        common = lcm(common, own)
    return common


def looks_back(relation: Relation, strictly: bool = False) -> bool:
    """Whether it is plain that every pair has j <= i (j < i when `strictly`). False where it is not plain."""
    least = 1 if strictly else 0
    match relation:
        case Empty():
            return True
        case Band(low, _, _):
            return low is not None and low >= least
        case Random(causal=causal):
            return causal and not strictly
        case Blocks(_, inner):
            return looks_back(inner, strictly=True)
        case Slice(_, _, inner):
            return looks_back(inner, strictly)
        case Union(parts):
            return all(looks_back(part, strictly) for part in parts)
        case Intersection(parts):
            return any(looks_back(part, strictly) for part in parts)
        case Difference(left, _):
            return looks_back(left, strictly)
        case Full() | Residue() | Columns() | Rows() | Keys() | Queries() | Chunk() | Layout() | Within():
            return False
        case _:
            assert_never(relation)
