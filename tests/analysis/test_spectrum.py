"""Spectral gaps against the walk made from the definition pair by pair, and against known spectra."""

from math import cos, pi

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis import spectrum as engine
from patternc.analysis.spectrum import spectral_gap
from tests.strategies import mask, relations, spans


@st.composite
def cases(draw):
    """(n, layers, blocks at most, hubs), most of them symmetric or nearly so."""
    n = draw(st.integers(1, 40))
    h = draw(st.integers(1, 6))
    hubs = draw(st.just(()) | spans(n))
    some = [
        r.union(r.Band(-h, h), r.Keys(hubs), r.Queries(hubs)) if hubs else r.Band(-h, h),
        r.Chunk((draw(st.integers(1, 12)),)),
        draw(relations(n, 1)),
        r.union(r.Band(-1, 1), draw(relations(n, 1))),
    ]
    return n, draw(st.lists(st.sampled_from(some), min_size=1, max_size=4)), draw(st.integers(2, 50)), hubs


def walk(relation, n, block, left):
    """One layer's walk over blocks, from its pairs among the tokens that are left."""
    pairs = mask(relation, n) & np.outer(left, left)
    blocks = -(-n // block)
    place = np.arange(n) // block
    counts = np.array([[pairs[np.ix_(place == q, place == k)].sum() for k in range(blocks)] for q in range(blocks)])
    rows = [row / row.sum() if row.sum() else np.eye(blocks)[q] for q, row in enumerate(counts)]
    kept = [b for b in range(blocks) if left[place == b].any()]
    return (np.eye(len(kept)) + np.array(rows)[np.ix_(kept, kept)]) / 2


def expected(layers, n, block, left):
    """(whether blocks that come to each other come back, the gap a layer)."""
    once = np.eye(walk(layers[0], n, block, left).shape[0])
    for layer in layers:
        once = walk(layer, n, block, left) @ once
    graph = nx.from_numpy_array(once > 0, create_using=nx.DiGraph)
    mutual = nx.number_strongly_connected_components(graph) == nx.number_weakly_connected_components(graph)
    if once.shape[0] < 2:
        return mutual, None
    second = np.sort(np.abs(np.linalg.eigvals(once)))[-2]
    return mutual, 1 - second ** (1 / len(layers))


@given(cases())
def test_the_gap_is_that_of_the_walk(case):
    n, layers, most, hubs = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "MOST_BLOCKS", most)
        found = spectral_gap(layers, n, False, hubs)
    assert found.blocks <= most
    assert found.exact == (found.gap is not None and found.block == 1)
    everyone = np.ones(n, dtype=bool)
    others = np.array([not any(a <= p < b for a, b in hubs) for p in range(n)])
    once = list(engine._round(layers))
    for gap, left in ((found.gap, everyone), *([(found.without, others)] if hubs and others.any() else [])):
        mutual, wanted = expected(once, n, found.block, left)
        if gap is not None:
            assert mutual
            assert gap == pytest.approx(wanted, rel=1e-3, abs=1e-12)


def test_a_ring_has_its_known_spectrum():
    """On a ring with oneself and both neighbours, eigenvalues are (1 + 2 cos(2 pi k / n)) / 3, half of it lazy."""
    n = 48
    ring = r.union(
        r.Band(-1, 1),
        *(r.intersection(r.Queries(q), r.Keys(k)) for q, k in ((((0, 1),), ((n - 1, n),)), (((n - 1, n),), ((0, 1),)))),
    )
    found = spectral_gap([ring] * 3, n, False, ())
    assert found.gap == pytest.approx((1 - (1 + 2 * cos(2 * pi / n)) / 3) / 2, rel=1e-3)
    assert found.exact


def test_dense_layers_mix_by_half_and_chunks_never():
    assert spectral_gap([r.FULL], 200, False, ()).gap == 0.5
    assert spectral_gap([r.Chunk((50,))], 200, False, ()).gap == 0
    assert spectral_gap([r.Chunk((50,)), r.Band(-60, 60)], 200, False, ()).gap > 0


def test_hubs_mix_what_a_window_does_not():
    layer = r.union(r.Band(-16, 16), r.Keys(((0, 16),)), r.Queries(((0, 16),)))
    found = spectral_gap([layer], 4096, False, ((0, 16),))
    assert found.gap > 10 * found.without > 0
    assert not found.exact


def test_meaningless_gaps_are_refused():
    assert "single token" in spectral_gap([r.FULL], 1, False, ()).method
    assert "causal" in spectral_gap([r.PAST], 100, True, ()).method
    assert spectral_gap([r.Band(0, 5)], 100, False, ()).gap is None
    skewed = spectral_gap([r.Band(-1, 9)], 256, False, ())  # joined both ways, and yet rounding would decide
    assert (skewed.gap, skewed.exact) == (None, False)
    assert "round of this schedule" in spectral_gap([r.Band(-h, h) for h in range(1, 30)], 100, False, ()).method
