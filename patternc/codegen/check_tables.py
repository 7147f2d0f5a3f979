"""Range checks of tables that come from a file, before anything is launched: on a GPU their entries are addresses.

For: everything in a `TableSet` from which a kernel computes an address, and that every own row is written once. Not
for: whether the tables describe the right pattern (they are made anew from the normal form and compared) or the
integrity of files.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patternc.codegen.plan import KernelSpec, Lattice
from patternc.codegen.tables import (
    BITS,
    COUNT,
    END,
    FULL,
    GATHER,
    GATHER_END,
    INTERVAL,
    ITEM_WORDS,
    MERGE_WORDS,
    ORIGIN,
    PAIRS,
    SEGMENT_WORDS,
    SLOT,
    Int32,
    TableSet,
)

Int64 = NDArray[np.int64]

COLUMN_NAMES = ("origin", "count", "full", "interval", "bits", "end", "gather", "gather end", "slot", "pairs")


class TableError(ValueError):
    """A table has a wrong shape, or an entry outside its range; the message names the table, the row and the value."""


def check_tables(tables: TableSet, kernel: KernelSpec, tokens: int, every: bool | None = None) -> None:
    """Check the tables of one launch of `kernel` over `tokens` positions.

    `every` says that the launch has to own each position; where it is left out, a launch that does not accumulate has
    to. Raises TableError at the first entry that a kernel must not see: spans, tiles, mask rows, lists and positions
    out of range, tiles that hang over the end in a full span, slots that are not merged once, own rows written twice
    or never.
    """
    _shapes(tables, kernel)
    items, tile_count, listed = tables.items.astype(np.int64), tables.tiles.size - 1, tables.gathered.shape[0] - 1
    check = _Check(tables.name)

    spans = (FULL, INTERVAL, BITS, END)
    for column, bound in zip(spans, (*(items[:, later] for later in spans[1:]), tile_count), strict=True):
        check.inside(f"items {COLUMN_NAMES[column]}", items[:, column], 0, bound)
    check.inside("items gather", items[:, GATHER], 0, items[:, GATHER_END])
    check.inside("items gather end", items[:, GATHER_END], 0, listed)
    check.inside("items pairs", items[:, PAIRS], 0, np.iinfo(np.int32).max)
    check.inside("items count", items[:, COUNT], 1, kernel.own_tile)

    check.inside("tiles", tables.tiles, 0, tokens - 1)
    in_full = np.zeros(tile_count + 1, dtype=np.int64)
    np.add.at(in_full, items[:, FULL], 1)
    np.add.at(in_full, items[:, INTERVAL], -1)
    full = np.cumsum(in_full)[:-1] > 0
    lattice = _lattice(kernel)
    run, packed = lattice.counterpart_run, kernel.counterpart_tile // lattice.counterpart_run
    last = (run - 1) * lattice.step + packed - 1
    check.inside("tiles in a full span", tables.tiles[:-1][full], 0, tokens - 1 - last)
    check.inside("tile_bits", tables.tile_bits, 0, tables.bits.shape[0] - 1)
    check.inside("gather", tables.gather.reshape(-1), -1, tokens - 1)
    check.inside("gathered list", tables.gathered[:, 0], 0, tables.gather.shape[0] - 1)
    check.inside("gathered mask", tables.gathered[:, 1], 0, tables.bits.shape[0] - 1)

    expected = (0, tokens, 0, items.shape[0])
    for word, (value, right) in enumerate(zip(tables.segments[0].tolist(), expected, strict=True)):
        if value != right:
            raise TableError(f"table {tables.name}: segments row 0, word {word} is {value}, not {right}")
    every = not kernel.accumulate if every is None else every
    _own_rows(tables, kernel, _final(tables, items, check), tokens, every, check)


def _lattice(kernel: KernelSpec) -> Lattice:
    """The kernel's lattice; that of neighbours where it has none."""
    return kernel.lattice or Lattice(1, kernel.own_tile, kernel.counterpart_tile)


def _final(tables: TableSet, items: Int64, check: _Check) -> Int64:
    """Origin and live rows of every tile that is written: by its item, or by the merge of the item's shares, [W, 2]."""
    own = items[:, (ORIGIN, COUNT)]
    slot = items[:, SLOT]
    split = slot >= 0
    merges = tables.merges[:-1].astype(np.int64)
    first, number = merges[:, 2], merges[:, 3]
    check.inside("items slot", slot, -1, int(split.sum()) - 1)
    check.inside("merges slots", number, 1, slot.size)
    if not np.array_equal(np.sort(slot[split]), np.arange(int(split.sum()))):
        raise TableError(f"table {tables.name}: items slot: the slots in use are not 0..{int(split.sum())} once each")
    if not np.array_equal(first, np.cumsum(number) - number) or int(number.sum()) != int(split.sum()):
        raise TableError(f"table {tables.name}: merges do not add up the slots in use one after the other")
    merged = np.empty_like(own[split])
    merged[slot[split]] = own[split]
    (wrong,) = np.nonzero((merged != np.repeat(merges[:, :2], number, axis=0)).any(axis=1))
    if wrong.size:
        raise TableError(f"table {tables.name}: items slot {wrong[0]} is merged into another tile than its own")
    return np.concatenate([own[~split], merges[:, :2]])


