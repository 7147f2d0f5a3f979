"""Dense attention in float64 from a mask or counts: short, slow, obvious, and what everything else is compared with.

For: tests, `verify`. Not for: anything in a hurry; it holds the full [B, H, N, N] scores. Gradients come from autograd
through these lines.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor,
    sinks: Tensor | None = None,
    scale: float | None = None,
    soft_cap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """(o [B, H, Nq, D], lse [B, H, Nq]), float64, of q [B, H, Nq, D], k and v [B, Hkv, N, D] of any dtype.

    `mask` is bool [Nq, N] or [H, Nq, N], true where query i attends key j; or of integers, which say how often key j
    counts in the softmax of query i. Query head h uses key head h // (H // Hkv). `sinks` [H] is one more logit in the
    denominator of every row; scale defaults to 1 / sqrt(D). With `soft_cap`, scores are soft_cap *
    tanh(score / soft_cap). A row that attends nothing gives 0, and lse -inf (with a sink: the sink).
    """
    q, k, v = q.double(), k.double(), v.double()
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    scores = (q @ k.mT) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if soft_cap:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    allowed = mask if mask.dim() == 3 else mask[None]
    scores = scores.masked_fill((allowed == 0)[None], -math.inf)
    if allowed.dtype != torch.bool:  # c times the same summand is exp(score + log c)
        scores = scores + allowed.clamp_min(1).double().log()[None]
    if sinks is not None:
        scores = torch.cat((scores, sinks.double()[None, :, None, None].expand(*scores.shape[:3], 1)), dim=-1)
    # The guard keeps empty rows out of exp and log, whose gradients there would be NaN.
    empty = torch.isneginf(scores).all(-1, keepdim=True)
    lse = torch.logsumexp(scores.masked_fill(empty, 0.0), dim=-1, keepdim=True)
    weights = torch.exp(scores - lse).masked_fill(empty, 0.0)[..., : k.shape[2]]
    return weights @ v, lse.masked_fill(empty, -math.inf).squeeze(-1)
