"""Row and key counts against the definition."""

import numpy as np
import pytest
from hypothesis import given

from patternc.algebra import relation as r
from patternc.analysis.rows import empty_rows, pair_counts
from tests.lowering import list_everything
from tests.strategies import CASES_LENGTH, EVERY_CASE, causal_places, mask, places


def check(relation, n):
    expected = mask(relation, n)
    counts = pair_counts(relation, n)
    rows, keys = counts.per_query, counts.per_key
    assert rows.dtype == keys.dtype == np.int64
    assert rows.tolist() == expected.sum(axis=1).tolist()
    assert counts.total == expected.sum()
    assert keys.tolist() == expected.sum(axis=0).tolist()
    (empty,) = np.nonzero(rows == 0)
    assert empty_rows(relation, n) == (empty[0] if empty.size else None)


@given(places(max_tokens=150, depth=2) | causal_places(max_tokens=90))
def test_counts_are_holds(place):
    n, relation = place
    check(relation, n)


@given(places(max_tokens=90))
def test_counts_with_everything_listed(place):
    n, relation = place
    with pytest.MonkeyPatch.context() as patch:
        list_everything(patch)
        check(relation, n)


@pytest.mark.parametrize("relation", EVERY_CASE)
def test_every_case(relation, monkeypatch):
    check(relation, CASES_LENGTH)
    list_everything(monkeypatch)
    check(relation, CASES_LENGTH)


def test_token_level_draws_at_length():
    n = 1 << 17
    relation = r.union(r.Band(0, 0), r.Random(2, (5,), causal=True, avoid=r.Band(0, 0)))
    assert (pair_counts(relation, n).per_query == np.minimum(np.arange(n), 2) + 1).all()
    assert pair_counts(relation, n).per_key.sum() == 3 * n - 3


def test_a_dense_layer_costs_its_diagonal():
    n = (1 << 20) + 7
    assert (pair_counts(r.PAST, n).per_query == np.arange(1, n + 1)).all()
    assert empty_rows(r.difference(r.PAST, r.Queries(((n - 1, n),))), n) == n - 1
