"""Applying operators: what rows hold, joined over the keys each attends, or, transposed, over the queries of each key.

For: one step of a sweep over packed bits (join = bitwise_or), or over numbers (join = maximum): any idempotent ufunc
that has 0 as its neutral element. Not for: deciding what to propagate (`reach.py`, `witness.py`, `measures.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from patternc.analysis.operators import (
    EVERYTHING,
    IDENTITY,
    All,
    Grid,
    Operator,
    Part,
    Picks,
    Runs,
    Window,
)

Array = NDArray[Any]
"""[positions, words]: uint64 words of packed bits, or any numbers that the ufunc takes."""
Run = Callable[[tuple[Operator, ...], Array, Array, np.ufunc], None]


def apply(operators: tuple[Operator, ...], source: Array, target: Array, join: np.ufunc = np.bitwise_or) -> None:
    """Set target to join(target, A source), A the union of `operators`: each row takes what its keys hold.

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
                _apply_grid(operator, source, target, join, apply)
            case Part():
                _apply_part(operator, source, target, join, apply)
            case _:
                assert_never(operator)


def _apply_part(part: Part, source: Array, target: Array, join: np.ufunc, run: Run) -> None:
    """The part's own positions alone; those beyond the end of the place are there, and hold nothing."""
    rows = slice(part.start, part.stop)
    missing = part.stop - source.shape[0]
    if missing <= 0:
        run(part.inner, source[rows], target[rows], join)
        return
    nothing = np.zeros((missing, *source.shape[1:]), dtype=source.dtype)
    found = np.concatenate([target[rows], nothing])
    run(part.inner, np.concatenate([source[rows], nothing]), found, join)
    target[rows] = found[:-missing]


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
        current = np.zeros((length - low, *source.shape[1:]), dtype=source.dtype)
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
    if runs.prefixes:
        _gather(runs.prefixes, join.accumulate(kept, axis=0), target, join)
    if runs.suffixes:
        _gather(runs.suffixes, join.accumulate(kept[::-1], axis=0)[::-1], target, join)
    current = kept
    for level, picks in enumerate(runs.levels):
        if level:
            current = _widened(current, 1 << (level - 1), join)
        _gather(picks, current, target, join)


def _gather(picks: tuple[Picks, ...], table: Array, target: Array, join: np.ufunc) -> None:
    for pick in picks:
        taken = target[pick.rows]
        join(taken, table[pick.first], out=taken)
        if pick.second is not None:
            join(taken, table[pick.second], out=taken)
        if not isinstance(pick.rows, slice):
            target[pick.rows] = taken


def _apply_grid(grid: Grid, source: Array, target: Array, join: np.ufunc, run: Run) -> None:
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
        run(grid.outer, whole, found, join)
        view = made.reshape(blocks, width, words)
        join(view, found[:, None, :], out=view)
    elif grid.outer == EVERYTHING:
        whole = join.reduce(source.reshape(blocks, width, words), axis=0)
        found = np.zeros_like(whole)
        run(grid.inner, whole, found, join)
        view = made.reshape(blocks, width, words)
        join(view, found[None, :, :], out=view)
    else:
        mid = source.reshape(blocks, width * words)
        if grid.inner != IDENTITY:
            mid = _inside(grid.inner, source.reshape(blocks, width, words), join, run).reshape(blocks, width * words)
        run(grid.outer, mid, made.reshape(blocks, width * words), join)
    if ragged:
        join(target, made[:length], out=target)


def _inside(operators: tuple[Operator, ...], source: Array, join: np.ufunc, run: Run) -> Array:
    """What the operators find within each block of `source` [blocks, width, words]; of the same shape, contiguous."""
    if all(isinstance(operator, All | Window | Runs) for operator in operators):
        # These take any axes after the first: the places within a block come first in a view, and nothing is moved.
        found = np.zeros_like(source)
        run(operators, source.swapaxes(0, 1), found.swapaxes(0, 1), join)
        return found
    blocks, width, words = source.shape
    turned = np.ascontiguousarray(source.swapaxes(0, 1))
    found = np.zeros_like(turned)
    run(operators, turned.reshape(width, blocks * words), found.reshape(width, blocks * words), join)
    return np.ascontiguousarray(found.swapaxes(0, 1))


def apply_transposed(
    operators: tuple[Operator, ...], source: Array, target: Array, join: np.ufunc = np.bitwise_or
) -> None:
    """As `apply` with the transpose of A: each key takes what the rows that attend it hold."""
    for operator in operators:
        match operator:
            case All():
                join(target, join.reduce(source, axis=0, keepdims=True), out=target)
            case Window(low, high):
                apply((Window(None if high is None else -high, None if low is None else -low),), source, target, join)
            case Runs():
                _spread_runs(operator, source, target, join)
            case Grid():
                _apply_grid(operator, source, target, join, apply_transposed)
            case Part():
                _apply_part(operator, source, target, join, apply_transposed)
            case _:
                assert_never(operator)


def _spread_runs(runs: Runs, source: Array, target: Array, join: np.ufunc) -> None:
    """`_apply_runs` backwards: rows give to tables, tables to narrower ones, the narrowest to the keys."""
    count = target.shape[0] if runs.keys is None else runs.keys.size
    table = np.zeros((count, *source.shape[1:]), dtype=source.dtype)
    for level in reversed(range(len(runs.levels))):
        _spread(runs.levels[level], source, table, join)
        if level:
            by = 1 << (level - 1)
            narrower = table.copy()
            join(narrower[:-by], table[by:], out=narrower[:-by])
            table = narrower
    if runs.prefixes:
        ends = np.zeros_like(table)
        _spread(runs.prefixes, source, ends, join)
        join(table, join.accumulate(ends[::-1], axis=0)[::-1], out=table)
    if runs.suffixes:
        starts = np.zeros_like(table)
        _spread(runs.suffixes, source, starts, join)
        join(table, join.accumulate(starts, axis=0), out=table)
    if runs.keys is None:
        join(target, table, out=target)
    else:
        target[runs.keys] = join(target[runs.keys], table)


def _spread(picks: tuple[Picks, ...], source: Array, table: Array, join: np.ufunc) -> None:
    for pick in picks:
        held = source[pick.rows]
        for at in (pick.first, pick.second):
            if isinstance(at, slice):
                join(table[at], held, out=table[at])
            elif at is not None:
                join.at(table, at, held)
