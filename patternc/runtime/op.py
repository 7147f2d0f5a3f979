"""The one torch operator: `patternc::attention`, for every pattern, with its backward as a second operator.

For: making compiled patterns part of a torch program: autograd, torch.compile, torch.export, FlopCounterMode. Importing
this file registers both operators and costs nothing else. Not for: checking what a user passed (`module.py`) or the
work itself (`cpu.py`, `cuda.py`).

`patternc::attention(q, k, v, sinks, tables, plan, scale, soft_cap) -> (o, lse)`: `plan` is the canonical text of a
LayerPlan (`plan_json`), parsed once through a cache by content, so an exported program carries all it needs; `tables`
is the list that `tensors.table_tensors` makes of it; a `soft_cap` above 0 caps scores, 0 does not. o has q's shape and
dtype and is contiguous; lse is [B, H, N], float64 for float64 inputs, else float32. Both are differentiable, once:
asking for a second derivative is an error.

torch leaves the registering methods of its operators untyped, hence the narrow ignores where they are called.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula  # pyright: ignore[reportUnknownVariableType]

from patternc.codegen.plan import LayerPlan
from patternc.codegen.plan_json import layer_from_json
from patternc.codegen.tables import TABLE_ARRAYS
from patternc.runtime import cpu
from patternc.runtime.tensors import named_tables, table_names

SECOND_DERIVATIVE = (
    "patternc attention is differentiable once: its backward pass has no derivative. Drop create_graph=True; where a "
    "second derivative is needed, use patternc.runtime.reference.attention with the pattern's mask"
)
_KEPT_PLANS = 256


@functools.lru_cache(maxsize=_KEPT_PLANS)
def plan_of(text: str) -> LayerPlan:
    """The plan that the text says; kept by content, the only state here. Raises PlanFormatError."""
    return layer_from_json(text)


@torch.library.custom_op(
    "patternc::attention",
    mutates_args=(),
    device_types="cpu",
    schema=(
        "(Tensor q, Tensor k, Tensor v, Tensor? sinks, Tensor[] tables, str plan, float scale, "
        "float soft_cap) -> (Tensor, Tensor)"
    ),
)
def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    tables: Sequence[Tensor],
    plan: str,
    scale: float,
    soft_cap: float,
) -> tuple[Tensor, Tensor]:
    """The operator; the file comment says what it takes and gives."""
    layer = _for_cpu(plan)
    with _as_given("cpu"):
        return cpu.forward(q, k, v, sinks, named_tables(layer, tables), layer, scale, soft_cap)


@torch.library.custom_op(
    "patternc::attention_backward",
    mutates_args=(),
    device_types="cpu",
    schema=(
        "(Tensor do, Tensor dlse, Tensor q, Tensor k, Tensor v, Tensor? sinks, Tensor o, Tensor lse, "
        "Tensor[] tables, str plan, float scale, float soft_cap) -> (Tensor, Tensor, Tensor, Tensor)"
    ),
)
def attention_backward(
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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(dq, dk, dv, dsinks) for the gradients `do` of o and `dlse` of lse; dsinks has no element without sinks."""
    layer = _for_cpu(plan)
    named = named_tables(layer, tables)
    with _as_given("cpu"):
        return _with_sinks(q, cpu.backward(do, dlse, q, k, v, sinks, o, lse, named, layer, scale, soft_cap))


def _attention_cuda(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    tables: Sequence[Tensor],
    plan: str,
    scale: float,
    soft_cap: float,
) -> tuple[Tensor, Tensor]:
    from patternc.runtime import cuda  # CPU users need none of it

    layer = plan_of(plan)
    with _as_given("cuda"):
        return cuda.forward(q, k, v, sinks, named_tables(layer, tables), layer, scale, soft_cap)


