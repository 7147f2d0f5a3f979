"""All ways to the reach of a model agree: networkx, dense products, and every engine that applies."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis.growth import Own, growth_of
from patternc.analysis.hub_reach import reach_through_hubs, through_hubs
from patternc.analysis.operators import lower
from patternc.analysis.period import looks_back
from patternc.analysis.reach import layer_relations, reach
from patternc.analysis.recurrent import recurrence, recurrent
from patternc.analysis.sandwich import bounded
from patternc.analysis.sweep import swept
from patternc.compiler import analyse
from patternc.diagnostics import PatternError
from patternc.grammar.reading import read_source
from tests.analysis.schedules import layer_lists, truth
from tests.conftest import LONG
from tests.strategies import mask

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.attn"))
LENGTH = 4096 if LONG else 1024


def engines(layers, n, target):
    """(name, answer) of every engine that applies; the answer has depth, pair, and sizes unless it is from bounds."""
    steps = [lower(layer, n) for layer in layers]
    yield "sweep", swept(steps, n, target, backward=all(looks_back(layer) for layer in layers))
    repeats = recurrence(layers, n) if target == "past" else None
    if repeats is not None:
        yield "recurrent", recurrent(steps, repeats, n)
    hubs = through_hubs(layers, n) if target == "all" else None
    if hubs is not None:
        yield "hubs", reach_through_hubs(steps, hubs, n)
    bounds = bounded(layers, steps, n, target)
    if bounds is not None:
        yield "bounds", bounds


@given(layer_lists(max_tokens=90 if LONG else 24, max_layers=3))
def test_networkx_dense_products_and_engines_agree(case):
    n, target, layers = case
    graph = nx.DiGraph()
    graph.add_nodes_from((position, at) for position in range(n) for at in range(len(layers) + 1))
    for at, layer in enumerate(layers):
        pairs = np.argwhere(mask(layer, n) | np.eye(n, dtype=bool))
        graph.add_edges_from(((int(key), at), (int(query), at + 1)) for query, key in pairs)
    wanted = truth(layers, n, target)
    for key in range(n):
        found = nx.descendants(graph, (key, 0))
        for at, reached in enumerate(wanted.reached):
            assert [(query, at + 1) in found for query in range(n)] == reached[:, key].tolist()
    for name, answer in engines(layers, n, target):
        assert answer.depth == wanted.depth, name
        if name != "bounds":
            for sizes, reached in zip(answer.sizes, wanted.reached, strict=True):
                np.testing.assert_array_equal(sizes, reached.sum(axis=1))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_engines_agree_on_every_example(path):
    source = read_source(path)
    tokens = LENGTH
    try:
        program, _ = analyse(source, tokens=tokens)
    except (PatternError, ValueError):  # images have the length they have
        program, _ = analyse(source)
        tokens = program.schedule.tokens
    layers, target = layer_relations(program.schedule), "past" if program.schedule.causal else "all"
    chosen = reach(layers, tokens, target)
    assert chosen.exact
    for name, answer in engines(layers, tokens, target):
        assert (answer.depth, answer.pair) == (chosen.depth, chosen.missing or chosen.hardest), name
        if name != "bounds":
            assert growth_of(answer.sizes, Own(1, whole=target == "all")) == chosen.growth, name


@given(layer_lists(max_tokens=40, max_layers=3), st.integers(0, 20), st.booleans())
def test_another_head_never_shrinks_a_field(case, width, stride):
    n, target, layers = case
    other = r.Band(0, None, width + 1) if stride else r.Band(0, width)
    before, after = reach(layers, n, target), reach([r.union(layer, other) for layer in layers], n, target)
    for less, more in zip(before.growth, after.growth, strict=True):
        for figure in ("least", "low", "median", "high", "most", "total"):
            assert getattr(less, figure) <= getattr(more, figure)
    if before.depth is not None:
        assert after.depth is not None
        assert after.depth <= before.depth


@st.composite
def two_sided(draw):
    """(n, layers) with windows, steps, keys and queries: what can be turned round in a line."""
    n = draw(st.integers(1, 40))

    def spans():
        start = draw(st.integers(0, n - 1))
        return ((start, draw(st.integers(start + 1, n))),)

    options = [
        r.Band(-draw(st.integers(0, 5)), draw(st.integers(0, 5)), draw(st.integers(1, 3))),
        r.Keys(spans()),
        r.Queries(spans()),
    ]
    layers = [r.union(*draw(st.lists(st.sampled_from(options), min_size=1, max_size=3))) for _ in range(2)]
    return n, [draw(st.sampled_from(layers)) for _ in range(draw(st.integers(1, 3)))]


def changed(relation, n, *, swap, turn):
    """Queries and keys swapped, or positions counted from the other end."""
    match relation:
        case r.Union(parts):
            return r.union(*(changed(part, n, swap=swap, turn=turn) for part in parts))
        case r.Band(low, high, step):
            return relation if swap == turn else r.Band(-high, -low, step)
        case r.Keys(spans) | r.Queries(spans):
            kind = type(relation)
            if swap:
                kind = r.Queries if kind is r.Keys else r.Keys
            return kind(tuple((n - stop, n - start) for start, stop in spans) if turn else spans)


@given(two_sided())
def test_from_the_other_end_a_model_is_the_same(case):
    n, layers = case
    found = reach(layers, n, "all")
    turned = reach([changed(layer, n, swap=False, turn=True) for layer in layers], n, "all")
    assert (turned.depth, turned.growth) == (found.depth, found.growth)


@given(two_sided())
def test_with_queries_and_keys_swapped_the_layers_run_backwards(case):
    n, layers = case
    swapped = [changed(layer, n, swap=True, turn=False) for layer in layers]
    assert [changed(layer, n, swap=True, turn=False) for layer in swapped] == list(layers)
    found, back = reach(layers, n, "all"), reach(swapped[::-1], n, "all")
    assert back.complete == found.complete
    assert back.growth[-1].total == found.growth[-1].total
