"""One chunk of CPU work: the softmax over its keys forward, three gradients backward, in about ten torch calls each.

For: the arithmetic of attention on the CPU. Not for: which rows (`cpu_chunks.py`) or what a layer consists of
(`cpu.py`).

Exponentials are base 2, with the factor folded into the scale of the scores. Scores and sums are float32 for float32,
bfloat16 and float16 inputs and float64 for float64; where the processor multiplies bfloat16 natively, all products but
the scores of bfloat16 inputs do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from patternc.runtime.cpu_chunks import Chunk, KeyBlock, add_masks
from patternc.runtime.cpu_rows import Rows, Workspace, add, put, take

LOG2_E = 1.4426950408889634

_FLOOR = -1e30
"""Where a row's running maximum starts: finite, so that a row without any key gives no NaN."""
_TINY = 1e-37

Before = Literal["nothing", "sinks", "state"]
"""What a launch finds: nothing, lse with the sinks, or o and lse that earlier launches left."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What all chunks of one call share.

    `work` is the dtype of scores and sums, `product` of the other products; a `soft_cap` of 0 does not cap scores.
    """

    space: Workspace
    work: torch.dtype
    product: torch.dtype
    scale: float
    soft_cap: float


def start(dtype: torch.dtype, scale: float, soft_cap: float) -> Pass:
    """A call for inputs of `dtype`."""
    work = torch.float64 if dtype == torch.float64 else torch.float32
    product = dtype if dtype == torch.bfloat16 and _multiplies_bfloat16() else work
    return Pass(Workspace(), work, product, scale, soft_cap)


def _multiplies_bfloat16() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def forward_chunk(parts: tuple[Tensor, ...], chunk: Chunk, before: Before, run: Pass) -> None:
    """Writes o, and lse in base 2, of a chunk's rows; `parts` are q, k, v, o, lse of its heads."""
    q, k, v, o, lse = parts
    queries = take(q, chunk.own, run.space, "q", run.work)
    total, log_sum = _attend(queries, k, v, chunk.keys[0], q.shape[1], "o", run)
    if before != "nothing":
        earlier = take(o, chunk.own, run.space, "o_part", run.work) if before == "state" else None
        earlier_sum = take(lse, chunk.own, run.space, "lse", run.work).unsqueeze(-1)
        total, log_sum = merge(total, log_sum, earlier, earlier_sum)
    for keys in chunk.keys[1:]:
        total, log_sum = merge(total, log_sum, *_attend(queries, k, v, keys, q.shape[1], "o_part", run))
    put(o, chunk.own, total)
    put(lse, chunk.own, log_sum)


def merge(o: Tensor, log_sum: Tensor, other: Tensor | None, other_sum: Tensor) -> tuple[Tensor, Tensor]:
    """One softmax of two over disjoint keys, in place of `o`; `other` None counts in the denominator only.

    o and other [..., D]; the sums [..., 1] are in base 2.
    """
    merged = torch.logaddexp2(log_sum, other_sum)
    settled = merged.clamp_min(_FLOOR)
    o.mul_(torch.exp2(log_sum - settled))
    if other is not None:
        o.addcmul_(other, torch.exp2(other_sum - settled))
    return o, merged


def _attend(
    queries: Tensor, k: Tensor, v: Tensor, keys: KeyBlock, group: int, name: str, run: Pass
) -> tuple[Tensor, Tensor]:
    """The softmax over one block of keys: (o [X, R * M, D], log2 of the sum of exponentials [X, R * M, 1]).

    o is in the workspace, under `name`.
    """
    key_rows = take(k, keys.rows, run.space, "k", run.work)
    value_rows = take(v, keys.rows, run.space, "v", run.product)
    scores = run.space.take("scores", (*queries.shape[:2], keys.rows.length), run.work)
    if run.soft_cap:
        _tanh(queries, key_rows, scores, run).mul_(run.soft_cap * LOG2_E)
    else:
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
    weights = run.space.take("p", scores.shape, run.product).copy_(scores)
    return out.copy_(torch.bmm(weights, value_rows)).div_(total), log_sum


def backward_chunk(parts: tuple[Tensor, ...], chunk: Chunk, before: Before, run: Pass) -> None:
    """Writes dq (adds to it where earlier launches left it) and adds to dk and dv.

    `parts` are q, k, v, do, shift, delta, dq, dk, dv of a chunk's heads.
    """
    q, k, v, do, shift, delta, dq, dk, dv = parts
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
        slope: Tensor | None = None
        if run.soft_cap:
            tanh = _tanh(queries, key_rows, weights, run)
            slope = space.take("slope", by_pair, run.work)
            torch.mul(tanh, tanh, out=slope).neg_().add_(1)
            tanh.mul_(run.soft_cap * LOG2_E).add_(shifts)
        else:
            torch.baddbmm(shifts, queries, key_rows.mT, alpha=run.scale * LOG2_E, out=weights)
        add_masks(weights, group, keys)
        weights.exp2_()
        weight_factor = _factor("p", weights, run)
        gradient = space.take("gradient", (queries.shape[0], keys.rows.length, queries.shape[2]), run.product)
        add(dv, keys.rows, _summand(torch.bmm(weight_factor.mT, dout_factor, out=gradient), run))
        dscores = torch.bmm(dout_factor, value_rows.mT, out=space.take("dp", by_pair, run.product))
        weights.mul_(_summand(dscores, run).sub_(deltas))
        if slope is not None:
            weights.mul_(slope)
        weight_factor = _factor("p", weights, run)
        part = torch.bmm(weight_factor, key_factor, out=space.take("dq_part", queries.shape, run.product))
        if place == 0:
            torch.mul(part, run.scale, out=dq_rows)
        else:
            dq_rows.add_(part, alpha=run.scale)
        add(dk, keys.rows, _summand(torch.bmm(weight_factor.mT, query_factor, out=gradient), run))
    if before == "state":
        dq_rows.add_(take(dq, own, space, "dq_before", run.work))
    put(dq, own, dq_rows)


def _tanh(queries: Tensor, key_rows: Tensor, out: Tensor, run: Pass) -> Tensor:
    """Scores as a share of the cap, in `out`: a capped score is the cap times the tanh of what it was."""
    torch.baddbmm(out, queries, key_rows.mT, beta=0, alpha=run.scale / run.soft_cap, out=out)
    return out.tanh_()


def _both(source: Tensor, rows: Rows, name: str, run: Pass) -> tuple[Tensor, Tensor]:
    """Rows in the dtype of scores and in that of products."""
    for_scores = take(source, rows, run.space, name, run.work)
    if run.product == run.work:
        return for_scores, for_scores
    return for_scores, take(source, rows, run.space, f"{name}_factor", run.product)


def _factor(name: str, values: Tensor, run: Pass) -> Tensor:
    """`values` in the dtype of products: itself, or a copy in the workspace."""
    return values if run.product == run.work else run.space.take(name, values.shape, run.product).copy_(values)


def _summand(values: Tensor, run: Pass) -> Tensor:
    """A product in the dtype of sums: itself, or a copy in the workspace, valid until the next one is taken."""
    return values if run.product == run.work else run.space.take("summand", values.shape, run.work).copy_(values)
