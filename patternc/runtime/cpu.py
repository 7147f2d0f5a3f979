"""The CPU target: a layer's plan and tables executed with few large torch calls, forward and backward.

For: training and running without a GPU. Not for: autograd or checking what a user passed (`op.py`, `module.py`).
The forward tables serve both directions: the backward pass makes each tile's probabilities again once and takes all
three gradients from them, so the `dq` and `dkv` launches of a plan are not read here.

How it is fast: items of equal shape are computed together; their keys and values are gathered into a small workspace
that stays in cache, so that every product is one batched matrix product of contiguous operands; exponentials are base
2, with the factor folded into the scale of the scores. How it is exact enough: scores and sums are float32 for
float32, bfloat16 and float16 inputs and float64 for float64; where the processor multiplies bfloat16 natively, all
products but the scores of bfloat16 inputs do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from patternc.codegen.plan import HeadGroup, LayerPlan
from patternc.runtime.cpu_schedule import cpu_schedule
from patternc.runtime.cpu_tiles import (
    Chunk,
    KeyBlock,
    Workspace,
    add_keys,
    add_mask,
    chunks,
    put_rows,
    take_keys,
    take_rows,
    units_of,
)
from patternc.runtime.tensors import Tables

LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453

_FLOOR = -1e30
"""Where a row's running maximum starts: finite, so that a row without any key gives no NaN."""
_TINY = 1e-37


@dataclass(frozen=True, slots=True)
class _Pass:
    """What all chunks of one call share. `work` is the dtype of scores and sums, `product` of the other products."""

    space: Workspace
    work: torch.dtype
    product: torch.dtype
    head_dim: int
    scale: float

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
        return self.space.take(name, shape, self.work if dtype is None else dtype)


