"""The simplifications of the normal form: each takes a relation at a place and returns an equal one.

For: `normalise.py`, which applies them bottom-up until nothing changes; a rule looks at the top of the relation only
and returns it as it is where it does not apply. Each is held equal by a property test. Not for: what holds without
knowing the length (the constructors in `relation.py` do that).
"""

from __future__ import annotations

import numpy as np

from patternc.algebra import relation as r
from patternc.algebra.containment import contains, has_random
from patternc.algebra.evaluate import evaluate
from patternc.algebra.rowspans import clip_spans

MAX_TERMS = 64
"""Terms a distribution may make; beyond, the relation stays as it is and is tiled as a whole."""


MANY_RUNS = 16
"""Runs from which on a regular set of keys is written as residues."""


def cut_band_to_length(relation: r.Relation, n: int) -> r.Relation:
    """A bound no distance of the place reaches is no bound; a band no distance reaches is empty."""
    if not isinstance(relation, r.Band):
        return relation
    low, high = relation.low, relation.high
    if (low is not None and low >= n) or (high is not None and high <= -n):
        return r.EMPTY
    if relation.step >= n:
        zero = (low is None or low <= 0) and (high is None or high >= 0)
        return r.Band(0, 0) if zero else r.EMPTY
    low = None if low is None or low <= 1 - n else low
    high = None if high is None or high >= n - 1 else high
    return r.band(low, high, relation.step)


def cut_spans_to_length(relation: r.Relation, n: int) -> r.Relation:
    """Keys and queries beyond the length are none; all of them is everything."""
    if not isinstance(relation, r.Keys | r.Queries):
        return relation
    spans = clip_spans(relation.spans, n)
    if not spans:
        return r.EMPTY
    return r.FULL if spans == ((0, n),) else type(relation)(spans)


def find_period(relation: r.Relation, n: int) -> r.Relation:
    """Many equal runs of keys or queries at equal distances are residues within one run."""
    if not isinstance(relation, r.Keys | r.Queries) or len(relation.spans) < MANY_RUNS:
        return relation
    (start, stop), (again, _) = relation.spans[:2]
    period, length = again - start, stop - start
    runs = tuple((start + turn * period, start + turn * period + length) for turn in range(len(relation.spans)))
    if runs != relation.spans or length > MAX_TERMS:
        return relation
    residues = tuple(sorted((start + place) % period for place in range(length)))
    gap = period - length
    reach = ((start - gap, runs[-1][1] + gap),)
    if isinstance(relation, r.Keys):
        return r.intersection(r.Columns(period, residues), r.Keys(clip_spans(reach, n)))
    return r.intersection(r.Rows(period, residues), r.Queries(clip_spans(reach, n)))


def cut_period_to_length(relation: r.Relation, n: int) -> r.Relation:
    """Every residue is everything; a period as long as the place names positions or distances."""
    if not isinstance(relation, r.Residue | r.Columns | r.Rows):
        return relation
    modulus, residues = relation.modulus, relation.residues
    if len(residues) == modulus:
        return r.FULL
    if modulus < n or len(residues) > MAX_TERMS:
        return relation
    if isinstance(relation, r.Residue):
        return r.union(*(r.Band(o + turn, o + turn) for o in residues for turn in (0, -modulus)))
    return (r.Keys if isinstance(relation, r.Columns) else r.Queries)(r.spans_of(residues))


def cut_chunks_to_length(relation: r.Relation, n: int) -> r.Relation:
    """Sizes beyond the length and repeats of the last size go; one chunk is everything, chunks of one are i == j."""
    if not isinstance(relation, r.Chunk):
        return relation
    sizes, total = list[int](), 0
    for size in relation.sizes:
        sizes.append(size)
        total += size
        if total >= n:
            break
    while len(sizes) > 1 and sizes[-2] == sizes[-1]:
        sizes.pop()
    if sizes[0] >= n:
        return r.FULL
    return r.Band(0, 0) if sizes == [1] else r.Chunk(tuple(sizes))


def draw_nothing_or_all(relation: r.Relation, n: int) -> r.Relation:
    """No draws is empty; as many draws as there are positions takes every candidate."""
    if not isinstance(relation, r.Random) or 0 < relation.count < n:
        return relation
    if relation.count == 0:
        return r.EMPTY
    candidates = r.intersection(
        r.PAST if relation.causal else r.FULL, r.FULL if relation.among is None else r.Keys(relation.among)
    )
    return r.difference(candidates, relation.avoid)


