"""Runs a layer's generated Triton kernels: forward and backward, on CUDA tensors, or on CPU tensors in the interpreter.

For: turning a LayerPlan and its tables into launches in order, and what they leave to one another. Not for: a single
launch (`launch.py`), autograd, checking what a user passed, or moving tables to a device (`op.py`, `module.py`).

`tables` maps a table set's name (`Launch.tables`) to its arrays, each under the name of its `TableSet` field:
`{"local_256.forward": {"items": int32 [I, 10], "tiles": int32 [T + 1], ...}}`; all on the device of `q`. Which rows
exist is theirs to say: the first forward, dq and dkv launch that meets a head has an item for each of its rows, and so
has the last forward and dq launch. What the launches of a chain leave to one another is float32; the last forward and
dq launch write the dtype of q.

With TRITON_INTERPRET=1 in the environment before triton is first imported, the same kernels run on CPU tensors, slowly;
bfloat16 is refused there, because the interpreter multiplies its bit patterns as integers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from patternc.codegen.plan import HeadGroup, KernelSpec, Launch, LayerPlan
from patternc.runtime.launch import WIDEST_OFFSET, launch, launch_rows, tile_reach
from patternc.runtime.tensors import Tables

LOG2_E = 1.4426950408889634


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
    """Attention of one layer: (o [B, H, N, D] contiguous in q's dtype, lse [B, H, N] float32, natural log).

    q [B, H, N, D], k and v [B, Hkv, N, D] of one dtype (float16, bfloat16 or float32), any strides; sinks [H] or
    None; scale > 0; soft_cap > 0 caps scores, 0 does not. A row that attends nothing gives 0, and lse -inf (with a
    sink: the sink).
    """
    q, (k, v) = _addressable(q), _alike(k, v)
    o, left = _chained(q, any(len(group.forward) > 1 for group in plan.groups))
    lse = torch.empty(q.shape[:3], dtype=torch.float32, device=q.device)
    values = {
        **_strides(q=q, k=k, o=o),
        **_row_strides(lse),
        "q_ptr": q,
        "k_ptr": k,
        "v_ptr": v,
        "o_left_ptr": left,
        "lse_ptr": lse,
        "group_size": plan.heads // plan.kv_heads,
        **_score_scales(scale, soft_cap),
    }
    if sinks is not None:
        values["sinks_ptr"] = sinks.to(torch.float32).contiguous()
    with _device(q):
        for group in plan.groups:
            values["heads_ptr"] = _query_heads(group.heads, q.device)
            for place, one in enumerate(group.forward, 1):
                first = sinks is not None and not one.kernel.accumulate
                kernel = replace(one.kernel, sinks=first, soft_cap=soft_cap > 0)
                values["o_ptr"] = o if place == len(group.forward) else left
                values |= _offsets(kernel, q, k, o)
                launch(replace(one, kernel=kernel), tables[one.tables], len(group.heads), q.shape[0], values)
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
    soft_cap: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Gradients (dq, dk, dv, dsinks) of q, k, v and sinks, in their dtypes, contiguous; the same bits every time.

    do [B, H, N, D] and dlse [B, H, N] (None: zero) are the gradients of what `forward` gave as o and lse.
    """
    (q, do), (k, v), o = _alike(q, do), _alike(k, v), _addressable(o)
    lse = lse.contiguous()
    with _device(q):
        lse2, delta = _prepare(do, dlse, o, lse, plan)
        dq, dq_left = _chained(q, any(len(group.dq) > 1 for group in plan.groups))
        dk, dv = _summed(k, plan), _summed(v, plan)
        values = {
            **_strides(q=q, k=k, dq=dq, dk=dk),
            **_row_strides(lse),
            "q_ptr": q,
            "k_ptr": k,
            "v_ptr": v,
            "do_ptr": do,
            "lse2_ptr": lse2,
            "delta_ptr": delta,
            "dq_left_ptr": dq_left,
            "dk_left_ptr": dk,
            "dv_left_ptr": dv,
            "dk_ptr": dk,
            "dv_ptr": dv,
            "group_size": plan.heads // plan.kv_heads,
            "scale": scale,
            **_score_scales(scale, soft_cap),
        }
        for group in plan.groups:
            _backward_group(group, tables, plan, values, dq, capped=soft_cap > 0)
        dsinks = None if sinks is None else _sink_gradient(sinks, lse, delta)
    return dq, dk.to(k.dtype), dv.to(v.dtype), dsinks


def _score_scales(scale: float, soft_cap: float) -> dict[str, Any]:
    """What takes products to scores in base 2: with a cap, by way of the tanh."""
    if soft_cap > 0:
        return {"score_scale": soft_cap * LOG2_E, "cap_scale": scale / soft_cap}
    return {"score_scale": scale * LOG2_E}


def _capped(one: Launch, capped: bool) -> Launch:
    """The launch, its kernel with capped scores or without."""
    return one if one.kernel.soft_cap == capped else replace(one, kernel=replace(one.kernel, soft_cap=capped))


def _backward_group(
    group: HeadGroup, tables: Tables, plan: LayerPlan, values: dict[str, Any], dq: Tensor, *, capped: bool
) -> None:
    q, k, dk = (cast(Tensor, values[name]) for name in ("q_ptr", "k_ptr", "dk_ptr"))
    kv_heads = _kv_heads(group.heads, plan.heads // plan.kv_heads, q.device)
    values = {**values, "heads_ptr": _query_heads(group.heads, q.device), "kv_heads_ptr": kv_heads}
    for place, one in enumerate(group.dq, 1):
        values["dq_ptr"] = dq if place == len(group.dq) else values["dq_left_ptr"]
        values |= _offsets(one.kernel, q, k, dq)
        launch(_capped(one, capped), tables[one.tables], len(group.heads), q.shape[0], values)
    for one in group.dkv:
        values |= _offsets(one.kernel, q, k, dk)
        launch(_capped(one, capped), tables[one.tables], kv_heads.shape[0], q.shape[0], values)


def _prepare(do: Tensor, dlse: Tensor | None, o: Tensor, lse: Tensor, plan: LayerPlan) -> tuple[Tensor, Tensor]:
    """(lse in base 2 with +inf for empty rows, delta), both as lse."""
    lse2, delta = torch.empty_like(lse), torch.empty_like(lse)
    batch, heads, tokens, _ = o.shape
    values = {
        **_strides(o=o, do=do),
        **_row_strides(lse),
        "o_ptr": o,
        "do_ptr": do,
        "lse_ptr": lse,
        "dlse_ptr": torch.zeros_like(lse) if dlse is None else dlse.to(torch.float32).contiguous(),
        "lse2_ptr": lse2,
        "delta_ptr": delta,
        "tokens": tokens,
        "heads": heads,
    }
    launch_rows(plan.head_dim, batch, values)
    return lse2, delta


def _summed(rows: Tensor, plan: LayerPlan) -> Tensor:
    """Where dk or dv goes: float32 if several launches add up in it, else what the one launch overwrites.

    A group that shares kv heads with an earlier one adds from its first launch on, also to heads that no other has: it
    has to find zeros there.
    """
    _, left = _chained(rows, any(one.kernel.accumulate for group in plan.groups for one in group.dkv))
    return left.zero_() if any(group.dkv[0].kernel.accumulate for group in plan.groups) else left


def _chained(rows: Tensor, chained: bool) -> tuple[Tensor, Tensor]:
    """(a result like `rows`, and where earlier launches of a chain leave it to later ones, in float32).

    They are one tensor where there is no chain, or nothing to round. The first launch writes every row.
    """
    result = torch.empty_like(rows, memory_format=torch.contiguous_format)
    if not chained or result.dtype == torch.float32:
        return result, result
    return result, torch.empty(rows.shape, dtype=torch.float32, device=rows.device)


def _sink_gradient(sinks: Tensor, lse: Tensor, delta: Tensor) -> Tensor:
    """-sum over batch and rows of p_sink * (do . o - dlse), p_sink = exp(sink - lse) the sink's share of a row."""
    share = torch.exp(sinks.to(torch.float32)[None, :, None] - lse)
    share = torch.where(torch.isneginf(lse), 0.0, share)
    return -(share * delta).sum((0, 2)).to(sinks.dtype)


def _device(q: Tensor) -> AbstractContextManager[object]:
    """Makes q's device current for the launches; checks that there is something to launch on."""
    if q.device.type == "cuda":
        return torch.cuda.device(q.device)
    # Imported late: CPU users need no triton.
    from triton import knobs  # pyright: ignore[reportMissingTypeStubs]
    from triton.runtime import interpreter  # pyright: ignore[reportMissingTypeStubs]

    if q.device.type != "cpu" or not knobs.runtime.interpret:
        raise RuntimeError(
            f"Triton kernels run on CUDA tensors, not on {q.device.type}; on CPU tensors only in a process that had "
            "TRITON_INTERPRET=1 in its environment before triton was imported"
        )
    create_dot = cast(Callable[..., object], interpreter.InterpreterBuilder.create_dot)  # pyright: ignore[reportUnknownMemberType]
    if q.dtype == torch.bfloat16 and create_dot.__module__ == interpreter.__name__:
        raise RuntimeError("the Triton interpreter multiplies bfloat16 wrongly: use float32 or float16 in it")
    return nullcontext()


def _addressable(rows: Tensor) -> Tensor:
    """`rows` [B, H, N, D] with a unit last stride and row strides that the kernels can address, copied if need be."""
    return rows if rows.stride(3) == 1 and 256 * rows.stride(2) < WIDEST_OFFSET else rows.contiguous()


def _alike(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors that kernels load together, with the same strides: both are copied if theirs differ."""
    one, two = _addressable(one), _addressable(two)
    return (one, two) if one.stride() == two.stride() else (one.contiguous(), two.contiguous())


def _strides(**tensors: Tensor) -> dict[str, Any]:
    return {
        f"{name}_{axis}": tensor.stride(place)
        for name, tensor in tensors.items()
        for place, axis in enumerate(("batch", "head", "row"))
    }


def _offsets(kernel: KernelSpec, *tensors: Tensor) -> dict[str, object]:
    """The types that hold every offset within a batch row, and within a tile, of any of the tensors [B, H, N, D]."""
    import triton.language as tl  # pyright: ignore[reportMissingTypeStubs]

    reach = max(sum(size * stride for size, stride in zip(x.shape[1:], x.stride()[1:], strict=True)) for x in tensors)
    within = tile_reach(kernel) * max(x.stride(2) for x in tensors)
    return {
        "OFFSETS": tl.int32 if reach < WIDEST_OFFSET else tl.int64,
        "TILE_OFFSETS": tl.int32 if within < WIDEST_OFFSET else tl.int64,
    }


def _row_strides(lse: Tensor) -> dict[str, Any]:
    return {"lse_batch": lse.stride(0), "lse_head": lse.stride(1)}


@functools.lru_cache(maxsize=4096)
def _query_heads(heads: tuple[int, ...], device: torch.device) -> Tensor:
    """int32 [len(heads)]: the query heads of a group, for its programs to look up."""
    return torch.tensor(heads, dtype=torch.int32, device=device)


@functools.lru_cache(maxsize=4096)
def _kv_heads(heads: tuple[int, ...], group_size: int, device: torch.device) -> Tensor:
    """int32 [K, 3]: each kv head that `heads` (ascending) share, and the stretch of `heads` that share it."""
    entries: list[list[int]] = []
    for place, head in enumerate(heads):
        if entries and entries[-1][0] == head // group_size:
            entries[-1][2] = place + 1
        else:
            entries.append([head // group_size, place, place + 1])
    return torch.tensor(entries, dtype=torch.int32, device=device)
