"""Reach against dense products, and the facts about published patterns at concrete lengths."""

import numpy as np
import pytest
from hypothesis import given

from patternc.algebra import relation as r
from patternc.analysis import sweep as engine
from patternc.analysis.operators import lower
from patternc.analysis.reach import layer_relations, prospect, reach
from tests.analysis.schedules import grown, grown_by_counting, layer_lists, schedule, truth


def local(w):
    return r.Band(0, w - 1)


def stride(k):
    return r.Band(0, None, k)


def chunk(k):
    return r.intersection(r.PAST, r.Chunk((k,)))


def fixed(k, c):
    return r.union(chunk(k), r.intersection(r.PAST, r.Columns(k, tuple(range(k - c, k)))))


def agree(found, n, target, layers):
    wanted = truth(layers, n, target)
    assert found.exact
    assert found.depth == wanted.depth
    assert found.complete == (wanted.depth is not None)
    assert found.missing == wanted.missing_after[-1]
    assert found.hardest == (
        wanted.missing_after[found.depth - 2] if found.depth is not None and found.depth > 1 else None
    )
    for layer, growth in enumerate(found.growth):
        assert growth.layer == layer
        assert grown(growth) == grown_by_counting(wanted.reached[layer])


def same(found, n, target, layers):
    """An engine's own answer."""
    wanted = truth(layers, n, target)
    assert found.depth == wanted.depth
    deepest = wanted.missing_after[-1] if wanted.depth is None else ([None, *wanted.missing_after])[wanted.depth - 1]
    assert found.pair == deepest
    for sizes, reached in zip(found.sizes, wanted.reached, strict=True):
        np.testing.assert_array_equal(sizes, reached.sum(axis=1))


@given(layer_lists())
def test_reach_is_the_dense_product(case):
    n, target, layers = case
    agree(reach(layers, n, target), n, target, layers)


@given(layer_lists())
def test_many_blocks_of_columns_are_one_answer(case):
    n, target, layers = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "LEAST_WORDS", 1)
        patch.setattr(engine, "CHUNK_BYTES", 1)
        agree(reach(layers, n, target), n, target, layers)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 11, 12, 13, 24, 25, 60])
@pytest.mark.parametrize("k", [2, 3, 5, 12, 70])
def test_ragged_lengths_with_and_without_the_reduction(n, k):
    """r = 0, 1 and k-1, n < k, n = 1, w > n: the periodic method and the sweep agree with the product."""
    for layers in (
        [r.union(local(k), stride(k))] * 2,
        [local(k), stride(k), local(2)],
        [fixed(k, min(2, k))] * 3,
        [r.union(local(2), r.intersection(r.PAST, r.Rows(k, (k - 1,))))] * 2,
        [chunk(k), r.intersection(r.PAST, r.Blocks(k, r.Band(0, 1)))],
    ):
        agree(reach(layers, n, "past"), n, "past", layers)
        lowered = [lower(layer, n) for layer in layers]
        same(engine.swept(lowered, n, "past", backward=True), n, "past", layers)


@pytest.mark.parametrize("w", [2, 3, 7])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_causal_window_is_incomplete_exactly_beyond_its_reach(w, depth):
    """Incomplete at depth L iff n >= L (w - 1) + 2; the first missing pair is (L (w - 1) + 1, 0)."""
    edge = depth * (w - 1) + 2
    assert reach([local(w)] * depth, edge - 1, "past").complete
    found = reach([local(w)] * depth, edge, "past")
    assert not found.complete
    assert found.missing == (edge - 1, 0)


@pytest.mark.parametrize("n", [128, 129, 1000, 16384, 20001])
def test_local_and_stride_of_the_same_size_complete_in_two(n):
    merged = reach([r.union(local(128), stride(128))] * 2, n, "past")
    assert (merged.depth, merged.missing) == (1 if n <= 129 else 2, None)
    alternating = reach([local(128), stride(128)], n, "past")
    assert alternating.complete


