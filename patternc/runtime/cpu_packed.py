"""Packed classes on the CPU: all keys of a pack as one tile, in the order of their places.

For: short residue classes that share tiles. Tables hold a few positions of each class in one tile of keys, and the next
ones in another; laid out class by class (`cpu_fold.py`) the keys of a pack are neighbours, and one tile of them is read
in place. Not for: any other tables.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from patternc.codegen.tables import BITS, END, FULL, INTERVAL, ORIGIN, Int32
from patternc.runtime.cpu_items import Tiling, own_class_only

Arrays = dict[str, Int32]
Octets = NDArray[np.uint8]


def whole_packs(items: Int32, arrays: Arrays, octets: Octets, tiling: Tiling) -> tuple[Int32, Arrays, Octets, Tiling]:
    """The same items with one tile of keys each, where all keys are of the pack's own classes; else what was given.

    `octets` [U, own_tile, width // 8] are the rows of `bits`, byte by byte.
    """
    period, step = tiling.fold.period, tiling.fold.step
    if not tiling.packed or tiling.own_run != period or not own_class_only(items, arrays, tiling):
        return items, arrays, octets, tiling
    blocks = period // tiling.run
    masks = np.unpackbits(octets, axis=2, bitorder="little")
    every, none = len(masks), len(masks) + 1
    masks = np.concatenate((masks, np.ones_like(masks[:1]), np.zeros_like(masks[:1])))

    # For each item and each block of members, the mask it has there.
    seen = np.full((len(items), blocks), none, dtype=np.int64)
    for begin, end, full in ((FULL, INTERVAL, True), (BITS, END, False)):
        counts = items[:, end] - items[:, begin]
        owners = np.repeat(np.arange(len(items)), counts)
        tile = items[owners, begin] + np.arange(owners.size) - np.repeat(np.cumsum(counts) - counts, counts)
        block = arrays["tiles"][tile] // step // tiling.run
        seen[owners, block] = every if full else arrays["tile_bits"][tile]
    distinct, number = np.unique(seen, axis=0, return_inverse=True)
    parts = masks[distinct].reshape(len(distinct), blocks, tiling.own_tile, tiling.pack, tiling.run)
    by_place = parts.transpose(0, 2, 3, 1, 4).reshape(len(distinct), tiling.own_tile, tiling.pack * period)

    one = items.copy()
    one[:, FULL] = one[:, INTERVAL] = one[:, BITS] = np.arange(len(items))
    one[:, END] = np.arange(1, len(items) + 1)
    tables = {
        **arrays,
        "tiles": np.append(items[:, ORIGIN], 0).astype(np.int32),
        "tile_bits": np.append(number.reshape(-1), 0).astype(np.int32),
    }
    together = np.packbits(by_place, axis=2, bitorder="little")
    return one, tables, together, replace(tiling, width=tiling.pack * period, run=period)
