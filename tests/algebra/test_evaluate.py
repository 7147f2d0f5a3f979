"""Vectorised membership and listed rows against the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget, TileBudgetError
from patternc.algebra.evaluate import evaluate
from patternc.algebra.rowspans import row_spans
from tests.strategies import CASES_LENGTH, EVERY_CASE, mask, places


@given(places())
def test_evaluate_is_holds(place):
    n, relation = place
    every = np.arange(n)
    assert (evaluate(relation, every[:, None], every[None, :], n) == mask(relation, n)).all()


def test_evaluate_takes_any_shapes_that_broadcast():
    relation = r.union(r.Band(0, 3), r.Random(2, (1,), causal=True), r.Keys(((0, 1),)))
    i, j = np.array([[[4], [9]]]), np.array([[0, 3, 7]])
    result = evaluate(relation, i, j, 10)
    assert result.shape == (1, 2, 3)
    assert (result == mask(relation, 10)[i, j]).all()
    assert evaluate(r.FULL, np.arange(3), np.arange(3), 5).shape == (3,)


@given(places(), st.data())
def test_evaluate_rectangles_and_pairs(place, data):
    n, relation = place
    positions = st.integers(0, n - 1)
    batch, height, width = (data.draw(st.integers(0, 3)) for _ in range(3))
    i = np.array(data.draw(st.lists(positions, min_size=batch * height, max_size=batch * height)), dtype=np.int64)
    j = np.array(data.draw(st.lists(positions, min_size=batch * width, max_size=batch * width)), dtype=np.int64)
    expected = mask(relation, n)
    i, j = i.reshape(batch, height, 1), j.reshape(batch, 1, width)
    assert (evaluate(relation, i, j, n) == expected[i, j]).all()
    pairs = np.array(data.draw(st.lists(st.tuples(positions, positions), max_size=9)), dtype=np.int64).reshape(-1, 2)
    assert (evaluate(relation, pairs[:, 0], pairs[:, 1], n) == expected[pairs[:, 0], pairs[:, 1]]).all()


@given(places(), st.data())
def test_row_spans_are_the_rows(place, data):
    n, relation = place
    rows = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=2 * n)), dtype=np.int64)
    spans = row_spans(relation, rows, n)
    expected = mask(relation, n)
    assert spans.rows == rows.size
    got = np.zeros((rows.size, n), dtype=bool)
    previous = (-1, -1)
    for row, start, stop in zip(spans.row.tolist(), spans.start.tolist(), spans.stop.tolist(), strict=True):
        assert 0 <= start < stop <= n
        assert (row, start) > previous
        got[row, start:stop] = True
        previous = (row, stop)
    assert (got == expected[rows]).all()


def test_listing_rows_has_a_budget():
    with pytest.raises(TileBudgetError, match="runs of keys"):
        row_spans(r.Residue(2, (0,)), np.arange(1000), 1000, Budget(spans=10_000))


@pytest.mark.parametrize("relation", EVERY_CASE)
def test_every_case(relation):
    n, every = CASES_LENGTH, np.arange(CASES_LENGTH)
    expected = mask(relation, n)
    assert (evaluate(relation, every[:, None], every[None, :], n) == expected).all()
    i, j = every[::-1].reshape(3, 8, 1), np.repeat(every[::2], 2).reshape(3, 1, 8)
    assert (evaluate(relation, i, j, n) == expected[i, j]).all()
    spans, rows = row_spans(relation, every, n), np.zeros((n, n), dtype=bool)
    for row, start, stop in zip(spans.row, spans.start, spans.stop, strict=True):
        rows[row, start:stop] = True
    assert (rows == expected).all()
