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

    Where a sum visits a tile of keys again, there is one more, which holds the pairs that count once more.

    `octets` [U, own_tile, width // 8] are the rows of `bits`, byte by byte.
    """
    period, step = tiling.fold.period, tiling.fold.step
    if not tiling.packed or tiling.own_run != period or not own_class_only(items, arrays, tiling):
        return items, arrays, octets, tiling
    blocks = period // tiling.run
    masks = np.unpackbits(octets, axis=2, bitorder="little")
    every, none = len(masks), len(masks) + 1
    masks = np.concatenate((masks, np.ones_like(masks[:1]), np.zeros_like(masks[:1])))

    # For each visit of an item to a block of members, the mask it has there.
    places: list[NDArray[np.int64]] = []
    labels: list[NDArray[np.int64]] = []
    for begin, end, full in ((FULL, INTERVAL, True), (BITS, END, False)):
        counts = items[:, end] - items[:, begin]
        owners = np.repeat(np.arange(len(items)), counts)
        tile = items[owners, begin] + np.arange(owners.size) - np.repeat(np.cumsum(counts) - counts, counts)
        places.append(owners * blocks + arrays["tiles"][tile] // step // tiling.run)
        labels.append(np.full(owners.size, every) if full else arrays["tile_bits"][tile].astype(np.int64))
    place, label = np.concatenate(places), np.concatenate(labels)
    order = np.argsort(place, kind="stable")
    place, label = place[order], label[order]
    visit = np.arange(place.size) - np.searchsorted(place, place)
    times = np.ones(len(items), dtype=np.int64)
    np.maximum.at(times, place // blocks, visit + 1)
    ends = np.cumsum(times)
    seen = np.full((int(times.sum()), blocks), none, dtype=np.int64)
    seen[(ends - times)[place // blocks] + visit, place % blocks] = label
    distinct, number = np.unique(seen, axis=0, return_inverse=True)
    parts = masks[distinct].reshape(len(distinct), blocks, tiling.own_tile, tiling.pack, tiling.run)
    by_place = parts.transpose(0, 2, 3, 1, 4).reshape(len(distinct), tiling.own_tile, tiling.pack * period)

    one = items.copy()
    one[:, FULL] = one[:, INTERVAL] = one[:, BITS] = ends - times
    one[:, END] = ends
    tables = {
        **arrays,
        "tiles": np.append(np.repeat(items[:, ORIGIN], times), 0).astype(np.int32),
        "tile_bits": np.append(number.reshape(-1), 0).astype(np.int32),
        "gather": np.zeros((1, tiling.pack * period), dtype=np.int32),  # nothing is gathered
    }
    together = np.packbits(by_place, axis=2, bitorder="little")
    return one, tables, together, replace(tiling, width=tiling.pack * period, run=period)
