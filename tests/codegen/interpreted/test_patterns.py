"""Each kind of pattern, forward and backward, in the interpreter."""

import numpy as np
import pytest
import torch

from patternc.codegen.plan import ChunkStart, Constant, RowInterval, Shift
from tests.codegen.dense_tables import Pattern, Shape
from tests.codegen.interpreted.dense_attention import check


def places(n):
    return np.arange(n)[:, None], np.arange(n)[None, :]


def causal_window(n, w):
    i, j = places(n)
    return Pattern(
        (i - j >= 0) & (i - j < w),
        RowInterval((Shift(1 - w),), (Shift(1),)),
        RowInterval((Shift(0),), (Shift(w),)),
    )


def two_sided_window(n, back, ahead):
    i, j = places(n)
    return Pattern(
        (i - j <= back) & (j - i <= ahead),
        RowInterval((Shift(-back),), (Shift(ahead + 1),)),
        RowInterval((Shift(-ahead),), (Shift(back + 1),)),
    )


def chunk(n, c):
    i, j = places(n)
    return Pattern(
        (i // c == j // c) & (j <= i),
        RowInterval((ChunkStart(c, 0),), (Shift(1),)),
        RowInterval((Shift(0),), (ChunkStart(c, c),)),
    )


def test_causal_window():
    check(causal_window(150, 40))
