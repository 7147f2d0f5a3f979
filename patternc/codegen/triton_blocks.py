"""The blocks that all generated kernels are made of: their heads, the item of a program, its own rows.

For: Triton text, one short function a block. Not for: the loops over counterpart tiles (`triton_loops.py`), what a role
computes in them (`triton_forward.py`, `triton_backward.py`), or the file around the kernels (`triton_module.py`).

A program keeps the *rows* of one own tile and visits the *columns* of its counterpart tiles: queries and keys in
`forward` and `dq`, keys and queries in `dkv`. What a kernel's tables do not need leaves no line behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from patternc.codegen.expr import Expression, ends_within, greatest, least
from patternc.codegen.plan import KernelSpec, RowInterval
from patternc.codegen.signature import Parameter

Lines = list[str]
"""Lines of text without their common indentation."""

LINE = 120
"""Longest line of a signature."""


@dataclass(frozen=True, slots=True)
class Side:
    """What the text calls the queries or the keys: one of them, several, the size of a tile, and a position."""

    one: str
    many: str
    tile: str
    position: str


QUERY = Side("query", "queries", "QUERIES", "i")
KEY = Side("key", "keys", "KEYS", "j")


def sides(spec: KernelSpec) -> tuple[Side, Side]:
    """(own, counterpart)."""
    return (KEY, QUERY) if spec.role == "dkv" else (QUERY, KEY)


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


def function_head(name: str, parameters: tuple[Parameter, ...]) -> Lines:
    """The decorated `def`, its parameters in lines of one kind each.

    Triton compiles anew for integers that are 1 or multiples of 16: counts differ from launch to launch without
    mattering to the code, so they are exempt.
    """
    names = {parameter.name: parameter.kind for parameter in parameters}
    counts = ", ".join(f'"{count}"' for count in ("item_count", "head_count", "tokens", "heads") if count in names)
    lines: Lines = []
    for kinds in (("rows", "gradient", "float32"), ("table",), ("stride",), ("count", "scale")):
        together = ", ".join(name for name, kind in names.items() if kind in kinds)
        lines += wrap(f"{together},", LINE - 4) if together else []
    if "OFFSETS" in names:
        lines.append("OFFSETS: tl.constexpr,  # int32 where every offset of a row fits, else int64")
    return [f"@triton.jit(do_not_specialize=[{counts}])", f"def {name}(", *indent(lines), "):"]


def constants(spec: KernelSpec) -> Lines:
    """Tile sizes and head dimension, by name."""
    own, counterpart = sides(spec)
    return [
        f"{own.tile}: tl.constexpr = {spec.own_tile}",
        f"{counterpart.tile}: tl.constexpr = {spec.counterpart_tile}",
        *head_dim_constants(spec.head_dim),
    ]


def head_dim_constants(head_dim: int) -> Lines:
    """HEAD_DIM, and DIMS where it has to be padded to a power of two."""
    lines = [f"HEAD_DIM: tl.constexpr = {head_dim}"]
    if is_padded(head_dim):
        lines.append(f"DIMS: tl.constexpr = {padded(head_dim)}  # padded with zeros")
    return lines


def dims_line(head_dim: int) -> str:
    """The positions along the head dimension."""
    return f"dims = tl.arange(0, {dims_constant(head_dim)})"


def padded(head_dim: int) -> int:
    """The least power of two from 16 on that holds the head dimension."""
    return max(16, 1 << (head_dim - 1).bit_length())


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
    if spec.interval is not None or spec.bits:
        lines.append("length = tl.load(segments_ptr + 1)")
    return lines


def own_start(spec: KernelSpec) -> str:
    """What pointers to own rows are moved by, in rows: contiguous rows start there, listed ones count from there."""
    return "first" if spec.own == "contiguous" else "base"


def rows_block(spec: KernelSpec) -> Lines:
    """Own positions, and which of them exist."""
    own, counterpart = sides(spec)
    lines = [
        f"rows = tl.arange(0, {own.tile})",
        f"columns = tl.arange(0, {counterpart.tile})",
        dims_line(spec.head_dim),
        "live = rows < count",
    ]
    if is_padded(spec.head_dim):
        lines.append(PRESENT)
    if spec.own == "gathered":
        listed = f"{own.position} = {_listed_rows(own, 'origin')}"
        return [f"# Own {own.many}: positions listed one by one.", *lines, listed]
    bounds = () if spec.interval is None else interval_bounds(spec, spec.interval)
    if any(bound is not None and bound.per_row for bound in bounds):
        lines.append(f"{own.position} = origin + rows")
    return [f"# Own {own.many}.", *lines]


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


def again_block(spec: KernelSpec) -> Lines:
    """Where own rows start, and which they are, once more after the loops: read anew, they cost these no registers."""
    own, _ = sides(spec)
    base, origin = "tl.load(segments_ptr, volatile=True).to(tl.int64)", "tl.load(item + ORIGIN, volatile=True)"
    remark = "# Where the rows go: read again, since keeping it through the loops would cost them registers."
    if spec.own == "contiguous":
        return [remark, f"first = {base} + {origin}"]
    return [remark, f"base = {base}", f"{own.position} = {_listed_rows(own, origin)}"]


def _listed_rows(own: Side, origin: str) -> str:
    return f"tl.load(gather_ptr + {origin} * {own.tile} + rows, mask=live, other=0)"


def own_rows(spec: KernelSpec) -> str:
    """The own rows relative to `own_start`: within a tile if they are contiguous, else anywhere."""
    own, _ = sides(spec)
    return "rows" if spec.own == "contiguous" else f"{own.position}.to(OFFSETS)"


def own_address(tensor: str, rows: str, stride: str) -> str:
    """Where the own rows [rows, dims] of a tensor are."""
    return f"{tensor}_ptr + {rows}[:, None] * {stride} + dims[None, :]"


def interval_bounds(spec: KernelSpec, interval: RowInterval) -> tuple[Expression | None, Expression | None]:
    """`lo` and `hi`; hi ends at the segment's length where a tile's tail could otherwise count.

    It could only where columns are keys: the lse of a query that does not exist is +inf, so its weights are 0.
    """
    own, _ = sides(spec)
    low = greatest(interval.lows, own.position)
    high = least(interval.highs, own.position)
    if high and spec.role != "dkv" and not ends_within(interval.highs):
        high = Expression(f"tl.minimum({high.text}, length)", high.per_row)
    return low, high