def unwrap_lift(relation: r.Relation, n: int) -> r.Relation:
    """Blocks of one, one block or period of one, a period or slice that is the whole place, an empty slice."""
    match relation:
        case r.Blocks(size, inner) if size == 1:
            return inner
        case r.Blocks(size, inner) if size >= n:
            return _at_origin(inner)
        case r.Within(size, inner) if size == 1:
            return _at_origin(inner)
        case r.Within(size, inner) if size == n or (size > n and not has_random(inner)):
            return inner
        case r.Slice(start, stop, inner) if start >= min(stop, n) or isinstance(inner, r.Empty):
            return r.EMPTY
        case r.Slice(0, stop, inner) if stop == n:
            return inner
        case r.Blocks(_, r.Full() | r.Empty()) | r.Within(_, r.Full() | r.Empty()):
            return relation.inner
        case _:
            return relation


def distribute_lift(relation: r.Relation, n: int) -> r.Relation:
    """A lift of a combination is the combination of lifts. Periods stay whole: their parts are nothing simpler."""
    if not isinstance(relation, r.Blocks | r.Slice):
        return relation

    def lifted(inner: r.Relation) -> r.Relation:
        if isinstance(relation, r.Blocks):
            return r.Blocks(relation.size, inner)
        return r.Slice(relation.start, relation.stop, inner)

    match relation.inner:
        case r.Union(parts):
            return r.union(*map(lifted, parts))
        case r.Intersection(parts):
            return r.intersection(*map(lifted, parts))
        case r.Difference(left, right):
            return r.difference(lifted(left), lifted(right))
        case _:
            return relation


def lift_atom(relation: r.Relation, n: int) -> r.Relation:
    """Blocks and slices of what has a form of its own at the outer place."""
    match relation:
        case r.Blocks(size, r.Keys(spans)):
            return r.Keys(tuple((start * size, stop * size) for start, stop in spans))
        case r.Blocks(size, r.Queries(spans)):
            return r.Queries(tuple((start * size, stop * size) for start, stop in spans))
        case r.Blocks(size, r.Chunk(sizes)):
            return r.Chunk(tuple(size * inner for inner in sizes))
        case r.Blocks(size, r.Band(0, 0)):
            return r.Chunk((size,))
        case r.Blocks(size, r.Blocks(inner_size, inner)):
            return r.Blocks(size * inner_size, inner)
        case r.Slice(start, stop, inner):
            moved = _moved(inner, start)
            square = ((start, stop),)
            return relation if moved is None else r.intersection(moved, r.Queries(square), r.Keys(square))
        case _:
            return relation


def _moved(inner: r.Relation, start: int) -> r.Relation | None:
    """A relation that is `inner` seen from `start`, right in the positions from `start` on; None if it has no form."""
    match inner:
        case r.Full() | r.Band() | r.Residue():
            return inner
        case r.Keys(spans):
            return r.Keys(tuple((a + start, b + start) for a, b in spans))
        case r.Queries(spans):
            return r.Queries(tuple((a + start, b + start) for a, b in spans))
        case r.Columns(modulus, residues):
            return r.Columns(modulus, tuple(sorted((o + start) % modulus for o in residues)))
        case r.Rows(modulus, residues):
            return r.Rows(modulus, tuple(sorted((o + start) % modulus for o in residues)))
        case r.Chunk(sizes):
            return r.Chunk(sizes if start == 0 else (start, *sizes))
        case _:
            return None


def distribute_intersection(relation: r.Relation, n: int) -> r.Relation:
    """The causal cut and other factors go to each term of a union; a difference keeps its subtrahend outside."""
    if not isinstance(relation, r.Intersection):
        return relation
    unions = [part for part in relation.parts if isinstance(part, r.Union)]
    if len(unions) == 1 and len(unions[0].parts) <= MAX_TERMS:
        others = [part for part in relation.parts if part is not unions[0]]
        return r.union(*(r.intersection(*others, term) for term in unions[0].parts))
    for part in relation.parts:
        if isinstance(part, r.Difference):
            others = [other for other in relation.parts if other is not part]
            return r.difference(r.intersection(*others, part.left), part.right)
    return relation


def distribute_difference(relation: r.Relation, n: int) -> r.Relation:
    """Take what is subtracted from each term; subtract once what is subtracted twice."""
    match relation:
        case r.Difference(r.Union(parts), right) if len(parts) <= MAX_TERMS:
            return r.union(*(r.difference(part, right) for part in parts))
        case r.Difference(r.Difference(left, first), second):
            return r.difference(left, r.union(first, second))
        case _:
            return relation


