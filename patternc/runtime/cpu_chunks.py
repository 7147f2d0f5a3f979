"""Chunks of CPU work: which tiles of which heads are computed together, and the masks they need.

For: cutting batches (`cpu_schedule.py`) into pieces that stay in cache. Not for: arithmetic of attention (`cpu.py`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from patternc.codegen.plan import LayerPlan
from patternc.runtime.cpu_rows import Affine, Rows, column_rows, tile_rows
from patternc.runtime.cpu_schedule import Batch, CpuSchedule, Piece

_SCORES = 1 << 19
"""Scores computed at a time for each thread: 2 MiB of float32, held by the outer cache levels beside their operands."""
_MOST_SCORES = 1 << 23
_KEYS = 1 << 13
"""Keys of an item computed at a time; a row with more is merged from pieces."""
_FUSED_ROW = 128
"""Numbers a row of a fused call holds: o and what else is as long."""
_LEAST_TILES = 8
"""From so many tiles on, a chunk of evenly spaced runs stays with one head, where nothing has to be copied."""


@dataclass(frozen=True, slots=True)
class HeadBlock:
    """Query heads `heads`, R for each of `kv_heads` in turn."""

    heads: tuple[int, ...]
    kv_heads: tuple[int, ...]

    @property
    def group(self) -> int:
        """R."""
        return len(self.heads) // len(self.kv_heads)


@dataclass(frozen=True, slots=True, eq=False)
class KeyBlock:
    """Keys of T tiles. Each patch (first, [T or 1, M, C]) is added to the scores of keys first..first+C-1."""

    rows: Rows
    patches: tuple[tuple[int, Tensor], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Tiles `own` of key heads first..last-1 of a block, in batch row `batch`.

    `in_place` says that own rows and keys are evenly spaced and few enough for one fused call (`cpu_flash.py`).
    """

    batch: int
    first: int
    last: int
    own: Rows
    keys: tuple[KeyBlock, ...]
    in_place: bool


