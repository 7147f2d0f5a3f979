"""Capped scores on the CPU, and as an option of the module: against dense float64 attention with the same cap."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.codegen.json_fields import PlanFormatError
from patternc.codegen.lower import lower
from patternc.codegen.plan_json import layer_from_json, layer_to_json
from patternc.runtime import cpu, op, reference
from tests.lowering import schedule
from tests.runtime import test_cpu, test_cpu_sums
from tests.runtime.layers import assert_agrees, error, gradients, inputs, layer_of
from tests.runtime.programs import attention_of, program
from tests.runtime.test_module import leaves, masks
from tests.strategies import places

EXACT = 1e-12
PATTERNS = test_cpu.PATTERNS | test_cpu_sums.SUMS


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("shape", [None, test_cpu.SMALL], ids=["default tiles", "small tiles"])
def test_patterns(name, shape):
    layer = layer_of(117, [PATTERNS[name]] * 4, kv_heads=2, shape=shape)
    assert_agrees(layer, inputs(117, 4, 2, batch=2, sinks=True), EXACT, soft_cap=1.5)


def test_patterns_by_head():
    names = ("causal window", "window or stride", "blocks", "bigbird", "causal window", "rows without keys")
    layer = layer_of(117, [PATTERNS[name] for name in names], kv_heads=3)
    assert_agrees(layer, inputs(117, 6, 3), EXACT, scale=0.7, soft_cap=2.0)


@given(place=places(), sinks=st.booleans(), soft_cap=st.floats(0.01, 1e4))
def test_random_programs(place, sinks, soft_cap):
    n, relation = place
    assert_agrees(layer_of(n, [relation] * 2), inputs(n, 2, sinks=sinks), 1e-10, soft_cap=soft_cap)


def test_scores_far_beyond_the_cap():
    layer = layer_of(117, [PATTERNS["window or stride"]] * 2)
    q, k, v = inputs(117, 2)
    q = (q.detach() * 1e4).requires_grad_()
    assert_agrees(layer, (q, k, v), EXACT, soft_cap=5.0)
    o, lse = layer.attend(q, k, v, soft_cap=5.0)
    assert lse.max() <= 5.0 + np.log(117)
    assert all(torch.isfinite(each).all() for each in gradients((o, lse), (q, k, v)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_dtypes(dtype, tolerance):
    layer = layer_of(117, [PATTERNS["window or stride"], PATTERNS["blocks"]], head_dim=32)
    assert_agrees(layer, inputs(117, 2, head_dim=32, dtype=dtype, sinks=True), tolerance, soft_cap=2.0)


def test_the_fused_kernel_does_not_cap(monkeypatch):
    layer, given_rows = layer_of(117, [PATTERNS["dense causal"]]), inputs(117, 1)
    used = []
    fused = cpu.flash_chunk
    monkeypatch.setattr(cpu, "flash_chunk", lambda *arguments: used.append(1) or fused(*arguments))
    layer.attend(*given_rows, soft_cap=2.0)
    assert not used
    layer.attend(*given_rows)
    assert used


def test_gradcheck():
    layer = layer_of(19, [PATTERNS["window or stride"], PATTERNS["global"]])
    rows = inputs(19, 2, head_dim=3, sinks=True)
    assert torch.autograd.gradcheck(lambda *each: layer.attend(*each, scale=0.7, soft_cap=0.8), rows)


def test_opcheck():
    layer = layer_of(70, [PATTERNS["causal window"]] * 2)
    q, k, v, sinks = inputs(70, 2, sinks=True)
    torch.library.opcheck(torch.ops.patternc.attention, (q, k, v, sinks, layer.tables, layer.text, 0.3, 2.0))
    q, k, v, sinks = (each.detach() for each in (q, k, v, sinks))
    o, lse = op.attention(q, k, v, sinks, layer.tables, layer.text, 0.3, 2.0)
    rows = (torch.randn_like(o), torch.randn_like(lse), q, k, v, sinks, o, lse)
    torch.library.opcheck(torch.ops.patternc.attention_backward, (*rows, layer.tables, layer.text, 0.3, 2.0))


def test_transforms():
    """vmap of grad is grad of each, with the cap."""
    attention = attention_of(program())
    q, k, v = (each.detach() for each in leaves(batch=3))

    def loss(q, k, v):
        return attention(q[None], k[None], v[None], 1, soft_cap=0.5).square().sum()

    got = torch.func.vmap(torch.func.grad(loss))(q, k, v)
    right = torch.stack([torch.func.grad(loss)(*rows) for rows in zip(q, k, v, strict=True)])
    torch.testing.assert_close(got, right)
    dense = q.double().requires_grad_()
    o, _ = reference.attention(dense, k, v, masks(program(), 1), soft_cap=0.5)
    o.square().sum().backward()
    assert error(got, dense.grad) < 5e-6


@pytest.mark.parametrize("layer", range(5))
def test_layers_of_a_module(layer):
    attention = attention_of(program())
    q, k, v, sinks = leaves(sinks=True)
    options = {"sinks": sinks, "scale": 0.5, "soft_cap": np.float32(0.5)}
    o, lse = attention(q, k, v, layer, **options, return_lse=True)
    right, right_lse = reference.attention(q, k, v, masks(program(), layer), sinks, 0.5, 0.5)
    assert error(o, right) < 3e-6
    assert error(lse, right_lse) < 3e-6
    for other in (copy.deepcopy(attention), pickle.loads(pickle.dumps(attention))):
        assert torch.equal(other(q, k, v, layer, **options), o)


def test_no_cap():
    attention, rows = attention_of(program()), leaves()
    right = attention(*rows, 0)
    for soft_cap in (None, 0.0, 0, np.float64(0)):
        assert torch.equal(attention(*rows, 0, soft_cap=soft_cap), right)
    torch.testing.assert_close(attention(*rows, 0, soft_cap=1e7), right)
    assert not torch.allclose(attention(*rows, 0, soft_cap=0.5), right, atol=1e-3)


def test_torch_compile():
    """A cap that changes from call to call needs no more than the operator's argument."""
    attention, rows = attention_of(program()), leaves()
    attention.prepare(160, 16, torch.float32, "cpu")

    def step(q, k, v, soft_cap):
        return attention(q, k, v, 3, soft_cap=soft_cap, return_lse=True)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    for soft_cap in (0.5, 2.0, None):
        got, right = compiled(*rows, soft_cap), step(*rows, soft_cap)
        for one, other in zip((*got, *gradients(got, rows)), (*right, *gradients(right, rows)), strict=True):
            torch.testing.assert_close(one, other)


def test_export():
    attention = attention_of(program())
    attention.prepare(160, 16, torch.float32, "cpu")

    class Capped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = attention

        def forward(self, q, k, v):
            return self.attention(q, k, v, 2, soft_cap=0.5)

    rows = tuple(each.detach() for each in leaves())
    torch.testing.assert_close(torch.export.export(Capped(), rows).module()(*rows), Capped()(*rows))


def test_plans_with_a_cap_survive_json():
    model = schedule(140, r.Band(0, 39))
    options = {"target": "cuda:90", "dtype": "float32", "head_dim": 16}
    plans = [lower(model, **options, soft_cap=on).plan.distinct[0] for on in (False, True)]
    texts = [layer_to_json(plan) for plan in plans]
    assert [layer_from_json(text) for text in texts] == plans
    assert [text.count('"soft_cap":true') for text in texts] == [0, 3]
    with pytest.raises(PlanFormatError, match=r"soft_cap is 1; expected"):
        layer_from_json(texts[1].replace('"soft_cap":true', '"soft_cap":1'))
