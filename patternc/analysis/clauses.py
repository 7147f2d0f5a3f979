"""Relations as unions of clauses: intersections of atoms, with negation pushed to the atoms.

For: the first of two exact rewritings by which `operators.py` finds a relation's structure (`factor.py` is the second).
Not for: running anything, or disjointness: the clauses of a relation overlap freely, which a union of keys allows.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import assert_never

from patternc.algebra.relation import (
    EMPTY,
    FULL,
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
    intersection,
    merge_spans,
    union,
)

MOST_CLAUSES = 256
"""Above this many clauses a rewriting gives up: an expression that deep is cheaper to evaluate than to distribute."""


class Unstructured(Exception):
    """The relation has no cheap rewriting in the form asked for."""


def complement_spans(spans: Spans, length: int) -> Spans:
    """The positions of [0, length) outside `spans`."""
    edges = [0, *(edge for span in spans for edge in span), length]
    return merge_spans((edges[at], min(edges[at + 1], length)) for at in range(0, len(edges), 2))


def negate(relation: Relation, length: int) -> Relation:
    """The pairs of a place of `length` positions that `relation` does not have.

    Random, Layout and Chunk stay below `Difference(FULL, .)`, which `clauses` treats as an atom.
    """
    match relation:
        case Empty():
            return FULL
        case Full():
            return EMPTY
        case Band(low, high, step):
            off_step = Residue(step, tuple(range(1, step))) if step > 1 else EMPTY
            below = EMPTY if low is None else Band(None, low - 1)
            above = EMPTY if high is None else Band(high + 1, None)
            return union(below, above, off_step)
        case Residue(modulus, residues):
            return _residues(Residue, modulus, residues)
        case Columns(modulus, residues):
            return _residues(Columns, modulus, residues)
        case Rows(modulus, residues):
            return _residues(Rows, modulus, residues)
        case Keys(spans):
            rest = complement_spans(spans, length)
            return Keys(rest) if rest else EMPTY
        case Queries(spans):
            rest = complement_spans(spans, length)
            return Queries(rest) if rest else EMPTY
        case Chunk() | Random() | Layout():
            return Difference(FULL, relation)
        case Blocks(size, inner):
            return lifted(Blocks(size, negate(inner, -(-length // size))))
        case Within(size, inner):
            return lifted(Within(size, negate(inner, size)))
        case Slice(start, stop, inner):
            outside = complement_spans(((start, stop),), length)
            rest = Slice(start, stop, negate(inner, stop - start))
            return union(Queries(outside), Keys(outside), lifted(rest)) if outside else lifted(rest)
        case Union(parts):
            return intersection(*(negate(part, length) for part in parts))
        case Intersection(parts):
            return union(*(negate(part, length) for part in parts))
        case Difference(left, right):
            return union(negate(left, length), right)
        case _:
            assert_never(relation)


def _residues(kind: type[Residue] | type[Columns] | type[Rows], modulus: int, residues: tuple[int, ...]) -> Relation:
    taken = set(residues)
    rest = tuple(residue for residue in range(modulus) if residue not in taken)
    return kind(modulus, rest) if rest else EMPTY


def lifted(relation: Blocks | Within | Slice) -> Relation:
    """`relation`, or what it is when its inner relation is Empty or Full."""
    if isinstance(relation.inner, Empty):
        return EMPTY
    if isinstance(relation.inner, Full) and not isinstance(relation, Slice):
        return FULL
    return relation


def clauses(relation: Relation, length: int) -> list[tuple[Relation, ...]]:
    """The relation, at a place of `length` positions, as a union of intersections of atoms.

    An atom is any case but Union, Intersection and Difference, or `Difference(FULL, Random | Layout | Chunk)`. The
    empty tuple is the clause that always holds; no clause at all is the empty relation.

    Raises:
        Unstructured: more than MOST_CLAUSES clauses.
    """
    match relation:
        case Empty():
            return []
        case Full():
            return [()]
        case Union(parts):
            found = [clause for part in parts for clause in clauses(part, length)]
        case Intersection(parts):
            found: list[tuple[Relation, ...]] = [()]
            for part in parts:
                options = clauses(part, length)
                if len(found) * len(options) > MOST_CLAUSES:
                    raise Unstructured
                crossed = (_conjoin(left, right) for left, right in product(found, options))
                found = [clause for clause in crossed if clause is not None]
        case Difference(Full(), Random() | Chunk() | Layout()):
            return [(relation,)]
        case Difference(left, right):
            rest = negate(right, length)
            return clauses(intersection(left, rest), length) if not isinstance(rest, Empty) else []
        case _:
            return [(relation,)]
    if len(found) > MOST_CLAUSES:
        raise Unstructured
    return list(dict.fromkeys(found))


def _conjoin(left: tuple[Relation, ...], right: tuple[Relation, ...]) -> tuple[Relation, ...] | None:
    both = intersection(*left, *right)
    match both:
        case Empty():
            return None
        case Full():
            return ()
        case Intersection(parts):
            return parts
        case _:
            return (both,)


def shift_into(atom: Relation, start: int, stop: int) -> Relation:
    """`atom` restricted to the place of `Slice(start, stop, .)`, in that place's own positions.

    Raises:
        Unstructured: the atom's pieces do not move with the place.
    """
    match atom:
        case Empty() | Full() | Band() | Residue():
            return atom
        case Columns(modulus, residues):
            return Columns(modulus, tuple(sorted((residue - start) % modulus for residue in residues)))
        case Rows(modulus, residues):
            return Rows(modulus, tuple(sorted((residue - start) % modulus for residue in residues)))
        case Keys(spans):
            moved = merge_spans((max(low, start) - start, min(high, stop) - start) for low, high in spans)
            return Keys(moved) if moved else EMPTY
        case Queries(spans):
            moved = merge_spans((max(low, start) - start, min(high, stop) - start) for low, high in spans)
            return Queries(moved) if moved else EMPTY
        case Slice(low, high, inner) if start <= low and high <= stop:
            return Slice(low - start, high - start, inner)
        case Blocks(size, inner) if start % size == 0 and inner_moves(inner):
            return Blocks(size, shift_into(inner, start // size, -(-stop // size)))
        case Within(size, _) if start % size == 0:
            return atom
        case _:
            raise Unstructured


def inner_moves(relation: Relation) -> bool:
    """Whether `shift_into` keeps the meaning of `relation` where the length of its place changes."""
    match relation:
        case Random():
            return False
        case Union(parts) | Intersection(parts):
            return all(inner_moves(part) for part in parts)
        case Difference(left, right):
            return inner_moves(left) and inner_moves(right)
        case Blocks(_, inner):
            return inner_moves(inner)
        case _:
            return True


def consecutive(residues: tuple[int, ...]) -> list[tuple[int, int]]:
    """Sorted residues as inclusive runs (first, last)."""
    cuts = [0, *(at + 1 for at, (a, b) in enumerate(pairwise(residues)) if b != a + 1), len(residues)]
    return [(residues[a], residues[b - 1]) for a, b in pairwise(cuts)]
