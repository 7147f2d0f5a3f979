"""Sums through the compiler's own lowering and the interpreter, against attention with log(count) on the logits."""

import numpy as np
import pytest

from patternc.algebra import relation as r
from patternc.codegen.lower import lower
from tests.codegen.interpreted.dense_attention import check_plan
from tests.lowering import schedule, shapes, stride_everything
from tests.strategies import counts

SUMS = {
    "window twice": (r.Band(0, 39),) * 2,
    "bigbird": (r.Blocks(16, r.union(r.Band(-1, 1), r.Keys(((0, 1),)))), r.Blocks(16, r.Random(2, (5,), causal=False))),
    "longnet": (r.Chunk((16,)), r.intersection(r.Chunk((32,)), r.Rows(2, (0,)), r.Columns(2, (0,)))),
    "strides": (r.Band(0, 20), r.Band(0, None, 7), r.Band(0, None, 7)),
}


@pytest.mark.parametrize("name", SUMS)
def test_sum(name, monkeypatch):
    stride_everything(monkeypatch)
    n = 140
    model = schedule(n, SUMS[name], r.Band(-5, 5), table=((0, 1, 0, 1),), kv_heads=2)
    lowered = lower(model, target="cuda:90", dtype="float32", head_dim=16, shapes=shapes(32, 32))
    masks = np.stack([counts(model.pattern(0, head).relations, n) for head in range(4)])
    check_plan(lowered.plan.distinct[0], lowered.tables.values(), masks, sinks=True)
