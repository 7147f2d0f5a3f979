"""Load balance by counting the pairs and tiles of every tile row."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis import balance as engine
from patternc.analysis.balance import active_tiles, balance
from patternc.analysis.count import count_pattern
from patternc.analysis.facts import Facts
from tests.analysis.schedules import schedule
from tests.strategies import mask, places


@given(places(), st.integers(1, 9), st.integers(1, 9))
def test_tile_rows_by_brute_force(case, rows, columns):
    n, relation = case
    pairs = mask(relation, n)
    tiles = [
        sum(pairs[top : top + rows, left : left + columns].any() for left in range(0, n, columns))
        for top in range(0, n, rows)
    ]
    assert active_tiles(relation, n, rows, columns).tolist() == tiles
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "PLANNED_TILE", (rows, columns))
        found = balance((relation,), count_pattern((relation,), n), n)
    work = [int(pairs[top : top + rows].sum()) for top in range(0, n, rows)]
    if sum(work):
        assert found.pairs == Fraction(max(work)) / Fraction(sum(work), len(work))
        assert found.tiles == Fraction(max(tiles)) / Fraction(sum(tiles), len(tiles))
        assert found.busiest == rows * int(np.argmax(tiles))
    else:
        assert (found.pairs, found.tiles) == (None, None)


def test_by_hand():
    """The last row of causal attention has nearly twice the mean; a global query makes its row the busiest."""
    n = 1 << 14
    dense = balance((r.PAST,), count_pattern((r.PAST,), n), n)
    assert dense.pairs == Fraction(128 * n - 128 * 127 // 2) / Fraction(n * (n + 1) // 2, n // 128)
    assert dense.busiest == n - 128
    hub = r.union(r.Band(-8, 8), r.Queries(((200, 201),)))
    assert balance((hub,), count_pattern((hub,), n), n).busiest == 128


def test_a_stride_of_a_million_tokens_has_no_tiles_to_be_looked_at():
    """It touches all tiles of neighbours, and is not computed on them; its pairs are known."""
    n = 1 << 20
    facts = Facts(schedule(n, [[r.Band(0, None, 1024)]]))
    (found,) = facts.balances
    assert found.tiles is None
    assert (found.pairs, found.busiest) == (Fraction(1024 * 8192, sum(range(1, 1025)) * 8), n - 1024)


def test_a_sum_is_computed_branch_by_branch():
    """`dense + queries(0..128)`: the first row has the tiles of both, and its pairs twice."""
    n = 512
    branches = (r.FULL, r.Queries(((0, 128),)))
    found = balance(branches, count_pattern(branches, n), n)
    assert (found.pairs, found.tiles, found.busiest) == (Fraction(8, 5), Fraction(8, 5), 0)
