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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from patternc.codegen.plan import LayerPlan
from patternc.runtime.cpu_chunks import Chunk, HeadBlock, KeyBlock, add_masks, chunks, head_blocks, select_heads
from patternc.runtime.cpu_rows import Rows, Workspace, add, put, take
from patternc.runtime.cpu_schedule import CpuSchedule, cpu_schedule
from patternc.runtime.tensors import Tables

LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453

_FLOOR = -1e30
"""Where a row's running maximum starts: finite, so that a row without any key gives no NaN."""
_TINY = 1e-37
_PRODUCTS = 1 << 18
"""Numbers held at a time beside the inputs, where whole rows are multiplied."""


@dataclass(frozen=True, slots=True)
class _Pass:
    """What all chunks of one call share. `work` is the dtype of scores and sums, `product` of the other products."""

    space: Workspace
    work: torch.dtype
    product: torch.dtype
    scale: float


class _Parts:
    """Tensors [B, K, ...] cut to the heads of chunks; each cut is made once, since it costs as much as a product.

    Where all strides allow, batch rows and key heads are one axis, so that chunks of short sequences fill up with both.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if all(each.stride(0) == each.shape[1] * each.stride(1) for each in tensors):
            tensors = tuple(each.flatten(0, 1).unsqueeze(0) for each in tensors)
        self.batch, self.kv_heads = tensors[0].shape[:2]
        self._tensors = tensors
        self._cut: dict[tuple[int, int, int], tuple[Tensor, ...]] = {}

    def of(self, chunk: Chunk) -> tuple[Tensor, ...]:
        """Each tensor's rows [U, ...] for the heads of `chunk`."""
        place = (chunk.batch, chunk.first, chunk.last)
        if place not in self._cut:
            self._cut[place] = tuple(rows[chunk.batch, chunk.first : chunk.last] for rows in self._tensors)
        return self._cut[place]


