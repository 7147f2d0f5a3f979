"""Row counts against the definition."""

import numpy as np
from hypothesis import given

from patternc.algebra import relation as r
from patternc.analysis.rows import empty_rows, row_counts
from tests.strategies import causal_places, mask, places


@given(places(max_tokens=150, depth=2) | causal_places(max_tokens=90))
def test_row_counts_are_holds(place):
    n, relation = place
    counts = row_counts(relation, n)
    expected = mask(relation, n).sum(axis=1)
    assert counts.dtype == np.int64
    assert counts.tolist() == expected.tolist()
    (empty,) = np.nonzero(expected == 0)
    assert empty_rows(relation, n) == (empty[0] if empty.size else None)


def test_a_dense_layer_costs_its_diagonal():
    n = (1 << 20) + 7
    assert (row_counts(r.PAST, n) == np.arange(1, n + 1)).all()
    assert empty_rows(r.difference(r.PAST, r.Queries(((n - 1, n),))), n) == n - 1
