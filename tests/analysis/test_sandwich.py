"""Bounds over blocks: sound and right against dense products, and decided at lengths that are not swept."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import TileBudgetError
from patternc.analysis import block_layers as kinds
from patternc.analysis import sandwich as engine
from patternc.analysis.operators import lower
from patternc.analysis.reach import reach
from patternc.analysis.sandwich import bounded
from tests.analysis.schedules import layer_lists, truth
from tests.strategies import mask, places


def bounds(layers, n):
    """[(may, columns, must, past)] after each layer, over tokens, and the cuts."""
    cuts = kinds.block_cuts(layers, n)
    state, found = engine._start(cuts), []
    for layer in layers:
        state = engine._after(kinds.block_layer(layer, cuts, n), state)
        found.append(state)
    return cuts, found


@given(places(max_tokens=60, depth=2))
def test_what_stands_for_a_relation_contains_it(place):
    n, relation = place
    assert not (mask(relation, n) & ~mask(kinds._hull(relation), n)).any()


@given(layer_lists(max_tokens=50), st.sampled_from([1, 3, 8]), st.sampled_from([60, 200, 1 << 20]))
@example((8, "all", [r.Within(1, r.Full())]), 3, 60)
def test_bounds_are_bounds(case, blocks, runs):
    n, target, layers = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "MOST_BLOCKS", blocks)
        patch.setattr(kinds, "MOST_RUNS", runs)  # where parts have more, something that contains them is taken
        try:
            cuts, states = bounds(layers, n)
        except TileBudgetError:
            reject()
    for state, reached in zip(states, truth(layers, n, target).reached, strict=True):
        for a, (start, stop) in enumerate(pairwise(cuts)):
            own = reached[start:stop, start:stop]
            assert not state.past[a] or not np.tril(~own).any()
            for b, (first, last) in enumerate(pairwise(cuts)):
                part = reached[start:stop, first:last]
                may, columns, must = (engine._unpacked(bits)[a, b] for bits in (state.may, state.columns, state.must))
                assert may or not part.any()
                assert not columns or part.any(axis=0).all()
                assert not must or part.all()


@given(layer_lists(max_tokens=50), st.sampled_from([1, 3, 8]))
def test_what_is_known_of_one_layer_is_exact(case, blocks):
    n, _, layers = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "MOST_BLOCKS", blocks)
        cuts = kinds.block_cuts(layers, n)
    layer = layers[0]
    known = kinds.block_layer(layer, cuts, n)
    seen = mask(layer, n)
    count = cuts.size - 1
    for name, kind in (("some", np.any), ("rows", None), ("columns", None), ("whole", np.all)):
        pairs = np.zeros((count, count), dtype=np.uint8)
        engine.apply(getattr(known, name), np.eye(count, dtype=np.uint8), pairs)
        for a in range(count):
            for b in range(count):
                part = seen[cuts[a] : cuts[a + 1], cuts[b] : cuts[b + 1]]
                wanted = {"rows": part.any(axis=1).all(), "columns": part.any(axis=0).all()}.get(name)
                assert bool(pairs[a, b]) == (kind(part) if wanted is None else wanted)


@given(layer_lists(max_tokens=60), st.sampled_from([1, 3, 8]), st.sampled_from([4, 16, 2048]))
def test_what_is_decided_is_the_dense_product(case, blocks, followed):
    n, target, layers = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "MOST_BLOCKS", blocks)
        patch.setattr(engine, "MOST_FOLLOWED", followed)
        patch.setattr(engine, "FOLLOWED_WORDS", 1)
        found = bounded(layers, [lower(layer, n) for layer in layers], n, target)
    assume(found is not None)
    wanted = truth(layers, n, target)
    assert found.depth == wanted.depth
    assert found.pair == [None, *wanted.missing_after][len(layers) if wanted.depth is None else wanted.depth - 1]
    assert 0 <= found.between <= 1


@given(layer_lists(max_tokens=40))
def test_everything_is_decided_where_every_query_may_be_followed(case):
    n, target, layers = case
    assert bounded(layers, [lower(layer, n) for layer in layers], n, target) is not None


def globals_at(*spans):
    return r.union(r.Keys(spans), r.Queries(spans))


N = 1 << 17


@pytest.mark.parametrize(
    ("layers", "target", "depth", "missing"),
    [
        # a dilated window and a global token: two layers
        ([r.union(r.Band(-64, 64, 2), globals_at((0, 1)))] * 3, "all", 2, None),
        # more global tokens than the reduction at hubs takes
        ([r.union(r.Band(-200, 200), globals_at((0, 100), (N - 28, N)))] * 3, "all", 2, None),
        # random blocks beside a window of tokens: not connected at this depth
        ([r.union(r.Band(-10, 10), r.Blocks(64, r.Random(1, (0,), False)))] * 2, "all", None, "found"),
        # documents of different lengths
        ([r.intersection(r.PAST, r.Chunk((1001, 30000, 100071)))] * 2, "past", None, (1001, 0)),
    ],
)
def test_lengths_that_are_not_swept(layers, target, depth, missing):
    found = reach(layers, N, target)
    assert found.exact
    assert (found.complete, found.depth) == (depth is not None, depth)
    assert found.growth == ()
    assert "bounds over" in found.method
    if missing != "found":
        assert found.missing == missing
    else:
        query, key = found.missing
        assert not engine.rows_reach([lower(layer, N) for layer in layers], N, np.array([query]))[key, 0]