def test_a_window_shorter_than_its_stride_needs_a_third_layer():
    """local(96) | stride(128) fails at depth 2 iff n >= 225, and completes at 3."""
    merged = r.union(local(96), stride(128))
    assert reach([merged] * 2, 224, "past").complete
    found = reach([merged] * 2, 225, "past")
    assert truth([merged] * 2, 225, "past").missing_after[-1] == found.missing
    for n in (225, 4096, 16384):
        assert reach([merged] * 3, n, "past").depth == 3


@pytest.mark.parametrize(("k", "c"), [(2, 1), (5, 1), (8, 8), (128, 8)])
def test_fixed_completes_in_two_at_every_length(k, c):
    for n in (1, k - 1 or 1, k, k + 1, 3 * k - 1, 3 * k, 3 * k + 1, 40 * k + 7):
        found = reach([fixed(k, c)] * 2, n, "past")
        assert found.complete
        assert found.depth <= 2


def test_sinks_do_not_extend_a_window():
    """First missing pair of local(w) | keys(0..g) after L layers: query L (w - 1) + g + 1 does not reach key g."""
    w, g, depth = 16, 3, 4
    layer = r.union(local(w), r.intersection(r.PAST, r.Keys(((0, g),))))
    found = reach([layer] * depth, 300, "past")
    assert found.missing == (depth * (w - 1) + g + 1, g)
    assert truth([layer] * depth, 300, "past").missing_after[-1] == found.missing


def test_bidirectional_window_with_and_without_globals():
    window = r.Band(-4, 4)
    assert reach([window] * 2, 18, "all").missing == (0, 9)
    joined = r.union(window, r.Keys(((0, 1),)), r.Queries(((0, 1),)))
    assert reach([joined] * 2, 5000, "all").depth == 2


def test_to_past_in_a_bidirectional_model():
    layers = [r.Band(-3, 60)] * 2
    assert reach(layers, 100, "past").complete
    assert not reach(layers, 100, "all").complete


def test_heads_of_a_layer_count_as_one():
    one = schedule(64, [[local(8), stride(8)], [local(8), stride(8)]])
    assert layer_relations(one) == (r.union(local(8), stride(8)),) * 2


def test_prospect_says_never_with_the_closed_set():
    found = reach([chunk(16)] * 2, 64, "past")
    assert found.missing == (16, 0)
    ahead = prospect([chunk(16)] * 2, 64, found.missing)
    assert (ahead.never, ahead.depth, ahead.closed) == (True, None, ((0, 16),))


def test_prospect_says_when_with_more_layers():
    layers = [local(3), chunk(4)]
    found = reach(layers, 40, "past")
    ahead = prospect(layers, 40, found.missing)
    assert not ahead.never
    wanted = truth(layers * 20, 40, "past").reached
    assert wanted[ahead.depth - 1][found.missing]
    assert not wanted[ahead.depth - 2][found.missing]


@given(layer_lists(max_tokens=40, max_layers=3))
def test_prospect_is_right(case):
    n, target, layers = case
    found = reach(layers, n, target)
    if found.missing is None:
        return
    ahead = prospect(layers, n, found.missing)
    wanted = truth(layers * (n + 1), n, target).reached
    query, key = found.missing
    first = next((depth for depth, reached in enumerate(wanted, 1) if reached[query, key]), None)
    assert ahead.depth == first
    assert ahead.never == (first is None)
    if ahead.never:
        closed = [position for start, stop in ahead.closed for position in range(start, stop)]
        assert closed == list(np.flatnonzero(wanted[-1][:, key]))


def test_beyond_the_documented_length_nothing_is_claimed():
    layer = r.union(local(1), r.Random(16, (0,), True))
    found = reach([layer] * 4, engine.LARGEST_SWEEP + 1, "past")
    assert (found.complete, found.depth, found.missing, found.growth, found.exact) == (None, None, None, (), False)
    assert "not decided" in found.method
    assert reach([local(64)] * 2, 1 << 20, "past").missing == (127, 0)
