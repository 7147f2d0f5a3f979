"""Table sets from tile maps: the arrays a launch walks, in O(tiles).

For: laying tiles out in spans (full, interval, bits, gathered), deduplicating masks and ordering items. Not for:
deciding tiles (`analysis/tiles.py`) or what is a launch (`lower.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import refuse
from patternc.analysis.tiles import FULL_CLASS, TileMap
from patternc.analysis.translation import row_ids
from patternc.codegen.cost import item_cost
from patternc.codegen.gathering import GatheredTiles, padded_lists, with_full_masks
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
    SLOT,
    Int32,
    TableSet,
)

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

INT32_MAX = (1 << 31) - 1
FULL_SPAN, INTERVAL_SPAN, BITS_SPAN = range(3)


def build_tables(
    name: str, tiles: TileMap, interval: Bool, gathered: GatheredTiles, own_positions: Int64 | None
) -> TableSet:
    """The table set of one launch over `tiles`.

    `interval` [T] says which tiles the launch's row interval describes exactly; `gathered` are the gathered tiles of
    each own tile. `own_positions` lists the own positions when own rows are gathered; own tiles without any pair are
    then left out, because an accumulating launch has nothing to do for them.
    """
    span = _spans(tiles, interval)
    begin, end, place = _layout(tiles, span)
    masks, labels = with_full_masks(tiles)
    (in_bits,) = np.nonzero(span == BITS_SPAN)
    # Bits tiles and gathered ones share one table of masks.
    wanted = np.concatenate([labels[in_bits], gathered.mask_of + masks.shape[0]])
    bits, rows = _distinct_masks(np.concatenate([masks, gathered.masks]), wanted)

    # The pad entry at the end is a position and a mask that exist.
    starts, tile_bits = np.zeros(span.size + 1, dtype=np.int64), np.zeros(span.size + 1, dtype=np.int64)
    starts[place] = tiles.counterparts.astype(np.int64) * tiles.counterpart_tile
    tile_bits[place[in_bits]] = rows[: in_bits.size]
    gathered_table = np.zeros((gathered.list_of.size + 1, 2), dtype=np.int64)
    gathered_table[:-1, 0], gathered_table[:-1, 1] = gathered.list_of, rows[in_bits.size :]
    lists = gathered.lists if own_positions is None else padded_lists(own_positions, tiles.own_tile)

    pairs = tiles.own_pairs() + gathered.pairs
    items = _items(tiles, begin, end, gathered, pairs)
    if own_positions is not None:
        items[:, ORIGIN] //= tiles.own_tile
        items = items[pairs > 0]
    items = items[_most_expensive_first(items)]
    return TableSet(
        name=name,
        own_tile=tiles.own_tile,
        counterpart_tile=tiles.counterpart_tile,
        items=_int32(items, name),
        tiles=_int32(starts, name),
        tile_bits=_int32(tile_bits, name),
        bits=bits,
        gather=_int32(lists if lists.shape[0] else np.full((1, lists.shape[1]), -1, dtype=np.int64), name),
        gathered=_int32(gathered_table, name),
        merges=np.zeros((1, MERGE_WORDS), dtype=np.int32),
        segments=_int32(np.array([[0, tiles.n, 0, items.shape[0]]], dtype=np.int64), name),
    )


def _items(tiles: TileMap, begin: Int64, end: Int64, gathered: GatheredTiles, pairs: Int64) -> Int64:
    """One row for every own tile, in order; see `tables.py` for the columns."""
    own = np.arange(tiles.first.size - 1, dtype=np.int64)
    items = np.empty((own.size, ITEM_WORDS), dtype=np.int64)
    items[:, ORIGIN] = own * tiles.own_tile
    items[:, COUNT] = tiles.own_axis.live(own)
    items[:, FULL], items[:, INTERVAL], items[:, BITS] = begin.T
    items[:, END] = end
    items[:, GATHER], items[:, GATHER_END] = gathered.first[:-1], gathered.first[1:]
    items[:, SLOT] = -1
    items[:, PAIRS] = np.minimum(pairs, INT32_MAX)
    return items


def _most_expensive_first(items: Int64) -> Int64:
    """The order of a list schedule: longest first, ties by origin."""
    cost = item_cost(
        items[:, INTERVAL] - items[:, FULL],
        items[:, BITS] - items[:, INTERVAL],
        items[:, END] - items[:, BITS],
        items[:, GATHER_END] - items[:, GATHER],
    )
    return np.lexsort((items[:, ORIGIN], -cost))


def masked(tiles: TileMap) -> Bool:
    """Which active tiles need a mask: all but full ones whose counterparts all exist."""
    axis = tiles.counterpart_axis
    hanging = (tiles.counterparts.astype(np.int64) + 1) * axis.tile > axis.length
    return (tiles.classes != FULL_CLASS) | hanging


def _spans(tiles: TileMap, interval: Bool) -> Int64:
    """The span each active tile belongs in."""
    return np.where(masked(tiles), np.where(interval, INTERVAL_SPAN, BITS_SPAN), FULL_SPAN)


def _layout(tiles: TileMap, span: Int64) -> tuple[Int64, Int64, Int64]:
    """Where the spans of each own tile begin, [R, 3], where the last ends, [R], and where each active tile goes, [T].

    Tiles are laid out own tile by own tile, span by span, counterparts ascending: counted, not sorted.
    """
    own_tiles = tiles.first.size - 1
    own = tiles.owners()
    counts = np.bincount(own * 3 + span, minlength=3 * own_tiles)
    begin = (np.cumsum(counts) - counts).reshape(own_tiles, 3)
    counts = counts.reshape(own_tiles, 3)
    place = np.empty(span.size, dtype=np.int64)
    for kind in (FULL_SPAN, INTERVAL_SPAN, BITS_SPAN):
        (chosen,) = np.nonzero(span == kind)
        before = np.cumsum(counts[:, kind]) - counts[:, kind]
        place[chosen] = np.arange(chosen.size) + (begin[:, kind] - before)[own[chosen]]
    return begin, begin[:, BITS_SPAN] + counts[:, BITS_SPAN], place


def _distinct_masks(masks: NDArray[np.uint8], labels: Int64) -> tuple[Int32, Int64]:
    """The masks that occur among `labels`, each content once, as int32 words; and the row of each label."""
    used, number = np.unique(labels, return_inverse=True)
    chosen = masks[used]
    ids = row_ids(chosen)
    _, first = np.unique(ids, return_index=True)
    words = np.ascontiguousarray(chosen[first] if used.size else np.zeros((1, *masks.shape[1:]), dtype=np.uint8))
    return words.view("<i4").astype(np.int32), ids[number] if used.size else labels


def _int32(values: Int64, name: str) -> Int32:
    if values.size > INT32_MAX:
        raise refuse(f"entries in table {name}", values.size, INT32_MAX, "use a smaller length or a sparser pattern")
    return np.ascontiguousarray(values, dtype=np.int32)
