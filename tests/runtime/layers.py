"""One layer made from relations, without any text: lowered for the CPU, with its exact masks and random inputs.

For: tests of the CPU target and the operator. Masks of up to 500 positions come from `holds`, the definition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from patternc.algebra.evaluate import evaluate, multiplicities
from patternc.algebra.holds import holds
from patternc.algebra.schedule import Schedule
from patternc.codegen.lower import lower
from patternc.codegen.plan import LayerPlan
from patternc.codegen.plan_json import layer_to_json
from patternc.codegen.walks import Shapes
from patternc.runtime import op, reference
from patternc.runtime.tensors import table_tensors
from tests.lowering import pattern_of
from tests.strategies import counts

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Layer:
    plan: LayerPlan
    text: str
    tables: list[torch.Tensor]
    mask: torch.Tensor
    """[H, n, n], by definition: bool, or int64 where a head has a sum."""

    def attend(self, q, k, v, sinks=None, scale=None, soft_cap=0.0):
        scale = q.shape[-1] ** -0.5 if scale is None else scale
        return op.attention(q, k, v, sinks, self.tables, self.text, scale, soft_cap)

    def expect(self, q, k, v, sinks=None, scale=None, soft_cap=0.0):
        return reference.attention(q, k, v, self.mask, sinks, scale, soft_cap)


def schedule_of(n, relations, kv_heads=1, head_dim=8):
    """A one-layer model with `relations[h]` for head h; a tuple of relations is their sum."""
    distinct = list(dict.fromkeys(relations))
    patterns = tuple(pattern_of(each, f"pattern {place}") for place, each in enumerate(distinct))
    table = (tuple(distinct.index(each) for each in relations),)
    return Schedule("test", n, False, 1, len(relations), kv_heads, head_dim, True, (), patterns, table)


def layer_of(n, relations, kv_heads=1, head_dim=8, shape=None):
    """`shape` (a TileShape) overrides the CPU's tile shape."""
    shapes = None if shape is None else Shapes(shape, shape, shape)
    schedule = schedule_of(n, relations, kv_heads, head_dim)
    lowered = lower(schedule, target="cpu", dtype="float64", head_dim=head_dim, shapes=shapes)
    plan = lowered.plan.distinct[0]
    by_relation = {each: mask_of(each, n) if n <= 500 else evaluated(each, n) for each in set(relations)}
    mask = torch.from_numpy(np.stack([by_relation[each] for each in relations]))
    return Layer(plan, layer_to_json(plan), table_tensors(plan, lowered.tables, CPU), mask)


def evaluated(relation, n):
    """As `mask_of`, fast: for lengths at which the definition takes seconds."""
    rows = np.arange(n)[:, None], np.arange(n)[None, :], n
    return multiplicities(relation, *rows) if isinstance(relation, tuple) else evaluate(relation, *rows).copy()


def mask_of(relation, n):
    if isinstance(relation, tuple):
        return counts(relation, n)
    return np.array([[holds(relation, i, j, n) for j in range(n)] for i in range(n)], dtype=bool).reshape(n, n)


def inputs(n, heads, kv_heads=1, head_dim=8, batch=1, dtype=torch.float64, sinks=False, seed=0):
    """(q, k, v) or (q, k, v, sinks), leaves that require gradients."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()

    rows = normal(batch, heads, n, head_dim), *(normal(batch, kv_heads, n, head_dim) for _ in range(2))
    return (*rows, normal(heads)) if sinks else rows


def gradients(outputs, leaves, seed=1):
    """Gradients of a random weighting of (o, lse) with respect to `leaves`; rows without keys have no lse to weigh."""
    o, lse = outputs
    generator = torch.Generator().manual_seed(seed)
    weight_o = torch.randn(o.shape, generator=generator, dtype=torch.float64).to(o.dtype)
    weight_lse = torch.randn(lse.shape, generator=generator, dtype=torch.float64).to(lse.dtype)
    finite = torch.isfinite(lse.detach())
    loss = (o * weight_o).sum() + (lse.masked_fill(~finite, 0.0) * weight_lse).sum()
    return torch.autograd.grad(loss, leaves)


def error(got, right):
    """Largest difference, relative to the largest right value; infinities must agree."""
    got, right = got.detach().double(), right.detach().double()
    assert torch.equal(torch.isinf(got), torch.isinf(right))
    assert not torch.isnan(got).any()
    finite = torch.isfinite(right)
    if not finite.any():
        return 0.0
    return float((got - right)[finite].abs().max() / right[finite].abs().max().clamp_min(1e-3))


def assert_agrees(layer, leaves, tolerance, scale=None, soft_cap=0.0):
    """Values, lse and all gradients of the layer against the dense reference."""
    options = {"scale": scale, "soft_cap": soft_cap}
    got, right = layer.attend(*leaves, **options), layer.expect(*leaves, **options)
    for name, one, other in zip(("o", "lse"), got, right, strict=True):
        assert error(one, other) < tolerance, f"{name}: {error(one, other)}"
    names = ("dq", "dk", "dv", "dsinks")
    for name, one, other in zip(names, gradients(got, leaves), gradients(right, leaves), strict=False):
        assert error(one, other) < tolerance, f"{name}: {error(one, other)}"
