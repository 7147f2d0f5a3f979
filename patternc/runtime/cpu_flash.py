"""Evenly spaced tiles through torch's own fused attention kernel for the CPU: one call for all heads.

For: the forward pass in float32 and float64 where own rows and keys are evenly spaced runs, which the kernel reads in
place. It is as fast as the separate products of `cpu_attend.py`, and ends in one barrier over all threads where those
end in ten a chunk: on a machine whose cores are not idle that is most of the time. Not for: bfloat16, where it takes
twice as long as batched products; the backward pass, where it has no gradient of lse; keys that have to be gathered;
capped scores.

torch has no public function that gives both o and lse; the operator here is the one behind
`scaled_dot_product_attention` on CPUs. Where a torch does not have it, everything goes through `cpu_attend.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from patternc.runtime.cpu_attend import LOG2_E, Before, Pass, merge
from patternc.runtime.cpu_chunks import Chunk, KeyBlock
from patternc.runtime.cpu_rows import Affine, tile_view

_OPERATOR = "_scaled_dot_product_flash_attention_for_cpu"


def has_flash() -> bool:
    """Whether this torch has the operator."""
    return hasattr(torch.ops.aten, _OPERATOR)


def flash_fits(q: Tensor, k: Tensor, v: Tensor, run: Pass) -> bool:
    """Whether rows of these tensors can be read in place, without any conversion, and scores are not capped."""
    if run.soft_cap:
        return False
    return run.product == run.work and all(each.dtype == run.work and each.stride(-1) == 1 for each in (q, k, v))


def flash_chunk(parts: tuple[Tensor, ...], chunk: Chunk, before: Before, run: Pass) -> None:
    """As `forward_chunk`, for a chunk whose rows are all evenly spaced; sources may have several key heads."""
    (keys,) = chunk.keys
    mask = _mask(keys, chunk.own.length)
    # Rows whose every key is masked: the kernel gives them an lse that differs from version to version.
    empty = None if mask is None else torch.isneginf(mask).all(-1)
    if empty is not None and not bool(empty.any()):
        empty = None
    for q, k, v, o, lse in _in_place(parts, chunk):
        total, log_sum = _flash(q, k, v, mask, run.scale)
        log_sum = log_sum.mul_(LOG2_E).unsqueeze(-1)
        if empty is not None:
            total.masked_fill_(empty.unsqueeze(-1), 0.0)
            log_sum.masked_fill_(empty.unsqueeze(-1), -math.inf)
        if before != "nothing":
            total, log_sum = merge(total, log_sum, o if before == "state" else None, lse.unsqueeze(-1))
        o.copy_(total)
        lse.copy_(log_sum.squeeze(-1))


def _in_place(parts: tuple[Tensor, ...], chunk: Chunk) -> Iterator[tuple[Tensor, ...]]:
    """The chunk's rows of q, k, v, o, lse as [T, heads, L, D...], for as many heads as one view can hold."""
    own, keys = chunk.own, chunk.keys[0].rows
    assert isinstance(own, Affine)
    assert isinstance(keys, Affine)
    rows = [tile_view(each, which) for each, which in zip(parts, (own, keys, keys, own, own), strict=True)]
    if parts[0].shape[1] == 1:
        yield tuple(each[:, 0].transpose(0, 1) for each in rows)
        return
    for unit in range(parts[0].shape[0]):
        q, k, v, o, lse = (each[unit].transpose(0, 1) for each in rows)
        yield q, k.expand(-1, q.shape[1], -1, -1), v.expand(-1, q.shape[1], -1, -1), o, lse


def _mask(keys: KeyBlock, rows: int) -> Tensor | None:
    """What is added to the scores of all keys: [T or 1, 1, rows, W]; None where nothing is."""
    if not keys.patches:
        return None
    tiles = max(added.shape[0] for _, added in keys.patches)
    mask = torch.zeros(tiles, 1, rows, keys.rows.length, dtype=keys.patches[0][1].dtype)
    for first, added in keys.patches:
        mask[:, 0, :, first : first + added.shape[-1]] = added
    return mask


def _flash(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """(o [T, heads, L, D], lse [T, heads, L], natural log)."""
    # torch leaves its operators untyped.
    operator: Any = getattr(torch.ops.aten, _OPERATOR)
    return operator(q, k, v, 0.0, False, attn_mask=mask, scale=scale)
