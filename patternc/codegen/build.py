"""Table sets from tile maps: the arrays a launch walks, in O(tiles).

For: laying tiles out in spans (full, interval, bits, gathered), deduplicating masks and ordering items. Not for:
deciding tiles (`analysis/tiles.py`) or what is a launch (`lower.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import refuse
from patternc.analysis.tiles import FULL_CLASS, TileMap
from patternc.analysis.translation import row_ids
from patternc.codegen.gathering import GatheredTiles, padded_lists, with_full_masks
from patternc.codegen.hubs import costs, split_hubs
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


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Own tiles of a launch: those of `tiles`, once from each of the positions `offsets` on.

    Own tile t begins at offset + t * `own_pitch`, counterpart tile t at offset + t * `counterpart_pitch`. `live` [R] is
    COUNT of each own tile; `interval` [T] says which tiles the launch's row interval describes exactly.
    """

    tiles: TileMap
    interval: Bool
    offsets: Int64
    own_pitch: int
    counterpart_pitch: int
    live: Int64


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A part laid out: its items, where its tiles begin, and the masks of those that have one.

    Tile number `in_bits[x]` has mask `labels[x]` of `masks`.
    """

    items: Int64
    starts: Int64
    in_bits: Int64
    labels: Int64
    masks: NDArray[np.uint8]
    tile_pairs: Int64
    """[T] of one copy."""
    copies: int


def contiguous(tiles: TileMap, interval: Bool) -> Part:
    """The one part of a launch whose tiles are neighbours."""
    live = tiles.own_axis.live(np.arange(tiles.own_axis.tiles, dtype=np.int64))
    return Part(tiles, interval, np.zeros(1, dtype=np.int64), tiles.own_tile, tiles.counterpart_tile, live)


def build_tables(
    name: str,
    n: int,
    parts: Sequence[Part],
    gathered: GatheredTiles,
    own_positions: Int64 | None,
    *,
    every: bool,
    split: bool,
) -> TableSet:
    """The table set of one launch at a place of length n.

    `gathered` are the gathered tiles of each own tile of the parts. `own_positions` lists the own positions when own
    rows are gathered. Own tiles without any pair are left out unless the launch has to have `every` own row; `split`
    has hubs computed in shares.
    """
    laid = [_laid(part) for part in parts]
    items = np.concatenate([one.items for one in laid])
    begin = np.cumsum([0, *(one.starts.size for one in laid)])
    moved = np.repeat(begin[:-1], [one.items.shape[0] for one in laid])
    items[:, FULL : END + 1] += moved[:, None]
    items[:, GATHER], items[:, GATHER_END] = gathered.first[:-1], gathered.first[1:]
    items[:, PAIRS] += gathered.pairs

    # Bits tiles and gathered ones share one table of masks.
    first_mask = np.cumsum([0, *(one.masks.shape[0] for one in laid)])
    labels = [one.labels + first for one, first in zip(laid, first_mask[:-1], strict=True)]
    bits, rows = _distinct_masks(
        np.concatenate([*(one.masks for one in laid), gathered.masks]),
        np.concatenate([*labels, gathered.mask_of + first_mask[-1]]),
    )
    in_bits = np.concatenate([one.in_bits + first for one, first in zip(laid, begin[:-1], strict=True)])
    # The pad entry at the end is a position and a mask that exist.
    starts, tile_bits = np.zeros(begin[-1] + 1, dtype=np.int64), np.zeros(begin[-1] + 1, dtype=np.int64)
    starts[:-1] = np.concatenate([one.starts for one in laid])
    tile_bits[in_bits] = rows[: in_bits.size]
    gathered_table = np.zeros((gathered.list_of.size + 1, 2), dtype=np.int64)
    gathered_table[:-1, 0], gathered_table[:-1, 1] = gathered.list_of, rows[in_bits.size :]

    own_tile, counterpart_tile = parts[0].tiles.own_tile, parts[0].tiles.counterpart_tile
    lists = gathered.lists
    if own_positions is not None:
        lists = padded_lists(own_positions, own_tile)
        items[:, ORIGIN] //= own_tile
    if not every:
        items = items[items[:, PAIRS] > 0]
    merges = np.zeros((0, MERGE_WORDS), dtype=np.int64)
    if split:
        items, merges = split_hubs(items, only_hubs=own_positions is not None)
    if merges.size:
        shares = items[:, SLOT] >= 0
        in_tiles = np.concatenate([np.tile(one.tile_pairs, one.copies) for one in laid])
        in_gathered = _popcounts(bits)[gathered_table[:-1, 1]]
        items[shares, PAIRS] = _sums(in_tiles, items[shares, FULL], items[shares, END])
        items[shares, PAIRS] += _sums(in_gathered, items[shares, GATHER], items[shares, GATHER_END])
    items[:, PAIRS] = np.minimum(items[:, PAIRS], INT32_MAX)
    # The order of a list schedule: longest first, ties by origin, then by slot.
    items = items[np.lexsort((items[:, SLOT], items[:, ORIGIN], -costs(items)))]
    return TableSet(
        name=name,
        own_tile=own_tile,
        counterpart_tile=counterpart_tile,
        items=_int32(items, name),
        tiles=_int32(starts, name),
        tile_bits=_int32(tile_bits, name),
        bits=bits,
        gather=_int32(lists if lists.shape[0] else np.full((1, lists.shape[1]), -1, dtype=np.int64), name),
        gathered=_int32(gathered_table, name),
        merges=_int32(np.concatenate([merges, np.zeros((1, MERGE_WORDS), dtype=np.int64)]), name),
        segments=_int32(np.array([[0, n, 0, items.shape[0]]], dtype=np.int64), name),
    )


def _laid(part: Part) -> _Laid:
    """The items of a part, offset by offset and own tile by own tile; see `tables.py` for the columns."""
    tiles = part.tiles
    span = _spans(tiles, part.interval)
    begin, end, place = _layout(tiles, span)
    masks, labels = with_full_masks(tiles)
    (in_bits,) = np.nonzero(span == BITS_SPAN)
    starts = np.empty(span.size, dtype=np.int64)
    starts[place] = tiles.counterparts.astype(np.int64) * part.counterpart_pitch
    pairs = np.empty_like(starts)
    pairs[place] = tiles.tile_pairs()

    copies = part.offsets.size
    before = np.arange(copies, dtype=np.int64)[:, None] * span.size
    items = np.zeros((copies, part.live.size, ITEM_WORDS), dtype=np.int64)
    items[:, :, ORIGIN] = part.offsets[:, None] + np.arange(part.live.size) * part.own_pitch
    items[:, :, COUNT] = part.live
    for column, spans in ((FULL, begin[:, 0]), (INTERVAL, begin[:, 1]), (BITS, begin[:, 2]), (END, end)):
        items[:, :, column] = before + spans
    items[:, :, SLOT] = -1
    items[:, :, PAIRS] = tiles.own_pairs()
    return _Laid(
        items=items.reshape(-1, ITEM_WORDS),
        starts=(part.offsets[:, None] + starts).reshape(-1),
        in_bits=(before + place[in_bits]).reshape(-1),
        labels=np.tile(labels[in_bits], copies),
        masks=masks,
        tile_pairs=pairs,
        copies=copies,
    )


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


def _popcounts(bits: Int32) -> Int64:
    """Pairs in each mask."""
    in_byte = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)
    return in_byte[bits.view(np.uint8)].sum(axis=(1, 2), dtype=np.int64)


def _sums(values: Int64, begin: Int64, end: Int64) -> Int64:
    """The sums of values[begin : end], for many runs."""
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(values)])
    return total[end] - total[begin]


def _int32(values: Int64, name: str) -> Int32:
    if values.size > INT32_MAX:
        raise refuse(f"entries in table {name}", values.size, INT32_MAX, "use a smaller length or a sparser pattern")
    return np.ascontiguousarray(values, dtype=np.int32)
