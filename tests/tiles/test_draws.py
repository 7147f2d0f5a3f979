"""Occupancy of boxes by drawn pairs: never False where there is one, in both ways it is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.analysis.draws import PointSet

N = 40
POINTS = st.sets(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), max_size=6)


@given(POINTS, st.sampled_from([0, 1 << 24]))
def test_occupied_boxes(points, largest_grid):
    codes = np.array(sorted(i << 32 | j for i, j in points), dtype=np.int64)
    dense = np.zeros((N, N), dtype=bool)
    for i, j in points:
        dense[i, j] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("patternc.analysis.draws.LARGEST_GRID", largest_grid)
        drawn = PointSet(N, codes)
        every = np.arange(N)
        assert (drawn.pairs(every[:, None], every[None, :]) == dense).all()
        for height, width in ((1, 1), (2, 3), (3, 4), (7, 5), (16, 32)):
            q0, k0 = (grid.reshape(-1) for grid in np.mgrid[: N - height + 1, : N - width + 1])
            occupied = drawn.occupied(q0, q0 + height, k0, k0 + width)
            windows = np.lib.stride_tricks.sliding_window_view(dense, (height, width)).any(axis=(2, 3)).reshape(-1)
            assert not (windows & ~occupied).any()
            if height == width == 1:
                assert (windows == occupied).all()
