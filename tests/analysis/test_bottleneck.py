"""Bottlenecks against networkx on the graph with every token at every boundary, and by hand where it is plain."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis import bottleneck as engine
from patternc.analysis import boxes
from patternc.analysis.bottleneck import bottleneck
from patternc.analysis.boxes import edges_in, over_boxes
from patternc.analysis.saturated import saturated
from tests.analysis.schedules import layer_lists
from tests.analysis.test_saturated import block_layers
from tests.strategies import mask


def past(*parts):
    return r.intersection(r.PAST, r.union(*parts))


def by_networkx(layers, n):
    """The maximum flow through every (position, boundary) once, from its pairs alone."""
    graph = nx.DiGraph()
    known = {layer: mask(layer, n) | np.eye(n, dtype=bool) for layer in dict.fromkeys(layers)}
    last = len(layers)
    for layer, relation in enumerate(layers):
        for i, j in np.argwhere(known[relation]):
            if (layer == 0 and j != 0) or (layer + 1 == last and i != n - 1):
                continue
            graph.add_edge((int(j), layer, "out"), (int(i), layer + 1, "in"), capacity=1)
    for layer in range(1, last):
        for p in range(n):
            graph.add_edge((p, layer, "in"), (p, layer, "out"), capacity=1)
    start, end = (0, 0, "out"), (n - 1, last, "in")
    return nx.maximum_flow_value(graph, start, end) if start in graph and end in graph else 0


@given(layer_lists(max_tokens=40, max_layers=5))
def test_bottlenecks_are_maximum_flows(case):
    n, target, layers = case
    found = bottleneck(layers, n, target == "past")
    if len(layers) == 1:
        assert (found.paths, found.exact) == (None, False)
        return
    assert found.exact
    assert found.paths == found.at_least == found.at_most == by_networkx(layers, n)


@given(layer_lists(max_tokens=40, max_layers=5), st.sampled_from([1, 3, 7, 64]))
def test_without_listing_edges_the_bounds_hold(case, grid):
    """What is said to be exact is, and else the truth is between the bounds."""
    n, target, layers = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "MOST_EDGES", 20)
        patch.setattr(engine, "GRIDS", (grid,))
        found = bottleneck(layers, n, target == "past")
    if len(layers) == 1:
        return
    truth = by_networkx(layers, n)
    assert found.at_least <= truth <= found.at_most
    assert found.exact == (found.paths is not None)
    assert found.paths in (None, truth)


@given(layer_lists(max_tokens=40, max_layers=5), st.data())
def test_boxes_never_say_too_much(case, data):
    """However the sequence is cut, at random or where the relations have edges."""
    n, _, layers = case
    inward, outward = engine._cone(layers, n)
    if len(layers) == 1:
        return
    cuts = data.draw(st.just(edges_in(layers, n)) | st.lists(st.integers(0, n)).map(np.array))
    cone = [a & b for a, b in zip(inward[:-1], outward[1:], strict=True)]
    low, high = over_boxes(layers, n, inward[0], cone, outward[-1], np.array(cuts, dtype=np.int64))
    assert low <= by_networkx(layers, n) <= high


@given(layer_lists(max_tokens=40, max_layers=5))
def test_the_boundary_it_names_separates(case):
    n, target, layers = case
    found = bottleneck(layers, n, target == "past")
    if found.after is None:
        return
    before, behind = layers[: found.after + 1], layers[found.after + 1 :]
    inward, _ = engine._cone(before, n)
    _, outward = engine._cone(behind, n)
    assert (inward[-1] & outward[0]).sum() == found.paths


@pytest.mark.parametrize(("w", "n", "layers"), [(4, 40, 13), (4, 37, 12), (5, 60, 20), (5, 61, 15), (8, 64, 9)])
def test_a_causal_window_passes_what_its_slack_leaves(w, n, layers):
    """A chain of windows: w tokens at most, fewer where it hardly gets there, none where it does not."""
    found = bottleneck([r.Band(0, w - 1)] * layers, n, causal=True)
    slack = layers * (w - 1) - (n - 1)
    assert found.paths == max(0, min(w, slack + 1))
    assert found.paths == by_networkx([r.Band(0, w - 1)] * layers, n)


def test_a_star_passes_through_its_hub_alone():
    """Two layers of global(0) beside oneself: everything through token 0, which is one of its ends, or by itself."""
    star = past(r.Band(0, 0), r.Keys(((5, 6),)))
    assert bottleneck([star] * 2, 30, causal=True).paths == 0  # token 0 is seen by nobody but itself
    joined = r.union(r.Band(0, 0), r.Keys(((5, 6),)), r.Queries(((5, 6),)))
    found = bottleneck([joined] * 2, 30, causal=False)
    assert (found.paths, found.after) == (1, 0)


def test_dense_attention_has_no_bottleneck():
    assert bottleneck([r.PAST] * 3, 50, causal=True).paths == 50
    assert "a single layer" in bottleneck([r.PAST], 50, causal=True).method


@pytest.mark.parametrize(
    ("layers", "n", "paths"),
    [
        ([r.Band(0, 4095)] * 32, 32768, 4096),  # boxes
        ([r.Band(0, 127), r.Band(0, None, 128)] * 12, 16384, 128),  # three of the layers
        ([r.Band(0, 1023)] * 5 + [r.PAST] + [r.Band(0, 1023)] * 4, 1 << 18, 1024),
        ([r.Band(0, 4095)] * 3, 1 << 20, 0),
        ([past(r.Band(0, 511), r.Keys(((0, 4),)))] * 4, 1 << 20, 516),  # everyone sees token 0
        ([past(r.Chunk((64,)), r.Columns(64, (60, 61, 62, 63)))] * 4, 16384, 12),  # four a boundary leave a chunk
        ([r.Band(0, None, 2)] * 4, (1 << 20) + 1, (1 << 19) + 1),  # the even tokens
    ],
)
def test_long_sequences_by_hand(layers, n, paths):
    found = bottleneck(layers, n, causal=True)
    assert (found.paths, found.exact) == (paths, True)


def test_what_is_not_decided_has_bounds(monkeypatch):
    """Chunks of 8 with a column each: two layers of it let out one token a boundary, where 8 see the first."""
    layers = [past(r.Chunk((8,)), r.Columns(8, (7,)))] * 4
    assert bottleneck(layers, 64, causal=True).paths == 3
    monkeypatch.setattr(engine, "MOST_EDGES", 1)
    assert bottleneck(layers, 64, causal=True).paths == 3  # boxes with the edges of chunks and columns
    monkeypatch.setattr(boxes, "MOST_BOXES", 1)
    found = bottleneck(layers, 64, causal=True)
    assert (found.paths, found.exact, found.after) == (None, False, None)
    assert found.at_least <= 3 < found.at_most == 8
    assert "not decided" in found.method


def test_more_than_it_takes_is_refused(monkeypatch):
    monkeypatch.setattr(engine, "MOST_CONE", 100)
    found = bottleneck([r.Band(0, 3)] * 4, 26, causal=True)
    assert (found.paths, found.at_least, found.at_most, found.exact) == (None, None, None, False)
    assert "4 layers of 26" in found.method


@given(block_layers())
def test_blocks_pass_as_many_paths_as_they_have_tokens(case):
    n, target, layers = case
    if len(layers) > 1 and saturated(layers, n, target == "past") is not None:
        found = bottleneck(layers, n, target == "past")
        assert (found.paths, found.exact) == (by_networkx(layers, n), True)
        assert "blocks of" in found.method
