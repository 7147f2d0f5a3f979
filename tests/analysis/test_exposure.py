"""Exposure by taking the hubs out of the graph of tokens, pair by pair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis import exposure as engine
from patternc.analysis.exposure import exposure
from patternc.analysis.reach import reach
from tests.analysis.schedules import layer_lists
from tests.strategies import mask, spans


def past(*parts):
    return r.intersection(r.PAST, r.union(*parts))


def exposed(layers, n, target, hubs):
    return exposure(layers, n, target, hubs, reach(layers, n, target))


def connected(masks, n, target):
    """(pairs of different tokens that are connected after each layer, the layer after which all are)."""
    wanted = np.tril(np.ones((n, n), dtype=bool)) if target == "past" else np.ones((n, n), dtype=bool)
    reached, sizes, depth = np.eye(n, dtype=bool), [], None
    for layer, one in enumerate(masks):
        reached = ((one | np.eye(n, dtype=bool)).astype(np.uint8) @ reached.astype(np.uint8)) > 0
        sizes.append(int(reached.sum()) - n)
        if depth is None and reached[wanted].all():
            depth = layer + 1
    return sizes, depth


@given(layer_lists(max_tokens=40), st.data())
def test_exposure_is_the_model_without_its_hubs(case, data):
    n, target, layers = case
    if target == "past":
        layers = [r.intersection(r.PAST, layer) for layer in layers]
    hubs = data.draw(spans(n) | st.integers(1, n).map(lambda stop: ((0, stop),)))
    others = np.array([p for p in range(n) if not any(a <= p < b for a, b in hubs)], dtype=int)
    if not hubs or not others.size:
        return
    found = exposed(layers, n, target, hubs)
    masks = [mask(layer, n) for layer in layers]
    reached = np.eye(n, dtype=bool)
    for one in masks:
        reached = ((one | np.eye(n, dtype=bool)).astype(np.uint8) @ reached.astype(np.uint8)) > 0
    among = np.ix_(others, others)
    kept, depth = connected([one[among] for one in masks], others.size, target)
    assert found.exact
    assert found.connected == int(reached[among].sum()) - others.size
    assert (found.lost, found.depth) == (found.connected - kept[-1], depth)


def test_a_star_is_nothing_without_its_hub():
    star = r.union(r.Band(0, 0), r.Keys(((7, 8),)), r.Queries(((7, 8),)))
    found = exposed([star] * 2, 1000, "all", ((7, 8),))
    assert (found.connected, found.lost, found.share, found.depth) == (999 * 998, 999 * 998, 1, None)


def test_sinks_pass_on_what_comes_before_them_alone():
    """In a causal model a sink sees nothing after it: taken out, all other connections stay."""
    sinks = past(r.Band(0, 15), r.Keys(((0, 4),)))
    found = exposed([sinks] * 3, 500, "past", ((0, 4),))
    assert (found.lost, found.depth) == (0, None)
    assert found.connected == sum(min(i, 45) for i in range(496))


def test_global_tokens_make_a_window_shallow():
    joined = r.union(r.Band(-4, 4), r.Keys(((0, 1),)), r.Queries(((0, 1),)))
    found = exposed([joined] * 2, 5000, "all", ((0, 1),))
    assert found.connected == 4999 * 4998
    assert found.connected - found.lost == sum(min(i, 8) + min(4998 - i, 8) for i in range(4999))
    assert (found.depth, exposed([joined] * 30, 101, "all", ((0, 1),)).depth) == (None, 25)  # 99 tokens, 4 a layer


def test_a_million_tokens():
    sinks = past(r.Band(0, 511), r.Keys(((0, 4),)))
    found = exposed([sinks] * 4, 1 << 20, "past", ((0, 4),))
    assert (found.lost, found.exact) == (0, True)
    assert found.connected == sum(min(i, 4 * 511) for i in range((1 << 20) - 4))


def test_blocks_stay_blocks():
    """BigBird's blocks at both ends are hubs: what is left is windows and random blocks, a few hundred of them."""
    hubs = ((0, 64), ((1 << 15) - 64, 1 << 15))
    blocks = r.union(r.Band(-1, 1), r.Keys(((0, 1), (511, 512))), r.Queries(((0, 1), (511, 512))))
    layer = r.Blocks(64, r.union(blocks, r.Random(3, (1,), causal=False)))
    found = exposed([layer] * 8, 1 << 15, "all", hubs)
    assert "512 blocks of 64 tokens" in found.method
    assert (found.lost, found.exact) == (0, True)
    assert found.depth > 2


def test_where_reach_counts_nothing_nothing_is_said():
    """Bounds tell that a window does not connect so many tokens, and not how many it connects."""
    joined = r.union(r.Band(-128, 128, 2), r.Keys(((0, 1),)), r.Queries(((0, 1),)))
    found = exposed([joined] * 4, 1 << 17, "all", ((0, 1),))
    assert (found.hubs, found.connected, found.lost, found.exact) == (((0, 1),), None, None, False)
    assert found.method == "without hubs, not decided: 131,071 tokens are too many to count what is connected"


def test_what_is_too_much_is_not_decided(monkeypatch):
    monkeypatch.setattr(engine, "MOST_BITS", 100)
    found = exposed([past(r.Band(0, 3), r.Keys(((0, 4),)))] * 2, 60, "past", ((0, 4),))
    assert (found.connected, found.lost, found.share, found.exact) == (None, None, None, False)
    assert "100 bits" in found.method
    assert "no key" in exposed([r.PAST], 60, "past", ()).method
