"""Residue classes: what a relation is among the positions of one class modulo a step.

For: strides and dilated windows, whose pairs lie side by side when only every step-th position is looked at. Class c
modulo s holds the positions c, c + s, c + 2 s, ...; position c + s * u is u in *class coordinates*. Not for: deciding
what runs on classes (`codegen/choice.py`) or tiles of classes (`codegen/classes.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, lcm
from typing import assert_never

import numpy as np

from patternc.algebra import relation as r
from patternc.algebra.containment import has_random
from patternc.algebra.evaluate import evaluate

MOST_STARTS = 4096
"""Classes that may differ from the one before; beyond, a relation stays on tiles of neighbours."""
MOST_PLACES = 1 << 10
"""Pairs of residues of queries and keys that are looked at for a step."""
MOST_SPANS = 1 << 20
"""Spans of keys and queries written over all differing classes."""


def common_step(relation: r.Relation) -> int:
    """A step that divides i - j in every pair, as large as the form shows; 0 when the form shows only i == j."""
    match relation:
        case r.Empty() | r.Band(0, 0):
            return 0
        case r.Band(_, _, step):
            return step
        case r.Residue(modulus, residues):
            return gcd(modulus, *residues)
        case r.Within(size, inner):
            return gcd(size, common_step(inner))
        case r.Slice(_, _, inner) | r.Difference(inner, _):
            return common_step(inner)
        case r.Union(parts):
            return gcd(*map(common_step, parts))
        case r.Intersection(parts):
            return lcm(*map(common_step, parts), _step_of_places(parts))
        case _:
            return 1


def _step_of_places(parts: Iterable[r.Relation]) -> int:
    """What divides i - j where both are of few residues, as in a dilated branch: i % m and j % m the same one."""
    rows = [part for part in parts if isinstance(part, r.Rows)]
    columns = [part for part in parts if isinstance(part, r.Columns)]
    return lcm(
        *(
            gcd(row.modulus, column.modulus, *(i - j for i in row.residues for j in column.residues))
            for row in rows
            for column in columns
            if len(row.residues) * len(column.residues) <= MOST_PLACES
        )
    )


def class_length(step: int, number: int, n: int) -> int:
    """How many of n positions class `number` modulo `step` has."""
    return -(-max(n - number, 0) // step)


def assuming_class(relation: r.Relation, step: int) -> r.Relation:
    """A relation that agrees with `relation` in every pair with (i - j) % step == 0: what they all satisfy is dropped.

    What no such pair satisfies becomes empty.
    """
    match relation:
        case r.Band(low, high, own) if own > 1 and step % own == 0:
            return r.band(low, high)
        case r.Residue(modulus, residues) if step % modulus == 0:
            return r.FULL if 0 in residues else r.EMPTY
        case r.Chunk(sizes) if max(sizes) <= step:
            return r.Band(0, 0)
        case r.Within(size, r.Band(0, 0)) if step % size == 0:
            return r.FULL
        case r.Slice(start, stop, inner):
            return r.Slice(start, stop, assuming_class(inner, step))
        case r.Union(parts):
            return r.union(*(assuming_class(part, step) for part in parts))
        case r.Intersection(parts):
            return r.intersection(*(assuming_class(part, step) for part in parts))
        case r.Difference(left, right):
            return r.difference(assuming_class(left, step), assuming_class(right, step))
        case _:
            return relation


def restrict(relation: r.Relation, step: int, number: int) -> r.Relation | None:
    """What `relation` is among the positions of class `number` (0 <= number < step), in class coordinates.

    None where that has no form of its own: random and stored sets, and chunks, blocks and periods that cut across the
    classes.
    """
    match relation:
        case r.Empty() | r.Full():
            return relation
        case r.Band(low, high, own):
            low = None if low is None else -(-low // step)
            high = None if high is None else high // step
            return r.band(low, high, own // gcd(own, step))
        case r.Residue(modulus, residues):
            return _periodic(r.Residue, modulus, residues, step, 0)
        case r.Columns(modulus, residues):
            return _periodic(r.Columns, modulus, residues, step, number)
        case r.Rows(modulus, residues):
            return _periodic(r.Rows, modulus, residues, step, number)
        case r.Keys(spans):
            return _spans(r.Keys, spans, step, number)
        case r.Queries(spans):
            return _spans(r.Queries, spans, step, number)
        case r.Chunk(sizes):
            if max(sizes) <= step:
                return r.Band(0, 0)
            aligned = all(size % step == 0 for size in sizes)
            return r.Chunk(tuple(size // step for size in sizes)) if aligned else None
        case r.Random() | r.Layout():
            return None
        case r.Blocks(size, inner):
            if step % size == 0:
                return restrict(inner, step // size, number // size)
            # A place of another length inside: only a draw would see it.
            return r.Blocks(size // step, inner) if size % step == 0 and not has_random(inner) else None
        case r.Within(size, inner):
            if size % step == 0:
                within = restrict(inner, step, number)
                return None if within is None else r.Within(size // step, within)
            return _one_pair(inner, number % size, size) if step % size == 0 else None
        case r.Slice(start, stop, inner):
            first, last = -(-(start - number) // step), -(-(stop - number) // step)
            if first >= last:
                return r.EMPTY
            within = restrict(inner, step, (number - start) % step)
            return None if within is None else r.Slice(first, last, within)
        case r.Union(parts):
            restricted = _all(parts, step, number)
            return None if restricted is None else r.union(*restricted)
        case r.Intersection(parts):
            restricted = _all(parts, step, number)
            return None if restricted is None else r.intersection(*restricted)
        case r.Difference(left, right):
            restricted = _all((left, right), step, number)
            return None if restricted is None else r.difference(*restricted)
        case _:
            assert_never(relation)


def class_starts(relation: r.Relation, step: int, n: int) -> list[int] | None:
    """The classes, ascending from 0, at which length or restricted relation may differ from the class before.

    Classes run from 0 to min(step, n) - 1. None when more than the documented limits may differ.
    """
    found = _starts(relation, step)
    if found is None:
        return None
    starts = sorted({0, n % step, *found})
    starts = [start for start in starts if start < min(step, n)]
    return None if len(starts) > MOST_STARTS or len(starts) * _span_count(relation) > MOST_SPANS else starts


def _starts(relation: r.Relation, step: int) -> set[int] | None:
    match relation:
        case r.Keys(spans) | r.Queries(spans):
            return {edge % step for span in spans for edge in span}
        case r.Columns(modulus, residues) | r.Rows(modulus, residues):
            if step % modulus == 0 and step // modulus * len(residues) <= MOST_STARTS:
                # Whole classes are in or out.
                return {turn + o + after for turn in range(0, step, modulus) for o in residues for after in (0, 1)}
            return set(range(step)) if step <= MOST_STARTS else None
        case r.Blocks(size, inner):
            inside = _starts(inner, step // size) if step % size == 0 else set[int]()
            return None if inside is None else {start * size for start in inside}
        case r.Within(size, inner):
            if size % step == 0:
                return _starts(inner, step)
            return set(range(step)) if step <= MOST_STARTS else None
        case r.Slice(start, stop, inner):
            inside = _starts(inner, step)
            return None if inside is None else {start % step, stop % step, *((at + start) % step for at in inside)}
        case r.Union(parts) | r.Intersection(parts):
            return _starts_of_all(parts, step)
        case r.Difference(left, right):
            return _starts_of_all((left, right), step)
        case _:
            return set()


def _starts_of_all(parts: Iterable[r.Relation], step: int) -> set[int] | None:
    starts: set[int] = set()
    for part in parts:
        found = _starts(part, step)
        if found is None:
            return None
        starts |= found
    return starts


def _span_count(relation: r.Relation) -> int:
    match relation:
        case r.Keys(spans) | r.Queries(spans):
            return len(spans)
        case r.Blocks(_, inner) | r.Within(_, inner) | r.Slice(_, _, inner):
            return _span_count(inner)
        case r.Union(parts) | r.Intersection(parts):
            return sum(map(_span_count, parts))
        case r.Difference(left, right):
            return _span_count(left) + _span_count(right)
        case _:
            return 0


def _all(parts: Iterable[r.Relation], step: int, number: int) -> list[r.Relation] | None:
    restricted: list[r.Relation] = []
    for part in parts:
        one = restrict(part, step, number)
        if one is None:
            return None
        restricted.append(one)
    return restricted


def _periodic(
    case: type[r.Residue | r.Columns | r.Rows], modulus: int, residues: tuple[int, ...], step: int, number: int
) -> r.Relation:
    """The x with (number + step * x) % modulus in residues, as residues of x."""
    common = gcd(step, modulus)
    period = modulus // common
    inverse = pow(step // common, -1, period)
    found = {(o - number) // common * inverse % period for o in residues if (o - number) % common == 0}
    if not found:
        return r.EMPTY
    return r.FULL if len(found) == period else case(period, tuple(sorted(found)))


def _spans(case: type[r.Keys | r.Queries], spans: r.Spans, step: int, number: int) -> r.Relation:
    inside = r.merge_spans((-(-(start - number) // step), -(-(stop - number) // step)) for start, stop in spans)
    return case(inside) if inside else r.EMPTY


def _one_pair(inner: r.Relation, place: int, size: int) -> r.Relation:
    """All or nothing: every pair of the class is the pair (place, place) of `inner`."""
    position = np.array([place], dtype=np.int64)
    return r.FULL if evaluate(inner, position, position, size)[0] else r.EMPTY
