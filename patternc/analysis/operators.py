"""Operators: a relation in the form in which it can be applied to many bit rows at once.

For: `lower`, from a relation to operators whose union it is; `apply`, Y |= A X over rows of packed bits (or Y = max(Y,
A X) over rows of numbers: any idempotent ufunc with 0 as its neutral element). A window costs log2(width) passes over
the rows, a stride or chunk one, a block pattern runs on blocks; nothing costs a step for each pair. Not for: deciding
what to propagate (`reach.py`).

`lower` is exact or refuses: what has no structure here is listed row by row within a budget, and beyond that raises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, assert_never

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

Int64 = NDArray[np.int64]
Array = NDArray[Any]
"""[positions, words]: uint64 words of packed bits, or any numbers that the ufunc takes."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Row `rows[t]` takes the keys start[t] <= position < stop[t], counted in `keys` where that is given.

    `groups` cuts the arrays so that no row occurs twice in a group: groups[g] <= t < groups[g + 1].
    """

    keys: Int64 | None
    rows: Int64
    start: Int64
    stop: Int64
    groups: tuple[int, ...]


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
            return (Part(start, min(stop, length), lower(inner, stop - start)),) if start < min(stop, length) else ()
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
    if len(atoms) == 1 and isinstance(atoms[0], Blocks | Within):
        return lower(atoms[0], length)
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
    for width in widths:
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
    (runs,) = _listed(intersection(*plain), length) or (None,)
    if keep.all() or runs is None:
        return () if runs is None else (runs,)
    assert isinstance(runs, Runs)
    (keys,) = np.nonzero(keep)
    start, stop = np.searchsorted(keys, runs.start), np.searchsorted(keys, runs.stop)
    return (Runs(keys, runs.rows, start, stop, runs.groups),)


def _listed(relation: Relation, length: int) -> tuple[Operator, ...]:
    """The relation row by row, as runs of keys."""
    limit = max(LISTED_WORK // length, 4 * length)
    try:
        spans = row_spans(relation, np.arange(length, dtype=np.int64), length, Budget(spans=limit))
    except TileBudgetError as error:
        raise NoOperator(f"{error}") from error
    if spans.row.size == 0:
        return ()
    fresh = np.ones(spans.row.size, dtype=np.bool_)
    fresh[1:] = spans.row[1:] != spans.row[:-1]
    (first,) = np.nonzero(fresh)
    turn = np.arange(spans.row.size) - np.repeat(first, np.diff(np.append(first, spans.row.size)))
    order = np.argsort(turn, kind="stable")
    cuts = np.searchsorted(turn[order], np.arange(int(turn.max()) + 2))
    return (Runs(None, spans.row[order], spans.start[order], spans.stop[order], tuple(int(cut) for cut in cuts)),)


def apply(operators: tuple[Operator, ...], source: Array, target: Array, join: np.ufunc = np.bitwise_or) -> None:
    """Set target to join(target, A source), A the union of `operators`.

    Both are [length, words], contiguous and apart; `source` is left as it is.
    """
    for operator in operators:
        match operator:
            case All():
                join(target, join.reduce(source, axis=0, keepdims=True), out=target)
            case Window(low, high):
                _apply_window(low, high, source, target, join)
            case Runs():
                _apply_runs(operator, source, target, join)
            case Grid():
                _apply_grid(operator, source, target, join)
            case Part(start, stop, inner):
                apply(inner, source[start:stop], target[start:stop], join)
            case _:
                assert_never(operator)


def _into(target: Array, rows: slice, values: Array, join: np.ufunc) -> None:
    view = target[rows]
    join(view, values, out=view)


def _apply_window(low: int | None, high: int | None, source: Array, target: Array, join: np.ufunc) -> None:
    length = source.shape[0]
    if high is not None and high >= length - 1:
        high = None
    if low is not None and low <= 1 - length:
        low = None
    if low is not None and high is None:
        # Keys up to i - low.
        running = join.accumulate(source, axis=0)
        if low >= 0:
            _into(target, slice(low, length), running[: length - low], join)
        else:
            _into(target, slice(0, length + low), running[-low:], join)
            _into(target, slice(length + low, length), running[-1:], join)
    elif low is None and high is not None:
        _apply_window(-high, None, source[::-1], target[::-1], join)
    elif low is None or high is None:
        apply(EVERYTHING, source, target, join)
    else:
        _apply_finite(low, high, source, target, join)


def _apply_finite(low: int, high: int, source: Array, target: Array, join: np.ufunc) -> None:
    """A window of fixed width, by doubling: after k rounds row p holds the keys (p - 2**k, p]."""
    length, width = source.shape[0], high - low + 1
    if low < 0:
        # Keys ahead of the row: let the window run past the end, over rows that hold nothing.
        current = np.zeros((length - low, source.shape[1]), dtype=source.dtype)
        current[:length] = source
    else:
        current = source
    reach = 1
    while 2 * reach <= width:
        current = _widened(current, reach, join)
        reach *= 2
    if reach < width:
        current = _widened(current, width - reach, join)
    if low >= 0:
        _into(target, slice(low, length), current[: length - low], join)
    else:
        _into(target, slice(0, length), current[-low:], join)


def _widened(rows: Array, by: int, join: np.ufunc) -> Array:
    wider = np.empty_like(rows)
    wider[:by] = rows[:by]
    join(rows[by:], rows[:-by], out=wider[by:])
    return wider


def _apply_runs(runs: Runs, source: Array, target: Array, join: np.ufunc) -> None:
    kept = source if runs.keys is None else source[runs.keys]
    if kept.shape[0] == 0:
        return
    width = runs.stop - runs.start
    prefix = (runs.start == 0) & (width > 0)
    if prefix.any():
        running = join.accumulate(kept, axis=0)
        _scatter(runs, prefix, [(running, runs.stop - 1)], target, join)
    suffix = (runs.stop == kept.shape[0]) & ~prefix & (width > 0)
    if suffix.any():
        running = join.accumulate(kept[::-1], axis=0)[::-1]
        _scatter(runs, suffix, [(running, runs.start)], target, join)
    inner = ~prefix & ~suffix
    longest = int(width[inner].max(initial=0))
    current, reach = kept, 1
    while reach <= longest:
        fits = inner & (width >= reach) & (width < 2 * reach)
        if fits.any():
            sources = [(current, runs.stop - 1)]
            if reach > 1:
                sources.append((current, runs.start + reach - 1))
            _scatter(runs, fits, sources, target, join)
        if 2 * reach <= longest:
            current = _widened(current, reach, join)
        reach *= 2


def _scatter(
    runs: Runs, chosen: NDArray[np.bool_], sources: list[tuple[Array, Int64]], target: Array, join: np.ufunc
) -> None:
    """target[row] joins values[at] for the chosen runs, group by group because a row occurs once in a group."""
    for first, last in zip(runs.groups[:-1], runs.groups[1:], strict=True):
        (picked,) = np.nonzero(chosen[first:last])
        if picked.size == 0:
            continue
        picked += first
        rows = runs.rows[picked]
        taken = target[rows]
        for values, at in sources:
            join(taken, values[at[picked]], out=taken)
        target[rows] = taken


def _apply_grid(grid: Grid, source: Array, target: Array, join: np.ufunc) -> None:
    if not grid.outer or not grid.inner:
        return
    length, words = source.shape
    width, blocks = grid.width, -(-length // grid.width)
    ragged = blocks * width != length
    if ragged:
        padded = np.zeros((blocks * width, words), dtype=source.dtype)
        padded[:length] = source
        source = padded
    made = np.zeros((blocks * width, words), dtype=source.dtype) if ragged else target
    if grid.inner == EVERYTHING:
        whole = join.reduce(source.reshape(blocks, width, words), axis=1)
        found = np.zeros_like(whole)
        apply(grid.outer, whole, found, join)
        view = made.reshape(blocks, width, words)
        join(view, found[:, None, :], out=view)
    elif grid.outer == EVERYTHING:
        whole = join.reduce(source.reshape(blocks, width, words), axis=0)
        found = np.zeros_like(whole)
        apply(grid.inner, whole, found, join)
        view = made.reshape(blocks, width, words)
        join(view, found[None, :, :], out=view)
    else:
        mid = source.reshape(blocks, width * words)
        if grid.inner != IDENTITY:
            turned = np.ascontiguousarray(source.reshape(blocks, width, words).transpose(1, 0, 2))
            found = np.zeros_like(turned)
            apply(grid.inner, turned.reshape(width, blocks * words), found.reshape(width, blocks * words), join)
            mid = np.ascontiguousarray(found.transpose(1, 0, 2)).reshape(blocks, width * words)
        apply(grid.outer, mid, made.reshape(blocks, width * words), join)
    if ragged:
        join(target, made[:length], out=target)