def subtract_bands(relation: r.Relation, n: int) -> r.Relation:
    """A band without a band is at most two bands."""
    if not isinstance(relation, r.Difference):
        return relation
    factors = relation.left.parts if isinstance(relation.left, r.Intersection) else (relation.left,)
    terms = relation.right.parts if isinstance(relation.right, r.Union) else (relation.right,)
    owner = next((factor for factor in factors if isinstance(factor, r.Band)), None)
    if isinstance(relation.left, r.Full):
        owner = r.Band(None, None)
    taken = next((term for term in terms if isinstance(term, r.Band) and term.step == 1), None)
    if owner is None or taken is None:
        return relation
    pieces: list[r.Relation] = []
    if taken.low is not None:
        below = taken.low - 1 if owner.high is None else min(owner.high, taken.low - 1)
        pieces.append(r.EMPTY if owner.low is not None and owner.low > below else r.band(owner.low, below, owner.step))
    if taken.high is not None:
        above = taken.high + 1 if owner.low is None else max(owner.low, taken.high + 1)
        pieces.append(
            r.EMPTY if owner.high is not None and above > owner.high else r.band(above, owner.high, owner.step)
        )
    others = [factor for factor in factors if factor is not owner]
    rest = r.union(*(term for term in terms if term is not taken))
    return r.difference(r.intersection(*others, r.union(*pieces)), rest)


def subtract_once(relation: r.Relation, n: int) -> r.Relation:
    """What is subtracted need not repeat what the left side implies; what cannot overlap need not be subtracted."""
    if not isinstance(relation, r.Difference):
        return relation
    terms = relation.right.parts if isinstance(relation.right, r.Union) else (relation.right,)
    kept: list[r.Relation] = []
    for term in terms:
        factors = term.parts if isinstance(term, r.Intersection) else (term,)
        needed = [factor for factor in factors if not contains(factor, relation.left)]
        if not _plainly_disjoint(relation.left, needed):
            kept.append(r.intersection(*needed))
    right = r.union(*kept)
    return relation if right == relation.right else r.difference(relation.left, right)


def _plainly_disjoint(left: r.Relation, factors: list[r.Relation]) -> bool:
    """Whether the bands, keys and queries among the factors of `left` and `factors` exclude each other."""
    own = left.parts if isinstance(left, r.Intersection) else (left,)
    plain = r.intersection(*(part for part in (*own, *factors) if isinstance(part, r.Band | r.Keys | r.Queries)))
    return isinstance(intersect_spans(plain, 0), r.Empty)


def intersect_spans(relation: r.Relation, n: int) -> r.Relation:
    """Keys in both of two sets are keys in one set, and so for queries."""
    if not isinstance(relation, r.Intersection):
        return relation
    parts: list[r.Relation] = list(relation.parts)
    for case in (r.Keys, r.Queries):
        same = [part for part in parts if isinstance(part, case)]
        if len(same) > 1:
            spans = same[0].spans
            for other in same[1:]:
                spans = r.merge_spans((max(a, c), min(b, d)) for a, b in spans for c, d in other.spans)
            parts = [part for part in parts if not isinstance(part, case)]
            parts.append(case(spans) if spans else r.EMPTY)
    return r.intersection(*parts)


def merge_terms(relation: r.Relation, n: int) -> r.Relation:
    """Sets of keys, of queries, and bands that overlap or touch become one; contained terms go."""
    if not isinstance(relation, r.Union):
        return relation
    parts: list[r.Relation] = list(relation.parts)
    for case in (r.Keys, r.Queries):
        same = [part for part in parts if isinstance(part, case)]
        if len(same) > 1:
            merged = case(r.merge_spans(span for part in same for span in part.spans))
            at = parts.index(same[0])
            parts = [merged if place == at else part for place, part in enumerate(parts) if part not in same[1:]]
    bands = [part for part in parts if isinstance(part, r.Band) and part.step == 1]
    merged_bands = _merged(bands)
    if len(merged_bands) < len(bands):
        at, apart = parts.index(bands[0]), set[r.Relation](bands)
        parts = [*parts[:at], *merged_bands, *(part for part in parts[at:] if part not in apart)]
    if len(parts) > MAX_TERMS:
        return r.union(*parts)
    kept = [
        part
        for place, part in enumerate(parts)
        if not any(
            contains(other, part) and (where < place or not contains(part, other))
            for where, other in enumerate(parts)
            if where != place
        )
    ]
    return r.union(*kept)


def _merged(bands: list[r.Band]) -> list[r.Relation]:
    """Step-1 bands as few as possible, ascending."""
    infinite = 1 << 70
    spans = r.merge_spans(
        (-infinite if band.low is None else band.low, infinite if band.high is None else band.high + 1)
        for band in bands
    )
    return [r.band(None if a == -infinite else a, None if b == infinite else b - 1) for a, b in spans]


def _at_origin(inner: r.Relation) -> r.Relation:
    """A relation at a place of length 1 has one pair or none."""
    origin = np.zeros(1, dtype=np.int64)
    return r.FULL if evaluate(inner, origin, origin, 1)[0] else r.EMPTY
