"""The CPU target: a layer's plan and tables executed with few large torch calls, forward and backward.

For: training and running without a GPU. Not for: autograd or checking what a user passed (`op.py`, `module.py`).
The forward tables serve both directions: the backward pass makes each tile's probabilities again once and takes all
three gradients from them, so the `dq` and `dkv` launches of a plan are not read here.

How it is fast: items of equal shape are computed together (`cpu_schedule.py`), in chunks that stay in cache
(`cpu_chunks.py`), so that every product is one batched matrix product (`cpu_attend.py`). On a lattice, stretches of
residue classes are laid out class by class first (`cpu_fold.py`) and are then rows like any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from patternc.codegen.plan import LayerPlan
from patternc.runtime.cpu_attend import LOG2_E, Before, Pass, backward_chunk, forward_chunk, start
from patternc.runtime.cpu_chunks import Chunk, HeadBlock, chunks, head_blocks, select_heads
from patternc.runtime.cpu_flash import flash_chunk, flash_fits, has_flash
from patternc.runtime.cpu_fold import Fold, folded, room, store
from patternc.runtime.cpu_schedule import PIECE, CpuSchedule, Piece, cpu_schedule
from patternc.runtime.tensors import Tables

LN_2 = 0.6931471805599453

_PRODUCTS = 1 << 18
"""Numbers held at a time beside the inputs, where whole rows are multiplied."""


class _Parts:
    """Tensors [B, K, ...] cut to the heads of chunks; each cut is made once, since it costs as much as a product.

    Where all strides allow, batch rows and key heads are one axis, so that chunks of short sequences fill up with both.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if all(each.stride(0) == each.shape[1] * each.stride(1) for each in tensors):
            tensors = tuple(each.flatten(0, 1).unsqueeze(0) for each in tensors)
        self.batch, self.kv_heads, self.group = tensors[0].shape[:3]
        self.sources = tensors
        self._cut: dict[tuple[int, int, int], tuple[Tensor, ...]] = {}

    def of(self, chunk: Chunk) -> tuple[Tensor, ...]:
        """Each tensor's rows [U, ...] for the heads of `chunk`."""
        place = (chunk.batch, chunk.first, chunk.last)
        if place not in self._cut:
            self._cut[place] = self.cut(*place)
        return self._cut[place]

    def cut(self, row: int, first: int, last: int) -> tuple[Tensor, ...]:
        """Each tensor's rows [U, ...] for key heads first..last-1 of a batch row."""
        return tuple(each[row, first:last] for each in self.sources)

    def stretches(self, places: int) -> Iterator[tuple[Tensor, ...]]:
        """All heads, a few at a time where a head has few `places`."""
        together = max(1, PIECE // (places * self.group))
        for row in range(self.batch):
            for first in range(0, self.kv_heads, together):
                yield self.cut(row, first, min(first + together, self.kv_heads))


@dataclass(frozen=True, slots=True)
class _Work:
    """A launch for some heads, and what earlier ones left of their rows."""

    schedule: CpuSchedule
    block: HeadBlock
    before: Before


def forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    tables: Tables,
    plan: LayerPlan,
    scale: float,
    soft_cap: float,
) -> tuple[Tensor, Tensor]:
    """Attention of one layer: (o [B, H, N, D] contiguous in q's dtype, lse [B, H, N], natural log).

    q [B, H, N, D], k and v [B, Hkv, N, D] of one dtype (float16, bfloat16, float32 or float64), any strides; sinks [H]
    or None; soft_cap > 0 caps scores, 0 does not. lse is float64 for float64 inputs, else float32. A row that attends
    nothing gives 0, and lse -inf (with a sink: the sink).
    """
    run = start(q.dtype, scale, soft_cap)
    work = _work(tables, plan, q.shape[2], sinks is not None)
    o = _rows_like(q, work, run)
    lse = torch.full(q.shape[:3], -math.inf, dtype=run.work)
    if sinks is not None:
        lse.copy_(sinks.to(run.work)[None, :, None].expand_as(lse)).mul_(LOG2_E)
    for each in work:
        block = each.block
        o_part, lse_part = _queries(o, block), _queries(lse, block)
        parts = _Parts(_queries(q, block), _keys(k, block), _keys(v, block), o_part, lse_part)
        for piece in each.schedule.pieces:
            if each.schedule.fold is None:
                _forward_piece(parts, piece, each, run)
            else:
                _forward_on_lattice(parts, piece, each, each.schedule.fold, run)
        _put_back(((o, o_part), (lse, lse_part)), block.heads)
    return o.to(q.dtype), lse.mul_(LN_2)


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
    soft_cap: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients (dq, dk, dv, dsinks) of q, k, v and sinks, in their dtypes, contiguous; the same bits every time.

    do [B, H, N, D] and dlse [B, H, N] (None: zero) are the gradients of what `forward` gave as o and lse.
    """
    run = start(q.dtype, scale, soft_cap)
    work = _work(tables, plan, q.shape[2], sinks is not None)
    dq = _rows_like(q, work, run)
    dk, dv = torch.zeros(k.shape, dtype=run.work), torch.zeros(v.shape, dtype=run.work)
    # A row without keys gets -inf, so that every probability of it is exp(-inf) = 0.
    shift = torch.where(torch.isneginf(lse), -math.inf, lse * -LOG2_E)
    delta = _row_products(do, o, run).view(lse.shape)
    if dlse is not None:
        delta -= dlse
    for each in work:
        block = each.block
        gradients = (_queries(dq, block), _keys(dk, block), _keys(dv, block))
        rows = (_queries(do, block), _queries(shift, block), _queries(delta, block))
        parts = _Parts(_queries(q, block), _keys(k, block), _keys(v, block), *rows, *gradients)
        for piece in each.schedule.pieces:
            if each.schedule.fold is None:
                _backward_piece(parts, piece, each, run)
            else:
                _backward_on_lattice(parts, piece, each, each.schedule.fold, run)
        _put_back(((dq, gradients[0]),), block.heads)
        _put_back(((dk, gradients[1]), (dv, gradients[2])), block.kv_heads)
    dsinks = None if sinks is None else _sink_gradient(sinks, lse, delta)
    return dq.to(q.dtype), dk.mul_(scale).to(k.dtype), dv.to(v.dtype), dsinks


def _work(tables: Tables, plan: LayerPlan, tokens: int, sinks: bool) -> list[_Work]:
    work: list[_Work] = []
    for group in plan.groups:
        for place, launch in enumerate(group.forward):
            before: Before = "state" if place else "sinks" if sinks else "nothing"
            schedule = cpu_schedule(tables[launch.tables], launch.kernel, tokens)
            work += (_Work(schedule, block, before) for block in head_blocks(group.heads, plan))
    return work


def _rows_like(q: Tensor, work: list[_Work], run: Pass) -> Tensor:
    """What the launches write: zeros where the first ones leave rows out, in the dtype of sums where later ones add."""
    dtype = run.work if any(each.before == "state" for each in work) else q.dtype
    covered = all(each.schedule.covers for each in work if each.before != "state")
    return torch.empty(q.shape, dtype=dtype) if covered else torch.zeros(q.shape, dtype=dtype)


def _queries(source: Tensor, block: HeadBlock) -> Tensor:
    return select_heads(source, block.heads, block.group)


def _keys(source: Tensor, block: HeadBlock) -> Tensor:
    return select_heads(source, block.kv_heads, 1)


def _put_back(pairs: Iterable[tuple[Tensor, Tensor]], heads: tuple[int, ...]) -> None:
    """Copies what was written to a selection of heads back, where the selection had to be a copy."""
    for whole, part in pairs:
        if part.untyped_storage().data_ptr() != whole.untyped_storage().data_ptr():
            whole[:, list(heads)] = part.flatten(1, 2)


def _forward_piece(parts: _Parts, piece: Piece, work: _Work, run: Pass) -> None:
    q, k, v = parts.sources[:3]
    fused = has_flash() and flash_fits(q, k, v, run)
    for chunk in chunks(work.schedule, piece, parts.batch, parts.kv_heads, parts.group, run.work, fused):
        attend = flash_chunk if chunk.in_place else forward_chunk
        attend(parts.of(chunk), chunk, work.before, run)


def _backward_piece(parts: _Parts, piece: Piece, work: _Work, run: Pass) -> None:
    for chunk in chunks(work.schedule, piece, parts.batch, parts.kv_heads, parts.group, run.work, fused=False):
        backward_chunk(parts.of(chunk), chunk, work.before, run)


def _forward_on_lattice(parts: _Parts, piece: Piece, work: _Work, fold: Fold, run: Pass) -> None:
    """The same on copies of the rows laid out class by class."""
    classes = (piece.first, piece.last)
    for q, k, v, o, lse in parts.stretches((piece.last - piece.first) * fold.period):
        laid = [
            folded(each, fold, classes, run.space, f"fold {name}", dtype)
            for each, name, dtype in ((q, "q", run.work), (k, "k", run.work), (v, "v", run.product))
        ]
        laid += [
            _rows_before(o, "o", fold, classes, work, run),
            folded(lse, fold, classes, run.space, "fold lse", run.work),
        ]
        _forward_piece(_Parts(*(each.unsqueeze(0) for each in laid)), piece, work, run)
        store(o, fold, classes, laid[3])
        store(lse, fold, classes, laid[4])


def _backward_on_lattice(parts: _Parts, piece: Piece, work: _Work, fold: Fold, run: Pass) -> None:
    """The same on copies of the rows laid out class by class."""
    classes = (piece.first, piece.last)
    names = ("q", "k", "v", "do", "shift", "delta", "dq", "dk", "dv")
    for tensors in parts.stretches((piece.last - piece.first) * fold.period):
        laid = [
            _rows_before(each, name, fold, classes, work, run)
            if name == "dq"
            else folded(each, fold, classes, run.space, f"fold {name}", run.product if place < 4 else run.work)
            for place, (each, name) in enumerate(zip(tensors, names, strict=True))
        ]
        _backward_piece(_Parts(*(each.unsqueeze(0) for each in laid)), piece, work, run)
        for each, values in zip(tensors[6:], laid[6:], strict=True):
            store(each, fold, classes, values)


def _rows_before(source: Tensor, name: str, fold: Fold, classes: tuple[int, int], work: _Work, run: Pass) -> Tensor:
    """Room for what a launch writes, laid out class by class, with what it finds there."""
    if work.before == "state" or not work.schedule.covers:
        return folded(source, fold, classes, run.space, f"fold {name}", run.work)
    return room(source, fold, classes, run.space, f"fold {name}", run.work)


def _row_products(a: Tensor, b: Tensor, run: Pass) -> Tensor:
    """The scalar product of each row of a and b [B, H, N, D]: [B, H, N]; some rows at a time, to stay in cache."""
    a, b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
    products = torch.empty(a.shape[0], dtype=run.work)
    step = max(1, _PRODUCTS // a.shape[-1])
    for first in range(0, a.shape[0], step):
        part = slice(first, first + step)
        left = run.space.take("left", (min(step, a.shape[0] - first), a.shape[-1]), run.work).copy_(a[part])
        torch.sum(left.mul_(b[part]), -1, out=products[part])
    return products


def _sink_gradient(sinks: Tensor, lse: Tensor, delta: Tensor) -> Tensor:
    """-sum over batch and rows of exp(sink - lse) * (do . o - dlse): the sink's share of a row attends nothing."""
    share = torch.exp(sinks.to(lse.dtype)[None, :, None] - lse)
    share = torch.where(torch.isneginf(lse), 0.0, share)
    return -(share * delta).sum((0, 2)).to(sinks.dtype)
