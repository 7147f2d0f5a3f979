"""Layers over whole blocks: the reduction against dense products, when it applies, and what it makes possible."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis.operators import lower
from patternc.analysis.reach import reach
from patternc.analysis.saturated import saturated
from patternc.analysis.sweep import swept
from tests.analysis.schedules import grown, grown_by_counting, truth
from tests.strategies import mask, relations


@st.composite
def block_layers(draw):
    """(n, target, layers): relations of blocks that see themselves, and of multiples of these blocks."""
    size, blocks = draw(st.integers(2, 5)), draw(st.integers(1, 8))
    causal = draw(st.booleans())
    layers = []
    for _ in range(draw(st.integers(1, 3))):
        inner = draw(relations(blocks, 2))
        parts = [r.Blocks(size, inner), r.Blocks(size, r.Band(0, 0))]
        if draw(st.booleans()):
            parts.append(r.Keys(((size * draw(st.integers(0, blocks - 1)), size * blocks),)))
        if draw(st.booleans()):
            parts.append(r.Chunk((size * draw(st.integers(1, 3)),)))
        layers.append(r.union(*(r.intersection(r.PAST, part) if causal else part for part in parts)))
    return size * blocks, "past" if causal else "all", layers


@given(block_layers())
def test_reach_of_blocks_is_the_dense_product(case):
    n, target, layers = case
    reduced = saturated(layers, n, target == "past")
    assume(reduced is not None)
    found, wanted = reach(layers, n, target), truth(layers, n, target)
    assert found.exact
    assert "each seen whole or not at all" in found.method
    assert (found.depth, found.missing) == (wanted.depth, wanted.missing_after[-1])
    if found.depth is not None and found.depth > 1:
        assert found.hardest == wanted.missing_after[found.depth - 2]
    for growth, reached in zip(found.growth, wanted.reached, strict=True):
        assert grown(growth) == grown_by_counting(reached)
    whole = swept([lower(layer, n) for layer in layers], n, target, backward=target == "past")
    assert (whole.depth, whole.pair) == (found.depth, found.missing or found.hardest)


@given(block_layers())
def test_the_relation_of_blocks_is_that_of_their_tokens(case):
    n, target, layers = case
    reduced = saturated(layers, n, target == "past")
    assume(reduced is not None)
    for layer, blocks in zip(layers, reduced.layers, strict=True):
        tokens = np.kron(mask(blocks, n // reduced.size), np.ones((reduced.size, reduced.size), dtype=bool))
        np.testing.assert_array_equal(mask(layer, n), np.tril(tokens) if target == "past" else tokens)


BIGBIRD = r.Blocks(4, r.union(r.Band(-1, 1), r.Keys(((0, 1),)), r.Queries(((0, 1),)), r.Random(2, (0,), False)))


@pytest.mark.parametrize(
    ("layer", "n", "causal"),
    [
        (r.Blocks(4, r.Band(1, 2)), 32, False),  # blocks do not see themselves
        (BIGBIRD, 33, False),  # the last block is cut
        (r.union(BIGBIRD, r.Band(0, 5)), 32, False),  # a token-level window
        (BIGBIRD, 32, True),  # not cut to the past
        (r.union(r.Blocks(4, r.FULL), r.Keys(((3, 5),))), 32, False),  # ids inside a block
    ],
)
def test_what_is_not_made_of_whole_blocks_is_not_reduced(layer, n, causal):
    assert saturated([layer], n, causal) is None


def test_a_million_tokens_in_blocks_are_decided():
    n = 1 << 20
    bigbird = r.Blocks(64, r.union(r.Band(-1, 1), r.Keys(((0, 1),)), r.Queries(((0, 1),)), r.Random(3, (0,), False)))
    found = reach([bigbird] * 3, n, "all")
    assert (found.exact, found.depth) == (True, 2)
    assert found.growth[1].total == n * n
