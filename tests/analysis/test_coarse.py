"""Relations over blocks: that of their tokens, the largest blocks, and what is counted over them."""

import numpy as np
import pytest
from hypothesis import assume, event, example, given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis.coarse import coarse
from patternc.analysis.rows import pair_counts
from tests.strategies import mask, relations


@st.composite
def block_relations(draw):
    """(n, relation): a relation of whole blocks, perhaps cut to the past, of which the last block may be short."""
    size, blocks = draw(st.integers(2, 6)), draw(st.integers(1, 9))
    n = size * blocks - draw(st.integers(0, size - 1))
    parts = [r.Blocks(size, draw(relations(blocks, 2)))]
    if draw(st.booleans()):
        first = size * draw(st.integers(0, blocks - 1))
        parts.append(draw(st.sampled_from([r.Keys, r.Queries]))(((first, n),)))
    if draw(st.booleans()):
        parts.append(r.Chunk((size * draw(st.integers(1, 3)), size * draw(st.integers(1, 3)))))
    if draw(st.booleans()):
        start = size * draw(st.integers(0, blocks - 1))
        parts.append(r.Slice(start, n, r.Blocks(size, draw(relations(-(-(n - start) // size), 1)))))
    if draw(st.booleans()):
        period = draw(st.integers(1, 3))
        parts.append(r.Within(size * period, r.Blocks(size, draw(relations(period, 1)))))
    joined = draw(st.sampled_from([r.union, r.intersection]))(*parts)
    return n, r.intersection(r.PAST, joined) if draw(st.booleans()) else joined


@given(block_relations())
def test_the_relation_of_blocks_is_that_of_their_tokens(case):
    n, relation = case
    found = coarse(relation, n)
    assume(found is not None)
    event(f"causal {found.causal}, ragged {n % found.size > 0}")
    blocks = mask(found.relation, found.blocks)
    tokens = np.kron(blocks, np.ones((found.size, found.size), dtype=bool))[:n, :n]
    np.testing.assert_array_equal(mask(relation, n), np.tril(tokens) if found.causal else tokens)


@given(block_relations())
@example((1, r.Blocks(1, r.Blocks(2, r.Empty()))))
@example((7, r.union(r.Blocks(4, r.Band(0, 0)), r.Keys(((7, 9),)))))
def test_counts_over_blocks(case):
    n, relation = case
    counts, wanted = pair_counts(relation, n), mask(relation, n)
    assert counts.total == wanted.sum()
    np.testing.assert_array_equal(counts.per_query, wanted.sum(axis=1))
    np.testing.assert_array_equal(counts.per_key, wanted.sum(axis=0))


@pytest.mark.parametrize(
    ("relation", "size"),
    [
        (r.Blocks(64, r.Band(0, 1)), 64),
        (r.union(r.Blocks(64, r.Band(0, 1)), r.Blocks(96, r.Band(0, 1))), 32),
        (r.union(r.Blocks(64, r.Band(0, 1)), r.Keys(((0, 16),))), 16),
        (r.intersection(r.PAST, r.Blocks(64, r.Band(0, 1))), 64),
        (r.union(r.Blocks(64, r.Band(0, 1)), r.Keys(((0, 1),))), None),
        (r.union(r.Blocks(64, r.Band(0, 1)), r.Band(0, 5)), None),
        (r.Chunk((64, 100, 7)), None),
        (r.Within(64, r.Band(0, 5)), None),
        (r.Full(), None),
    ],
)
def test_the_largest_blocks(relation, size):
    found = coarse(relation, 1000)
    assert (found and found.size) == size
