"""Windows with global tokens: the reduction at hubs against dense products, and at a million tokens."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis import hub_reach as engine
from patternc.analysis.hub_reach import reach_through_hubs, through_hubs
from patternc.analysis.operators import lower
from patternc.analysis.reach import reach
from tests.analysis.schedules import truth
from tests.strategies import relations


@st.composite
def hub_layers(draw):
    """(n, layers): windows, perhaps in pieces, with global keys, global queries, or both; layers differ."""
    n = draw(st.integers(1, 60))
    position = st.integers(0, n - 1)

    def spans():
        starts = draw(st.lists(position, min_size=1, max_size=3))
        return r.merge_spans((start, min(n, start + draw(st.integers(1, 3)))) for start in starts)

    layers = []
    for _ in range(draw(st.integers(1, 3))):
        low, high = draw(st.integers(-4, 1)), draw(st.integers(-1, 4))
        parts = [r.Band(low, high)] if low <= high else []
        if draw(st.booleans()):
            parts.append(r.Band(high + 1, high + 3))
        kinds = draw(st.sampled_from([(r.Keys,), (r.Queries,), (r.Keys, r.Queries), ()]))
        parts += [kind(spans()) for kind in kinds]
        layers.append(r.union(*parts))
    return n, [draw(st.sampled_from(layers)) for _ in range(draw(st.integers(1, 4)))]


@given(hub_layers())
def test_reach_is_the_dense_product(case):
    n, layers = case
    hubs = through_hubs(layers, n)
    assume(hubs is not None)
    found, wanted = reach_through_hubs([lower(layer, n) for layer in layers], hubs, n), truth(layers, n, "all")
    for sizes, reached in zip(found.sizes, wanted.reached, strict=True):
        np.testing.assert_array_equal(sizes, reached.sum(axis=1))
    assert found.depth == wanted.depth
    assert found.pair == [None, *wanted.missing_after][len(layers) if wanted.depth is None else wanted.depth - 1]


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), relations(n, 2))))
def test_any_relation_is_reduced_rightly_or_not_at_all(case):
    n, relation = case
    layers = [relation, r.union(relation, r.Keys(((0, 1),)), r.Queries(((0, 1),)))]
    hubs = through_hubs(layers, n)
    assume(hubs is not None)
    found, wanted = reach_through_hubs([lower(layer, n) for layer in layers], hubs, n), truth(layers, n, "all")
    for sizes, reached in zip(found.sizes, wanted.reached, strict=True):
        np.testing.assert_array_equal(sizes, reached.sum(axis=1))


def globals_at(*spans):
    return r.union(r.Keys(spans), r.Queries(spans))


def test_a_million_tokens_with_a_global_one():
    n = 1 << 20
    layers = [r.union(r.Band(-(32 << layer // 2), 32 << layer // 2), globals_at((0, 1))) for layer in range(12)]
    found = reach(layers, n, "all")
    assert (found.depth, found.missing, found.hardest, found.exact) == (2, None, (1, 34), True)
    assert "paths through one hub" in found.method
    window = [min(n, i + 33) - max(0, i - 32) + (i > 32) for i in range(1, n)]
    first, second = found.growth[:2]
    assert (first.least, first.most, first.total) == (34, n, n + sum(window))
    assert (second.least, second.total) == (n, n * n)


def test_keys_that_everyone_sees_do_not_see_everyone():
    """Sinks in both directions: what they hold is what their own windows bring them."""
    n = 1 << 17
    found = reach([r.union(r.Band(-8, 8), r.Keys(((0, 4),)))] * 6, n, "all")
    assert found.depth is None
    assert "4 hubs" in found.method
    small = reach([r.union(r.Band(-8, 8), r.Keys(((0, 4),)))] * 6, 500, "all")
    assert (
        found.missing
        == small.missing
        == truth([r.union(r.Band(-8, 8), r.Keys(((0, 4),)))] * 6, 500, "all").missing_after[-1]
    )
    assert [each.least for each in found.growth] == [each.least for each in small.growth]


def test_windows_alone_add_up():
    n = 1 << 20
    found = reach([r.Band(-3, 4), r.Band(-5, 0)], n, "all")
    assert (found.exact, found.complete, found.missing, found.method) == (True, False, (0, 9), "windows that add up")
    assert (found.growth[-1].least, found.growth[-1].most) == (5, 13)


@pytest.mark.parametrize(
    "layer",
    [
        r.union(r.Band(-4, 4, 2), globals_at((0, 1))),  # a dilated window
        r.union(r.Band(3, 4), globals_at((0, 1))),  # a window that is not around the query
        r.union(r.Band(-1, 1), globals_at((0, engine.MOST_HUBS + 1))),
        r.union(r.Band(-1, None), globals_at((0, 1))),
        r.union(r.Band(-1, 1), globals_at((0, 1)), r.Chunk((8,))),
    ],
)
def test_what_is_more_than_windows_and_hubs_is_not_reduced(layer):
    assert through_hubs([layer], 1024) is None
