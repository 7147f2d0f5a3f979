"""Runs a layer's generated Triton kernels: forward and backward, on CUDA tensors, or on CPU tensors in the interpreter.

For: turning a LayerPlan and its tables into launches. Not for: autograd, checking what a user passed, or moving
tables to a device (`op.py`, `module.py`).

`tables` maps a table set's name (`Launch.tables`) to its arrays, each under the name of its `TableSet` field:
`{"local_256.forward": {"items": int32 [I, 10], "tiles": int32 [T + 1], ...}}`; all on the device of `q`. Which rows
exist is theirs to say: the first forward, dq and dkv launch that meets a head has an item for each of its rows.

With TRITON_INTERPRET=1 in the environment before triton is
first imported, the same kernels run on CPU tensors, slowly; bfloat16 is refused there, because the interpreter
multiplies its bit patterns as integers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from patternc.codegen.plan import HeadGroup, KernelSpec, LayerPlan
from patternc.codegen.signature import row_signature, signature
from patternc.codegen.triton_backward import ROWS
from patternc.codegen.triton_module import emit_kernel, emit_row_kernel, row_kernel_name
from patternc.runtime.kernel_files import load_kernels
from patternc.runtime.tensors import Tables


class Kernel(Protocol):
    """A `@triton.jit` function."""

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., object]:
        """The launch over `grid`, to be called with the kernel's arguments."""
        ...


LOG2_E = 1.4426950408889634

_WIDEST_OFFSET = 2**31
"""Where 32 bit end. Offsets within a tile have to stay below: tile rows times the row stride."""


