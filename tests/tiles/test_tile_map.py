"""Tile maps against the definition: every pair once, full tiles really full, classes distinct, budgets kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget, TileBudgetError
from patternc.analysis.tiles import FULL_CLASS, tile_map
from tests.strategies import CASES_LENGTH, EVERY_CASE, causal_places, mask, places

SHAPES = st.tuples(st.sampled_from([1, 3, 4, 8, 16, 17]), st.sampled_from([1, 4, 5, 8, 16, 24]))


def rebuilt(tiles):
    """The mask that a tile map stands for, [queries, keys], each pair checked to come once."""
    height, width = tiles.own_axis.tile, tiles.counterpart_axis.tile
    result = np.zeros((tiles.own_axis.length, tiles.counterpart_axis.length), dtype=int)
    for own in range(tiles.first.size - 1):
        span = slice(tiles.first[own], tiles.first[own + 1])
        assert (np.diff(tiles.counterparts[span]) > 0).all()
        for other, label in zip(tiles.counterparts[span].tolist(), tiles.classes[span].tolist(), strict=True):
            rows = slice(own * height, (own + 1) * height)
            cols = slice(other * width, (other + 1) * width)
            part = result[rows, cols]
            if label == FULL_CLASS:
                part += 1
            else:
                bits = np.unpackbits(tiles.masks[label - 1], axis=1, bitorder="little")
                assert not bits[part.shape[0] :].any()
                assert not bits[:, part.shape[1] :].any()
                bits = bits[: part.shape[0], : part.shape[1]]
                assert bits.any()
                assert not bits.all()
                part += bits
    assert result.max(initial=0) <= 1
    return (result if tiles.own == "queries" else result.T).astype(bool)


def check(tiles, expected):
    assert (rebuilt(tiles) == expected).all()
    assert tiles.pairs == expected.sum() == tiles.own_pairs().sum()
    assert tiles.full + tiles.partial == tiles.classes.size
    own = expected if tiles.own == "queries" else expected.T
    height = tiles.own_axis.tile
    blocks = [own[a : a + height].sum() for a in range(0, own.shape[0], height)]
    assert tiles.own_pairs().tolist() == blocks
    assert len({mask.tobytes() for mask in tiles.masks}) == tiles.masks.shape[0]


@given(places() | causal_places(), SHAPES, st.sampled_from(["queries", "keys"]))
def test_tile_map_is_holds(place, shape, own):
    n, relation = place
    check(tile_map(relation, n, *shape, own=own), mask(relation, n))


@given(places(), SHAPES, st.sampled_from(["queries", "keys"]), st.sampled_from([0, 64]), st.data())
def test_tile_map_of_listed_positions(place, shape, own, few, data):
    """Also with every class told apart position by position, which few do at this size."""
    n, relation = place
    positions = st.sets(st.integers(0, n - 1)).map(lambda s: np.array(sorted(s), dtype=np.int64))
    queries, keys = data.draw(st.none() | positions), data.draw(st.none() | positions)
    expected = mask(relation, n)
    expected = expected if queries is None else expected[queries]
    expected = expected if keys is None else expected[:, keys]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("patternc.analysis.contents.FEW_CLASSES", few)
        check(tile_map(relation, n, *shape, own=own, queries=queries, keys=keys), expected)


@pytest.mark.parametrize("relation", EVERY_CASE)
@pytest.mark.parametrize("own", ["queries", "keys"])
def test_every_case(relation, own, monkeypatch):
    """Contiguous and listed axes, tiles that divide the length and tiles that do not."""
    n, expected = CASES_LENGTH, mask(relation, CASES_LENGTH)
    for shape in ((4, 8), (5, 3), (16, 32)):
        check(tile_map(relation, n, *shape, own=own), expected)
    monkeypatch.setattr("patternc.analysis.contents.FEW_CLASSES", 0)
    for listed in ([0, 2, 3, 9, 10, 11, 12, 17, 22, 23], [1, 7, 13, 19], list(range(2, 24, 3))):
        positions = np.array(listed)
        check(tile_map(relation, n, 4, 3, own=own, keys=positions), expected[:, positions])
        check(tile_map(relation, n, 4, 3, own=own, queries=positions), expected[positions])


def test_a_long_window_has_few_masks():
    n = 1 << 16
    tiles = tile_map(r.Band(0, 1023), n, 128, 64)
    assert tiles.masks.shape[0] == 4
    assert tiles.pairs == n * 1024 - 1024 * 1023 // 2
    # Of 18 tiles a row, 2 hold the diagonal and 2 the far edge; the first rows have fewer.
    assert tiles.classes.size == sum(min(2 * t + 2, 18) for t in range(n // 128))


def test_a_difference_is_evaluated_once_a_class():
    tiles = tile_map(r.difference(r.Band(0, 999), r.Residue(3, (0,))), 1 << 17, 128, 64)
    assert tiles.full == 0
    assert tiles.masks.shape[0] == 8


def test_budgets():
    with pytest.raises(TileBudgetError, match="active tiles"):
        tile_map(r.PAST, 4096, 16, 16, budget=Budget(tiles=1000))
    with pytest.raises(TileBudgetError, match="undecided boxes"):
        tile_map(r.Residue(3, (0,)), 4096, 16, 16, budget=Budget(boxes=1000))
    with pytest.raises(TileBudgetError, match="distinct tiles"):
        tile_map(r.Random(3, (0,), causal=False), 4096, 16, 16, budget=Budget(classes=1000))
    with pytest.raises(TileBudgetError, match="bytes of tile masks"):
        tile_map(r.Random(3, (0,), causal=False), 4096, 16, 16, budget=Budget(mask_bytes=1000))