def _shapes(tables: TableSet, kernel: KernelSpec) -> None:
    if (tables.own_tile, tables.counterpart_tile) != (kernel.own_tile, kernel.counterpart_tile):
        raise TableError(
            f"table {tables.name}: tiles are {tables.own_tile} x {tables.counterpart_tile}, but kernel {kernel.name} "
            f"works on {kernel.own_tile} x {kernel.counterpart_tile}"
        )
    width = kernel.own_tile if kernel.own == "gathered" else kernel.counterpart_tile
    _shape(tables, "items", tables.items, (None, ITEM_WORDS))
    _shape(tables, "tiles", tables.tiles, (None,))
    _shape(tables, "tile_bits", tables.tile_bits, (tables.tiles.size,))
    _shape(tables, "bits", tables.bits, (None, kernel.own_tile, kernel.counterpart_tile // 32))
    _shape(tables, "gather", tables.gather, (None, width))
    _shape(tables, "gathered", tables.gathered, (None, 2))
    _shape(tables, "merges", tables.merges, (None, MERGE_WORDS))
    _shape(tables, "segments", tables.segments, (1, SEGMENT_WORDS))
    for name, array in (("tiles", tables.tiles), ("bits", tables.bits), ("gather", tables.gather)):
        if array.shape[0] == 0:
            raise TableError(f"table {tables.name}: {name} is empty; it has at least one row")
    if tables.gathered.shape[0] == 0:
        raise TableError(f"table {tables.name}: gathered is empty; it has at least its pad entry")


def _shape(tables: TableSet, name: str, array: Int32, shape: tuple[int | None, ...]) -> None:
    expected = " x ".join("any" if extent is None else str(extent) for extent in shape)
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits:
        got = " x ".join(map(str, array.shape))
        raise TableError(f"table {tables.name}: {name} has the shape {got}, expected {expected}")
    if array.dtype != np.int32 or not array.flags.c_contiguous:
        raise TableError(f"table {tables.name}: {name} is {array.dtype}; it has to be contiguous int32")


class _Check:
    """Range checks that name the table."""

    def __init__(self, table: str) -> None:
        self.table = table

    def inside(self, what: str, values: Int64 | Int32, low: int, high: int | Int64) -> None:
        """Raise unless low <= values <= high throughout."""
        (wrong,) = np.nonzero((values < low) | (values > high))
        if wrong.size:
            row = int(wrong[0])
            end = high if isinstance(high, int) else int(high[row])
            raise TableError(f"table {self.table}: {what}, row {row} is {values[row]}, outside {low}..{end}")


def _own_rows(tables: TableSet, kernel: KernelSpec, final: Int64, tokens: int, every: bool, check: _Check) -> None:
    """No position is written twice, and each once where the launch has to have every one."""
    origin, count = final[:, 0], final[:, 1]
    row = np.arange(kernel.own_tile)
    live = row < count[:, None]
    if kernel.own == "contiguous":
        lattice = _lattice(kernel)
        check.inside("items origin", origin, 0, tokens - 1)
        rows = origin[:, None] + row % lattice.own_run * lattice.step + row // lattice.own_run
        # In a packed tile, rows beyond the end of the sequence are told by their position.
        if lattice.own_run < kernel.own_tile:
            live &= rows < tokens
        check.inside("items own rows", np.where(live, rows, 0).max(axis=1, initial=0), 0, tokens - 1)
    else:
        check.inside("items origin", origin, 0, tables.gather.shape[0] - 1)
        rows = tables.gather[origin]
        item, _ = np.nonzero(live & (rows < 0))
        if item.size:
            raise TableError(
                f"table {tables.name}: items count, row {item[0]} is {count[item[0]]}, beyond the list's end"
            )
    times = np.bincount(rows[live], minlength=tokens)
    if times.max(initial=0) > 1:
        raise TableError(f"table {tables.name}: position {int(times.argmax())} is owned by more than one item")
    if every and times.min(initial=1) < 1:
        raise TableError(
            f"table {tables.name}: position {int(times.argmin())} is owned by no item: every row of 0..{tokens} "
            "belongs to one"
        )
