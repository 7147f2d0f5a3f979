"""The rows of generated kernels: which positions a tile's own rows and counterparts are, and which of them exist.

For: neighbours, lists, and lattices, spelled once for all roles. Not for: the frame of a kernel (`triton_blocks.py`) or
the loops over counterpart tiles (`triton_loops.py`).

A program numbers its own `rows` and the `columns` of a counterpart tile from 0: masks are looked up by these numbers.
Where they are, relative to the tile's origin, is the number itself for neighbours and `row_positions` or
`column_positions` on a lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.codegen.expr import Expression, ends_within, greatest, least
from patternc.codegen.plan import KernelSpec, RowInterval
from patternc.codegen.triton_blocks import PRESENT, Lines, dims_line, head_dim_constants, is_padded


@dataclass(frozen=True, slots=True)
class Side:
    """What the text calls the queries or the keys: one, several, how many are in a tile and a run, a position."""

    one: str
    many: str
    tile: str
    run: str
    position: str


QUERY = Side("query", "queries", "QUERIES", "QUERY_RUN", "i")
KEY = Side("key", "keys", "KEYS", "KEY_RUN", "j")


def sides(spec: KernelSpec) -> tuple[Side, Side]:
    """(own, counterpart)."""
    return (KEY, QUERY) if spec.role == "dkv" else (QUERY, KEY)


def constants(spec: KernelSpec) -> Lines:
    """Tile sizes, head dimension and lattice, by name."""
    own, counterpart = sides(spec)
    return [
        f"{own.tile}: tl.constexpr = {spec.own_tile}",
        f"{counterpart.tile}: tl.constexpr = {spec.counterpart_tile}",
        *head_dim_constants(spec.head_dim),
        *_lattice_constants(spec, own, *([counterpart] if has_tiles(spec) else [])),
    ]


def own_constants(spec: KernelSpec) -> Lines:
    """Those of the own tile alone."""
    own, _ = sides(spec)
    tile = f"{own.tile}: tl.constexpr = {spec.own_tile}"
    return [tile, *head_dim_constants(spec.head_dim), *_lattice_constants(spec, own)]


def _lattice_constants(spec: KernelSpec, *sides_used: Side) -> Lines:
    if spec.lattice is None:
        return []
    lines = [f"STEP: tl.constexpr = {spec.lattice.step}  # from one position of a class to the next"]
    for side in sides_used:
        if is_packed(spec, side):
            remark = f"{side.many} of each class in a tile, class by class"
            lines.append(f"{side.run}: tl.constexpr = {_run(spec, side)}  # {remark}")
    return lines


def is_packed(spec: KernelSpec, side: Side) -> bool:
    """Whether a tile of that side has several classes of the lattice."""
    return _run(spec, side) < _tile(spec, side)


def _run(spec: KernelSpec, side: Side) -> int:
    own, _ = sides(spec)
    if spec.lattice is None:
        return _tile(spec, side)
    return spec.lattice.own_run if side is own else spec.lattice.counterpart_run


def _tile(spec: KernelSpec, side: Side) -> int:
    own, _ = sides(spec)
    return spec.own_tile if side is own else spec.counterpart_tile


def lattice_positions(spec: KernelSpec, side: Side, rows: str) -> str:
    """The positions of a tile's `rows` on the lattice, relative to its origin."""
    if not is_packed(spec, side):
        return f"({rows} * STEP).to(TILE_OFFSETS)"
    return f"({rows} % {side.run} * STEP + {rows} // {side.run}).to(TILE_OFFSETS)"


def rows_block(spec: KernelSpec) -> Lines:
    """Own and counterpart rows by number, own ones by position, and which of these exist."""
    _, counterpart = sides(spec)
    columns = [f"columns = tl.arange(0, {counterpart.tile})"]
    if spec.lattice is not None and has_tiles(spec):
        columns.append(f"column_positions = {lattice_positions(spec, counterpart, 'columns')}")
    bounds = () if spec.interval is None else interval_bounds(spec, spec.interval)
    position = any(bound is not None and bound.per_row for bound in bounds)
    own, _ = sides(spec)
    return own_block(spec, f"tl.arange(0, {own.tile})", columns, position=position)


def own_block(spec: KernelSpec, rows: str, columns: Lines, *, position: bool) -> Lines:
    """The own `rows` of a tile, where they are and which of them exist; `columns` say the same of the counterparts.

    `position`: the positions are asked for by name.
    """
    own, _ = sides(spec)
    lines = [f"rows = {rows}"]
    if spec.lattice is not None:
        lines.append(f"row_positions = {lattice_positions(spec, own, 'rows')}")
    lines += [*columns, dims_line(spec.head_dim), f"live = {_live(spec)}"]
    if is_padded(spec.head_dim):
        lines.append(PRESENT)
    if spec.own == "gathered":
        listed = f"{own.position} = {_listed_rows(own)}"
        return [f"# Own {own.many}: positions listed one by one.", *lines, listed]
    if position:
        lines.append(f"{own.position} = origin + {'rows' if spec.lattice is None else 'row_positions'}")
    if spec.lattice is None:
        return [f"# Own {own.many}.", *lines]
    classes = "one class" if not is_packed(spec, own) else f"{own.tile} // {own.run} neighbouring classes"
    return [f"# Own {own.many}: positions of {classes} modulo STEP, relative to the origin.", *lines]


def has_tiles(spec: KernelSpec) -> bool:
    """Whether there are counterpart tiles that are not listed one by one."""
    return spec.full or spec.interval is not None or spec.bits


def again_block(spec: KernelSpec) -> Lines:
    """Where own rows start, and which they are, once more after the loops: read anew, they cost these no registers."""
    own, _ = sides(spec)
    lines = [
        "# Where the rows go: read again, since keeping it through the loops would cost them registers.",
        "base = tl.load(segments_ptr, volatile=True).to(tl.int64)",
        "origin = tl.load(item + ORIGIN, volatile=True)",
    ]
    if spec.own == "gathered":
        return [
            *lines,
            "live = rows < tl.load(item + COUNT, volatile=True)",
            f"{own.position} = {_listed_rows(own)}",
        ]
    lines.append("first = base + origin")
    if spec.lattice is None:
        return lines
    return [
        *lines,
        "count = tl.load(item + COUNT, volatile=True)",
        "length = tl.load(segments_ptr + 1, volatile=True)",
        f"live = {_live(spec)}",
    ]


def _listed_rows(own: Side) -> str:
    return f"tl.load(gather_ptr + origin * {own.tile} + rows, mask=live, other=0)"


def _live(spec: KernelSpec) -> str:
    inside = "rows < count"
    return inside if spec.lattice is None else f"({inside}) & (row_positions < length - origin)"


def own_rows(spec: KernelSpec) -> str:
    """The own rows relative to `own_start`: within a tile if they are contiguous, else anywhere."""
    own, _ = sides(spec)
    if spec.own == "gathered":
        return f"{own.position}.to(OFFSETS)"
    return "rows" if spec.lattice is None else "row_positions"


def columns_of(spec: KernelSpec) -> str:
    """The positions of a counterpart tile's columns, relative to its origin."""
    return "columns" if spec.lattice is None else "column_positions"


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
