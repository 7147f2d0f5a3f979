"""The blocks that all generated kernels are made of: their heads, the item of a program, loads and masks.

For: Triton text, one short function a block. Not for: which positions rows are (`triton_rows.py`), the loops over
counterpart tiles (`triton_loops.py`), what a role computes in them (`triton_forward.py`, `triton_backward.py`), or the
file around the kernels (`triton_module.py`).

A program keeps the *rows* of one own tile and visits the *columns* of its counterpart tiles: queries and keys in
`forward` and `dq`, keys and queries in `dkv`. What a kernel's tables do not need leaves no line behind.
"""

from __future__ import annotations

from textwrap import wrap

from patternc.codegen.plan import KernelSpec
from patternc.codegen.signature import Parameter, padded

Lines = list[str]
"""Lines of text without their common indentation."""

LINE = 120
"""Longest line of a signature."""


def indent(lines: Lines, depth: int = 1) -> Lines:
    """The lines, `depth` levels deeper."""
    return ["    " * depth + line if line else line for line in lines]


def joined(*blocks: Lines) -> Lines:
    """The blocks that are not empty, with an empty line between two."""
    lines: Lines = []
    for block in blocks:
        if block:
            lines += ["", *block] if lines else block
    return lines


COUNTS = ("item_count", "merge_count", "head_count", "slot_count", "tokens", "heads")
"""Parameters that differ from launch to launch without mattering to the code."""


def function_head(name: str, parameters: tuple[Parameter, ...]) -> Lines:
    """The decorated `def`, its parameters in lines of one kind each.

    Triton compiles anew for integers that are 1 or multiples of 16: `COUNTS` are exempt.
    """
    names = {parameter.name: parameter.kind for parameter in parameters}
    counts = ", ".join(f'"{count}"' for count in COUNTS if count in names)
    lines: Lines = []
    for kinds in (("rows", "result", "float32"), ("table",), ("stride",), ("count", "scale")):
        together = ", ".join(name for name, kind in names.items() if kind in kinds)
        lines += wrap(f"{together},", LINE - 4) if together else []
    for offsets, whole in (("OFFSETS", "row"), ("TILE_OFFSETS", "tile")):
        if offsets in names:
            lines.append(f"{offsets}: tl.constexpr,  # int32 where every offset of a {whole} fits, else int64")
    return [f"@triton.jit(do_not_specialize=[{counts}])", f"def {name}(", *indent(lines), "):"]


def head_dim_constants(head_dim: int) -> Lines:
    """HEAD_DIM, and DIMS where it has to be padded to a power of two."""
    lines = [f"HEAD_DIM: tl.constexpr = {head_dim}"]
    if is_padded(head_dim):
        lines.append(f"DIMS: tl.constexpr = {padded(head_dim)}  # padded with zeros")
    return lines


def dims_line(head_dim: int) -> str:
    """The positions along the head dimension."""
    return f"dims = tl.arange(0, {dims_constant(head_dim)})"


def is_padded(head_dim: int) -> bool:
    """Whether loads have to leave out the end of a row."""
    return padded(head_dim) != head_dim


def dims_constant(head_dim: int) -> str:
    """The name of the padded head dimension."""
    return "DIMS" if is_padded(head_dim) else "HEAD_DIM"


def program_block() -> Lines:
    """Which item, head and batch row a program of `forward` or `dq` works on."""
    return [
        "# This program: one item of one head of one batch row.",
        "program = tl.program_id(0)",
        "item = items_ptr + program % item_count * ITEM_WORDS",
        "head = tl.load(heads_ptr + program // item_count % head_count)",
        "kv_head = (head // group_size).to(tl.int64)",
        "head = head.to(tl.int64)",
        "batch = (program // (item_count * head_count)).to(tl.int64)",
    ]


def kv_program_block() -> Lines:
    """Which item, kv head and batch row a program of `dkv` works on, and where its query heads are listed."""
    return [
        "# This program: one item of one kv head of one batch row, for the query heads listed for that kv head.",
        "program = tl.program_id(0)",
        "item = items_ptr + program % item_count * ITEM_WORDS",
        "entry = kv_heads_ptr + program // item_count % head_count * 3",
        "kv_head = tl.load(entry).to(tl.int64)",
        "heads_begin = tl.load(entry + 1)",
        "heads_end = tl.load(entry + 2)",
        "batch = (program // (item_count * head_count)).to(tl.int64)",
    ]


def item_block(spec: KernelSpec) -> Lines:
    """The item's own rows and spans."""
    names = [("origin", "ORIGIN"), ("count", "COUNT")]
    if spec.full:
        names.append(("full_begin", "FULL"))
    if spec.full or spec.interval is not None:
        names.append(("interval_begin", "INTERVAL"))
    if spec.interval is not None or spec.bits:
        names.append(("bits_begin", "BITS"))
    if spec.bits:
        names.append(("bits_end", "END"))
    if spec.gathered:
        names += [("gather_begin", "GATHER"), ("gather_end", "GATHER_END")]
    lines = [f"{name} = tl.load(item + {column})" for name, column in names]
    return ["# The item: its own rows and its spans of tiles.", *lines]


def segment_block(spec: KernelSpec) -> Lines:
    """The stretch of the batch row that positions are relative to."""
    lines = ["# Positions are relative to a segment of the batch row.", "base = tl.load(segments_ptr).to(tl.int64)"]
    if spec.own == "contiguous":
        lines.append("first = base + origin")
    if spec.interval is not None or spec.bits or spec.lattice is not None:
        lines.append("length = tl.load(segments_ptr + 1)")
    return lines


def own_start(spec: KernelSpec) -> str:
    """What pointers to own rows are moved by, in rows: contiguous rows start there, listed ones count from there."""
    return "first" if spec.own == "contiguous" else "base"


PRESENT = "present = dims[None, :] < HEAD_DIM"
"""Which of the padded dims there are."""


def load(address: str, head_dim: int, exist: str | None) -> str:
    """A load of [*, dims]; `exist` names the vector that says which rows there are, None if all are."""
    conditions = [f"{exist}[:, None]"] if exist else []
    if is_padded(head_dim):
        conditions.append("present")
    if not conditions:
        return f"tl.load({address})"
    return f"tl.load({address}, mask={' & '.join(conditions)}, other=0.0)"


def store_mask(head_dim: int) -> str:
    """The mask of a store of [rows, dims]."""
    return "live[:, None] & present" if is_padded(head_dim) else "live[:, None]"
