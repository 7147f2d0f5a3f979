"""Row spans: for many rows at once, the keys each attends, as sorted runs.

For: the keys `random` draws (its candidates are a row's keys minus those it avoids), listing a relation that has few
keys a row, and evaluating random sets. Exact; costs O(runs). Not for: relations with many runs in every row at large
n (a stride, say): tiles decide those, and the budget here refuses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget, refuse
from patternc.algebra.index import expand
from patternc.algebra.random import draw_ranks
from patternc.algebra.stored import runs_of

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RowSpans:
    """Runs [start, stop) of keys, in order of (row, start), disjoint, non-adjacent, non-empty, within [0, n).

    `row` [S] indexes the rows that were asked for, `start` and `stop` [S] are positions; `rows` is how many were asked.
    """

    rows: int
    row: Int64
    start: Int64
    stop: Int64


def row_spans(relation: r.Relation, rows: Int64, n: int, budget: Budget = DEFAULT_BUDGET) -> RowSpans:
    """The keys that each of `rows` [R] (positions in [0, n), any order, repeats allowed) attends.

    Raises TileBudgetError when there are more runs than the budget allows.
    """
    match relation:
        case r.Empty():
            return _none(rows)
        case r.Full():
            return _interval(np.zeros_like(rows), np.full_like(rows, n))
        case r.Band(low, high, step):
            start = np.zeros_like(rows) if high is None else np.clip(rows - high, 0, n)
            stop = np.full_like(rows, n) if low is None else np.clip(rows - low + 1, 0, n)
            if step == 1:
                return _interval(start, stop)
            return _progression(start + (rows - start) % step, stop, step, budget)
        case r.Residue(modulus, residues):
            parts = [_progression((rows - o) % modulus, np.full_like(rows, n), modulus, budget) for o in residues]
            return _sweep(rows.size, parts, [1] * len(parts), 1, budget)
        case r.Columns(modulus, residues):
            return _same(rows, positions_with(modulus, residues, n, budget), n, budget)
        case r.Rows(modulus, residues):
            inside = np.isin(rows % modulus, np.array(residues, dtype=np.int64))
            return _interval(np.zeros_like(rows), np.where(inside, n, 0))
        case r.Keys(spans):
            return _same(rows, spans, n, budget)
        case r.Queries(spans):
            return _interval(np.zeros_like(rows), np.where(inside_spans(spans, rows), n, 0))
        case r.Chunk(sizes):
            start, stop = chunk_bounds(sizes, rows)
            return _interval(start, np.minimum(stop, n))
        case r.Random():
            return _listed(drawn_keys(relation, rows, n, budget))
        case r.Layout():
            distinct, back = np.unique(rows, return_inverse=True)
            row, start, stop = runs_of(relation, distinct, n)
            return _take(RowSpans(distinct.size, row, start, stop), back, budget)
        case r.Blocks(size, inner):
            blocks, back = np.unique(rows // size, return_inverse=True)
            spans = _take(row_spans(inner, blocks, -(-n // size), budget), back, budget)
            return RowSpans(rows.size, spans.row, spans.start * size, np.minimum(spans.stop * size, n))
        case r.Within(size, inner):
            places, back = np.unique(rows % size, return_inverse=True)
            spans = _take(row_spans(inner, places, size, budget), back, budget)
            return _repeated(spans, size, n, budget)
        case r.Slice(start, stop, inner):
            (chosen,) = np.nonzero((rows >= start) & (rows < stop))
            if chosen.size == 0:
                return _none(rows)
            spans = row_spans(inner, rows[chosen] - start, stop - start, budget)
            kept = spans.start + start < n
            row, first, end = chosen[spans.row][kept], spans.start[kept] + start, spans.stop[kept] + start
            return RowSpans(rows.size, row, first, np.minimum(end, n))
        case r.Union(parts):
            listed = [row_spans(part, rows, n, budget) for part in parts]
            return _sweep(rows.size, listed, [1] * len(listed), 1, budget)
        case r.Intersection(parts):
            listed = [row_spans(part, rows, n, budget) for part in parts]
            return _sweep(rows.size, listed, [1] * len(listed), len(listed), budget)
        case r.Difference(left, right):
            listed = [row_spans(left, rows, n, budget), row_spans(right, rows, n, budget)]
            return _sweep(rows.size, listed, [1, -1], 1, budget)
        case _:
            assert_never(relation)


def drawn_keys(random: r.Random, rows: Int64, n: int, budget: Budget = DEFAULT_BUDGET) -> Int64:
    """The keys that `random` draws for `rows` [R] at a place of length n: [R, count] in the order drawn, -1 = none.

    A row's candidates are the allowed positions below n (up to the row itself when causal) without the row's avoided
    runs. Ranks are drawn among what is left and put back into positions: first past the avoided runs, then, when only
    some positions are allowed at all, from their ranks to positions.
    """
    among = ((0, n),) if random.among is None else clip_spans(random.among, n)
    starts = np.array([start for start, _ in among], dtype=np.int64)
    lengths = np.array([stop - start for start, stop in among], dtype=np.int64)
    before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])

    def rank(positions: Int64) -> Int64:
        """How many allowed positions lie below each position."""
        index = np.searchsorted(starts, positions, side="right") - 1
        known = np.maximum(index, 0)
        inside = np.minimum(positions - starts[known], lengths[known])
        return np.where(index < 0, 0, before[known] + inside)

    if starts.size == 0:
        return np.full((rows.size, random.count), -1, dtype=np.int64)
    total = rank(np.minimum(rows + 1, n)) if random.causal else np.full_like(rows, before[-1])
    avoided = row_spans(random.avoid, rows, n, budget)
    low = np.minimum(rank(avoided.start), total[avoided.row])
    length = np.minimum(rank(avoided.stop), total[avoided.row]) - low
    skipped = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(length)])
    first = np.searchsorted(avoided.row, np.arange(rows.size + 1))
    sizes = total - (skipped[first[1:]] - skipped[first[:-1]])
    draws = int(np.minimum(sizes, random.count).sum())
    if draws > budget.spans:
        raise refuse("pairs listed one by one", draws, budget.spans, "lift `random` to blocks(b, .)")

    ranks = draw_ranks(random.count, random.seed, rows, sizes)
    if avoided.row.size:
        # An avoided run is passed when as many candidates lie before it as the rank counts; keyed by (row, candidates
        # before the run), the runs are ascending over all rows, so one search finds how many runs to pass.
        stride = n + 1
        passed_at = avoided.row * stride + low - (skipped[:-1] - skipped[first[avoided.row]])
        row = np.arange(rows.size)[:, None]
        found = np.searchsorted(passed_at, row * stride + np.maximum(ranks, 0), side="right")
        pushed = ranks + skipped[found] - skipped[first[:-1]][:, None]
        ranks = np.where(ranks < 0, -1, pushed)
    if random.among is None:
        return ranks
    known = np.searchsorted(before, np.maximum(ranks, 0), side="right") - 1
    known = np.minimum(known, starts.size - 1)
    return np.where(ranks < 0, -1, starts[known] + ranks - before[known])


def inside_spans(spans: r.Spans, positions: Int64) -> NDArray[np.bool_]:
    """Which positions lie in the spans; the shape of `positions`."""
    if not spans:
        return np.zeros(positions.shape, dtype=np.bool_)
    starts = np.array([start for start, _ in spans], dtype=np.int64)
    stops = np.array([stop for _, stop in spans], dtype=np.int64)
    index = np.searchsorted(starts, positions, side="right") - 1
    return (index >= 0) & (positions < stops[np.maximum(index, 0)])


def clip_spans(spans: r.Spans, n: int) -> r.Spans:
    """The spans, as far as they lie in [0, n)."""
    return tuple((max(start, 0), min(stop, n)) for start, stop in spans if start < n and stop > 0)


def chunk_bounds(sizes: tuple[int, ...], positions: Int64) -> tuple[Int64, Int64]:
    """First position of the chunk that each position lies in, and one past its last (not cut to any length)."""
    edges = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.array(sizes[:-1], dtype=np.int64))])
    listed = np.searchsorted(edges, positions, side="right") - 1
    last = np.int64(sizes[-1])
    start = np.where(listed == len(sizes) - 1, edges[-1] + (positions - edges[-1]) // last * last, edges[listed])
    return start, start + np.array(sizes, dtype=np.int64)[listed]


def positions_with(modulus: int, residues: tuple[int, ...], n: int, budget: Budget = DEFAULT_BUDGET) -> r.Spans:
    """The positions below n with one of the residues, as spans."""
    count = -(-n // modulus) * len(residues)
    if count > budget.spans:
        raise refuse("positions of a column pattern", count, budget.spans, "use fewer columns or a smaller length")
    starts = np.add.outer(np.arange(0, n, modulus), np.array(residues, dtype=np.int64)).ravel()
    return r.merge_spans((int(start), int(start) + 1) for start in starts if start < n)


def _none(rows: Int64) -> RowSpans:
    nothing = np.zeros(0, dtype=np.int64)
    return RowSpans(rows.size, nothing, nothing, nothing)


def _interval(start: Int64, stop: Int64) -> RowSpans:
    """One run a row, dropped where empty."""
    (row,) = np.nonzero(start < stop)
    return RowSpans(start.size, row, start[row], stop[row])


def _same(rows: Int64, spans: r.Spans, n: int, budget: Budget) -> RowSpans:
    """The same runs in every row."""
    clipped = np.array(clip_spans(spans, n), dtype=np.int64).reshape(-1, 2)
    _check(rows.size * clipped.shape[0], budget)
    row = np.repeat(np.arange(rows.size), clipped.shape[0])
    return RowSpans(rows.size, row, np.tile(clipped[:, 0], rows.size), np.tile(clipped[:, 1], rows.size))


def _progression(first: Int64, stop: Int64, step: int, budget: Budget) -> RowSpans:
    """Single keys first, first + step, ... below stop; `step` is at least 2."""
    counts = np.maximum(-(-(stop - first) // step), 0)
    row, index = _laid_out(counts, budget)
    start = first[row] + index * step
    return RowSpans(first.size, row, start, start + 1)


def _listed(keys: Int64) -> RowSpans:
    """The runs of keys listed row by row, [R, count], -1 = none."""
    ordered = np.sort(keys, axis=1)
    breaks = (ordered[:, 1:] != ordered[:, :-1] + 1) | (ordered[:, :-1] < 0)
    first = np.ones(ordered.shape, dtype=np.bool_)
    first[:, 1:] = breaks
    last = np.ones(ordered.shape, dtype=np.bool_)
    last[:, :-1] = breaks
    drawn = ordered >= 0
    row, _ = np.nonzero(drawn & first)
    return RowSpans(keys.shape[0], row, ordered[drawn & first], ordered[drawn & last] + 1)


def _take(spans: RowSpans, index: Int64, budget: Budget) -> RowSpans:
    """Row t of the result has the runs of row index[t]."""
    first = np.searchsorted(spans.row, np.arange(spans.rows + 1))
    counts = (first[1:] - first[:-1])[index]
    row, offset = _laid_out(counts, budget)
    source = first[:-1][index][row] + offset
    return RowSpans(index.size, row, spans.start[source], spans.stop[source])


def _repeated(spans: RowSpans, period: int, n: int, budget: Budget) -> RowSpans:
    """The runs, which lie in [0, period), in every period up to n."""
    periods = -(-n // period)
    row, time = _laid_out(np.full(spans.row.size, periods, dtype=np.int64), budget)
    start = np.minimum(spans.start[row] + time * period, n)
    stop = np.minimum(spans.stop[row] + time * period, n)
    return _sweep(spans.rows, [RowSpans(spans.rows, spans.row[row], start, stop)], [1], 1, budget)


def _sweep(rows: int, parts: list[RowSpans], weights: list[int], wanted: int, budget: Budget) -> RowSpans:
    """The runs of positions where the weights of the runs that cover them sum to at least `wanted`."""
    _check(sum(part.row.size for part in parts), budget)
    row = np.concatenate([part.row for part in parts for _ in range(2)])
    position = np.concatenate([edge for part in parts for edge in (part.start, part.stop)])
    change = np.concatenate(
        [
            np.full(part.row.size, sign * w, dtype=np.int64)
            for part, w in zip(parts, weights, strict=True)
            for sign in (1, -1)
        ]
    )
    order = np.lexsort((position, row))
    row, position, level = row[order], position[order], np.cumsum(change[order])
    # Only the level after the last event at a position counts.
    final = np.ones(row.size, dtype=np.bool_)
    final[:-1] = (row[1:] != row[:-1]) | (position[1:] != position[:-1])
    row, position, covered = row[final], position[final], level[final] >= wanted
    entered = covered.copy()
    entered[1:] &= ~covered[:-1]
    left = ~covered
    left[1:] &= covered[:-1]
    left[:1] = False
    return RowSpans(rows, row[entered], position[entered], position[left])


def _laid_out(counts: Int64, budget: Budget) -> tuple[Int64, Int64]:
    """`expand`, within the budget."""
    _check(int(counts.sum()), budget)
    return expand(counts)


def _check(spans: int, budget: Budget) -> None:
    if spans > budget.spans:
        raise refuse(
            "runs of keys, listed row by row", spans, budget.spans, "lift `random` to blocks(b, .) or avoid less"
        )
