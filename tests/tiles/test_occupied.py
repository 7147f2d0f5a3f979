"""Occupied tiles against the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis.occupied import occupied_tiles
from tests.lowering import list_everything
from tests.strategies import CASES_LENGTH, EVERY_CASE, mask, places, relations


def check(relation, n, rows, cols):
    expected = mask(relation, n)
    found = occupied_tiles(relation, n, rows, cols)
    blocks = {
        (a, b): int(expected[a * rows : (a + 1) * rows, b * cols : (b + 1) * cols].sum())
        for a in range(-(-n // rows))
        for b in range(-(-n // cols))
    }
    got = list(zip(found.query_tile.tolist(), found.key_tile.tolist(), found.pairs.tolist(), strict=True))
    assert got == [(*block, pairs) for block, pairs in blocks.items() if pairs]


@given(places(), st.integers(1, 20), st.integers(1, 20), st.booleans(), st.sampled_from([1, 4, 30, 1 << 12]))
def test_occupied_tiles_are_holds(place, rows, cols, everything_listed, evaluated):
    """However tiles are halved before boxes of so many pairs are evaluated."""
    n, relation = place
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("patternc.analysis.occupied.EVALUATED", evaluated)
        if everything_listed:
            list_everything(patch)
        check(relation, n, rows, cols)


@given(st.integers(2, 6), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.booleans(), st.data())
def test_tiles_of_whole_blocks(size, blocks, rows, cols, causal, data):
    relation = r.Blocks(size, data.draw(relations(blocks, 2)))
    check(r.intersection(r.PAST, relation) if causal else relation, size * blocks, size * rows, size * cols)


@pytest.mark.parametrize("relation", EVERY_CASE)
def test_every_case(relation, monkeypatch):
    list_everything(monkeypatch)
    check(relation, CASES_LENGTH, 5, 4)


def test_token_level_draws_at_length():
    n = 1 << 16
    found = occupied_tiles(r.union(r.Band(0, 63), r.Random(3, (1,), causal=True, avoid=r.Band(0, 63))), n, 128, 128)
    assert found.pairs.sum() == n * 64 - 64 * 63 // 2 + np.minimum(np.maximum(np.arange(n) - 63, 0), 3).sum()
