"""Relations as unions of products over positions split in two: (i // width, i % width).

For: the second exact rewriting by which `operators.py` finds a relation's structure: a stride is "any two blocks, the
same place in both", a chunk "the same block, any two places", a 2-D window a window of each. Not for: running anything.
"""

from __future__ import annotations

from itertools import product
from typing import assert_never

from patternc.algebra.relation import (
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
    band,
    difference,
    intersection,
    merge_spans,
    spans_of,
)
from patternc.analysis.clauses import MOST_CLAUSES, Unstructured, lifted

Product = tuple[Relation, Relation]
"""(outer over i // width, inner over i % width): holds where both hold."""

SELF = Band(0, 0)
_EVERYTHING: Product = (FULL, FULL)


def factor(relation: Relation, length: int, width: int) -> list[Product]:
    """The relation, at a place of `length` positions, as a union of products over (i // width, i % width).

    The outer place has ceil(length / width) positions, the inner one `width`; positions of a last, ragged block beyond
    `length` may come out either way, since no query or key stands there.

    Raises:
        Unstructured: it is no such union (a modulus that neither divides `width` nor is divided by it, for instance).
    """
    match relation:
        case Empty():
            return []
        case Full():
            return [(FULL, FULL)]
        case Band(low, high, step):
            spread = _factor_band(low, high, width)
            return _meet(spread, factor(Residue(step, (0,)), length, width)) if step > 1 else spread
        case Residue(modulus, residues):
            return _factor_residue(modulus, residues, width)
        case Columns(modulus, residues):
            if width % modulus == 0:
                return [(FULL, relation)]
            groups = _split_residues(modulus, residues, width)
            return [(Columns(modulus // width, (at,)), Keys(spans_of(rest))) for at, rest in groups]
        case Rows(modulus, residues):
            if width % modulus == 0:
                return [(FULL, relation)]
            groups = _split_residues(modulus, residues, width)
            return [(Rows(modulus // width, (at,)), Queries(spans_of(rest))) for at, rest in groups]
        case Keys(spans):
            return [
                (Keys(outer), Keys(inner) if inner is not None else FULL) for outer, inner in _split_spans(spans, width)
            ]
        case Queries(spans):
            return [
                (Queries(outer), Queries(inner) if inner is not None else FULL)
                for outer, inner in _split_spans(spans, width)
            ]
        case Chunk(sizes):
            return _factor_chunk(sizes, width)
        case Random() | Layout():
            raise Unstructured
        case Blocks(size, inner):
            if size % width == 0:
                return [(inner if size == width else Blocks(size // width, inner), FULL)]
            if width % size == 0:
                parts = factor(inner, -(-length // size), width // size)
                return [(outer, lifted(Blocks(size, rest))) for outer, rest in parts]
            raise Unstructured
        case Within(size, inner):
            if width % size == 0:
                return [(FULL, inner if size == width else Within(size, inner))]
            if size % width == 0:
                parts = factor(inner, size, width)
                return [(lifted(Within(size // width, outer)), rest) for outer, rest in parts]
            raise Unstructured
        case Slice(start, stop, inner):
            return _factor_slice(start, stop, inner, length, width)
        case Union(parts):
            return [found for part in parts for found in factor(part, length, width)]
        case Intersection(parts):
            met = [_EVERYTHING]
            for part in parts:
                met = _meet(met, factor(part, length, width))
            return met
        case Difference(left, right):
            return _remove(factor(left, length, width), factor(right, length, width))
        case _:
            assert_never(relation)


def _meet(left: list[Product], right: list[Product]) -> list[Product]:
    if len(left) * len(right) > MOST_CLAUSES:
        raise Unstructured
    met = ((intersection(a, c), intersection(b, d)) for (a, b), (c, d) in product(left, right))
    return [(outer, inner) for outer, inner in met if not isinstance(outer, Empty) and not isinstance(inner, Empty)]


def _remove(left: list[Product], right: list[Product]) -> list[Product]:
    """A (x) B without C (x) D is (A - C) (x) B and (A & C) (x) (B - D)."""
    for c, d in right:
        rest = [
            pair
            for a, b in left
            for pair in ((difference(a, c), b), (intersection(a, c), difference(b, d)))
            if not isinstance(pair[0], Empty) and not isinstance(pair[1], Empty)
        ]
        if len(rest) > MOST_CLAUSES:
            raise Unstructured
        left = rest
    return left


def _factor_slice(start: int, stop: int, inner: Relation, length: int, width: int) -> list[Product]:
    if start % width:
        raise Unstructured
    last = -(-stop // width)
    found: list[Product] = [
        (Slice(start // width, last, outer), rest)
        for outer, rest in factor(inner, stop - start, width)
        if not isinstance(outer, Empty)
    ]
    if stop % width == 0 or stop >= length:
        return found
    kept: Spans = ((0, stop),)
    return _meet(found, _meet(factor(Keys(kept), length, width), factor(Queries(kept), length, width)))


def _factor_band(low: int | None, high: int | None, width: int) -> list[Product]:
    """For i - j = width * D + d with |d| < width: whole block diagonals D, and a band of d at each end."""
    reach = width - 1
    full_low = None if low is None else -(-(low + reach) // width)
    full_high = None if high is None else (high - reach) // width
    touch_low = None if low is None else -(-(low - reach) // width)
    touch_high = None if high is None else (high + reach) // width
    found: list[Product] = []
    if full_low is None or full_high is None or full_low <= full_high:
        found.append((band(full_low, full_high), FULL))
        partial = [*range(touch_low, full_low)] if touch_low is not None and full_low is not None else []
        if touch_high is not None and full_high is not None:
            partial += range(full_high + 1, touch_high + 1)
    else:
        assert touch_low is not None
        assert touch_high is not None
        partial = [*range(touch_low, touch_high + 1)]
    for diagonal in partial:
        inner = band(
            None if low is None or low - width * diagonal <= -reach else low - width * diagonal,
            None if high is None or high - width * diagonal >= reach else high - width * diagonal,
        )
        if not isinstance(inner, Empty):
            found.append((Band(diagonal, diagonal), inner))
    return found


def _factor_residue(modulus: int, residues: tuple[int, ...], width: int) -> list[Product]:
    if width == modulus and residues == (0,):
        return [(FULL, SELF)]
    if width % modulus == 0:
        return [(FULL, Residue(modulus, residues))]
    found: list[Product] = []
    for at, rests in _split_residues(modulus, residues, width):
        for rest in rests:
            times = modulus // width
            found.append((Residue(times, (at,)), Band(rest, rest)))
            if rest:
                found.append((Residue(times, ((at + 1) % times,)), Band(rest - width, rest - width)))
        if len(found) > MOST_CLAUSES:
            raise Unstructured
    return found


def _split_residues(modulus: int, residues: tuple[int, ...], width: int) -> list[tuple[int, list[int]]]:
    """Residues of a multiple of `width`, as (residue // width, [residue % width, ...])."""
    if modulus % width:
        raise Unstructured
    groups: dict[int, list[int]] = {}
    for residue in residues:
        groups.setdefault(residue // width, []).append(residue % width)
    if len(groups) > MOST_CLAUSES:
        raise Unstructured
    return sorted(groups.items())


def _split_spans(spans: Spans, width: int) -> list[tuple[Spans, Spans | None]]:
    """Spans as products: (blocks, None) for whole blocks, (one block, positions in it) for cut ones."""
    whole: list[tuple[int, int]] = []
    cut: dict[int, list[tuple[int, int]]] = {}
    for start, stop in spans:
        first, last = -(-start // width), stop // width
        if first < last:
            whole.append((first, last))
        for block in {start // width, last}:
            low, high = max(start, block * width), min(stop, (block + 1) * width)
            if low < high and not first <= block < last:
                cut.setdefault(block, []).append((low - block * width, high - block * width))
    if len(cut) > MOST_CLAUSES:
        raise Unstructured
    found: list[tuple[Spans, Spans | None]] = [(merge_spans(whole), None)] if whole else []
    found += [(((block, block + 1),), merge_spans(pieces)) for block, pieces in sorted(cut.items())]
    return found


def _factor_chunk(sizes: tuple[int, ...], width: int) -> list[Product]:
    if all(size % width == 0 for size in sizes):
        scaled = tuple(size // width for size in sizes)
        return [(SELF if set(scaled) == {1} else Chunk(scaled), FULL)]
    if len(sizes) == 1 and width % sizes[0] == 0:
        return [(SELF, Chunk(sizes))]
    raise Unstructured
