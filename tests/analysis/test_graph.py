"""Graphs: the layer graph by hand, and the quotient's bound against the depth that was found."""

from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis import graph as engine
from patternc.analysis.graph import block_graph, layer_graph, structure
from patternc.analysis.reach import prospect, reach
from tests.analysis.schedules import layer_lists, schedule, truth


def test_layers_that_are_alike_and_what_follows():
    a, b = r.Band(0, 4), r.PAST
    model = schedule(32, [[a, a], [a, b], [a, a], [a, a], [a, b]])
    graph = layer_graph(model)
    assert {node: graph.nodes[node]["layers"] for node in graph} == {0: (0, 2, 3), 1: (1, 4)}
    found = structure(model)
    assert found.alike == ((0, 2, 3), (1, 4))
    assert found.follows == ((0, 0, 1), (0, 1, 2), (1, 0, 1))
    assert found.repeats == 3
    assert structure(schedule(32, [[a], [a], [b]])).repeats is None
    assert structure(schedule(32, [[a]] * 4)).repeats == 1


def test_blocks_are_joined_where_any_of_their_tokens_are():
    graph, size = block_graph(schedule(256, [[r.union(r.Band(0, 3), r.Keys(((40, 41),)))]], causal=False))
    assert (size, graph.number_of_nodes()) == (4, 64)
    assert set(graph.edges) == (
        {(b, b) for b in range(64)} | {(b, b + 1) for b in range(63)} | {(10, b) for b in range(64)}
    )


def test_chunks_never_connect():
    chunks = schedule(256, [[r.intersection(r.PAST, r.Chunk((64,)))]] * 2)
    assert structure(chunks).quotient.least_depth is None
    assert prospect([chunks.patterns[0].relation], 256, (64, 0)).never


@given(layer_lists(max_tokens=60), st.sampled_from([3, 8, 64]))
def test_the_quotient_never_says_too_much(case, most):
    """No fewer layers than the bound connect the model, and what it says never connects does not."""
    n, target, layers = case
    before = engine.MOST_BLOCKS
    engine.MOST_BLOCKS = most
    try:
        found = structure(schedule(n, [[layer] for layer in layers], causal=target == "past")).quotient
    finally:
        engine.MOST_BLOCKS = before
    depth = truth(layers * (n + 1), n, target).depth
    if found.least_depth is None:
        assert depth is None
    elif depth is not None:
        assert found.least_depth <= depth
        assert reach(layers * depth, n, target).complete
