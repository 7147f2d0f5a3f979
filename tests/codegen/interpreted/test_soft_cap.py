"""Capped scores in the interpreter: every kind of tile and launch, sinks, sums, shared heads, saturated caps."""

import numpy as np
import pytest
import torch

from patternc.algebra import relation as r
from patternc.codegen.lower import lower
from patternc.runtime import cuda
from tests.codegen.dense_tables import Shape, build_plan
from tests.codegen.interpreted.dense_attention import check, check_plan, table_tensors
from tests.codegen.interpreted.test_lattices import PATTERNS as LATTICES
from tests.codegen.interpreted.test_patterns import PATTERNS as TILES
from tests.codegen.interpreted.test_sums import SUMS
from tests.lowering import schedule, shapes, stride_everything
from tests.strategies import counts

CHOSEN = {name: TILES[name] for name in ("causal window", "local | columns", "bigbird", "scattered pairs", "dense")} | {
    name: LATTICES[name]
    for name in ("stride", "packed classes", "listed keys beside a lattice", "split local, then split stride")
}


@pytest.mark.parametrize("name", CHOSEN)
def test_pattern(name):
    check(CHOSEN[name], heads=4, kv_heads=2, sinks=True, soft_cap=1.5)


@pytest.mark.parametrize("name", ["causal window", "split local, then split stride"])
@pytest.mark.parametrize(("soft_cap", "large"), [(50.0, 1.0), (1e6, 1.0), (0.01, 1.0), (5.0, 30.0)])
def test_caps_near_and_far(name, soft_cap, large):
    """Scores that a cap hardly changes keep all their digits, and those far beyond it are the cap itself."""
    check(CHOSEN[name], soft_cap=soft_cap, large=large)


def test_scores_that_leave_float32_behind():
    generator = torch.Generator().manual_seed(3)
    plan, sets = build_plan([((0,), CHOSEN["split local, then split stride"])], 1, 1, Shape())
    q, k, v, do = torch.randn(4, 1, 1, plan.tokens, 16, generator=generator)
    tables, options = table_tensors(sets), (plan, 0.25, 5.0)
    o, lse = cuda.forward(q * 1e19, k, v, None, tables, *options)
    gradients = cuda.backward(do, None, q * 1e19, k, v, None, o, lse, tables, *options)[:3]
    assert all(torch.isfinite(each).all() for each in (o, lse, *gradients))
    assert lse.max() <= 5.0 + np.log(plan.tokens)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision(dtype):
    check(CHOSEN["split local, then split stride"], heads=2, dtype=dtype, sinks=True, soft_cap=2.0)


def test_tile_shapes_and_padded_dims():
    check(CHOSEN["local | columns"], shape=Shape(32, 64, head_dim=20), soft_cap=2.0)
    check(CHOSEN["stride"], shape=Shape(64, 32), soft_cap=2.0, lse_gradient=False)


@pytest.mark.parametrize("name", SUMS)
def test_sums(name, monkeypatch):
    """A plan may have been lowered with the cap or without: the call says whether there is one."""
    stride_everything(monkeypatch)
    n = 140
    model = schedule(n, SUMS[name], r.Band(-5, 5), table=((0, 1, 0, 1),), kv_heads=2)
    masks = np.stack([counts(model.pattern(0, head).relations, n) for head in range(4)])
    for planned in (False, True):
        target = {"target": "cuda:90", "dtype": "float32", "head_dim": 16, "shapes": shapes(32, 32)}
        lowered = lower(model, **target, soft_cap=planned)
        plan = lowered.plan.distinct[0]
        assert {launch.kernel.soft_cap for group in plan.groups for launch in group.launches} == {planned}
        for soft_cap in (0.0, 2.0) if planned else (2.0,):
            check_plan(plan, lowered.tables.values(), masks, sinks=True, soft_cap=soft_cap)
