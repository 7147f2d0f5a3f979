"""Generated kernels against dense attention in float64, values and gradients."""

from __future__ import annotations

import math

import numpy as np
import torch

from patternc.codegen.check_tables import check_tables
from patternc.runtime import cuda
from patternc.runtime.reference import attention
from tests.codegen.dense_tables import Shape, build_plan, mask_of

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.2e-2}
"""Largest norm(result - exact) / norm(exact); the exact result is of the rounded inputs."""


def table_tensors(sets):
    fields = ("items", "tiles", "tile_bits", "bits", "gather", "gathered", "merges", "segments")
    return {tables.name: {field: torch.from_numpy(getattr(tables, field)) for field in fields} for tables in sets}


def distance(result, exact):
    assert result.shape == exact.shape
    assert torch.isfinite(result).all()
    return (result.double() - exact).norm().item() / max(exact.norm().item(), 1e-30)


def check(
    patterns,
    *,
    heads=1,
    kv_heads=1,
    batch=1,
    shape=None,
    dtype=torch.float32,
    layout=None,
    **options,
):
    """Forward and backward of `patterns` ([(heads, pattern)], or one pattern for all heads) agree with dense.

    A pattern is a Pattern, or a tuple of them, which run one after the other.
    """
    shape = shape or Shape()
    if not isinstance(patterns, list):
        patterns = [(tuple(range(heads)), patterns)]
    plan, sets = build_plan(patterns, heads, kv_heads, shape)
    mask = np.zeros((heads, plan.tokens, plan.tokens), bool)
    for members, pattern in patterns:
        mask[list(members)] = mask_of(pattern)
    check_plan(plan, sets, mask, batch=batch, dtype=dtype, layout=layout, **options)


def check_plan(
    plan,
    sets,
    mask,
    *,
    batch=1,
    dtype=torch.float32,
    sinks=False,
    soft_cap=0.0,
    large=1.0,
    lse_gradient=True,
    layout=None,
):
    """The kernels of `plan` on the tables `sets` compute attention over `mask` [heads, n, n].

    `large` is what queries are multiplied with.
    """
    by_name = {tables.name: tables for tables in sets}
    for group in plan.groups:
        for launch in group.launches:
            first_or_last = launch in (group.forward[0], group.forward[-1], group.dq[0], group.dq[-1], group.dkv[0])
            check_tables(by_name[launch.tables], launch.kernel, plan.tokens, first_or_last)

    generator = torch.Generator().manual_seed(7)
    place = layout or (lambda rows: rows)

    def draw(heads):
        return place(torch.randn(batch, heads, plan.tokens, plan.head_dim, generator=generator).to(dtype))

    q, k, v, do = draw(plan.heads), draw(plan.kv_heads), draw(plan.kv_heads), draw(plan.heads)
    q *= large
    dlse = torch.randn(batch, plan.heads, plan.tokens, generator=generator) if lse_gradient else None
    logits = torch.randn(plan.heads, generator=generator) if sinks else None
    scale = 1.3 / math.sqrt(plan.head_dim)
    tables = table_tensors(sets)

    exact = [x.double().requires_grad_() for x in (q, k, v)]
    exact_sinks = None if logits is None else logits.double().requires_grad_()
    o_exact, lse_exact = attention(*exact, torch.from_numpy(mask), exact_sinks, scale, soft_cap)
    loss = (o_exact * do.double()).sum()
    if dlse is not None:
        loss = loss + (torch.where(torch.isneginf(lse_exact), 0.0, lse_exact) * dlse.double()).sum()
    loss.backward()

    o, lse = cuda.forward(q, k, v, logits, tables, plan, scale, soft_cap)
    assert o.dtype == dtype
    assert lse.dtype == torch.float32
    assert distance(o, o_exact.detach()) < TOLERANCE[dtype]
    assert torch.equal(torch.isneginf(lse), torch.isneginf(lse_exact))
    assert torch.allclose(lse.double(), lse_exact.detach(), atol=1e-5 if dtype == torch.float32 else 1e-3)

    gradients = cuda.backward(do, dlse, q, k, v, logits, o, lse, tables, plan, scale, soft_cap)
    for name, result, expected in zip(("dq", "dk", "dv"), gradients[:3], exact, strict=True):
        assert result.dtype == dtype
        error = distance(result, expected.grad)
        assert error < 3 * TOLERANCE[dtype], f"{name} is off by {error:.1e}"
    if exact_sinks is None:
        assert gradients[3] is None
    else:
        # A sum with cancellation: errors are measured against the sum of its terms' sizes.
        terms = torch.exp(exact_sinks[:, None] - lse_exact) * (do.double() * o_exact).sum(-1)
        if dlse is not None:
            terms = terms - torch.exp(exact_sinks[:, None] - lse_exact) * dlse.double()
        error = (gradients[3].double() - exact_sinks.grad).abs()
        assert (error <= 3 * TOLERANCE[dtype] * terms.detach().abs().sum((0, 2)) + 1e-12).all()