def forward(
    q: Tensor, k: Tensor, v: Tensor, sinks: Tensor | None, tables: Tables, plan: LayerPlan, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention of one layer: (o [B, H, N, D] contiguous in q's dtype, lse [B, H, N] float32, natural log).

    q [B, H, N, D], k and v [B, Hkv, N, D] of one dtype (float16, bfloat16 or float32), any strides; sinks [H] or
    None; scale > 0. A row that attends nothing gives 0, and lse -inf (with a sink: the sink).
    """
    q, (k, v) = _addressable(q), _alike(k, v)
    o = torch.empty_like(q, memory_format=torch.contiguous_format)
    lse = torch.empty(q.shape[:3], dtype=torch.float32, device=q.device)
    values = {
        **_strides(q=q, k=k, o=o),
        **_row_strides(lse),
        "q_ptr": q,
        "k_ptr": k,
        "v_ptr": v,
        "o_ptr": o,
        "lse_ptr": lse,
        "group_size": plan.heads // plan.kv_heads,
        "score_scale": scale * LOG2_E,
        "OFFSETS": _offsets(q, k, o),
    }
    if sinks is not None:
        values["sinks_ptr"] = sinks.to(torch.float32).contiguous()
    with _device(q):
        for group in plan.groups:
            heads = _query_heads(group.heads, q.device)
            for launch in group.forward:
                spec = replace(launch.kernel, sinks=sinks is not None and not launch.kernel.accumulate)
                _launch(spec, tables[launch.tables], len(group.heads), q.shape[0], {**values, "heads_ptr": heads})
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
    (q, do), (k, v), o = _alike(q, do), _alike(k, v), _addressable(o)
    lse = lse.contiguous()
    with _device(q):
        lse2, delta = _prepare(do, dlse, o, lse, plan)
        dq = torch.empty_like(q, memory_format=torch.contiguous_format)
        dk, dv = _gradients(k, plan), _gradients(v, plan)
        values = {
            **_strides(q=q, k=k, dq=dq, dk=dk),
            **_row_strides(lse),
            "q_ptr": q,
            "k_ptr": k,
            "v_ptr": v,
            "do_ptr": do,
            "lse2_ptr": lse2,
            "delta_ptr": delta,
            "dq_ptr": dq,
            "dk_ptr": dk,
            "dv_ptr": dv,
            "group_size": plan.heads // plan.kv_heads,
            "score_scale": scale * LOG2_E,
            "scale": scale,
            "OFFSETS": _offsets(q, k, dq, dk),
        }
        for group in plan.groups:
            _backward_group(group, tables, plan, values)
        dsinks = None if sinks is None else _sink_gradient(sinks, lse, delta)
    return dq, dk.to(k.dtype), dv.to(v.dtype), dsinks


def _backward_group(group: HeadGroup, tables: Tables, plan: LayerPlan, values: dict[str, Any]) -> None:
    q: Tensor = values["q_ptr"]
    values = {**values, "heads_ptr": _query_heads(group.heads, q.device)}
    for launch in group.dq:
        _launch(launch.kernel, tables[launch.tables], len(group.heads), q.shape[0], values)
    kv_heads = _kv_heads(group.heads, plan.heads // plan.kv_heads, q.device)
    values["kv_heads_ptr"] = kv_heads
    for launch in group.dkv:
        _launch(launch.kernel, tables[launch.tables], kv_heads.shape[0], q.shape[0], values)


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
    kernel = _row_kernel(plan.head_dim)
    programs = -(-tokens // ROWS) * heads * batch
    if programs:
        kernel[(programs,)](**{parameter.name: values[parameter.name] for parameter in row_signature()})
    return lse2, delta


def _gradients(rows: Tensor, plan: LayerPlan) -> Tensor:
    """Where dk or dv goes: float32 zeros if several launches add up in it, else what the one launch overwrites."""
    if any(launch.kernel.accumulate for group in plan.groups for launch in group.dkv):
        return torch.zeros(rows.shape, dtype=torch.float32, device=rows.device)
    return torch.empty_like(rows, memory_format=torch.contiguous_format)


def _sink_gradient(sinks: Tensor, lse: Tensor, delta: Tensor) -> Tensor:
    """-sum over batch and rows of p_sink * (do . o - dlse), p_sink = exp(sink - lse) the sink's share of a row."""
    share = torch.exp(sinks.to(torch.float32)[None, :, None] - lse)
    share = torch.where(torch.isneginf(lse), 0.0, share)
    return -(share * delta).sum((0, 2)).to(sinks.dtype)


def _launch(spec: KernelSpec, table: Mapping[str, Tensor], heads: int, batch: int, values: dict[str, Any]) -> None:
    """One program for each item, head and batch row, all along x: y and z end at 65,535, and x at 2**31 - 1."""
    items = table["items"].shape[0]
    if not items * heads * batch:
        return
    values = {
        **values,
        **{f"{name}_ptr": array for name, array in table.items()},
        "item_count": items,
        "head_count": heads,
    }
    arguments = {parameter.name: values[parameter.name] for parameter in signature(spec)}
    _kernel(spec)[(items * heads * batch,)](**arguments, num_warps=spec.num_warps, num_stages=spec.num_stages)


@functools.lru_cache(maxsize=4096)
def _kernel(spec: KernelSpec) -> Kernel:
    return getattr(load_kernels(emit_kernel(spec)), spec.name)


@functools.lru_cache(maxsize=256)
def _row_kernel(head_dim: int) -> Kernel:
    return getattr(load_kernels(emit_row_kernel(head_dim)), row_kernel_name(head_dim))


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
    return rows if rows.stride(3) == 1 and 256 * rows.stride(2) < _WIDEST_OFFSET else rows.contiguous()


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


def _offsets(*tensors: Tensor) -> object:
    """The type that holds every offset within a batch row of any of the tensors [B, H, N, D]."""
    import triton.language as tl  # pyright: ignore[reportMissingTypeStubs]

    reach = max(sum(size * stride for size, stride in zip(x.shape[1:], x.stride()[1:], strict=True)) for x in tensors)
    return tl.int32 if reach < _WIDEST_OFFSET else tl.int64


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
