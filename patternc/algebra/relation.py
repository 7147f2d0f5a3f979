"""Relation: the set of (query, key) pairs that one pattern denotes, as a closed union of a few cases.

For: the one representation between the language and everything that consumes patterns (classification, counting,
lowering, reach). Every number in it is concrete; it is hashable, so equal layers and heads share what is derived
from it. Not for: deciding membership (`holds.py` is the definition, `evaluate.py` the vectorised form) or choosing
tiles (`analysis/tiles.py`, `codegen/`).

A relation lives at a *place* with a length: the model's n at the top, ceil(n/b) inside `Blocks(b, .)`, w inside
`Within(w, .)` and stop-start inside `Slice(start, stop, .)`. Positions at a place run from 0 to its length - 1.
Throughout, i is the query, j is the key, `//` floors and `%` is non-negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Spans = tuple[tuple[int, int], ...]
"""Sorted, disjoint, non-adjacent, non-empty half-open intervals [start, stop) of positions."""


@dataclass(frozen=True, slots=True)
class Empty:
    """No pair."""


@dataclass(frozen=True, slots=True)
class Full:
    """Every pair of the place."""


@dataclass(frozen=True, slots=True)
class Band:
    """low <= i - j <= high and (i - j) % step == 0; a bound of None is absent."""

    low: int | None
    high: int | None
    step: int = 1


@dataclass(frozen=True, slots=True)
class Residue:
    """(i - j) % modulus in residues (sorted, distinct, in [0, modulus))."""

    modulus: int
    residues: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """j % modulus in residues (sorted, distinct, in [0, modulus))."""

    modulus: int
    residues: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """i % modulus in residues (sorted, distinct, in [0, modulus))."""

    modulus: int
    residues: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """j in spans."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Queries:
    """i in spans."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Chunk:
    """i and j in the same chunk; sizes as listed (each >= 1), the last one repeating for ever."""

    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Random:
    """j among `count` distinct keys drawn for row i (`random.py` defines the draw).

    The candidates of row i are the positions j of the place (j <= i when `causal`), restricted to `among` when it is
    given, without those that `avoid` attends from i. With fewer candidates than `count`, all are taken.
    """

    count: int
    seed: tuple[int, ...]
    causal: bool
    among: Spans | None = None
    avoid: Relation = Empty()


@dataclass(frozen=True, slots=True)
class Layout:
    """A stored square of pairs, none beyond its sides.

    `bits` are its rows, each of ceil(side / 8) bytes; bit j % 8 of byte j // 8 of row i is the pair (i, j).
    """

    side: int
    bits: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blocks:
    """`inner` at (i // size, j // size)."""

    size: int
    inner: Relation


@dataclass(frozen=True, slots=True)
class Within:
    """`inner` at (i % size, j % size)."""

    size: int
    inner: Relation


@dataclass(frozen=True, slots=True)
class Slice:
    """`inner` at (i - start, j - start) where both i and j lie in [start, stop)."""

    start: int
    stop: int
    inner: Relation


@dataclass(frozen=True, slots=True)
class Union:
    """Any part holds. At least two parts, none of them a Union, distinct, in the order written."""

    parts: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """All parts hold. At least two parts, none of them an Intersection, distinct, in the order written."""

    parts: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """`left` holds and `right` does not."""

    left: Relation
    right: Relation


Relation = (
    Empty
    | Full
    | Band
    | Residue
    | Columns
    | Rows
    | Keys
    | Queries
    | Chunk
    | Random
    | Layout
    | Blocks
    | Within
    | Slice
    | Union
    | Intersection
    | Difference
)

EMPTY = Empty()
FULL = Full()
PAST = Band(0, None)
"""j <= i: what a causal model cuts every layer to, once, at token level."""


def spans_of(positions: Iterable[int]) -> Spans:
    """The spans that hold exactly `positions` (any order, repeats allowed)."""
    spans: list[tuple[int, int]] = []
    for position in sorted(set(positions)):
        if spans and spans[-1][1] == position:
            spans[-1] = (spans[-1][0], position + 1)
        else:
            spans.append((position, position + 1))
    return tuple(spans)


def merge_spans(intervals: Iterable[tuple[int, int]]) -> Spans:
    """The union of half-open intervals (any order, overlaps and empty ones allowed) as spans."""
    spans: list[tuple[int, int]] = []
    for start, stop in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
        else:
            spans.append((start, stop))
    return tuple(spans)


def band(low: int | None, high: int | None, step: int = 1) -> Relation:
    """A Band in canonical form: its finite bounds are multiples of `step`; Empty when no distance is left."""
    if step > 1:
        low = None if low is None else -(-low // step) * step
        high = None if high is None else high // step * step
    if low is not None and high is not None:
        if low > high:
            return EMPTY
        if low == high:
            step = 1
    if low is None and high is None:
        return FULL if step == 1 else Residue(step, (0,))
    return Band(low, high, step)


def union(*parts: Relation) -> Relation:
    """The union, flattened, without Empty and repeats; Full absorbs everything."""
    kept: dict[Relation, None] = {}
    for part in parts:
        for leaf in part.parts if isinstance(part, Union) else (part,):
            if isinstance(leaf, Full):
                return FULL
            if not isinstance(leaf, Empty):
                kept[leaf] = None
    if not kept:
        return EMPTY
    return next(iter(kept)) if len(kept) == 1 else Union(tuple(kept))


def intersection(*parts: Relation) -> Relation:
    """The intersection, flattened, without Full and repeats; Empty absorbs everything; step-1 bands become one."""
    kept: dict[Relation, None] = {}
    low: int | None = None
    high: int | None = None
    banded = False
    for part in parts:
        for leaf in part.parts if isinstance(part, Intersection) else (part,):
            if isinstance(leaf, Empty):
                return EMPTY
            if isinstance(leaf, Band):
                banded = True
                low = leaf.low if low is None else low if leaf.low is None else max(low, leaf.low)
                high = leaf.high if high is None else high if leaf.high is None else min(high, leaf.high)
                if leaf.step > 1:
                    kept[Residue(leaf.step, (0,))] = None
            elif not isinstance(leaf, Full):
                kept[leaf] = None
    if banded:
        steps = [leaf for leaf in kept if isinstance(leaf, Residue) and leaf.residues == (0,)]
        step = 1
        if len(steps) == 1:
            step = steps[0].modulus
            del kept[steps[0]]
        merged = band(low, high, step)
        if isinstance(merged, Empty):
            return EMPTY
        if not isinstance(merged, Full):
            kept = {merged: None, **kept}
    if not kept:
        return FULL
    return next(iter(kept)) if len(kept) == 1 else Intersection(tuple(kept))


def difference(left: Relation, right: Relation) -> Relation:
    """`left` without `right`, with the trivial cases taken out."""
    if isinstance(left, Empty) or isinstance(right, Full) or left == right:
        return EMPTY
    return left if isinstance(right, Empty) else Difference(left, right)
