"""The items of a table set, read as places: what `cpu_schedule.py` sorts into batches.

For: turning the words of tables into rows, tiles and masks of each item, for tiles of neighbours and for tiles on a
lattice alike. Not for: deciding which items are done together (`cpu_schedule.py`).

A *place* is where a position lies once the sequence is laid out class by class (`cpu_fold.py`); without a lattice there
is one class, and places are positions. In places, the rows of a tile that stays within one class are neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from patternc.codegen.plan import KernelSpec
from patternc.codegen.tables import BITS, COUNT, END, FULL, GATHER, GATHER_END, INTERVAL, ORIGIN, Int32
from patternc.runtime.cpu_fold import Fold

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

ALL = -1
"""Stands for a tile that every row attends whole."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """What the places of a tile's rows depend on; a run as long as the tile keeps it within one class."""

    own_tile: int
    own_run: int
    width: int
    run: int
    own_gathered: bool
    fold: Fold

    @property
    def packed(self) -> bool:
        """Whether own tiles hold rows of several classes."""
        return self.own_run < self.own_tile or self.run < self.width

    @property
    def pack(self) -> int:
        """Classes of an own tile."""
        return self.own_tile // self.own_run


def tiling_of(kernel: KernelSpec, tokens: int) -> Tiling:
    """The tiling of a launch of `kernel` over `tokens` positions."""
    own_tile, width, lattice = kernel.own_tile, kernel.counterpart_tile, kernel.lattice
    if lattice is None:
        fold = Fold(1, tokens, tokens)
        return Tiling(own_tile, own_tile, width, width, kernel.own == "gathered", fold)
    longest = -(-tokens // lattice.step)
    if lattice.own_run < own_tile or lattice.counterpart_run < width:
        # Runs are powers of two: every tile of either side then ends inside its classes.
        longest = -(-longest // (run := max(lattice.own_run, lattice.counterpart_run))) * run
    fold = Fold(lattice.step, longest, tokens)
    return Tiling(own_tile, lattice.own_run, width, lattice.counterpart_run, False, fold)


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """G items alike: with as many rows [G, M] and S tiles of keys each.

    `starts` [G, A] is the first place of each tile whose places are neighbours, A of them; the rest are in `lists`
    [G, S - A, width]. `masks` [G, S] is the row of `bits`, or ALL. There are `places` places, `period` to a class;
    a tile of keys is in `pack` classes.
    """

    rows: Int64
    contiguous: bool
    starts: Int64
    lists: Int64
    masks: Int64
    width: int
    period: int
    pack: int
    places: int

    def some(self, chosen: Int64) -> Items:
        """The items at these indices."""
        return replace(
            self,
            rows=self.rows[chosen],
            starts=self.starts[chosen],
            lists=self.lists[chosen],
            masks=self.masks[chosen],
        )

    def content(self) -> tuple[bytes, ...]:
        """Equal for equal items, among those of one tiling."""
        arrays = (self.rows, self.starts, self.lists, self.masks)
        shapes = (*self.rows.shape, *self.starts.shape, *self.lists.shape, self.places)
        return (repr(shapes).encode(), *(array.tobytes() for array in arrays))

    def in_order(self) -> Items:
        """The same with each item's tiles by place, where there are no lists."""
        if self.lists.shape[1]:
            return self
        order = np.argsort(self.starts, axis=1, kind="stable")
        starts, masks = (np.take_along_axis(array, order, axis=1) for array in (self.starts, self.masks))
        return replace(self, starts=starts, masks=masks)


def live_rows(items: Int32, tiling: Tiling) -> tuple[Int64, Int64]:
    """(rows of each item that exist, rows to compute, which may be more: places of no position hold zeros).

    Raises ValueError for tables that leave out rows in the middle of a tile.
    """
    counts = items[:, COUNT].astype(np.int64)
    fold = tiling.fold
    if tiling.own_gathered:
        return counts, counts
    classes, members = _place(items[:, ORIGIN], fold)
    if not tiling.packed:
        lengths = _lengths(classes, fold)
        live = np.minimum(counts, lengths - members)
        # Classes differ by one in length: with one place more for the shorter ones, all items of a batch are alike.
        to_end = (members + live == lengths) & (lengths < fold.period) & (live < tiling.own_tile)
        return live, live + to_end
    row = np.arange(tiling.own_tile)
    number, member = classes[:, None] + row // tiling.own_run, members[:, None] + row % tiling.own_run
    exist = (number < fold.step) & (member < _lengths(number, fold))
    if np.any(exist != (row < counts[:, None]) & (number + member * fold.step < fold.tokens)):
        raise ValueError("tables for the CPU have packed tiles that own all their positions; these do not")
    return exist.sum(axis=1), np.full_like(counts, tiling.own_tile)


def read_items(items: Int32, count: int, arrays: dict[str, Int32], tiling: Tiling, first: int, places: int) -> Items:
    """Items with `count` rows to compute and as many tiles of each span each.

    Places count from `first` on, and there are `places` of them.
    """
    fold = tiling.fold
    full = int(items[0, INTERVAL] - items[0, FULL])
    partial, listed = int(items[0, END] - items[0, BITS]), int(items[0, GATHER_END] - items[0, GATHER])
    tiles = (_spans(arrays["tiles"], items[:, FULL], full), _spans(arrays["tiles"], items[:, BITS], partial))
    origins = np.concatenate(tiles, axis=1)
    gathered = _spans(arrays["gathered"], items[:, GATHER], listed)
    partial_masks = _spans(arrays["tile_bits"], items[:, BITS], partial)
    masks = np.concatenate((np.full((len(items), full), ALL), partial_masks, gathered[..., 1]), axis=1)
    classes, members = _place(origins, fold)
    starts = classes * fold.period + members - first
    lists = _place_of(np.maximum(arrays["gather"][gathered[..., 0]], 0), fold) - first
    if tiling.run < min(tiling.width, fold.period):
        lists = np.concatenate((_tile_places(starts, tiling.width, tiling.run, fold), lists), axis=1)
        starts = starts[:, :0]
    if tiling.own_gathered:
        rows = _place_of(arrays["gather"][items[:, ORIGIN], :count], fold)
    else:
        begins = _place_of(items[:, ORIGIN], fold)
        rows = _tile_places(begins, tiling.own_tile, tiling.own_run, fold)[:, :count]
    return Items(
        rows=rows - first,
        contiguous=not tiling.own_gathered and (tiling.pack == 1 or tiling.own_run == fold.period),
        starts=starts,
        lists=lists,
        masks=masks.astype(np.int64),
        width=tiling.width,
        period=fold.period,
        pack=tiling.width // tiling.run,
        places=places,
    )


def own_class_only(items: Int32, arrays: dict[str, Int32], tiling: Tiling) -> bool:
    """Whether every tile of keys is in the classes of the rows that visit it, so that classes can be done apart."""
    if np.any(items[:, GATHER_END] > items[:, GATHER]) or tiling.pack != tiling.width // tiling.run:
        return False
    step = tiling.fold.step
    own = items[:, ORIGIN] % step
    for begin, end in ((FULL, INTERVAL), (BITS, END)):
        counts = items[:, end] - items[:, begin]
        owners = np.repeat(np.arange(len(items)), counts)
        inside = np.arange(owners.size) - np.repeat(np.cumsum(counts) - counts, counts)
        visited = arrays["tiles"][items[owners, begin] + inside]
        if np.any(visited % step != own[owners]):
            return False
    return True


def _place(positions: Int32, fold: Fold) -> tuple[Int64, Int64]:
    """(class, member) of positions."""
    wide = positions.astype(np.int64)
    return wide % fold.step, wide // fold.step


def _place_of(positions: Int32, fold: Fold) -> Int64:
    classes, members = _place(positions, fold)
    return classes * fold.period + members


def _lengths(classes: Int64, fold: Fold) -> Int64:
    """How many positions classes have."""
    return -((classes - fold.tokens) // fold.step)


def _tile_places(begins: Int64, tile: int, run: int, fold: Fold) -> Int64:
    """The places [..., tile] of the rows of tiles that begin at the places `begins` [...]."""
    row = np.arange(tile)
    return begins[..., None] + row // run * fold.period + row % run


def _spans(array: Int32, begins: Int32, length: int) -> Int32:
    """array[begin : begin + length] for each begin: [len(begins), length, ...]."""
    return array[begins[:, None].astype(np.int64) + np.arange(length)]