def forward(
    q: Tensor, k: Tensor, v: Tensor, sinks: Tensor | None, tables: Tables, plan: LayerPlan, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention of one layer: (o [B, H, N, D] contiguous in q's dtype, lse [B, H, N], natural log).

    q [B, H, N, D], k and v [B, Hkv, N, D] of one dtype (float16, bfloat16, float32 or float64), any strides; sinks [H]
    or None. lse is float64 for float64 inputs, else float32. A row that attends nothing gives 0, and lse -inf (with a
    sink: the sink).
    """
    run = _start(q, scale)
    work = list(_work(tables, plan, q.shape[2]))
    covered = all(schedule.covers for schedule, _ in work)
    o = torch.empty(q.shape, dtype=q.dtype) if covered else torch.zeros(q.shape, dtype=q.dtype)
    lse = torch.full(q.shape[:3], -math.inf, dtype=run.work)
    if sinks is not None:
        lse.copy_(sinks.to(run.work)[None, :, None].expand_as(lse)).mul_(LOG2_E)
    for schedule, block in work:
        o_part, lse_part = _queries(o, block), _queries(lse, block)
        parts = _Parts(_queries(q, block), _keys(k, block), _keys(v, block), o_part, lse_part)
        for chunk in chunks(schedule, parts.batch, parts.kv_heads, block.group, run.work):
            _forward_chunk(parts, chunk, sinks is not None, run)
        _put_back(((o, o_part), (lse, lse_part)), block.heads)
    return o, lse.mul_(LN_2)


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
    work = list(_work(tables, plan, q.shape[2]))
    covered = all(schedule.covers for schedule, _ in work)
    dq = torch.empty(q.shape, dtype=q.dtype) if covered else torch.zeros(q.shape, dtype=q.dtype)
    dk, dv = torch.zeros(k.shape, dtype=run.work), torch.zeros(v.shape, dtype=run.work)
    # A row without keys gets -inf, so that every probability of it is exp(-inf) = 0.
    shift = torch.where(torch.isneginf(lse), -math.inf, lse * -LOG2_E)
    delta = _row_products(do, o, run).view(lse.shape)
    if dlse is not None:
        delta -= dlse
    for schedule, block in work:
        gradients = (_queries(dq, block), _keys(dk, block), _keys(dv, block))
        rows = (_queries(do, block), _queries(shift, block), _queries(delta, block))
        parts = _Parts(_queries(q, block), _keys(k, block), _keys(v, block), *rows, *gradients)
        for chunk in chunks(schedule, parts.batch, parts.kv_heads, block.group, run.work):
            _backward_chunk(parts, chunk, run)
        _put_back(((dq, gradients[0]),), block.heads)
        _put_back(((dk, gradients[1]), (dv, gradients[2])), block.kv_heads)
    dsinks = None if sinks is None else _sink_gradient(sinks, lse, delta)
    return dq, dk.mul_(scale).to(k.dtype), dv.to(v.dtype), dsinks


def _start(q: Tensor, scale: float) -> _Pass:
    work = torch.float64 if q.dtype == torch.float64 else torch.float32
    product = q.dtype if q.dtype == torch.bfloat16 and _multiplies_bfloat16() else work
    return _Pass(Workspace(), work, product, scale)


def _multiplies_bfloat16() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _work(tables: Tables, plan: LayerPlan, tokens: int) -> Iterator[tuple[CpuSchedule, HeadBlock]]:
    for group in plan.groups:
        for launch in group.forward:
            kernel = launch.kernel
            schedule = cpu_schedule(tables[launch.tables], kernel.own == "gathered", kernel.counterpart_tile, tokens)
            for block in head_blocks(group.heads, plan):
                yield schedule, block


def _queries(source: Tensor, block: HeadBlock) -> Tensor:
    return select_heads(source, block.heads, block.group)


def _keys(source: Tensor, block: HeadBlock) -> Tensor:
    return select_heads(source, block.kv_heads, 1)


def _put_back(pairs: Iterable[tuple[Tensor, Tensor]], heads: tuple[int, ...]) -> None:
    """Copies what was written to a selection of heads back, where the selection had to be a copy."""
    for whole, part in pairs:
        if part.untyped_storage().data_ptr() != whole.untyped_storage().data_ptr():
            whole[:, list(heads)] = part.flatten(1, 2)


def _forward_chunk(parts: _Parts, chunk: Chunk, sinks: bool, run: _Pass) -> None:
    """Writes o, and lse in base 2; with `sinks`, lse holds before what else is in the denominator of each row."""
    q, k, v, o, lse = parts.of(chunk)
    queries = take(q, chunk.own, run.space, "q", run.work)
    total, log_sum = _attend(queries, k, v, chunk.keys[0], q.shape[1], "o", run)
    if sinks:
        total, log_sum = _merge(total, log_sum, None, take(lse, chunk.own, run.space, "lse", run.work).unsqueeze(-1))
    for keys in chunk.keys[1:]:
        total, log_sum = _merge(total, log_sum, *_attend(queries, k, v, keys, q.shape[1], "o_part", run))
    put(o, chunk.own, total)
    put(lse, chunk.own, log_sum)


def _merge(o: Tensor, log_sum: Tensor, other: Tensor | None, other_sum: Tensor) -> tuple[Tensor, Tensor]:
    """One softmax of two over disjoint keys, in place of `o`; `other` None counts in the denominator only."""
    merged = torch.logaddexp2(log_sum, other_sum)
    settled = merged.clamp_min(_FLOOR)
    o.mul_(torch.exp2(log_sum - settled))
    if other is not None:
        o.add_(other.mul_(torch.exp2(other_sum - settled)))
    return o, merged


def _attend(
    queries: Tensor, k: Tensor, v: Tensor, keys: KeyBlock, group: int, name: str, run: _Pass
) -> tuple[Tensor, Tensor]:
    """The softmax over one block of keys: (o [X, R * M, D], log2 of the sum of exponentials [X, R * M, 1]).

    o is in the workspace, under `name`.
    """
    key_rows = take(k, keys.rows, run.space, "k", run.work)
    value_rows = take(v, keys.rows, run.space, "v", run.product)
    scores = run.space.take("scores", (*queries.shape[:2], keys.rows.length), run.work)
    torch.baddbmm(scores, queries, key_rows.mT, beta=0, alpha=run.scale * LOG2_E, out=scores)
    add_masks(scores, group, keys)
    top = scores.amax(-1, keepdim=True).clamp_min_(_FLOOR)
    scores.sub_(top).exp2_()
    total = scores.sum(-1, keepdim=True)
    log_sum = total.log2() + top
    total.clamp_min_(_TINY)
    out = run.space.take(name, queries.shape, run.work)
    if run.product == run.work:
        return torch.bmm(scores, value_rows, out=out).div_(total), log_sum
    weights = torch.div(scores, total, out=run.space.take("p", scores.shape, run.product))
    return out.copy_(torch.bmm(weights, value_rows)), log_sum


def _backward_chunk(parts: _Parts, chunk: Chunk, run: _Pass) -> None:
    """Writes dq and adds to dk and dv."""
    q, k, v, do, shift, delta, dq, dk, dv = parts.of(chunk)
    own, group, space = chunk.own, q.shape[1], run.space
    queries, query_factor = _both(q, own, "q", run)
    dout_factor = take(do, own, space, "do", run.product)
    deltas = take(delta, own, space, "delta", run.work).unsqueeze(-1)
    shifts = take(shift, own, space, "shift", run.work).unsqueeze(-1)
    dq_rows = space.take("dq", queries.shape, run.work)
    for place, keys in enumerate(chunk.keys):
        key_rows, key_factor = _both(k, keys.rows, "k", run)
        value_rows = take(v, keys.rows, space, "v", run.product)
        by_pair = (*queries.shape[:2], keys.rows.length)
        weights = space.take("scores", by_pair, run.work)
        torch.baddbmm(shifts, queries, key_rows.mT, alpha=run.scale * LOG2_E, out=weights)
        add_masks(weights, group, keys)
        weights.exp2_()
        weight_factor = _factor("p", weights, run)
        gradient = space.take("gradient", (queries.shape[0], keys.rows.length, queries.shape[2]), run.product)
        add(dv, keys.rows, _summand(torch.bmm(weight_factor.mT, dout_factor, out=gradient), run))
        dscores = torch.bmm(dout_factor, value_rows.mT, out=space.take("dp", by_pair, run.product))
        weights.mul_(_summand(dscores, run).sub_(deltas))
        weight_factor = _factor("p", weights, run)
        part = torch.bmm(weight_factor, key_factor, out=space.take("dq_part", queries.shape, run.product))
        if place == 0:
            torch.mul(part, run.scale, out=dq_rows)
        else:
            dq_rows.add_(part, alpha=run.scale)
        add(dk, keys.rows, _summand(torch.bmm(weight_factor.mT, query_factor, out=gradient), run))
    put(dq, own, dq_rows)


def _both(source: Tensor, rows: Rows, name: str, run: _Pass) -> tuple[Tensor, Tensor]:
    """Rows in the dtype of scores and in that of products."""
    for_scores = take(source, rows, run.space, name, run.work)
    if run.product == run.work:
        return for_scores, for_scores
    return for_scores, take(source, rows, run.space, f"{name}_factor", run.product)


def _row_products(a: Tensor, b: Tensor, run: _Pass) -> Tensor:
    """The scalar product of each row of a and b [B, H, N, D]: [B, H, N]; some rows at a time, to stay in cache."""
    a, b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
    products = torch.empty(a.shape[0], dtype=run.work)
    step = max(1, _PRODUCTS // a.shape[-1])
    for first in range(0, a.shape[0], step):
        part = slice(first, first + step)
        left = run.space.take("left", (min(step, a.shape[0] - first), a.shape[-1]), run.work).copy_(a[part])
        torch.sum(left.mul_(b[part]), -1, out=products[part])
    return products


def _factor(name: str, values: Tensor, run: _Pass) -> Tensor:
    """`values` in the dtype of products: itself, or a copy in the workspace."""
    return values if run.product == run.work else run.space.take(name, values.shape, run.product).copy_(values)


def _summand(values: Tensor, run: _Pass) -> Tensor:
    """A product in the dtype of sums: itself, or a copy in the workspace, valid until the next one is taken."""
    return values if run.product == run.work else run.space.take("summand", values.shape, run.work).copy_(values)


def _sink_gradient(sinks: Tensor, lse: Tensor, delta: Tensor) -> Tensor:
    """-sum over batch and rows of exp(sink - lse) * (do . o - dlse): the sink's share of a row attends nothing."""
    share = torch.exp(sinks.to(lse.dtype)[None, :, None] - lse)
    share = torch.where(torch.isneginf(lse), 0.0, share)
    return -(share * delta).sum((0, 2)).to(sinks.dtype)
