"""The loops of generated kernels: one for each kind of span in the tables.

For: what all roles do with counterpart tiles: read which is next, load it, mask the products. Not for: what a role
makes of the products, which its `Walk` says, or the lines around the loops (`triton_blocks.py`).

The first position of the *next* tile is read while the current one is worked on: a load that the current tile's
addresses wait for would cut the depth of the software pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.codegen.expr import Expression
from patternc.codegen.plan import KernelSpec, RowInterval
from patternc.codegen.triton_blocks import Lines, indent, joined, load
from patternc.codegen.triton_rows import Side, columns_of, has_tiles, interval_bounds, sides

FLAT = '''@triton.jit
def flat(column):
    """[rows, 1] as [rows]. A sum fixes the layout: else each thread would copy all the rows that it needs itself."""
    return tl.sum(column, 1)
'''


@dataclass(frozen=True, slots=True)
class Walk:
    """What a role does with each counterpart tile.

    `tensors` are loaded as [columns, dims] and `vectors` as [columns], by way of `FLAT`: names with their pointers, the
    latter also with the value that stands for positions that do not exist. `row` is the stride from one row of the
    tensors to the next. With `heads`, each tile is met once for every query head listed in heads_begin..heads_end: one
    flat loop over both, so that the pipeline runs on from head to head. `scores` is the text of the raw products [rows,
    columns] and `step` what takes them into the state.
    """

    tensors: tuple[tuple[str, str], ...]
    vectors: tuple[tuple[str, str, str], ...]
    row: str
    heads: bool
    scores: str
    step: str


def offsets_block(spec: KernelSpec, walk: Walk) -> Lines:
    """Addresses of a contiguous counterpart tile relative to its first position."""
    if not has_tiles(spec):
        return []
    return [f"offsets = {columns_of(spec)}[:, None] * {walk.row} + dims[None, :]"]


def bounds_block(spec: KernelSpec) -> Lines:
    """`lo` and `hi` of the own rows."""
    if spec.interval is None:
        return []
    own, counterpart = sides(spec)
    low, high = interval_bounds(spec, spec.interval)
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
    low, high = interval_bounds(spec, interval)
    kept: dict[str, str] = {}
    if low:
        kept["from_lo"] = _compare(spec, ">=", "lo", low)
    if high:
        kept["below_hi"] = _compare(spec, "<", "hi", high)
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
                _exist(spec, counterpart),
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
            [_exist(spec, counterpart), *_loads(spec, walk, "exist"), _unpack(spec)],
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


def _exist(spec: KernelSpec, counterpart: Side) -> str:
    return f"exist = {columns_of(spec)} < length - {counterpart.one}"


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
        masked = f", mask={exist}[:, None], other={missing}" if exist else ""
        lines.append(f"{name} = flat(tl.load({pointer} + start + {columns_of(spec)}[:, None]{masked}))")
    return lines


def _gathered_loads(spec: KernelSpec, walk: Walk, position: str) -> Lines:
    head = "head.to(OFFSETS) * q_head + " if walk.heads else ""
    lines = [f"listed = {head}{position}.to(OFFSETS)[:, None] * {walk.row} + dims[None, :]"]
    for name, pointer in walk.tensors:
        lines.append(f"{name} = {load(f'{pointer} + listed', spec.head_dim, 'exist')}")
    if walk.vectors:
        lines.append(f"listed = head.to(OFFSETS) * lse_head + {position}[:, None]")
    for name, pointer, missing in walk.vectors:
        lines.append(f"{name} = flat(tl.load({pointer} + listed, mask=exist[:, None], other={missing}))")
    return lines


def _compare(spec: KernelSpec, operator: str, name: str, bound: Expression) -> str:
    _, counterpart = sides(spec)
    relative = f"({name} - {counterpart.one})[:, None]" if bound.per_row else f"{name} - {counterpart.one}"
    return f"{columns_of(spec)}[None, :] {operator} {relative}"
