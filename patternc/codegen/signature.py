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

from patternc.codegen.plan import KernelSpec

Kind = Literal["rows", "gradient", "float32", "table", "stride", "count", "scale", "offsets"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a kernel.

    "rows" points to elements of the module's dtype, "gradient" to elements of it or of float32 (dk and dv while
    several launches add to them), "float32" and "table" (int32) to what their names say; "stride" and "count" are
    integers, "scale" a float. "offsets" is a compile-time type: int32 where every offset of a row from the first one
    of its head fits, else int64.
    """

    name: str
    kind: Kind


def signature(spec: KernelSpec) -> tuple[Parameter, ...]:
    """The parameters of the kernel that `spec` describes."""
    return (*_data(spec), *_tables(spec), *_sizes(spec), Parameter("OFFSETS", "offsets"))


def row_signature() -> tuple[Parameter, ...]:
    """The parameters of the kernel that prepares a backward pass (`delta_<head_dim>`)."""
    return (
        *_parameters("rows", "o_ptr", "do_ptr"),
        *_parameters("float32", "lse_ptr", "dlse_ptr", "lse2_ptr", "delta_ptr"),
        *_strides("o", "do"),
        *_parameters("stride", "lse_batch", "lse_head"),
        *_parameters("count", "tokens", "heads"),
    )


def _data(spec: KernelSpec) -> tuple[Parameter, ...]:
    inputs = _parameters("rows", "q_ptr", "k_ptr", "v_ptr")
    match spec.role:
        case "forward":
            sinks = _parameters("float32", "sinks_ptr") if spec.sinks else ()
            return (*inputs, *sinks, *_parameters("rows", "o_ptr"), *_parameters("float32", "lse_ptr"))
        case "dq":
            rows = _parameters("float32", "lse2_ptr", "delta_ptr")
            return (*inputs, *_parameters("rows", "do_ptr"), *rows, *_parameters("rows", "dq_ptr"))
        case "dkv":
            rows = _parameters("float32", "lse2_ptr", "delta_ptr")
            return (*inputs, *_parameters("rows", "do_ptr"), *rows, *_parameters("gradient", "dk_ptr", "dv_ptr"))
        case _:
            assert_never(spec.role)


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
    counts = _parameters("count", "item_count", "head_count")
    share = _parameters("count", "group_size")
    match spec.role:
        case "forward":
            return (*_strides("q", "k", "o"), *rows, *counts, *share, *_parameters("scale", "score_scale"))
        case "dq":
            scales = _parameters("scale", "score_scale", "scale")
            return (*_strides("q", "k", "dq"), *rows, *counts, *share, *scales)
        case "dkv":
            scales = _parameters("scale", "score_scale", "scale")
            return (*_strides("q", "k", "dk"), *rows, *counts, *scales)
        case _:
            assert_never(spec.role)


def _parameters(kind: Kind, *names: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, kind) for name in names)


def _strides(*tensors: str) -> tuple[Parameter, ...]:
    return _parameters("stride", *(f"{tensor}_{axis}" for tensor in tensors for axis in ("batch", "head", "row")))
