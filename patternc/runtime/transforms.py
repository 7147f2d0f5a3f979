"""The operator under torch's transforms of functions: `torch.func.grad` and `vmap` work, forward mode is refused.

For: `attend`, the operator as calls from Python reach it, and what importing this file registers beside `op.py`: rules
for vmap, and a refusal of tangents, which the operator would drop silently. Not for: plain autograd, torch.compile and
torch.export, which need no more than the operator itself (`op.py`).

torch's transforms take an autograd.Function apart, but not the autograd formula of a custom operator: hence the two
Functions here. torch leaves the methods of Functions and the registering functions untyped, hence the narrow ignores.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from patternc.runtime import op

FORWARD_MODE = (
    "patternc attention has no forward-mode derivative (jvp, jacfwd, hessian, linearize, torch.autograd.forward_ad): "
    "use reverse mode (backward, torch.func.grad, vjp, jacrev), or patternc.runtime.reference.attention with the "
    "pattern's mask"
)


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    tables: Sequence[Tensor],
    plan: str,
    scale: float,
    soft_cap: float,
) -> tuple[Tensor, Tensor]:
    """`patternc::attention` for callers who may be inside a transform of torch.func; the same arguments and results."""
    if torch.compiler.is_compiling():
        # Graphs hold the operator itself: an exported program looks it up by its name.
        return op.attention(q, k, v, sinks, tables, plan, scale, soft_cap)
    return cast(
        tuple[Tensor, Tensor],
        _Attention.apply(q, k, v, sinks, plan, scale, soft_cap, *tables),  # pyright: ignore[reportUnknownMemberType]
    )


class _Context(Protocol):
    """What torch hands from the forward pass to the backward pass."""

    saved_tensors: tuple[Any, ...]
    plan: str
    scale: float
    soft_cap: float

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...


class _Attention(torch.autograd.Function):
    """(q, k, v, sinks, plan, scale, soft_cap, *tables) -> (o, lse)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        sinks: Tensor | None,
        plan: str,
        scale: float,
        soft_cap: float,
        *tables: Tensor,
    ) -> tuple[Tensor, Tensor]:
        return op.attention(q, k, v, sinks, list(tables), plan, scale, soft_cap)

    @staticmethod
    def setup_context(ctx: _Context, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        q, k, v, sinks, plan, scale, soft_cap, *tables = inputs
        ctx.save_for_backward(q, k, v, sinks, *output, *tables)
        ctx.plan, ctx.scale, ctx.soft_cap = plan, scale, soft_cap

    @staticmethod
    def backward(ctx: _Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, sinks, o, lse, *tables = ctx.saved_tensors
        dq, dk, dv, dsinks = cast(
            tuple[Tensor, Tensor, Tensor, Tensor],
            _Gradients.apply(  # pyright: ignore[reportUnknownMemberType]
                *gradients, q, k, v, sinks, o, lse, ctx.plan, ctx.scale, ctx.soft_cap, *tables
            ),
        )
        return dq, dk, dv, None if sinks is None else dsinks, None, None, None, *(None for _ in tables)

    @staticmethod
    def jvp(ctx: _Context, *tangents: object) -> NoReturn:
        raise RuntimeError(FORWARD_MODE)


class _Gradients(torch.autograd.Function):
    """(do, dlse, q, k, v, sinks, o, lse, plan, scale, soft_cap, *tables) -> (dq, dk, dv, dsinks)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        do: Tensor,
        dlse: Tensor,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        sinks: Tensor | None,
        o: Tensor,
        lse: Tensor,
        plan: str,
        scale: float,
        soft_cap: float,
        *tables: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return op.attention_backward(do, dlse, q, k, v, sinks, o, lse, list(tables), plan, scale, soft_cap)

    @staticmethod
    def setup_context(ctx: _Context, inputs: object, output: object) -> None:
        """Nothing is kept: there is no second derivative."""

    @staticmethod
    def backward(ctx: _Context, *gradients: Tensor) -> NoReturn:
        raise RuntimeError(op.SECOND_DERIVATIVE)

    @staticmethod
    def jvp(ctx: _Context, *tangents: object) -> NoReturn:
        raise RuntimeError(FORWARD_MODE)


# -- vmap -------------------------------------------------------------------------------------------------------------


class _Vmap(Protocol):
    """What torch says about a vmap."""

    batch_size: int


_Mapped = tuple[tuple[Tensor, ...], tuple[int, ...]]
"""Results, and where each has the mapped dimension."""


def _attention_vmap(
    info: _Vmap,
    dims: tuple[int | None, ...],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    tables: Sequence[Tensor],
    plan: str,
    scale: float,
    soft_cap: float,
) -> _Mapped:
    call = functools.partial(op.attention, tables=tables, plan=plan, scale=scale, soft_cap=soft_cap)
    if dims[3] is None:
        return _in_one_batch(functools.partial(call, sinks=sinks), (q, k, v), dims, info.batch_size)
    return _one_by_one(call, (q, k, v, sinks), dims, info.batch_size)


def _attention_backward_vmap(
    info: _Vmap,
    dims: tuple[int | None, ...],
    do: Tensor,
    dlse: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    o: Tensor,
    lse: Tensor,
    tables: Sequence[Tensor],
    plan: str,
    scale: float,
    soft_cap: float,
) -> _Mapped:
    call = functools.partial(op.attention_backward, tables=tables, plan=plan, scale=scale, soft_cap=soft_cap)
    # The gradient of sinks is a sum over a batch, and each mapped element has its own.
    run = _in_one_batch if sinks is None else _one_by_one
    return run(call, (do, dlse, q, k, v, sinks, o, lse), dims, info.batch_size)


def _in_one_batch(
    call: Callable[..., tuple[Tensor, ...]], rows: Sequence[Tensor | None], dims: Sequence[int | None], size: int
) -> _Mapped:
    """One call with the mapped dimension made part of the batch, the first dimension of all `rows`."""
    folded: list[Tensor | None] = []
    for tensor, dim in zip(rows, dims, strict=False):
        if tensor is None:
            folded.append(None)
        else:
            mapped = tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            folded.append(mapped.flatten(0, 1))
    results = call(*folded)
    return tuple(each.reshape(size, each.shape[0] // size, *each.shape[1:]) for each in results), (0,) * len(results)


def _one_by_one(
    call: Callable[..., tuple[Tensor, ...]], rows: Sequence[Tensor | None], dims: Sequence[int | None], size: int
) -> _Mapped:
    """A call for each element of the mapped dimension."""
    results: list[tuple[Tensor, ...]] = []
    for index in range(size):
        places = zip(rows, dims, strict=False)
        results.append(call(*(row if row is None or dim is None else row.select(dim, index) for row, dim in places)))
    stacked = tuple(torch.stack(each) for each in zip(*results, strict=True))
    return stacked, (0,) * len(stacked)


op.attention.register_vmap(_attention_vmap)  # pyright: ignore[reportUnknownMemberType]
op.attention_backward.register_vmap(_attention_backward_vmap)  # pyright: ignore[reportUnknownMemberType]


# -- tangents ---------------------------------------------------------------------------------------------------------


class _Kernel(Protocol):
    """What torch has registered for an operator."""

    call_boxed: Callable[..., object]


def _without_tangents(kernel: _Kernel, keyset: object, *arguments: object) -> object:
    """`kernel`, for arguments that carry no tangent: it would drop it, and the derivative would come out as zero."""
    for each in arguments:
        if isinstance(each, Tensor) and forward_ad.unpack_dual(each).tangent is not None:  # pyright: ignore[reportUnknownMemberType]
            raise RuntimeError(FORWARD_MODE)
    return kernel.call_boxed(keyset, *arguments)


def _refuse_tangents(library: torch.library.Library) -> None:
    """Put the check before the autograd kernels of both operators."""
    for name in ("attention", "attention_backward"):
        for key in ("AutogradCPU", "AutogradCUDA"):
            kernel = torch.library.get_kernel(f"patternc::{name}", key)  # pyright: ignore[reportUnknownMemberType]
            check = functools.partial(_without_tangents, kernel)
            library.impl(name, check, key, with_keyset=True)  # pyright: ignore[reportUnknownMemberType]


_LIBRARY = torch.library.Library("patternc", "FRAGMENT")
"""What is registered through it lasts as long as it does."""
_refuse_tangents(_LIBRARY)
