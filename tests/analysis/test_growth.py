"""Growth: quantiles of receptive fields by counting every query, of blocks as of the tokens they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis.growth import Own, growth_of
from patternc.analysis.reach import reach
from tests.analysis.schedules import grown, quantile


@given(st.lists(st.integers(1, 9), min_size=1, max_size=25), st.integers(1, 6), st.booleans())
def test_tokens_of_blocks(blocks, size, whole):
    """As many tokens as a block has, each laid out: behind its own place in the block, a causal token sees nothing."""
    behind = np.zeros(size, dtype=int) if whole else np.arange(size)[::-1]
    sizes = [size * seen - int(each) for seen in blocks for each in behind]
    (found,) = growth_of(np.array([blocks]), Own(size, whole))
    wanted = (min(sizes), *(quantile(sizes, percent) for percent in (10, 50, 90)), max(sizes), sum(sizes))
    assert grown(found) == wanted


@pytest.mark.parametrize("n", [10, 1000, 4096])
def test_a_window_by_hand(n):
    """After two layers of local(w), query i sees min(i + 1, 2 w - 1) keys."""
    w = n // 5
    found = reach([r.Band(0, w - 1)] * 2, n, "past").growth[1]
    assert (found.low, found.median, found.high) == tuple(min(-(-n * p // 100), 2 * w - 1) for p in (10, 50, 90))


def test_a_million_tokens_in_blocks():
    layer = r.intersection(r.PAST, r.Blocks(1024, r.Band(0, 1)))
    found = reach([layer], 1 << 20, "past").growth[0]
    assert (found.least, found.median, found.most) == (1, 1536, 2048)
