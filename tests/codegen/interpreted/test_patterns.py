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


def causal_chunk(n, c):
    i, j = places(n)
    return Pattern(
        (i // c == j // c) & (j <= i),
        RowInterval((ChunkStart(c, 0),), (Shift(1),)),
        RowInterval((Shift(0),), (ChunkStart(c, c),)),
    )


def local_or_stride(n, w, k):
    i, j = places(n)
    window = causal_window(n, w)
    return Pattern((i >= j) & ((i - j < w) | ((i - j) % k == 0)), window.interval, window.transposed_interval)


def local_or_columns(n, w, k):
    i, j = places(n)
    window = causal_window(n, w)
    return Pattern(
        (i >= j) & ((i - j < w) | (j % k == k - 1)),
        window.interval,
        window.transposed_interval,
        gathered_keys=tuple(range(k - 1, n, k)),
    )


def bigbird(n, b):
    blocks = np.arange(-(-n // b))
    inner = np.abs(blocks[:, None] - blocks[None, :]) <= 1
    inner[0] = inner[-1] = inner[:, 0] = inner[:, -1] = True
    inner |= np.random.default_rng(3).random(inner.shape) < 0.15
    return Pattern(inner.repeat(b, 0).repeat(b, 1)[:n, :n])


def dense_without_stride(n, k):
    i, j = places(n)
    past = RowInterval((), (Shift(1),))
    return Pattern((i >= j) & ((i - j) % k != 0), past, RowInterval((Shift(0),), ()))


def scattered(n, share):
    mask = np.random.default_rng(5).random((n, n)) < share
    mask[:, 0] = True
    return Pattern(mask)


PATTERNS = {
    "causal window": causal_window(150, 40),
    "two-sided window": two_sided_window(150, 30, 10),
    "chunk": causal_chunk(150, 48),
    "local | stride": local_or_stride(150, 40, 7),
    "local | columns": local_or_columns(150, 40, 5),
    "bigbird": bigbird(150, 16),
    "dense - stride": dense_without_stride(150, 3),
    "scattered pairs": scattered(100, 0.1),
    "causal": Pattern(np.tri(150, dtype=bool), RowInterval((), (Shift(1),)), RowInterval((Shift(0),), ())),
    "dense": Pattern(np.ones((100, 100), bool), RowInterval((), ()), RowInterval((), ())),
    "one position": Pattern(np.ones((1, 1), bool)),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_pattern(name):
    check(PATTERNS[name])


@pytest.mark.long
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [Shape(64, 32), Shape(32, 128), Shape(128, 128), Shape(32, 64, head_dim=80)], ids=str)
@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_shape_and_dtype(name, shape, dtype):
    check(PATTERNS[name], heads=2, kv_heads=1, shape=shape, dtype=dtype, sinks=True)


@pytest.mark.parametrize("shape", [Shape(64, 32), Shape(32, 64), Shape(64, 128)], ids=str)
def test_tile_shapes(shape):
    """Bits of one, two and four words a row, in both directions."""
    check(local_or_columns(170, 40, 5), shape=shape)
    check(local_or_stride(170, 40, 7), shape=shape)


@pytest.mark.parametrize("head_dim", [20, 24, 64, 80])
def test_head_dims(head_dim):
    check(local_or_columns(70, 20, 3), shape=Shape(head_dim=head_dim))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["causal window", "local | columns", "bigbird"])
def test_half_precision(name, dtype):
    check(PATTERNS[name], dtype=dtype)


@pytest.mark.parametrize(
    "interval",
    [
        RowInterval((Constant(20),), (Constant(70),)),
        RowInterval((), (Constant(40), Shift(3))),
        RowInterval((Shift(-10),), ()),
        RowInterval((ChunkStart(24, -8),), (ChunkStart(24, 40), Shift(30))),
        RowInterval((ChunkStart(24, -8), Shift(-20)), ()),
    ],
    ids=str,
)
def test_bounds(interval):
    """Bounds that are the same for all rows, missing on a side, and several on one side; the last tile hangs over."""
    from tests.codegen.dense_tables import interval_mask

    mask = interval_mask(interval, np.arange(110), 110)
    check(Pattern(mask, interval, None))
    check(Pattern(mask.T.copy(), None, interval))


def test_grouped_queries_and_batch():
    check(local_or_columns(90, 20, 5), heads=6, kv_heads=2, batch=2)


def test_patterns_by_head():
    """Heads of one kv head in several groups: the later ones add to what the first left."""
    first, second, third = causal_window(90, 20), local_or_columns(90, 10, 4), bigbird(90, 16)
    check([((0, 3), first), ((1,), second), ((2, 4, 5), third)], heads=6, kv_heads=3)
    check([((0,), second), ((1, 2, 3), first)], heads=4, kv_heads=2, dtype=torch.float16)


def test_empty_rows():
    pattern = local_or_stride(100, 20, 9)
    pattern.mask[3] = pattern.mask[64:99] = False
    pattern.mask[:, 40:75] = False
    check(pattern)
    check(Pattern(np.zeros((40, 40), bool)), heads=2, sinks=True)


def test_sinks():
    check(local_or_columns(90, 20, 5), heads=4, kv_heads=2, sinks=True)
    check(local_or_columns(90, 20, 5), heads=4, kv_heads=2, sinks=True, lse_gradient=False)


LAYOUTS = {
    "heads inside rows": lambda rows: rows.transpose(1, 2).contiguous().transpose(1, 2),
    "a slice of a wider row": lambda rows: torch.cat([rows, rows], -1)[..., : rows.shape[-1]],
    "dims outermost": lambda rows: rows.transpose(2, 3).contiguous().transpose(2, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_strides(layout):
    check(causal_window(90, 20), heads=4, kv_heads=2, batch=2, layout=LAYOUTS[layout])
