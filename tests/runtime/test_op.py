"""The operator as a citizen of torch: opcheck, one derivative, FLOP counts, its plan argument."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from patternc.algebra import relation as r
from patternc.codegen.json_fields import PlanFormatError
from patternc.runtime import op
from tests.runtime.layers import gradients, inputs, layer_of

WINDOW = r.intersection(r.PAST, r.band(0, 24))
GLOBAL = r.union(r.band(-6, 6), r.Keys(((0, 3),)), r.Queries(((0, 3),)))


@pytest.mark.parametrize("sinks", [False, True])
def test_opcheck(sinks):
    layer = layer_of(70, [WINDOW, GLOBAL] * 2, kv_heads=2)
    leaves = inputs(70, 4, 2, batch=2, sinks=sinks)
    q, k, v, s = (*leaves, None)[:4]
    torch.library.opcheck(torch.ops.patternc.attention, (q, k, v, s, layer.tables, layer.text, 0.3, 0.0))


def test_opcheck_backward():
    layer = layer_of(70, [WINDOW, GLOBAL])
    q, k, v, sinks = (each.detach() for each in inputs(70, 2, sinks=True))
    o, lse = op.attention(q, k, v, sinks, layer.tables, layer.text, 0.3, 0.0)
    arguments = (torch.randn_like(o), torch.randn_like(lse), q, k, v, sinks, o, lse, layer.tables, layer.text, 0.3, 0.0)
    torch.library.opcheck(torch.ops.patternc.attention_backward, arguments)


def test_no_second_derivative():
    layer = layer_of(30, [WINDOW])
    q, k, v = inputs(30, 1)
    (dq,) = torch.autograd.grad(layer.attend(q, k, v)[0].sum(), q, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        dq.sum().backward()


def test_inference_keeps_no_graph():
    layer = layer_of(30, [WINDOW])
    with torch.inference_mode():
        o, _ = layer.attend(*inputs(30, 1))
    assert not o.requires_grad


def test_autocast_does_not_reach_into_the_operator():
    """What an exported program calls in somebody's autocast region computes as everywhere else."""
    layer = layer_of(70, [WINDOW, GLOBAL])
    leaves = inputs(70, 2, dtype=torch.bfloat16)
    right = layer.attend(*leaves)
    right_gradients = gradients(right, leaves)
    with torch.autocast("cpu", torch.float16):
        got = layer.attend(*leaves)
        got_gradients = gradients(got, leaves)
    for one, other in zip((*got, *got_gradients), (*right, *right_gradients), strict=True):
        assert torch.equal(one, other)


def test_flops_are_those_of_the_tiles():
    """Dense attention in whole tiles is what torch counts for its own."""
    layer = layer_of(128, [r.FULL] * 2)
    q, k, v = inputs(128, 2, batch=3)
    with FlopCounterMode(display=False) as counter:
        layer.attend(q, k, v)[0].sum().backward()
    counts = counter.get_flop_counts()["Global"]
    product = 2 * 3 * 2 * 128 * 128 * 8
    assert counts[torch.ops.patternc.attention] == 2 * product
    assert counts[torch.ops.patternc.attention_backward] == 5 * product


def test_flops_of_fake_tensors():
    layer = layer_of(1000, [r.band(0, 9)])
    q, k, v = inputs(1000, 1)
    with FlopCounterMode(display=False) as real:
        layer.attend(q, k, v)
    with torch._subclasses.FakeTensorMode() as mode, FlopCounterMode(display=False) as fake:
        op.attention(
            *map(mode.from_tensor, (q, k, v)), None, list(map(mode.from_tensor, layer.tables)), layer.text, 1.0, 0.0
        )
    assert fake.get_total_flops() == real.get_total_flops()
    assert 0 < real.get_total_flops() < 4 * 8 * 1000 * 1000 / 2


def test_plans_are_parsed_once():
    layer = layer_of(30, [WINDOW])
    op.plan_of.cache_clear()
    for _ in range(3):
        layer.attend(*inputs(30, 1))
    assert op.plan_of.cache_info().misses == 1


def test_wrong_plans():
    layer, (q, k, v) = layer_of(30, [WINDOW]), inputs(30, 1)
    with pytest.raises(PlanFormatError):
        op.attention(q, k, v, None, layer.tables, "{}", 1.0, 0.0)
    with pytest.raises(ValueError, match="8 arrays, but got 7 tensors"):
        op.attention(q, k, v, None, layer.tables[:-1], layer.text, 1.0, 0.0)
    elsewhere = layer.text.replace('"target":"cpu"', '"target":"cuda:90"')
    with pytest.raises(ValueError, match="a plan for cuda:90 got CPU tensors"):
        op.attention(q, k, v, None, layer.tables, elsewhere, 1.0, 0.0)
