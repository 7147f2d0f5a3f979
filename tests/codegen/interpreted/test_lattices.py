"""Tiles on lattices, launches in chains and items in shares, forward and backward, in the interpreter."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from patternc.codegen.plan import RowInterval, Shift
from patternc.runtime import cuda
from tests.codegen.dense_tables import Pattern, Shape, build_plan
from tests.codegen.interpreted.dense_attention import check, table_tensors

PAST = RowInterval((), (Shift(1),))
AHEAD = RowInterval((Shift(0),), ())


def distances(n):
    return np.arange(n)[:, None] - np.arange(n)[None, :]


def window(n, w):
    d = distances(n)
    return Pattern((d >= 0) & (d < w), RowInterval((Shift(1 - w),), (Shift(1),)), RowInterval((Shift(0),), (Shift(w),)))


def stride(n, k, *, beyond=0, **runs):
    """Causal, every k-th key from a distance of `beyond` on."""
    d = distances(n)
    later = RowInterval((Shift(beyond),), ())
    return Pattern((d % k == 0) & (d >= beyond), RowInterval((), (Shift(1 - beyond),)), later, step=k, **runs)


def dilated_window(n, w, k, **runs):
    """Two-sided: w keys before and two behind, every k-th."""
    d = distances(n)
    back, ahead = w * k, 2 * k
    keys = RowInterval((Shift(-back),), (Shift(ahead + 1),))
    queries = RowInterval((Shift(-ahead),), (Shift(back + 1),))
    return Pattern((d % k == 0) & (d <= back) & (d >= -ahead), keys, queries, step=k, **runs)


def every_stride(n, k, **runs):
    """Not causal: whole classes, so that there are full tiles."""
    return Pattern(distances(n) % k == 0, RowInterval((), ()), RowInterval((), ()), step=k, **runs)


def local_then_stride(n, w, k, **runs):
    return window(n, w), stride(n, k, beyond=k * -(-w // k), **runs)


def hubs(n, split):
    """A window, three rows and two columns that see everything."""
    mask = np.abs(distances(n)) <= 4
    mask[[0, 1, n // 2]] = True
    mask[:, [0, n - 1]] = True
    return Pattern(mask, split=split)


PATTERNS = {
    "stride": stride(210, 3),
    "stride, full tiles": every_stride(200, 2),
    "classes of different lengths": stride(150, 7),
    "classes of one tile and of two": every_stride(68, 2),
    "a step of one": stride(90, 1),
    "a step beyond the end": stride(20, 50),
    "dilated window": dilated_window(190, 9, 4),
    "packed queries": stride(150, 10, query_run=16),
    "packed keys": stride(150, 10, key_run=8),
    "packed classes": stride(150, 10, query_run=16, key_run=16),
    "packed classes, a last pack of one": every_stride(90, 11, query_run=8, key_run=16),
    "packed dilated window": dilated_window(130, 3, 16, query_run=8, key_run=8),
    "runs of one": stride(40, 40, query_run=1, key_run=2),
    "listed keys beside a lattice": replace(stride(150, 3), gathered_keys=(0, 5, 7, 30)),
    "local, then stride": local_then_stride(130, 24, 3),
    "local, then packed stride": local_then_stride(100, 24, 11, query_run=16, key_run=16),
    "three launches": (
        window(100, 10),
        Pattern((distances(100) % 3 == 0) & (distances(100) >= 10) & (distances(100) % 7 != 0), step=3),
        stride(100, 7, beyond=14),
    ),
    "split rows and columns": hubs(100, 2),
    "split into single tiles": hubs(100, 1),
    "split stride": replace(stride(210, 3), split=1),
    "split packed classes": replace(stride(150, 10, query_run=16, key_run=8), split=1),
    "split lists": replace(stride(150, 1), gathered_keys=tuple(range(0, 150, 2)), split=2),
    "split local, then split stride": tuple(replace(one, split=1) for one in local_then_stride(110, 40, 2)),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_pattern(name):
    check(PATTERNS[name])


@pytest.mark.parametrize("name", ["local, then stride", "split rows and columns", "split local, then split stride"])
def test_grouped_queries_and_sinks(name):
    check(PATTERNS[name], heads=4, kv_heads=2, sinks=True)


def test_batch():
    check(PATTERNS["split local, then split stride"], batch=2, sinks=True)


@pytest.mark.parametrize("shape", [Shape(64, 32), Shape(32, 64, head_dim=20), Shape(64, 128)], ids=str)
@pytest.mark.parametrize("name", ["stride", "packed classes", "split local, then split stride"])
def test_shapes(name, shape):
    check(PATTERNS[name], shape=shape, sinks=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_chains_in_half_precision(dtype):
    """What launches leave to one another is float32."""
    check(PATTERNS["local, then stride"], dtype=dtype)
    check(PATTERNS["split local, then split stride"], heads=2, dtype=dtype, sinks=True)


def test_patterns_by_head():
    """Chains of different lengths in heads of one kv head."""
    chain, hub = PATTERNS["local, then packed stride"], PATTERNS["split rows and columns"]
    check([((0, 3), hub), ((1,), chain), ((2,), stride(100, 7))], heads=4, kv_heads=2, sinks=True)
    check([((0,), chain), ((1,), hub)], heads=2, kv_heads=2, dtype=torch.float16)


def without(pattern, rows=(), columns=()):
    mask = pattern.mask.copy()
    mask[list(rows)] = False
    mask[:, list(columns)] = False
    return replace(pattern, mask=mask)


def test_empty_rows():
    """Rows that are empty in the first launch, in the second, in both, in one share; none has pairs."""
    local, far = local_then_stride(130, 24, 3)
    local = without(local, rows=[0, 3, *range(64, 100)], columns=range(40, 75))
    far = without(far, rows=[*range(30, 66), 120], columns=range(80, 100))
    check((local, far))
    check((replace(local, split=1), replace(far, split=1)), sinks=True)
    nothing = Pattern(np.zeros((130, 130), bool))
    check((nothing, far))
    check((local, replace(nothing, step=4)))
    check((nothing, nothing), sinks=True)
    check(without(PATTERNS["split rows and columns"], rows=[0, 5], columns=range(30, 60)))


def heads_inside_rows(rows):
    return rows.transpose(1, 2).contiguous().transpose(1, 2)


def test_strides():
    check(PATTERNS["local, then stride"], heads=2, batch=2, layout=heads_inside_rows)


def test_the_same_bits_every_time():
    generator = torch.Generator().manual_seed(3)
    plan, sets = build_plan([((0, 1), PATTERNS["split local, then split stride"])], 2, 1, Shape())
    q, do, k, v = (torch.randn(1, heads, plan.tokens, 16, generator=generator) for heads in (2, 2, 1, 1))
    sinks, tables = torch.randn(2, generator=generator), table_tensors(sets)

    def run():
        o, lse = cuda.forward(q, k, v, sinks, tables, plan, 0.25, 0.0)
        return o, lse, *cuda.backward(do, None, q, k, v, sinks, o, lse, tables, plan, 0.25, 0.0)

    assert all(torch.equal(one, two) for one, two in zip(run(), run(), strict=True))


def test_offsets_beyond_32_bits(monkeypatch):
    """Where a tile or a batch row is too wide for 32 bits, the same numbers come from 64."""
    monkeypatch.setattr(cuda, "WIDEST_OFFSET", 1)
    check(PATTERNS["local, then packed stride"], heads=2, layout=heads_inside_rows)


@pytest.mark.long
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [Shape(64, 32), Shape(32, 128), Shape(128, 128), Shape(32, 64, head_dim=80)], ids=str)
@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_shape_and_dtype(name, shape, dtype):
    check(PATTERNS[name], heads=2, kv_heads=1, shape=shape, dtype=dtype, sinks=True)