def forward(
    q: Tensor, k: Tensor, v: Tensor, sinks: Tensor | None, tables: Tables, plan: LayerPlan, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention of one layer: (o [B, H, N, D] contiguous in q's dtype, lse [B, H, N], natural log).

    q [B, H, N, D], k and v [B, Hkv, N, D] of one dtype (float16, bfloat16, float32 or float64), any strides; sinks [H]
    or None. lse is float64 for float64 inputs, else float32. A row that attends nothing gives 0, and lse -inf (with a
    sink: the sink).
    """
    run = _start(q, scale)
    o = torch.zeros_like(q, memory_format=torch.contiguous_format)
    lse = torch.full(q.shape[:3], -math.inf, dtype=run.work)
    if sinks is not None:
        lse.copy_(sinks.to(run.work)[None, :, None].expand_as(lse))
    for group in plan.groups:
        for chunk in _chunks(group, tables, plan, q, run):
            rows, log_sum = _forward_chunk(q, k, v, sinks, chunk, run)
            put_rows(o, chunk, rows)
            put_rows(lse, chunk, log_sum)
    return o, lse


def backward(
    do: Tensor,
    dlse: Tensor | None,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    o: Tensor,
    lse: Tensor,
    tables: Tables,
    plan: LayerPlan,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients (dq, dk, dv, dsinks) of q, k, v and sinks, in their dtypes, contiguous; the same bits every time.

    do [B, H, N, D] and dlse [B, H, N] (None: zero) are the gradients of what `forward` gave as o and lse.
    """
    run = _start(q, scale)
    dq = torch.zeros_like(q, memory_format=torch.contiguous_format)
    dk = torch.zeros(k.shape, dtype=run.work)
    dv = torch.zeros(v.shape, dtype=run.work)
    # A row without keys gets +inf, so that every probability of it is exp(-inf) = 0.
    lse2 = torch.where(torch.isneginf(lse), math.inf, lse * LOG2_E)
    delta = torch.zeros_like(lse) if dlse is None else -dlse.to(run.work)
    for group in plan.groups:
        for chunk in _chunks(group, tables, plan, q, run):
            _backward_chunk((do, q, k, v, o), lse2, delta, (dq, dk, dv), chunk, run)
    dsinks = None if sinks is None else _sink_gradient(sinks, lse, delta)
    return dq, dk.to(k.dtype), dv.to(v.dtype), dsinks


def _start(q: Tensor, scale: float) -> _Pass:
    work = torch.float64 if q.dtype == torch.float64 else torch.float32
    product = q.dtype if q.dtype == torch.bfloat16 and _multiplies_bfloat16() else work
    return _Pass(Workspace(), work, product, q.shape[-1], scale)


def _multiplies_bfloat16() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _chunks(group: HeadGroup, tables: Tables, plan: LayerPlan, q: Tensor, run: _Pass) -> Iterator[Chunk]:
    kernel = group.forward.kernel
    schedule = cpu_schedule(tables[group.forward.tables], kernel.own == "gathered", kernel.counterpart_tile, q.shape[2])
    units = units_of(q.shape[0], group.heads, plan)
    return chunks(schedule, units, run.work) if units else iter(())


def _forward_chunk(
    q: Tensor, k: Tensor, v: Tensor, sinks: Tensor | None, chunk: Chunk, run: _Pass
) -> tuple[Tensor, Tensor]:
    """(o [U, T, R, M, D], lse [U, T, R, M]) of a chunk, both in the work dtype."""
    units, tiles, heads, rows = chunk.shape
    shape = (units * tiles, heads * rows)
    queries = take_rows(q, chunk, run.take("q", (*chunk.shape, run.head_dim))).view(*shape, run.head_dim)
    total: Tensor | None = None
    log_sum = torch.full((*shape, 1), -math.inf, dtype=run.work)
    if sinks is not None:
        by_unit = torch.stack([sinks[list(unit.heads)] for unit in chunk.units]).to(run.work) * LOG2_E
        log_sum.view(chunk.shape).copy_(by_unit[:, None, :, None].expand(chunk.shape))
    for keys in chunk.keys:
        part, part_sum = _attend(queries, k, v, chunk, keys, run)
        merged = torch.logaddexp2(log_sum, part_sum)
        settled = merged.clamp_min(_FLOOR)
        part.mul_(torch.exp2(part_sum - settled))
        total = part if total is None else total.mul_(torch.exp2(log_sum - settled)).add_(part)
        log_sum = merged
    assert total is not None
    return total.view(*chunk.shape, run.head_dim), log_sum.mul_(LN_2).view(chunk.shape)


def _attend(queries: Tensor, k: Tensor, v: Tensor, chunk: Chunk, keys: KeyBlock, run: _Pass) -> tuple[Tensor, Tensor]:
    """The softmax over one block of keys: (o [X, R * M, D], log2 of the sum of exponentials [X, R * M, 1])."""
    matrices, rows, _ = queries.shape
    width = keys.index.shape[0] // chunk.tiles
    key_rows = take_keys(k, chunk, keys, run.take("k", (matrices, width, run.head_dim)))
    value_rows = take_keys(v, chunk, keys, run.take("v", (matrices, width, run.head_dim), run.product))
    scores = run.take("scores", (matrices, rows, width))
    torch.baddbmm(scores, queries, key_rows.mT, beta=0, alpha=run.scale * LOG2_E, out=scores)
    add_mask(scores, chunk, keys)
    top = scores.amax(-1, keepdim=True).clamp_min_(_FLOOR)
    scores.sub_(top).exp2_()
    total = scores.sum(-1, keepdim=True)
    log_sum = total.log2() + top
    total.clamp_min_(_TINY)
    if run.product == run.work:
        out = torch.bmm(scores, value_rows, out=run.take("o", queries.shape)).div_(total)
    else:
        weights = torch.div(scores, total, out=run.take("p", scores.shape, run.product))
        out = run.take("o", queries.shape).copy_(torch.bmm(weights, value_rows))
    return out, log_sum


def _backward_chunk(
    inputs: tuple[Tensor, Tensor, Tensor, Tensor, Tensor],
    lse2: Tensor,
    delta: Tensor,
    gradients: tuple[Tensor, Tensor, Tensor],
    chunk: Chunk,
    run: _Pass,
) -> None:
    """Writes dq, adds to dk and dv, and completes `delta` (do . o - dlse) for the rows of a chunk."""
    do, q, k, v, o = inputs
    dq, dk, dv = gradients
    units, tiles, heads, tile_rows = chunk.shape
    matrices, rows = units * tiles, heads * tile_rows
    by_row, flat = (*chunk.shape, run.head_dim), (matrices, rows, run.head_dim)
    queries = take_rows(q, chunk, run.take("q", by_row)).view(flat)
    douts = take_rows(do, chunk, run.take("do", by_row)).view(flat)
    outs = take_rows(o, chunk, run.take("o", by_row)).view(flat)
    deltas = take_rows(delta, chunk, run.take("delta", chunk.shape)).view(matrices, rows, 1)
    deltas.add_(outs.mul_(douts).sum(-1, keepdim=True))
    put_rows(delta, chunk, deltas.view(chunk.shape))
    shift = take_rows(lse2, chunk, run.take("lse", chunk.shape)).neg_().view(matrices, rows, 1)
    query_factor, dout_factor = _factor("q_factor", queries, run), _factor("do_factor", douts, run)
    dq_rows = run.take("dq", flat).zero_()
    for keys in chunk.keys:
        width = keys.index.shape[0] // tiles
        by_key, by_pair = (matrices, width, run.head_dim), (matrices, rows, width)
        key_rows = take_keys(k, chunk, keys, run.take("k", by_key))
        value_rows = take_keys(v, chunk, keys, run.take("v", by_key, run.product))
        weights = run.take("scores", by_pair)
        torch.baddbmm(shift, queries, key_rows.mT, alpha=run.scale * LOG2_E, out=weights)
        add_mask(weights, chunk, keys)
        weights.exp2_()
        weight_factor = _factor("p", weights, run)
        gradient = run.take("gradient", by_key, run.product)
        add_keys(dv, chunk, keys, torch.bmm(weight_factor.mT, dout_factor, out=gradient))
        dscores = torch.bmm(dout_factor, value_rows.mT, out=run.take("dp", by_pair, run.product))
        weights.mul_(dscores - deltas)
        weight_factor = _factor("p", weights, run)
        key_factor = _factor("k_factor", key_rows, run)
        dq_rows.add_(torch.bmm(weight_factor, key_factor), alpha=run.scale)
        add_keys(dk, chunk, keys, torch.bmm(weight_factor.mT, query_factor, out=gradient).mul_(run.scale))
    put_rows(dq, chunk, dq_rows.view(by_row))


def _factor(name: str, values: Tensor, run: _Pass) -> Tensor:
    """`values` in the dtype of products: itself, or a copy in the workspace."""
    return values if run.product == run.work else run.take(name, values.shape, run.product).copy_(values)


def _sink_gradient(sinks: Tensor, lse: Tensor, delta: Tensor) -> Tensor:
    """-sum over batch and rows of exp(sink - lse) * (do . o - dlse): the sink's share of a row attends nothing."""
    share = torch.exp(sinks.to(lse.dtype)[None, :, None] - lse)
    share = torch.where(torch.isneginf(lse), 0.0, share)
    return -(share * delta).sum((0, 2)).to(sinks.dtype)
