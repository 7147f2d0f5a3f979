"""The text of merge kernels: the shares of split tiles become what the whole item would have written.

For: `merge_<kernel>` for every kernel whose items may be shares. A program takes a few rows of one split tile, so that
the many shares of a hub are read by many programs. Not for: how shares are made (`triton_shares.py`).
"""

from __future__ import annotations

from typing import assert_never

from patternc.codegen.plan import KernelSpec
from patternc.codegen.signature import merge_signature
from patternc.codegen.triton_backward import start_dkv, start_dq, store_dkv, store_dq
from patternc.codegen.triton_blocks import Lines, dims_constant, function_head, indent, joined
from patternc.codegen.triton_forward import RESULT, state_block, store_block
from patternc.codegen.triton_rows import own_block, own_constants, sides
from patternc.codegen.triton_shares import merge_name

ROWS = 16
"""Rows that a program merges; own tiles are multiples of it."""

ADD_SHARE = '''@triton.jit
def add_share(share, lse, o, row_max, row_sum):
    """The state of the softmax with one more `share` [rows, dims], normalised, that has the log-sum-exp `lse`."""
    new_max = tl.maximum(row_max, lse * LOG2_E)
    weight = tl.exp2(lse * LOG2_E - new_max)
    decay = tl.exp2(row_max - new_max)
    return o * decay[:, None] + share * weight[:, None], new_max, row_sum * decay + weight
'''


def merge_kernel(spec: KernelSpec) -> Lines:
    """The whole function."""
    own, _ = sides(spec)
    what = {"forward": "o and lse", "dq": "The gradient", "dkv": "The gradients"}[spec.role]
    body = joined(
        [
            f'"""{what} of the {own.many} whose items are split in `{spec.name}`: their shares, merged."""',
            *own_constants(spec),
            f"ROWS: tl.constexpr = {ROWS}  # of a tile, for one program",
        ],
        _program_block(spec),
        _tile_block(spec),
        own_block(spec, f"tl.program_id(0) % ({own.tile} // ROWS) * ROWS + tl.arange(0, ROWS)", [], position=False),
        *_sums(spec),
    )
    return [*function_head(merge_name(spec), merge_signature(spec)), *indent(body)]


def _program_block(spec: KernelSpec) -> Lines:
    own, _ = sides(spec)
    kind, head = "head", "head = tl.load(heads_ptr + place % head_count)"
    if spec.role == "dkv":
        kind, head = "kv head", "kv_head = tl.load(kv_heads_ptr + place % head_count * 3)"
    return [
        f"# This program: some rows of one split tile of one {kind} of one batch row.",
        f"program = tl.program_id(0) // ({own.tile} // ROWS)",
        "merge = merges_ptr + program % merge_count * MERGE_WORDS",
        "place = program // merge_count",
        f"{head}.to(tl.int64)",
        "batch = (place // head_count).to(tl.int64)",
    ]


def _tile_block(spec: KernelSpec) -> Lines:
    lines = [
        "# The tile: its own rows, and the slots of its shares.",
        "origin = tl.load(merge)",
        "count = tl.load(merge + 1)",
        "slot = place.to(tl.int64) * slot_count + tl.load(merge + 2)",
        "slots = tl.load(merge + 3)",
        "base = tl.load(segments_ptr).to(tl.int64)",
    ]
    if spec.own == "contiguous":
        lines.append("first = base + origin")
    if spec.lattice is not None:
        lines.append("length = tl.load(segments_ptr + 1)")
    return lines


def _sums(spec: KernelSpec) -> tuple[Lines, ...]:
    """The state before the first share, the loop over the shares, and what is written."""
    own, _ = sides(spec)
    dims = dims_constant(spec.head_dim)
    match spec.role:
        case "forward":
            adding = [
                f"share = tl.load({_shares('o', dims)})",
                "lse = tl.load(lse_shares_ptr + row)",
                "o, row_max, row_sum = add_share(share, lse, o, row_max, row_sum)",
            ]
            return state_block(spec, "ROWS", shares=False), _loop(own.tile, adding), RESULT, store_block(spec)
        case "dq":
            adding = [f"dq += tl.load({_shares('dq', dims)})"]
            return start_dq(spec, "ROWS", shares=False), _loop(own.tile, adding), store_dq(spec)
        case "dkv":
            adding = [f"{name} += tl.load({_shares(name, dims)})" for name in ("dk", "dv")]
            return start_dkv(spec, "ROWS", shares=False), _loop(own.tile, adding), store_dkv(spec)
        case _:
            assert_never(spec.role)


def _shares(name: str, dims: str) -> str:
    return f"{name}_shares_ptr + row[:, None] * {dims} + dims[None, :]"


def _loop(tile: str, adding: Lines) -> Lines:
    return [
        "# The shares, in the order of their slots.",
        f"row = slot * {tile} + rows",
        "for _ in range(slots):",
        *indent([*adding, f"row += {tile}"]),
    ]
