"""What each generated kernel takes, in order: one list for the text, the launcher and ahead-of-time compilation.

For: the parameters of a kernel with what they hold. Not for: their values (`runtime/cuda.py`).

Every tensor of rows [batch, head, row, dim] has three strides in elements, `x_batch`, `x_head` and `x_row`, and a
last stride of 1. Tensors that are loaded together share them, since offsets are held in registers: v has those of k,
do those of q, dv those of dk. The tensors of one number a row (lse, delta) are float32 and share `lse_batch` and
`lse_head`; their last stride is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from patternc.codegen.plan import KernelSpec, Role

Kind = Literal["rows", "result", "float32", "table", "stride", "count", "scale", "offsets"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a kernel.

    "rows" points to elements of the module's dtype, "result" to elements of it or of float32 (what an earlier launch of
    a chain leaves), "float32" and "table" (int32) to what their names say; "stride" and "count" are integers, "scale" a
    float. "offsets" is a compile-time type: for OFFSETS int32 where every offset of a row from the first one of its
    head fits, for TILE_OFFSETS where every offset within a tile does, else int64.
    """

    name: str
    kind: Kind


def signature(spec: KernelSpec) -> tuple[Parameter, ...]:
    """The parameters of the kernel that `spec` describes.

    `x_left_ptr` is what the earlier launches of a chain left of x, with its strides. `x_shares_ptr` is where shares of
    split tiles go, [batch, heads of the launch, slots, own_tile, head_dim padded] without a gap (lse: no last axis).
    `score_scale` takes what the softmax meets to base 2: raw products, or with a cap the tanh of products times
    `cap_scale`.
    """
    return (*_data(spec), *_tables(spec), *_sizes(spec), *_offsets(spec))


def share_shapes(spec: KernelSpec) -> dict[str, tuple[int, ...]]:
    """What one slot holds, by the name of the result: [own_tile, head_dim padded], and [own_tile] of lse."""
    of_rows = {name: (spec.own_tile, padded(spec.head_dim)) for name in _RESULTS[spec.role]}
    return of_rows | ({"lse": (spec.own_tile,)} if spec.role == "forward" else {})


def padded(head_dim: int) -> int:
    """The least power of two from 16 on that holds the head dimension: the width of a tile in a kernel."""
    return max(16, 1 << (head_dim - 1).bit_length())


def merge_signature(spec: KernelSpec) -> tuple[Parameter, ...]:
    """The parameters of the kernel that merges the shares that the kernel of `spec` leaves."""
    heads = "kv_heads_ptr" if spec.role == "dkv" else "heads_ptr"
    gather = ("gather_ptr",) if spec.own == "gathered" else ()
    lse = _parameters("stride", "lse_batch", "lse_head") if spec.role == "forward" else ()
    return (
        *_sinks(spec),
        *_results(spec),
        *_parameters("table", "merges_ptr", *gather, "segments_ptr", heads),
        *_strides(_RESULTS[spec.role][0]),
        *lse,
        *_parameters("count", "merge_count", "head_count", "slot_count"),
        *(offsets for offsets in _offsets(spec) if gather or offsets.name == "TILE_OFFSETS"),
    )


def row_signature() -> tuple[Parameter, ...]:
    """The parameters of the kernel that prepares a backward pass (`delta_<head_dim>`)."""
    return (
        *_parameters("rows", "o_ptr", "do_ptr"),
        *_parameters("float32", "lse_ptr", "dlse_ptr", "lse2_ptr", "delta_ptr"),
        *_strides("o", "do"),
        *_parameters("stride", "lse_batch", "lse_head"),
        *_parameters("count", "tokens", "heads"),
    )


_RESULTS: dict[Role, tuple[str, ...]] = {"forward": ("o",), "dq": ("dq",), "dkv": ("dk", "dv")}
"""What kernels of a role write, one row for each own row."""


def _data(spec: KernelSpec) -> tuple[Parameter, ...]:
    inputs = _parameters("rows", "q_ptr", "k_ptr", "v_ptr")
    if spec.role == "forward":
        return (*inputs, *_sinks(spec), *_results(spec))
    rows = _parameters("float32", "lse2_ptr", "delta_ptr")
    return (*inputs, *_parameters("rows", "do_ptr"), *rows, *_results(spec))


def _sinks(spec: KernelSpec) -> tuple[Parameter, ...]:
    return _parameters("float32", "sinks_ptr") if spec.sinks else ()


def _results(spec: KernelSpec) -> tuple[Parameter, ...]:
    names = _RESULTS[spec.role]
    lse = ("lse",) if spec.role == "forward" else ()
    left = (f"{name}_left_ptr" for name in names) if spec.accumulate else ()
    shares = (f"{name}_shares_ptr" for name in (*names, *lse)) if spec.slots else ()
    return (
        *_parameters("float32", *left),
        *_parameters("result", *(f"{name}_ptr" for name in names)),
        *_parameters("float32", *(f"{name}_ptr" for name in lse), *shares),
    )


def _tables(spec: KernelSpec) -> tuple[Parameter, ...]:
    names = ["items_ptr"]
    if spec.full or spec.interval is not None or spec.bits:
        names.append("tiles_ptr")
    if spec.bits:
        names.append("tile_bits_ptr")
    if spec.bits or spec.gathered:
        names.append("bits_ptr")
    if spec.own == "gathered" or spec.gathered:
        names.append("gather_ptr")
    if spec.gathered:
        names.append("gathered_ptr")
    names.append("segments_ptr")
    if spec.role == "dkv":
        names.append("kv_heads_ptr")
    names.append("heads_ptr")
    return _parameters("table", *names)


def _sizes(spec: KernelSpec) -> tuple[Parameter, ...]:
    rows = _parameters("stride", "lse_batch", "lse_head")
    slots = ("slot_count",) if spec.slots else ()
    counts = _parameters("count", "item_count", "head_count", *slots)
    share = _parameters("count", "group_size")
    cap = ("cap_scale",) if spec.soft_cap else ()
    match spec.role:
        case "forward":
            return (*_strides("q", "k", "o"), *rows, *counts, *share, *_parameters("scale", "score_scale", *cap))
        case "dq":
            scales = _parameters("scale", "score_scale", "scale", *cap)
            return (*_strides("q", "k", "dq"), *rows, *counts, *share, *scales)
        case "dkv":
            scales = _parameters("scale", "score_scale", "scale", *cap)
            return (*_strides("q", "k", "dk"), *rows, *counts, *scales)
        case _:
            assert_never(spec.role)


def _offsets(spec: KernelSpec) -> tuple[Parameter, ...]:
    return _parameters("offsets", "OFFSETS", *(() if spec.lattice is None else ("TILE_OFFSETS",)))


def _parameters(kind: Kind, *names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, kind) for name in names)


def _strides(*tensors: str) -> tuple[Parameter, ...]:
    return _parameters("stride", *(f"{tensor}_{axis}" for tensor in tensors for axis in ("batch", "head", "row")))