def head_blocks(heads: tuple[int, ...], plan: LayerPlan) -> tuple[HeadBlock, ...]:
    """The heads of a group, cut so that in each block every key head has as many query heads."""
    group = plan.heads // plan.kv_heads
    sharing: dict[int, list[int]] = {}
    for head in heads:
        sharing.setdefault(head // group, []).append(head)
    sizes = sorted({len(members) for members in sharing.values()})
    blocks: list[HeadBlock] = []
    for size in sizes:
        kv_heads = tuple(kv_head for kv_head, members in sharing.items() if len(members) == size)
        blocks.append(HeadBlock(tuple(head for kv_head in kv_heads for head in sharing[kv_head]), kv_heads))
    return tuple(blocks)


def select_heads(source: Tensor, heads: tuple[int, ...], group: int) -> Tensor:
    """[B, H, N, ...] as [B, K, group, N, ...] for the K * group heads: a view where they are consecutive."""
    consecutive = heads == tuple(range(heads[0], heads[0] + len(heads)))
    chosen = source[:, heads[0] : heads[-1] + 1] if consecutive else source[:, list(heads)]
    return torch.unflatten(chosen, 1, (len(heads) // group, group))


def chunks(
    schedule: CpuSchedule, piece: Piece, batch_rows: int, kv_heads: int, group: int, work: torch.dtype, fused: bool
) -> Iterator[Chunk]:
    """All work of a piece of a schedule for `kv_heads` key heads with `group` query heads each, in a fixed order.

    `fused` allows chunks in place.
    """
    if not batch_rows * kv_heads:
        return
    for batch in piece.batches:
        in_place = fused and _one_call(batch)
        tiles, together = _in_place_size(batch, kv_heads, group) if in_place else _size(batch, kv_heads, group)
        for first in range(0, batch.own.tiles, tiles):
            last = min(first + tiles, batch.own.tiles)
            own = tile_rows(batch.own, first, last)
            keys = tuple(_key_blocks(batch, schedule, first, last, work))
            for row in range(batch_rows):
                for head in range(0, kv_heads, together):
                    yield Chunk(row, head, min(head + together, kv_heads), own, keys, in_place)


def _size(batch: Batch, kv_heads: int, group: int) -> tuple[int, int]:
    """(tiles, key heads) of chunks whose scores stay in cache."""
    scores = min(_SCORES * torch.get_num_threads(), _MOST_SCORES)
    room = max(1, scores // (group * batch.own.length * min(batch.keys.length, _KEYS)))
    tiles = _even_share(batch.own.tiles, room)
    stays = isinstance(batch.keys, Affine) and tiles >= _LEAST_TILES
    return tiles, 1 if stays else _even_share(kv_heads, max(1, room // tiles))


def _one_call(batch: Batch) -> bool:
    affine = isinstance(batch.own, Affine) and isinstance(batch.keys, Affine)
    return affine and batch.keys.length <= _KEYS


def _in_place_size(batch: Batch, kv_heads: int, group: int) -> tuple[int, int]:
    """(tiles, key heads) of chunks whose scores never are in memory; their masks are, and a copy of their own rows."""
    masked = any(patch.masks.shape[0] > 1 for patch in batch.patches)
    size = batch.keys.length * batch.own.length if masked else _FUSED_ROW * batch.own.length
    room = max(1, _MOST_SCORES // size)
    tiles = _even_share(batch.own.tiles, room)
    return tiles, _even_share(kv_heads, max(1, _MOST_SCORES // (_FUSED_ROW * batch.own.length * group * tiles)))


def _even_share(total: int, most: int) -> int:
    """The size of the fewest equal parts of `total` with at most `most` in each."""
    return -(-total // -(-total // most))


def _key_blocks(batch: Batch, schedule: CpuSchedule, first: int, last: int, work: torch.dtype) -> Iterator[KeyBlock]:
    rows, width = tile_rows(batch.keys, first, last), schedule.width
    step = max(1, _KEYS // width)
    bits = schedule.bits[:, : batch.own.length]
    for begin in range(0, -(-rows.length // width), step):
        columns = (begin * width, min((begin + step) * width, rows.length))
        patches: list[tuple[int, Tensor]] = []
        for patch in batch.patches:
            masks = patch.masks[first:last] if patch.masks.shape[0] > 1 else patch.masks
            skipped = max(0, begin - patch.first)
            masks = masks[:, skipped : max(0, begin + step - patch.first)]
            if masks.shape[1]:
                place = (patch.first + skipped - begin) * width
                added = _expand(bits, masks, work)[..., : columns[1] - columns[0] - place]
                patches.append((place, added))
        yield KeyBlock(column_rows(rows, *columns), tuple(patches))


def _expand(bits: Tensor, masks: Tensor, work: torch.dtype) -> Tensor:
    """Rows of the bit table as what is added to scores: [U, M, width // 8] and [T, S] to [T, M, S * width].

    A negative row (attended whole) is the last of the table, which is all ones.
    """
    tiles, segments = masks.shape
    _, rows, octets = bits.shape
    looked_up = bits[masks.reshape(-1)].view(tiles, segments, rows, octets).transpose(1, 2)
    values = torch.index_select(_octets(work), 0, looked_up.reshape(-1).to(torch.int32))
    return values.view(tiles, rows, segments * octets * 8)


@functools.cache
def _octets(work: torch.dtype) -> Tensor:
    """[256, 8]: for each value of a byte, 0 where bit c is set and -inf where it is not."""
    with torch.inference_mode(False):
        values = torch.arange(256)[:, None] >> torch.arange(8)[None, :]
        return torch.zeros(256, 8, dtype=work).masked_fill_(values & 1 == 0, -math.inf)


def add_masks(scores: Tensor, group: int, keys: KeyBlock) -> None:
    """Adds a block's masks to `scores` [U * T, R * M, W] in place; `group` is R."""
    for first, added in keys.patches:
        tiles, rows, columns = added.shape
        by_tile = scores.view(-1, keys.rows.tiles, group, rows, scores.shape[-1])
        by_tile[..., first : first + columns].add_(added.view(1, tiles, 1, rows, columns))
