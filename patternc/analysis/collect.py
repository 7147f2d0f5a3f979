"""Sums over the queries of each key, in time linear in runs of neighbouring keys.

A running total gives a run its weight from where it begins to where it ends. Neighbouring queries whose runs begin (or
end) at one place give what they hold together, from running totals again. Listed keys are neighbours among themselves,
and a stride is runs within its residue classes.

For: pulling weights from queries back to their keys, each pair as often as it counts. Not for: bits, where joining
twice does no harm (`propagate.py`), or what the weights are (`rollout.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import Budget
from patternc.algebra.classes import class_kinds
from patternc.algebra.normalise import Candidate, normalise
from patternc.algebra.pairs import listed_pairs
from patternc.algebra.relation import Relation
from patternc.algebra.rowspans import RowSpans, row_spans

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Where runs begin, or end: `at` ascending and distinct.

    The rows of those at at[t] are the spans [start, stop) number first[t] to first[t + 1].
    """

    at: Int64
    first: Int64
    start: Int64
    stop: Int64

    def gather(self, totals: Float64, into: Float64, sign: int) -> None:
        """Add what the rows hold to where their runs begin or end; `totals` are those of the rows before each row."""
        if self.at.size:
            held = totals[self.stop] - totals[self.start]
            into[self.at] += sign * np.add.reduceat(held, self.first, axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Runs of keys; they are counted in `keys` where that is given. `lengths` are the keys of each row."""

    keys: Int64 | None
    size: int
    starts: _Edges
    stops: _Edges
    lengths: Int64

    def collect(self, held: Float64) -> Float64:
        """For each key, the sum of `held` over the rows whose runs have it."""
        change = np.zeros((self.size + 1, *held.shape[1:]))
        totals = np.zeros((held.shape[0] + 1, *held.shape[1:]))
        np.cumsum(held, axis=0, out=totals[1:])
        self.starts.gather(totals, change, 1)
        self.stops.gather(totals, change, -1)
        found = np.cumsum(change[:-1], axis=0)
        if self.keys is None:
            return found
        spread = np.zeros_like(held)
        spread[self.keys] = found
        return spread


@dataclass(frozen=True, slots=True, eq=False)
class _Classes:
    """The same runs in some residue classes modulo `step`, all alike, each `length` long."""

    step: int
    classes: Int64
    length: int
    runs: _Runs

    def collect(self, held: Float64) -> Float64:
        """As `_Runs.collect`, for all positions."""
        n, columns = held.shape
        rows = -(-n // self.step)
        padded = np.zeros((rows * self.step, columns))
        padded[:n] = held
        spread = np.zeros((rows, self.step, columns))
        by_class = padded.reshape(spread.shape)[: self.length, self.classes]
        spread[: self.length, self.classes] = self.runs.collect(by_class)
        return spread.reshape(rows * self.step, columns)[:n]

    @property
    def lengths(self) -> Int64:
        """The keys of each row of all positions, beyond the last one too."""
        spread = np.zeros((self.length, self.step), dtype=np.int64)
        spread[:, self.classes] = self.runs.lengths[:, None]
        return spread.reshape(-1)


@dataclass(frozen=True, slots=True, eq=False)
class Collector:
    """A pattern at a place of some positions; `keys` counts those of each query, `runs` is what a sum costs."""

    keys: Int64
    runs: int
    parts: tuple[_Runs | _Classes, ...]

    def collect(self, held: Float64) -> Float64:
        """For each key, the sum of `held` [n, k] over the queries that attend it, as often as they count it.

        Exact for whole numbers; others are rounded as running totals over all positions are.
        """
        found = np.zeros_like(held)
        for part in self.parts:
            found += part.collect(held)
        return found


def collector(branches: Sequence[Relation], n: int, budget: Budget) -> Collector:
    """The sum of `branches` at a place of length n.

    Raises:
        TileBudgetError: it has more runs than the budget allows.
    """
    parts = [part for branch in branches for part in _parts(branch, n, budget)]
    keys = np.zeros(n, dtype=np.int64)
    for part in parts:
        keys[: part.lengths.size] += part.lengths[:n]
    every = [part.runs if isinstance(part, _Classes) else part for part in parts]
    runs = sum(edges.start.size for part in every for edges in (part.starts, part.stops))
    return Collector(keys, runs, tuple(parts))


def _parts(branch: Relation, n: int, budget: Budget) -> list[_Runs | _Classes]:
    """The components of the normal form, which are disjoint."""
    normal = normalise(branch, n, _on_classes)
    everyone = np.arange(n, dtype=np.int64)
    parts: list[_Runs | _Classes] = [_runs(row_spans(normal.tiled, everyone, n, budget), everyone)]
    if normal.queried is not None:
        chosen = normal.queried.positions
        parts.append(_runs(row_spans(normal.queried.relation, chosen, n, budget), everyone, chosen))
    if normal.keyed is not None:
        spans, keys = row_spans(normal.keyed.relation, everyone, n, budget), normal.keyed.positions
        start, stop = np.searchsorted(keys, spans.start), np.searchsorted(keys, spans.stop)
        some = start < stop
        among = RowSpans(n, spans.row[some], start[some].astype(np.int64), stop[some].astype(np.int64))
        parts.append(_runs(among, everyone, keys=keys))
    if normal.drawn is not None:
        pairs = listed_pairs(normal.drawn, n, budget)
        parts.append(_runs(RowSpans(n, pairs.query, pairs.key, pairs.key + 1), everyone))
    for strided in normal.strided:
        kinds, kind_of = class_kinds(strided, n)
        for number, kind in enumerate(kinds):
            places = np.arange(kind.length, dtype=np.int64)
            runs = _runs(row_spans(kind.relation, places, kind.length, budget), places)
            parts.append(_Classes(strided.step, np.flatnonzero(kind_of == number), kind.length, runs))
    return parts


def _on_classes(candidate: Candidate) -> bool:
    """Strides always fall into runs class by class."""
    return True


def _runs(spans: RowSpans, everyone: Int64, rows: Int64 | None = None, keys: Int64 | None = None) -> _Runs:
    """Runs at the positions `everyone`; rows are counted in `rows`, keys in `keys`, where those are given."""
    row = spans.row if rows is None else rows[spans.row]
    lengths = np.zeros(everyone.size, dtype=np.int64)
    np.add.at(lengths, row, spans.stop - spans.start)
    size = everyone.size if keys is None else keys.size
    return _Runs(keys, size, _edges(spans.start, row), _edges(spans.stop, row), lengths)


def _edges(at: Int64, row: Int64) -> _Edges:
    order = np.lexsort((row, at))
    at, row = at[order], row[order]
    fresh = np.ones(at.size, dtype=np.bool_)
    fresh[1:] = (at[1:] != at[:-1]) | (row[1:] != row[:-1] + 1)
    last = np.ones(at.size, dtype=np.bool_)
    last[:-1] = fresh[1:]
    distinct, first = np.unique(at[fresh], return_index=True)
    return _Edges(distinct, first.astype(np.int64), row[fresh], row[last] + 1)
