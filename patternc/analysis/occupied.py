"""Occupied tiles: which tiles of a tiling a relation touches and with how many pairs, without what is in them.

For: pictures, block graphs and block masks, which ask for no mask of a tile. Cheaper than a tile map where tiles are
large or all different: tiles of whole blocks are counted over blocks, large ones are halved until only small boxes are
left to evaluate, and pairs that the normal form lists are counted. Not for: lowering (`tiles.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget, refuse
from patternc.algebra.evaluate import evaluate
from patternc.algebra.index import expand
from patternc.algebra.normalise import everywhere, normalise
from patternc.algebra.pairs import listed_pairs
from patternc.analysis.classify import FULL, UNDECIDED, Boxes, classify
from patternc.analysis.coarse import coarse
from patternc.analysis.contents import EVALUATED_AT_ONCE, Axis
from patternc.analysis.draws import Draws, draw_all
from patternc.analysis.tiles import refine
from patternc.analysis.translation import translation_classes

Int64 = NDArray[np.int64]

EVALUATED = 64 * 64
"""Pairs of a box that is evaluated pair by pair: one of each translation class."""


@dataclass(frozen=True, slots=True, eq=False)
class Occupied:
    """The occupied tiles, by query tile, then key tile: `pairs[t]` pairs in the tile (query_tile[t], key_tile[t])."""

    query_tile: Int64
    key_tile: Int64
    pairs: Int64


def occupied_tiles(relation: r.Relation, n: int, rows: int, cols: int, budget: Budget = DEFAULT_BUDGET) -> Occupied:
    """The occupied tiles of `rows` queries by `cols` keys of a relation at a place of length n, with exact pairs.

    Raises TileBudgetError beyond the budget.
    """
    blocks = coarse(relation, n)
    if blocks is not None and not blocks.causal and not any(each % blocks.size for each in (n, rows, cols)):
        size = blocks.size
        found = occupied_tiles(blocks.relation, blocks.blocks, rows // size, cols // size, budget)
        return Occupied(found.query_tile, found.key_tile, found.pairs * size**2)
    normal = normalise(relation, n)
    contiguous = [normal.tiled]
    if normal.queried is not None:
        contiguous.append(everywhere(normal.queried, "queries"))
    if normal.keyed is not None:
        contiguous.append(everywhere(normal.keyed, "keys"))
    numbers, pairs = _tiles(r.union(*contiguous), n, rows, cols, budget)
    across = -(-n // cols)
    if normal.drawn is not None:
        drawn = listed_pairs(normal.drawn, n, budget)
        touched, times = np.unique(drawn.query // rows * across + drawn.key // cols, return_counts=True)
        numbers, index = np.unique(np.concatenate([numbers, touched]), return_inverse=True)
        total = np.zeros(numbers.size, dtype=np.int64)
        np.add.at(total, index, np.concatenate([pairs, times]))
        pairs = total
    return Occupied(numbers // across, numbers % across, pairs)


def _tiles(relation: r.Relation, n: int, rows: int, cols: int, budget: Budget) -> tuple[Int64, Int64]:
    """The occupied tiles, numbered row by row and ascending, and the pairs of each."""
    queries, keys = Axis(n, rows, None), Axis(n, cols, None)
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, queries, keys, draws, budget)
    full, single = refined.full, refined.undecided
    cells = int(((full.q1 - full.q0) * (full.k1 - full.k0)).sum()) + single.q0.size
    if cells > budget.tiles:
        raise refuse("active tiles", cells, budget.tiles, "use a smaller length or a sparser pattern")
    box, row = expand(full.q1 - full.q0)
    line, column = expand((full.k1 - full.k0)[box])
    q, k = (full.q0[box] + row)[line], full.k0[box][line] + column

    hulls = Boxes(*queries.hull(single.q0, single.q1), *keys.hull(single.k0, single.k1))
    numbers, representative = translation_classes(relation, hulls, n, draws, [])
    held = _pairs(relation, n, hulls[representative], (rows, cols), draws, budget)[numbers]
    occupied = held > 0

    tile = np.concatenate([q * keys.tiles + k, (single.q0 * keys.tiles + single.k0)[occupied]])
    pairs = np.concatenate([queries.live(q) * keys.live(k), held[occupied]])
    order = np.argsort(tile)
    return tile[order], pairs[order]


def _pairs(relation: r.Relation, n: int, boxes: Boxes, tile: tuple[int, int], draws: Draws, budget: Budget) -> Int64:
    """The pairs in each of some tiles, which lie between `boxes`: halved until full, empty or small."""
    total = np.zeros(boxes.q0.size, dtype=np.int64)
    of = np.arange(boxes.q0.size)
    height, width = tile
    while height * width > EVALUATED and of.size:
        state = classify(relation, boxes, n, draws)
        full = state == FULL
        np.add.at(total, of[full], ((boxes.q1 - boxes.q0) * (boxes.k1 - boxes.k0))[full])
        boxes, of = boxes[state == UNDECIDED], of[state == UNDECIDED]
        if height >= width:
            height = -(-height // 2)
            half = np.minimum(boxes.q0 + height, boxes.q1)
            boxes = _joined(Boxes(boxes.q0, half, boxes.k0, boxes.k1), Boxes(half, boxes.q1, boxes.k0, boxes.k1))
        else:
            width = -(-width // 2)
            half = np.minimum(boxes.k0 + width, boxes.k1)
            boxes = _joined(Boxes(boxes.q0, boxes.q1, boxes.k0, half), Boxes(boxes.q0, boxes.q1, half, boxes.k1))
        of = np.concatenate([of, of])
        exists = (boxes.q0 < boxes.q1) & (boxes.k0 < boxes.k1)
        boxes, of = boxes[exists], of[exists]
        if of.size > budget.boxes:
            raise refuse("undecided boxes of tiles", of.size, budget.boxes, "use a smaller length or a sparser pattern")
    numbers, representative = translation_classes(relation, boxes, n, draws, [])
    if representative.size > budget.classes:
        raise refuse("distinct tiles to evaluate", representative.size, budget.classes, "align blocks to tiles")
    held = np.zeros(representative.size, dtype=np.int64)
    step = max(1, EVALUATED_AT_ONCE // (height * width))
    for begin in range(0, representative.size, step):
        some = boxes[representative[begin : begin + step]]
        i, j = some.q0[:, None] + np.arange(height), some.k0[:, None] + np.arange(width)
        exists = (i < some.q1[:, None])[:, :, None] & (j < some.k1[:, None])[:, None, :]
        inside = evaluate(relation, np.minimum(i, n - 1)[:, :, None], np.minimum(j, n - 1)[:, None, :], n) & exists
        held[begin : begin + step] = inside.sum(axis=(1, 2), dtype=np.int64)
    np.add.at(total, of, held[numbers])
    return total


def _joined(first: Boxes, second: Boxes) -> Boxes:
    return Boxes(*(np.concatenate([getattr(first, side), getattr(second, side)]) for side in ("q0", "q1", "k0", "k1")))
