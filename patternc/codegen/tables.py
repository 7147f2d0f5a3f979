"""TableSet: the integer arrays that a launch walks, and nothing that is decided elsewhere.

For: the one table format of forward, dQ and dK/dV, on every target. Not for: choosing tiles (`analysis/tiles.py`) or
decisions (`plan.py`, `lower.py`). All arrays are int32 and C-contiguous.

items    [I, 10]  one row per own tile, or per share of a split one, most expensive first (the columns are below)
tiles    [T + 1]  first position of each counterpart tile of an item's full, interval and bits spans; one pad entry
tile_bits[T + 1]  row of `bits` for a tile in a bits span, 0 elsewhere; one pad entry
bits     [U, own_tile, counterpart_tile // 32]  mask of a tile, bit c % 32 of word c // 32 is counterpart c; distinct
                  rows only; row and counterpart positions beyond the end of the sequence have bit 0; U >= 1
gather   [G, width]  lists of positions, padded with -1; width is counterpart_tile (gathered counterparts) or own_tile
                  (gathered own rows); G >= 1
gathered [S + 1, 2]  for each gathered counterpart tile: row of `gather`, row of `bits`; one pad entry
merges   [M + 1, 4]  own origin, live own rows, first slot and number of slots of each own tile whose item is split;
                  one pad entry
segments [1, 4]   base, length, item_begin, item_end: the stretch of the batch row that the items are relative to (one
                  segment now; packed documents reuse the items with other bases)

Columns of `items`: ORIGIN first own position (or row of `gather` when own rows are gathered); COUNT live own rows
(1..own_tile); FULL, INTERVAL, BITS, END: `tiles[FULL:INTERVAL]` are full, `tiles[INTERVAL:BITS]` interval,
`tiles[BITS:END]` bits; GATHER, GATHER_END the item's rows of `gathered`; SLOT -1 (the item writes its rows itself) or
the slot its share of the tile goes to; PAIRS the useful pairs of the item, clipped to int32.

Row r of a tile that begins at `origin` is position origin + r, on a lattice origin + (r % run) * step + r // run
(`plan.Lattice`). Own row r is live when r < COUNT and, on a lattice, its position exists: where classes are packed, a
short class leaves a hole, whose rows lie beyond the end; COUNT leaves classes out that do not exist, whose rows would
be positions of other classes. Both tests together are exact; in a tile of one class, COUNT alone is. A tile in a full
span never needs the second test for its counterparts.

A full tile has every live row attending every one of its counterpart positions, all of which exist. Interval and bits
tiles may hang over the end of the sequence: loads are masked there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int32 = NDArray[np.int32]

ORIGIN, COUNT, FULL, INTERVAL, BITS, END, GATHER, GATHER_END, SLOT, PAIRS = range(10)
TABLE_ARRAYS = ("items", "tiles", "tile_bits", "bits", "gather", "gathered", "merges", "segments")
"""The arrays of a TableSet, in the order in which files and operators hold them."""
ITEM_WORDS = 10
MERGE_WORDS = 4
SEGMENT_WORDS = 4


@dataclass(frozen=True, slots=True, eq=False)
class TableSet:
    """The arrays of one launch, as the file comment says. `name` is stable and unique within a module."""

    name: str
    own_tile: int
    counterpart_tile: int
    items: Int32
    tiles: Int32
    tile_bits: Int32
    bits: Int32
    gather: Int32
    gathered: Int32
    merges: Int32
    segments: Int32
