"""Operators: a relation in the form in which it can be applied to many rows at once.

For: `lower`, from a relation to operators whose union it is. A window costs log2(width) passes over the rows, a stride
or chunk one, a block pattern runs on blocks; nothing costs a step for each pair. `lower` is exact or refuses: what has
no structure here is listed row by row within a budget, and beyond that it raises. Not for: running (`propagate.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import Budget, TileBudgetError
from patternc.algebra.relation import (
    Band,
    Blocks,
    Chunk,
    Columns,
    Difference,
    Empty,
    Full,
    Keys,
    Queries,
    Random,
    Relation,
    Residue,
    Rows,
    Slice,
    Union,
    Within,
    band,
    intersection,
    union,
)
from patternc.algebra.rowspans import inside_spans, row_spans
from patternc.analysis.clauses import Unstructured, clauses, consecutive, shift_into
from patternc.analysis.factor import factor
from patternc.analysis.period import period

Int64 = NDArray[np.int64]
LISTED_WORK = 1 << 35
"""Bit operations (runs times columns) that one row-by-row listing may cost, about five seconds."""


class NoOperator(Exception):
    """The relation has too little structure for its length; the message says so."""


@dataclass(frozen=True, slots=True)
class All:
    """Every row takes every key."""


@dataclass(frozen=True, slots=True)
class Window:
    """Row i takes the keys j with low <= i - j <= high; None is no bound."""

    low: int | None
    high: int | None


Index = Int64 | slice


@dataclass(frozen=True, slots=True, eq=False)
class Picks:
    """Row `rows[t]` takes the row first[t], and second[t] where that is given, of a table; no row occurs twice."""

    rows: Index
    first: Index
    second: Index | None


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Each row takes some runs [start, stop) of keys, whose positions are counted in `keys` where that is given.

    A run from the first key on is read from running totals, one to the last key from running totals from the end, any
    other one of length 2**k <= length < 2**(k + 1) from two overlapping windows of 2**k keys: `levels[k]`.
    """

    keys: Int64 | None
    prefixes: tuple[Picks, ...]
    suffixes: tuple[Picks, ...]
    levels: tuple[tuple[Picks, ...], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """`outer` over i // width and `inner` over i % width, both at once."""

    width: int
    outer: tuple[Operator, ...]
    inner: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """`inner` on the positions [start, stop) alone."""

    start: int
    stop: int
    inner: tuple[Operator, ...]


Operator = All | Window | Runs | Grid | Part

IDENTITY = (Window(0, 0),)
EVERYTHING = (All(),)


def lower(relation: Relation, length: int) -> tuple[Operator, ...]:
    """Operators whose union is `relation` at a place of `length` positions.

    Raises:
        NoOperator: no structure was found and listing it row by row would cost more than LISTED_WORK.
    """
    match relation:
        case Empty():
            return ()
        case Full():
            return EVERYTHING
        case Band(low, high, 1):
            return (Window(low, high),) if _touches(low, high, length) else ()
        case Blocks(size, inner):
            return (Grid(size, lower(inner, -(-length // size)), EVERYTHING),)
        case Within(size, inner):
            return (Grid(size, EVERYTHING, lower(inner, size)),)
        case Slice(start, stop, inner):
            return (Part(start, stop, lower(inner, stop - start)),) if start < min(stop, length) else ()
        case Union(parts):
            return tuple(operator for part in parts for operator in lower(part, length))
        case Chunk((size,)):
            return (Grid(size, IDENTITY, EVERYTHING),)
        case _:
            pass
    try:
        options = clauses(relation, length)
    except Unstructured:
        return _listed(relation, length)
    lowered: list[Operator] = []
    for clause in options:
        try:
            lowered += _clause(clause, length)
        except Unstructured:
            lowered += _listed(intersection(*clause), length)
    return tuple(lowered)


def _touches(low: int | None, high: int | None, length: int) -> bool:
    return (low is None or low < length) and (high is None or high > -length)


def _clause(atoms: tuple[Relation, ...], length: int) -> tuple[Operator, ...]:
    """Raises Unstructured where no structure is found."""
    if any(isinstance(atom, Random) for atom in atoms):
        return _listed(intersection(*atoms), length)
    for atom in atoms:
        if isinstance(atom, Slice):
            others = [shift_into(other, atom.start, atom.stop) for other in atoms if other is not atom]
            return lower(Slice(atom.start, atom.stop, intersection(atom.inner, *others)), length)
    match atoms:
        case (Blocks() | Within() | Band(step=1) | Chunk((_,)) as atom,):
            return lower(atom, length)
        case _:
            pass
    widths = sorted({width for atom in atoms for width in _widths(atom)}, reverse=True)
    if not widths:
        return _runs(atoms, length)
    try:
        return _grids(atoms, widths, length)
    except Unstructured:
        return _runs(atoms, length)


def _widths(atom: Relation) -> tuple[int, ...]:
    """The frame that the atom asks for."""
    match atom:
        case Blocks(size, _) | Within(size, _):
            return (size,)
        case Band(_, _, step):
            return (step,) if step > 1 else ()
        case Residue(modulus, _):
            return (modulus,)
        case Chunk((size,)):
            return (size,)
        case _:
            return ()


def _grids(atoms: tuple[Relation, ...], widths: list[int], length: int) -> tuple[Operator, ...]:
    few = _few_distances(atoms, length)
    if few is not None:
        return lower(few, length)
    common = period(intersection(*atoms))
    for width in [*widths, *([common] if common is not None else [])]:
        if not 1 < width < length:
            continue
        try:
            parts = factor(intersection(*atoms), length, width)
        except Unstructured:
            continue
        return tuple(
            Grid(width, lower(outer, -(-length // width)), lower(inner, width)) for outer, inner in _gather(parts)
        )
    raise Unstructured


def _gather(parts: list[tuple[Relation, Relation]]) -> list[tuple[Relation, Relation]]:
    """Products with the same inner relation as one."""
    by_inner: dict[Relation, list[Relation]] = {}
    for outer, inner in parts:
        by_inner.setdefault(inner, []).append(outer)
    return [(_merged(outers), inner) for inner, outers in by_inner.items()]


def _merged(parts: list[Relation]) -> Relation:
    """The union, with adjacent plain bands made one."""
    bands = sorted(
        (-math.inf if part.low is None else part.low, math.inf if part.high is None else part.high)
        for part in parts
        if isinstance(part, Band) and part.step == 1
    )
    merged: list[tuple[float, float]] = []
    for low, high in bands:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    plain = (
        band(None if low == -math.inf else int(low), None if high == math.inf else int(high)) for low, high in merged
    )
    return union(*plain, *(part for part in parts if not (isinstance(part, Band) and part.step == 1)))


FEW_BANDS = 48


def _few_distances(atoms: tuple[Relation, ...], length: int) -> Relation | None:
    """Residue and step atoms as plain bands, where few of their distances fit into the place."""
    plain: list[Relation] = []
    for atom in atoms:
        match atom:
            case Residue(modulus, residues):
                low, high = 1 - length, length - 1
            case Band(bottom, top, step) if step > 1:
                modulus, residues = step, (0,)
                low = max(1 - length, bottom if bottom is not None else 1 - length)
                high = min(length - 1, top if top is not None else length - 1)
            case _:
                plain.append(atom)
                continue
        spread = consecutive(residues) if residues else []
        if len(spread) * ((high - low) // modulus + 1) > FEW_BANDS:
            return None
        bands: list[Relation] = []
        for first, last in spread:
            for turn in range((low - last) // modulus, (high - first) // modulus + 1):
                below, above = max(low, turn * modulus + first), min(high, turn * modulus + last)
                if below <= above:
                    bands.append(Band(below, above))
        plain.append(union(*bands))
    return intersection(*plain) if plain != list(atoms) else None


def _runs(atoms: tuple[Relation, ...], length: int) -> tuple[Operator, ...]:
    """Atoms that leave each row a few intervals of the keys that the key atoms keep."""
    everyone = np.arange(length, dtype=np.int64)
    keep = np.ones(length, dtype=np.bool_)
    plain: list[Relation] = []
    for atom in atoms:
        match atom:
            case Keys(spans):
                keep &= inside_spans(spans, everyone)
            case Columns(modulus, residues):
                keep &= np.isin(everyone % modulus, np.array(residues, dtype=np.int64))
            case Rows() | Queries() | Chunk() | Band() | Difference():
                plain.append(atom)
            case _:
                raise Unstructured
    return _listed(intersection(*plain), length, None if keep.all() else np.nonzero(keep)[0])


def _listed(relation: Relation, length: int, keys: Int64 | None = None) -> tuple[Operator, ...]:
    """The relation row by row, as runs of keys; of `keys` alone where they are given."""
    limit = max(LISTED_WORK // length, 4 * length)
    try:
        spans = row_spans(relation, np.arange(length, dtype=np.int64), length, Budget(spans=limit))
    except TileBudgetError as error:
        raise NoOperator(f"{error}") from error
    if keys is None:
        return planned(spans.row, spans.start, spans.stop, length, None)
    start, stop = np.searchsorted(keys, spans.start), np.searchsorted(keys, spans.stop)
    some = start < stop
    return planned(spans.row[some], start[some], stop[some], keys.size, keys)


def planned(row: Int64, start: Int64, stop: Int64, count: int, keys: Int64 | None) -> tuple[Operator, ...]:
    """Runs, sorted by row, of positions below `count`."""
    if row.size == 0:
        return ()
    fresh = np.ones(row.size, dtype=np.bool_)
    fresh[1:] = row[1:] != row[:-1]
    (heads,) = np.nonzero(fresh)
    turn = np.arange(row.size) - np.repeat(heads, np.diff(np.append(heads, row.size)))

    def picks(chosen: NDArray[np.bool_], first: Int64, second: Int64 | None) -> tuple[Picks, ...]:
        found: list[Picks] = []
        for which in np.unique(turn[chosen]):
            (at,) = np.nonzero(chosen & (turn == which))
            found.append(Picks(_index(row[at]), _index(first[at]), None if second is None else _index(second[at])))
        return tuple(found)

    prefix = start == 0
    suffix = (stop == count) & ~prefix
    inner = ~prefix & ~suffix
    width = stop - start
    levels: list[tuple[Picks, ...]] = []
    reach = 1
    while reach <= int(width[inner].max(initial=0)):
        fits = inner & (width >= reach) & (width < 2 * reach)
        levels.append(picks(fits, stop - 1, start + reach - 1 if reach > 1 else None))
        reach *= 2
    return (Runs(keys, picks(prefix, stop - 1, None), picks(suffix, start, None), tuple(levels)),)


def _index(values: Int64) -> Index:
    """`values` as a slice where they ascend one by one: then no copy is made."""
    first, last = int(values[0]), int(values[-1])
    return slice(first, last + 1) if last - first + 1 == values.size and bool((np.diff(values) == 1).all()) else values
