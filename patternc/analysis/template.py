"""Templates: a relation as a shape with numbers in it, and its numbers as expressions in the parameters.

For: moving a relation along its parameters, in order to see how its pair count depends on them (`formula.py`). Not for:
evaluating programs: which parameter a number follows is found by looking at the same pattern for other values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

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
    merge_spans,
)
from patternc.analysis.clauses import consecutive

Unit = Literal["tokens", "periods", "inner"]
Role = Literal["size", "length", "edge", "residue", "count"]
Shape = tuple[object, ...]
"""The cases of a relation in preorder, without its numbers; equal for relations that differ in numbers alone."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One number of a relation.

    `size`: a modulus, step, chunk or block. `length`: a bound of a band, in taps of its step. `edge`: an end of a span.
    `residue`: an end of a run of residues (inclusive), in slots after that of its modulus. `count`: keys drawn.
    `unit`: what it counts: tokens, whole steps or blocks (periods), or places within one (inner). `offset`: the number
    less this is what was likely written (w for i - j <= w - 1).
    `from_end`: the number is the edge less the length of its place. `inside`: the slot of the start of the innermost
    slice around it, whose stop is in the next slot.
    """

    role: Role
    unit: Unit
    offset: int = 0
    from_end: bool = False
    inside: int | None = None


def dissect(
    relation: Relation, length: int, like: Sequence[Slot] | None = None
) -> tuple[Shape, tuple[Slot, ...], tuple[int, ...]]:
    """The shape of a relation at a place of `length` positions, its slots, and the numbers in them.

    Edges in the upper half of their place are counted from its end; with `like`, those that `like` counts so.
    """
    dissection = _Dissection(like)
    dissection.visit(relation, length, "tokens", None)
    return tuple(dissection.shape), tuple(dissection.slots), tuple(dissection.numbers)


class _Dissection:
    """The lists that a walk over a relation fills."""

    def __init__(self, like: Sequence[Slot] | None) -> None:
        self.like = like
        self.shape: list[object] = []
        self.slots: list[Slot] = []
        self.numbers: list[int] = []

    def put(self, slot: Slot, value: int) -> None:
        self.slots.append(slot)
        self.numbers.append(value)

    def edges(self, values: Iterable[int], length: int, unit: Unit, inside: int | None) -> None:
        for value in values:
            at = len(self.slots)
            like = self.like
            from_end = 2 * value > length if like is None else at < len(like) and like[at].from_end
            self.put(Slot("edge", unit, 0, from_end, inside), value - length if from_end else value)

    def visit(self, relation: Relation, length: int, unit: Unit, inside: int | None) -> None:
        self.shape.append(type(relation))
        match relation:
            case Empty() | Full():
                pass
            case Band(low, high, step):
                self.shape.append((low is not None, high is not None, step > 1))
                if step > 1:
                    self.put(Slot("size", unit, inside=inside), step)
                taps: Unit = "periods" if step > 1 and unit == "tokens" else unit
                if low is not None:
                    self.put(Slot("length", taps, inside=inside), low // step)
                if high is not None:
                    offset = -1 if low == 0 and high > 0 else 0
                    self.put(Slot("length", taps, offset, inside=inside), high // step)
            case Residue(modulus, residues) | Columns(modulus, residues) | Rows(modulus, residues):
                self.put(Slot("size", unit, inside=inside), modulus)
                runs = consecutive(residues) if residues else []
                self.shape.append(len(runs))
                for run in runs:
                    for end in run:
                        self.put(Slot("residue", unit, inside=inside), end)
            case Keys(spans) | Queries(spans):
                self.shape.append(len(spans))
                self.edges((edge for span in spans for edge in span), length, unit, inside)
            case Chunk(sizes):
                self.shape.append(len(sizes))
                for size in sizes:
                    self.put(Slot("size", unit, inside=inside), size)
            case Random(count, seed, causal, among, avoid):
                self.shape.append((seed, causal, None if among is None else len(among)))
                self.put(Slot("count", unit, inside=inside), count)
                self.edges((edge for span in among or () for edge in span), length, unit, inside)
                self.visit(avoid, length, unit, inside)
            case Layout():
                self.shape.append(relation)
            case Blocks(size, inner):
                self.put(Slot("size", unit, inside=inside), size)
                self.visit(inner, -(-length // size), "periods", inside)
            case Within(size, inner):
                self.put(Slot("size", unit, inside=inside), size)
                self.visit(inner, size, "inner", inside)
            case Slice(start, stop, inner):
                here = len(self.slots)
                self.edges((start, stop), length, unit, inside)
                self.visit(inner, stop - start, unit, here)
            case Union(parts) | Intersection(parts):
                self.shape.append(len(parts))
                for part in parts:
                    self.visit(part, length, unit, inside)
            case Difference(left, right):
                self.visit(left, length, unit, inside)
                self.visit(right, length, unit, inside)
            case _:
                assert_never(relation)


class Invalid(Exception):
    """The numbers make no relation of this shape."""


def refill(relation: Relation, slots: Sequence[Slot], numbers: Sequence[int], length: int) -> Relation:
    """The relation with other numbers in its slots, at a place of `length` positions.

    Runs and spans that come out empty are left out.

    Raises:
        Invalid: a size below 1, a residue outside its modulus, overlapping runs, or an end before its start.
    """
    return _refill(relation, iter(zip(slots, numbers, strict=True)), length)


Filled = Iterator[tuple[Slot, int]]


def _refill(relation: Relation, numbers: Filled, length: int) -> Relation:
    match relation:
        case Empty() | Full() | Layout():
            return relation
        case Band(low, high, step):
            taps = _size(numbers) if step > 1 else 1
            below = None if low is None else next(numbers)[1] * taps
            above = None if high is None else next(numbers)[1] * taps
            return Band(below, above, taps)
        case Residue(_, residues):
            return Residue(*_residues(residues, numbers))
        case Columns(_, residues):
            return Columns(*_residues(residues, numbers))
        case Rows(_, residues):
            return Rows(*_residues(residues, numbers))
        case Keys(spans):
            return Keys(merge_spans(_span(numbers, length) for _ in spans))
        case Queries(spans):
            return Queries(merge_spans(_span(numbers, length) for _ in spans))
        case Chunk(sizes):
            return Chunk(tuple(_size(numbers) for _ in sizes))
        case Random(_, seed, causal, among, avoid):
            count = max(next(numbers)[1], 0)
            allowed = None if among is None else merge_spans(_span(numbers, length) for _ in among)
            return Random(count, seed, causal, allowed, _refill(avoid, numbers, length))
        case Blocks(_, inner):
            size = _size(numbers)
            return Blocks(size, _refill(inner, numbers, -(-length // size)))
        case Within(_, inner):
            size = _size(numbers)
            return Within(size, _refill(inner, numbers, size))
        case Slice(_, _, inner):
            start, stop = _span(numbers, length)
            return Slice(start, stop, _refill(inner, numbers, stop - start))
        case Union(parts):
            return Union(tuple(_refill(part, numbers, length) for part in parts))
        case Intersection(parts):
            return Intersection(tuple(_refill(part, numbers, length) for part in parts))
        case Difference(left, right):
            kept = _refill(left, numbers, length)
            return Difference(kept, _refill(right, numbers, length))
        case _:
            assert_never(relation)


def _size(numbers: Filled) -> int:
    _, size = next(numbers)
    if size < 1:
        raise Invalid
    return size


def _residues(residues: tuple[int, ...], numbers: Filled) -> tuple[int, tuple[int, ...]]:
    modulus = _size(numbers)
    filled: list[int] = []
    for _ in consecutive(residues) if residues else ():
        (_, first), (_, last) = next(numbers), next(numbers)
        if first < 0 or last >= modulus or last < first - 1:
            raise Invalid
        filled += range(first, last + 1)
    if len(set(filled)) < len(filled):
        raise Invalid
    return modulus, tuple(sorted(filled))


def _span(numbers: Filled, length: int) -> tuple[int, int]:
    start, stop = (number + length if slot.from_end else number for slot, number in (next(numbers), next(numbers)))
    if start < 0 or stop < start:
        raise Invalid
    return start, stop


def draws(relation: Relation) -> bool:
    """Whether any part of the relation is random."""
    shape, _, _ = dissect(relation, 1)
    return Random in shape


def reseeded(relation: Relation, seed: tuple[int, ...]) -> Relation:
    """The relation with all its random parts drawn from `seed`."""
    match relation:
        case Random(count, _, causal, among, avoid):
            return Random(count, seed, causal, among, reseeded(avoid, seed))
        case Blocks(size, inner):
            return Blocks(size, reseeded(inner, seed))
        case Within(size, inner):
            return Within(size, reseeded(inner, seed))
        case Slice(start, stop, inner):
            return Slice(start, stop, reseeded(inner, seed))
        case Union(parts):
            return Union(tuple(reseeded(part, seed) for part in parts))
        case Intersection(parts):
            return Intersection(tuple(reseeded(part, seed) for part in parts))
        case Difference(left, right):
            return Difference(reseeded(left, seed), reseeded(right, seed))
        case _:
            return relation
