"""Shares of split tiles: how a kernel leaves one, and the kernels that merge them.

For: items too expensive for one program. Several compute a share each of the same rows, from nothing, and leave it in
float32; a merge adds the shares up in the order of their slots, to what earlier launches left and the sink, and writes
what the whole item would have written: the same bits every time. Not for: who splits what (the plan).
"""

from __future__ import annotations

from patternc.codegen.plan import KernelSpec
from patternc.codegen.triton_blocks import Lines, dims_constant, indent
from patternc.codegen.triton_rows import sides

WHOLE = "tl.load(item + SLOT) < 0"
"""Whether an item has its rows to itself."""


def merge_name(spec: KernelSpec) -> str:
    """The name of the kernel that merges the shares that the kernel of `spec` leaves."""
    return f"merge_{spec.name}"


def whole_or_share(spec: KernelSpec, store: Lines, *, rows_of_dims: tuple[str, ...], rows: tuple[str, ...]) -> Lines:
    """The end of a kernel: `store` for an item that has its rows to itself, else what the names say goes to its slot.

    `rows_of_dims` are [rows, dims], `rows` [rows], all float32.
    """
    if not spec.slots:
        return store
    own, _ = sides(spec)
    dims = dims_constant(spec.head_dim)
    return [
        "slot = tl.load(item + SLOT, volatile=True)",
        "if slot < 0:",
        *indent(store),
        "else:",
        *indent(
            [
                f"# A share of these rows: `{merge_name(spec)}` adds it to the others.",
                f"share = ((program // item_count).to(tl.int64) * slot_count + slot) * {own.tile} + rows",
                *(f"tl.store({x}_shares_ptr + share[:, None] * {dims} + dims[None, :], {x})" for x in rows_of_dims),
                *(f"tl.store({x}_shares_ptr + share, {x})" for x in rows),
            ]
        ),
    ]
