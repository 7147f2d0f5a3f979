"""What single tiles hold: one tile of each translation class is evaluated pair by pair, the rest follow.

For: the exact content of tiles that boxes cannot decide, as few distinct masks. Not for: finding tiles (`tiles.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget, refuse
from patternc.algebra.evaluate import evaluate
from patternc.analysis.classify import Boxes
from patternc.analysis.draws import Draws
from patternc.analysis.translation import row_ids, translation_classes

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Side = Literal["queries", "keys"]

EMPTY_CLASS = -1
FULL_CLASS = 0
EVALUATED_AT_ONCE = 1 << 22
"""Pairs evaluated in one numpy call."""
TILES_AT_ONCE = 1 << 20
LISTED_TILES_AT_ONCE = 1 << 12
"""Tiles told apart in one go; one of listed positions may be as many boxes as it lists."""
FEW_CLASSES = 64
"""Classes that are evaluated sooner than merged."""


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One side of a tiling: `length` positions in tiles of `tile`; `positions` lists them, None is 0..length-1."""

    length: int
    tile: int
    positions: Int64 | None

    @property
    def tiles(self) -> int:
        """How many tiles; the last may hang over the end."""
        return -(-self.length // self.tile)

    def live(self, tiles: Int64) -> Int64:
        """How many positions each of some tiles really has."""
        return np.minimum(self.tile, self.length - tiles * self.tile)

    def hull(self, start: Int64, stop: Int64) -> tuple[Int64, Int64]:
        """The smallest interval of positions that holds tiles [start, stop)."""
        first, end = start * self.tile, np.minimum(stop * self.tile, self.length)
        return (first, end) if self.positions is None else (self.positions[first], self.positions[end - 1] + 1)

    def members(self, tiles: Int64) -> tuple[Int64, Bool]:
        """The positions of tiles [U] as [U, tile], and which of them exist; the others repeat the last one."""
        index = tiles[:, None] * self.tile + np.arange(self.tile)
        exists = index < self.length
        index = np.minimum(index, self.length - 1)
        return (index if self.positions is None else self.positions[index]), exists

    def layout(self, tiles: Int64) -> list[Int64]:
        """What a tile's content depends on beside its hull: how its positions lie in it."""
        if self.positions is None:
            return []
        numbers, index = np.unique(tiles, return_inverse=True)
        positions, exists = self.members(numbers)
        offsets = np.where(exists, positions - positions[:, :1], -1)
        return [row_ids(offsets)[index]]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What some tiles hold: `classes` [N] are EMPTY_CLASS, FULL_CLASS or 1 + a row of `masks`; see TileMap."""

    classes: Int64
    masks: Bytes
    popcounts: Int64


def decide(
    relation: r.Relation,
    n: int,
    queries: Axis,
    keys: Axis,
    q: Int64,
    k: Int64,
    own: Side,
    draws: Draws,
    budget: Budget,
) -> Contents:
    """What single tiles (q, k) [N] hold: one of each translation class is evaluated pair by pair."""
    own_tile, other_tile = (queries.tile, keys.tile) if own == "queries" else (keys.tile, queries.tile)
    mask_bytes = own_tile * -(-other_tile // 8)
    at_once = TILES_AT_ONCE if queries.positions is None and keys.positions is None else LISTED_TILES_AT_ONCE
    classes: list[Int64] = [np.zeros(0, dtype=np.int64)]
    masks: list[Bytes] = [np.zeros((0, own_tile, -(-other_tile // 8)), dtype=np.uint8)]
    pairs: list[Int64] = [np.zeros(0, dtype=np.int64)]
    full: list[Bool] = [np.zeros(0, dtype=np.bool_)]
    evaluated = 0
    for start in range(0, q.size, at_once):
        part_q, part_k = q[start : start + at_once], k[start : start + at_once]
        numbers, representative = _classes(relation, n, queries, keys, part_q, part_k, draws)
        classes.append(numbers + evaluated)
        evaluated += representative.size
        if evaluated > budget.classes:
            raise refuse("distinct tiles to evaluate", evaluated, budget.classes, "align blocks and widths to tiles")
        if evaluated * mask_bytes > budget.mask_bytes:
            raise refuse("bytes of tile masks", evaluated * mask_bytes, budget.mask_bytes, "align blocks to tiles")
        step = max(1, EVALUATED_AT_ONCE // (queries.tile * keys.tile))
        for begin in range(0, representative.size, step):
            chosen = representative[begin : begin + step]
            i, i_exists = queries.members(part_q[chosen])
            j, j_exists = keys.members(part_k[chosen])
            exists = i_exists[:, :, None] & j_exists[:, None, :]
            mask = evaluate(relation, i[:, :, None], j[:, None, :], n) & exists
            pairs.append(mask.sum(axis=(1, 2), dtype=np.int64))
            full.append(pairs[-1] == exists.sum(axis=(1, 2), dtype=np.int64))
            masks.append(np.packbits(mask if own == "queries" else mask.transpose(0, 2, 1), axis=2, bitorder="little"))
    return _by_content(np.concatenate(classes), np.concatenate(masks), np.concatenate(pairs), np.concatenate(full))


def _classes(
    relation: r.Relation, n: int, queries: Axis, keys: Axis, q: Int64, k: Int64, draws: Draws
) -> tuple[Int64, Int64]:
    """Translation classes of single tiles: their numbers, and the index of one tile of each."""
    boxes = Boxes(*queries.hull(q, q + 1), *keys.hull(k, k + 1))
    layout = [*queries.layout(q), *keys.layout(k)]
    numbers, representative = translation_classes(relation, boxes, n, draws, layout)
    if not layout or representative.size < FEW_CLASSES:
        return numbers, representative
    # Listed positions may lie far apart, and then the box around them says little. Tell tiles apart by the classes of
    # all the thin boxes around their single positions.
    q, k = q[representative], k[representative]
    along_keys = keys.positions is not None
    listed, exists = keys.members(k) if along_keys else queries.members(q)
    width = int(exists.sum(axis=1).max())
    listed, exists = listed[:, :width], exists[:, :width]
    side = queries.hull(q, q + 1) if along_keys else keys.hull(k, k + 1)
    boxes = Boxes(np.repeat(side[0], width), np.repeat(side[1], width), listed.reshape(-1), listed.reshape(-1) + 1)
    if not along_keys:
        boxes = boxes.transposed()
    layout = [np.repeat(column, width) for column in queries.layout(q)] if along_keys else []
    columns, _ = translation_classes(relation, boxes, n, draws, layout)
    merged = row_ids(np.where(exists, columns.reshape(listed.shape), -1))
    _, first = np.unique(merged, return_index=True)
    return merged[numbers], representative[first]


def _by_content(numbers: Int64, masks: Bytes, popcounts: Int64, full: Bool) -> Contents:
    """Tiles by content instead of translation class; masks numbered in order of first occurrence."""
    partial = (popcounts > 0) & ~full
    ids = row_ids(masks[partial])
    _, first = np.unique(ids, return_index=True)
    (source,) = np.nonzero(partial)
    classes = np.where(popcounts > 0, FULL_CLASS, EMPTY_CLASS)
    classes[source] = ids + 1
    return Contents(classes[numbers] if numbers.size else numbers, masks[source[first]], popcounts[source[first]])
