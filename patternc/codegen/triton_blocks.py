"""The blocks that all generated kernels are made of: head, item, own rows, and the loops over counterpart tiles.

For: Triton text, one short function a block. Not for: what a role computes in its loops (`triton_forward.py`,
`triton_backward.py`) or the file around the kernels (`triton_module.py`).

A program keeps the *rows* of one own tile and visits the *columns* of its counterpart tiles: queries and keys in
`forward` and `dq`, keys and queries in `dkv`. Absent spans leave no line behind. Within a loop, the first position of
the *next* tile is read while the current one is worked on: a load that the current tile's addresses wait for would
cut the depth of the software pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Walk:
    """What a role does with each counterpart tile.

    `tensors` are loaded as [columns, dims] and `vectors` as [columns]: names with their pointers, the latter also with
    the value that stands for positions that do not exist. `row` is the stride from one row of the tensors to the next.
    With `heads`, each tile is met once for every query head listed in heads_begin..heads_end: one flat loop over both,
    so that the pipeline runs on from head to head. `scores` is the text of the raw products [rows, columns] and `step`
    what takes them into the state.
    """

    tensors: tuple[tuple[str, str], ...]
    vectors: tuple[tuple[str, str, str], ...]
    row: str
    heads: bool
    scores: str
    step: str


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
    names = [parameter.name for parameter in parameters]
    counts = ", ".join(f'"{count}"' for count in ("item_count", "head_count", "tokens", "heads") if count in names)
    lines: Lines = [f"@triton.jit(do_not_specialize=[{counts}])", f"def {name}("]
    line, kind = "", None
    for parameter in parameters:
        if parameter.kind == "offsets":
            continue
        family = "count" if parameter.kind == "scale" else "data" if parameter.kind in _POINTERS else parameter.kind
        if line and (family != kind or len(line) + len(parameter.name) + 6 > LINE):
            lines.append(f"    {line}")
            line = ""
        line += f"{' ' if line else ''}{parameter.name},"
        kind = family
    lines.append(f"    {line}")
    if any(parameter.kind == "offsets" for parameter in parameters):
        lines.append("    OFFSETS: tl.constexpr,  # int32 where every offset of a row fits, else int64")
    return [*lines, "):"]


_POINTERS = ("rows", "gradient", "float32")


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
        listed = f"tl.load(gather_ptr + origin * {own.tile} + rows, mask=live, other=0)"
        return [
            f"# Own {own.many}: positions listed one by one.",
            *lines,
            f"{own.position} = {listed}",
        ]
    return [f"# Own {own.many}.", *lines, f"{own.position} = origin + rows"]


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
    """`own_start` once more, after the loops: what is read anew is not held in registers through them."""
    start = "tl.load(segments_ptr, volatile=True).to(tl.int64)"
    if spec.own == "contiguous":
        start += " + tl.load(item + ORIGIN, volatile=True)"
    return [
        "# Where the rows go: read again, since keeping it through the loops would cost them registers.",
        f"{own_start(spec)} = {start}",
    ]


def own_rows(spec: KernelSpec) -> str:
    """The own rows relative to `own_start`: within a tile if they are contiguous, else anywhere."""
    own, _ = sides(spec)
    return "rows" if spec.own == "contiguous" else f"{own.position}.to(OFFSETS)"


def own_address(tensor: str, rows: str, stride: str) -> str:
    """Where the own rows [rows, dims] of a tensor are."""
    return f"{tensor}_ptr + {rows}[:, None] * {stride} + dims[None, :]"


def offsets_block(spec: KernelSpec, walk: Walk) -> Lines:
    """Addresses of a contiguous counterpart tile relative to its first position."""
    if not (spec.full or spec.interval is not None or spec.bits):
        return []
    return [f"offsets = columns[:, None] * {walk.row} + dims[None, :]"]


def bounds_block(spec: KernelSpec) -> Lines:
    """`lo` and `hi` of the own rows."""
    if spec.interval is None:
        return []
    own, counterpart = sides(spec)
    low, high = _bounds(spec, spec.interval)
    lines = [f"lo = {low.text}"] if low else []
    if high:
        lines.append(f"hi = {high.text}")
    kept = f"{'lo <= ' if low else ''}{counterpart.position}{' < hi' if high else ''}"
    if not lines:
        return []
    return [f"# In interval tiles, {own.one} {own.position} meets the {counterpart.many} {kept}.", *lines]


def loops(spec: KernelSpec, walk: Walk) -> Lines:
    """One loop for each kind of span in the tables."""
    return joined(
        _full_loop(spec, walk) if spec.full else [],
        _interval_loop(spec, walk, spec.interval) if spec.interval is not None else [],
        _bits_loop(spec, walk) if spec.bits else [],
        _gathered_loop(spec, walk) if spec.gathered else [],
    )


def _full_loop(spec: KernelSpec, walk: Walk) -> Lines:
    return [
        "# Full tiles: every pair.",
        *_loop(
            walk,
            ("full_begin", "interval_begin"),
            [_read_tile(spec)],
            _loads(spec, walk, None),
            [f"scores = {walk.scores}", walk.step],
        ),
    ]


def _interval_loop(spec: KernelSpec, walk: Walk, interval: RowInterval) -> Lines:
    _, counterpart = sides(spec)
    low, high = _bounds(spec, interval)
    kept: dict[str, str] = {}
    if low:
        kept["from_lo"] = _compare(">=", "lo", low, counterpart)
    if high:
        kept["below_hi"] = _compare("<", "hi", high, counterpart)
    elif spec.role == "forward":
        kept["exist[None, :]"] = ""
    masked = [f"scores = tl.where({' & '.join(kept)}, scores, MASKED)"] if kept else []
    return [
        "# Interval tiles: the pairs between lo and hi.",
        *_loop(
            walk,
            ("interval_begin", "bits_begin"),
            [_read_tile(spec)],
            [
                _exist(counterpart),
                *_loads(spec, walk, "exist"),
                *(f"{name} = {comparison}" for name, comparison in kept.items() if comparison),
            ],
            [f"scores = {walk.scores}", *masked, walk.step],
        ),
    ]


def _bits_loop(spec: KernelSpec, walk: Walk) -> Lines:
    _, counterpart = sides(spec)
    return [
        "# Bits tiles: a bit for each pair.",
        *_loop(
            walk,
            ("bits_begin", "bits_end"),
            [_read_tile(spec), "mask = tl.load(tile_bits_ptr + {tile})"],
            [_exist(counterpart), *_loads(spec, walk, "exist"), _unpack(spec)],
            [f"scores = {walk.scores}", "scores = tl.where(kept, scores, MASKED)", walk.step],
        ),
    ]


def _gathered_loop(spec: KernelSpec, walk: Walk) -> Lines:
    _, counterpart = sides(spec)
    position = counterpart.position
    return [
        f"# Gathered tiles: {counterpart.many} listed one by one (-1 pads a list), a bit for each pair.",
        *_loop(
            walk,
            ("gather_begin", "gather_end"),
            [
                "entry = gathered_ptr + ({tile}) * 2",
                f"{position} = tl.load(gather_ptr + tl.load(entry) * {counterpart.tile} + columns)",
                "mask = tl.load(entry + 1)",
            ],
            [f"exist = {position} >= 0", *_gathered_loads(spec, walk, position), _unpack(spec)],
            [f"scores = {walk.scores}", "scores = tl.where(kept, scores, MASKED)", walk.step],
        ),
    ]


def _loop(walk: Walk, span: tuple[str, str], reads: Lines, loads: Lines, work: Lines) -> Lines:
    """A loop over a span of tiles: `reads` say which tile is next, with {tile} its number; `loads` are of the current.

    The next tile is read between the loads and the work: the pipeline starts its copies while the work goes on.
    """
    begin, end = span
    if not walk.heads:
        return [
            *(line.format(tile=begin) for line in _plain(reads)),
            f"for tile in range({begin}, {end}):",
            *indent([*loads, *(line.format(tile="tile + 1") for line in reads), *work]),
        ]
    now = [line.format(tile="tile") for line in _plain(reads)]
    return [
        f"tile = {begin}",
        "h = heads_begin",
        *now,
        "head = tl.load(heads_ptr + h)",
        f"for _ in range(({end} - {begin}) * (heads_end - heads_begin)):",
        *indent([*loads, *_ADVANCE, *now, "head = tl.load(heads_ptr + h)", *work]),
    ]


_ADVANCE = [
    "# Read one step ahead: the same tile for the next head, or the next tile for the first.",
    "h += 1",
    "wrapped = h == heads_end",
    "h = tl.where(wrapped, heads_begin, h)",
    "tile = tl.where(wrapped, tile + 1, tile)",
]


def _plain(reads: Lines) -> Lines:
    """The reads without the remark that fits the loop only, and without brackets around a name."""
    return [line.removesuffix(_AHEAD).replace("({tile})", "{tile}") for line in reads]


_AHEAD = "  # one tile ahead: keeps the pipeline full"


def _read_tile(spec: KernelSpec) -> str:
    _, counterpart = sides(spec)
    return f"{counterpart.one} = tl.load(tiles_ptr + {{tile}}){_AHEAD}"


def _exist(counterpart: Side) -> str:
    return f"exist = columns < length - {counterpart.one}"


def _unpack(spec: KernelSpec) -> str:
    own, counterpart = sides(spec)
    words = f"bits_ptr + mask * {own.tile} * ({counterpart.tile} // 32)"
    return f"kept = unpack({words}, rows, columns, {counterpart.tile})"


def _loads(spec: KernelSpec, walk: Walk, exist: str | None) -> Lines:
    _, counterpart = sides(spec)
    head = "head.to(OFFSETS) * q_head + " if walk.heads else ""
    lines = [f"start = {head}{counterpart.one}.to(OFFSETS) * {walk.row}"]
    for name, pointer in walk.tensors:
        lines.append(f"{name} = {load(f'{pointer} + start + offsets', spec.head_dim, exist)}")
    if walk.vectors:
        lines.append(f"start = head.to(OFFSETS) * lse_head + {counterpart.one}")
    for name, pointer, missing in walk.vectors:
        masked = f", mask={exist}, other={missing}" if exist else ""
        lines.append(f"{name} = tl.load({pointer} + start + columns{masked})")
    return lines


def _gathered_loads(spec: KernelSpec, walk: Walk, position: str) -> Lines:
    head = "head.to(OFFSETS) * q_head + " if walk.heads else ""
    lines = [f"listed = {head}{position}.to(OFFSETS)[:, None] * {walk.row} + dims[None, :]"]
    for name, pointer in walk.tensors:
        lines.append(f"{name} = {load(f'{pointer} + listed', spec.head_dim, 'exist')}")
    if walk.vectors:
        lines.append(f"listed = head.to(OFFSETS) * lse_head + {position}")
    for name, pointer, missing in walk.vectors:
        lines.append(f"{name} = tl.load({pointer} + listed, mask=exist, other={missing})")
    return lines


def _bounds(spec: KernelSpec, interval: RowInterval) -> tuple[Expression | None, Expression | None]:
    """`lo` and `hi`; hi ends at the segment's length where a tile's tail could otherwise count.

    It could only where columns are keys: the lse of a query that does not exist is +inf, so its weights are 0.
    """
    own, _ = sides(spec)
    low = greatest(interval.lows, own.position)
    high = least(interval.highs, own.position)
    if high and spec.role != "dkv" and not ends_within(interval.highs):
        high = Expression(f"tl.minimum({high.text}, length)", high.per_row)
    return low, high


def _compare(operator: str, name: str, bound: Expression, counterpart: Side) -> str:
    relative = f"({name} - {counterpart.one})[:, None]" if bound.per_row else f"{name} - {counterpart.one}"
    return f"columns[None, :] {operator} {relative}"