def _attention_backward_cuda(
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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    from patternc.runtime import cuda  # CPU users need none of it

    layer = plan_of(plan)
    named = named_tables(layer, tables)
    with _as_given("cuda"):
        return _with_sinks(q, cuda.backward(do, dlse, q, k, v, sinks, o, lse, named, layer, scale, soft_cap))


attention.register_kernel("cuda", _attention_cuda)  # pyright: ignore[reportUnknownMemberType]
attention_backward.register_kernel("cuda", _attention_backward_cuda)  # pyright: ignore[reportUnknownMemberType]


def _as_given(device_type: str) -> AbstractContextManager[object]:
    """Where autocast is enabled, it is off inside: the products of a target choose their own precision."""
    enabled = torch.is_autocast_enabled(device_type)
    return torch.autocast(device_type, enabled=False) if enabled else nullcontext()


def _for_cpu(plan: str) -> LayerPlan:
    layer = plan_of(plan)
    if layer.target != "cpu":
        raise ValueError(f"a plan for {layer.target} got CPU tensors; lower the pattern for target 'cpu'")
    return layer


def _with_sinks(
    q: Tensor, gradients: tuple[Tensor, Tensor, Tensor, Tensor | None]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dq, dk, dv, dsinks = gradients
    return dq, dk, dv, q.new_empty(0) if dsinks is None else dsinks


def _attention_shapes(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sinks: Tensor | None,
    tables: Sequence[Tensor],
    plan: str,
    scale: float,
    soft_cap: float,
) -> tuple[Tensor, Tensor]:
    dtype = torch.float64 if q.dtype == torch.float64 else torch.float32
    return q.new_empty(q.shape), q.new_empty(q.shape[:3], dtype=dtype)


def _attention_backward_shapes(
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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dsinks = q.new_empty(0) if sinks is None else sinks.new_empty(sinks.shape)
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape), dsinks


attention.register_fake(_attention_shapes)  # pyright: ignore[reportUnknownMemberType]
attention_backward.register_fake(_attention_backward_shapes)  # pyright: ignore[reportUnknownMemberType]


class _Context(Protocol):
    """What torch hands from the forward pass to the backward pass."""

    saved_tensors: tuple[Any, ...]
    plan: str
    scale: float
    soft_cap: float

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...


def _keep_for_backward(
    ctx: _Context,
    inputs: tuple[Tensor, Tensor, Tensor, Tensor | None, Sequence[Tensor], str, float, float],
    output: tuple[Tensor, Tensor],
) -> None:
    q, k, v, sinks, tables, plan, scale, soft_cap = inputs
    ctx.save_for_backward(q, k, v, sinks, *output, *tables)
    ctx.plan, ctx.scale, ctx.soft_cap = plan, scale, soft_cap


def _differentiate(ctx: _Context, do: Tensor, dlse: Tensor) -> tuple[Tensor | list[None] | None, ...]:
    q, k, v, sinks, o, lse, *tables = ctx.saved_tensors
    dq, dk, dv, dsinks = attention_backward(do, dlse, q, k, v, sinks, o, lse, tables, ctx.plan, ctx.scale, ctx.soft_cap)
    return dq, dk, dv, None if sinks is None else dsinks, [None] * len(tables), None, None, None


def _refuse_second_derivative(ctx: _Context, *gradients: Tensor) -> NoReturn:
    raise RuntimeError(SECOND_DERIVATIVE)


attention.register_autograd(  # pyright: ignore[reportUnknownMemberType]
    _differentiate, setup_context=_keep_for_backward
)
attention_backward.register_autograd(_refuse_second_derivative)  # pyright: ignore[reportUnknownMemberType]


def computed_pairs(plan: LayerPlan, shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """For each head group: the pairs that its forward tiles compute, masked ones and edges included.

    `shapes` are those of the tensor list; the number of tiles is in them, so this works without their values.
    """
    arrays, names = len(TABLE_ARRAYS), table_names(plan)
    pairs: list[int] = []
    for group in plan.groups:
        of_group = 0
        for launch in group.forward:
            first = names.index(launch.tables) * arrays
            tiles = shapes[first + TABLE_ARRAYS.index("tiles")][0] - 1
            lists = shapes[first + TABLE_ARRAYS.index("gathered")][0] - 1
            of_group += (tiles + lists) * launch.kernel.own_tile * launch.kernel.counterpart_tile
        pairs.append(of_group)
    return tuple(pairs)


def _products(count: int, q_shape: Sequence[int], tables_shape: Sequence[Sequence[int]], plan: str) -> int:
    """FLOPs of `count` matrix products over every computed pair."""
    layer = plan_of(plan)
    per_head = computed_pairs(layer, tables_shape)
    pairs = sum(len(group.heads) * number for group, number in zip(layer.groups, per_head, strict=True))
    return 2 * count * q_shape[0] * q_shape[3] * pairs


def _forward_flops(
    q_shape: Sequence[int],
    k_shape: Sequence[int],
    v_shape: Sequence[int],
    sinks_shape: Sequence[int] | None,
    tables_shape: Sequence[Sequence[int]],
    plan: str,
    scale: float,
    *args: object,
    **kwargs: object,
) -> int:
    return _products(2, q_shape, tables_shape, plan)


def _backward_flops(
    do_shape: Sequence[int],
    dlse_shape: Sequence[int],
    q_shape: Sequence[int],
    k_shape: Sequence[int],
    v_shape: Sequence[int],
    sinks_shape: Sequence[int] | None,
    o_shape: Sequence[int],
    lse_shape: Sequence[int],
    tables_shape: Sequence[Sequence[int]],
    plan: str,
    scale: float,
    *args: object,
    **kwargs: object,
) -> int:
    # Scores again, then one product each for the gradients of probabilities, values, queries and keys.
    return _products(5, q_shape, tables_shape, plan)


register_flop_formula(torch.ops.patternc.attention)(_forward_flops)
register_flop_formula(torch.ops.patternc.attention_backward)(_backward_flops)
