"""Chunks of CPU work: which tiles of which heads are computed together, and how rows get in and out of the workspace.

For: the data movement of `cpu.py`. Not for: arithmetic of attention, or deriving batches (`cpu_schedule.py`).

Shapes, throughout: a chunk has U units (a key head of a batch row with the R query heads that share it) and T tiles of
M rows, and U * T matrices; their rows are the R * M query rows of a tile in all heads of the unit, so that keys and
values are gathered once for all of them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from patternc.codegen.plan import LayerPlan
from patternc.runtime.cpu_schedule import Batch, CpuSchedule

_SCORES = 1 << 20
"""Scores computed at a time: 4 MiB of float32, which the outer cache level holds beside their operands."""
_KEYS = 1 << 13
"""Keys of an item computed at a time; a row with more is merged from pieces."""


class Workspace:
    """Buffers that every chunk of one call uses again, so that their pages stay mapped and in cache."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """An uninitialised tensor, valid until `name` is taken again."""
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            buffer = self._buffers[name] = torch.empty(size, dtype=dtype)
        return buffer[:size].view(shape)


@dataclass(frozen=True, slots=True)
class Unit:
    """A key head of a batch row, with the query heads of the group that share it."""

    batch: int
    kv_head: int
    heads: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KeyBlock:
    """The keys of T tiles, W each: `index` [T * W] int64 positions.

    `mask` [T or 1, M, C] is added to the scores of the last C keys (0 or -inf); None where all rows attend all keys.
    """

    index: Tensor
    mask: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """T tiles for U units. `rows` [T * M] int64 own positions, one ascending run when `contiguous`."""

    units: tuple[Unit, ...]
    tiles: int
    tile_rows: int
    rows: Tensor
    contiguous: bool
    keys: tuple[KeyBlock, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(U, T, R, M)."""
        return len(self.units), self.tiles, len(self.units[0].heads), self.tile_rows


def units_of(batch: int, heads: tuple[int, ...], plan: LayerPlan) -> tuple[Unit, ...]:
    """The units of a head group, for every batch row."""
    group = plan.heads // plan.kv_heads
    kv_heads = sorted({head // group for head in heads})
    return tuple(
        Unit(row, kv_head, tuple(head for head in heads if head // group == kv_head))
        for row in range(batch)
        for kv_head in kv_heads
    )


def chunks(schedule: CpuSchedule, units: Sequence[Unit], work: torch.dtype) -> Iterator[Chunk]:
    """All work of a schedule, in a fixed order. Units of a chunk share as many query heads each."""
    for batch in schedule.batches:
        items, tile_rows = batch.rows.shape
        largest = max(len(unit.heads) for unit in units)
        matrix = largest * tile_rows * min(batch.segments * batch.width, _KEYS)
        tiles = min(items, max(1, _SCORES // matrix))
        together = max(1, _SCORES // (matrix * tiles))
        for first in range(0, items, tiles):
            rows = batch.rows[first : first + tiles]
            keys = tuple(_key_blocks(batch, schedule, slice(first, first + tiles), work))
            for some in _alike(units, together):
                yield Chunk(some, rows.shape[0], tile_rows, rows.reshape(-1), batch.contiguous, keys)


def _alike(units: Sequence[Unit], most: int) -> Iterator[tuple[Unit, ...]]:
    first = 0
    while first < len(units):
        last = first + 1
        while last < len(units) and last - first < most and len(units[last].heads) == len(units[first].heads):
            last += 1
        yield tuple(units[first:last])
        first = last


def _key_blocks(batch: Batch, schedule: CpuSchedule, tiles: slice, work: torch.dtype) -> Iterator[KeyBlock]:
    within = torch.arange(batch.width)
    affine = (batch.starts[tiles, :, None] + within).clamp_max_(schedule.tokens - 1)
    index = torch.cat((affine, schedule.gather[batch.lists[tiles]]), dim=1)
    masks = batch.masks if batch.masks.shape[0] == 1 else batch.masks[tiles]
    step = max(1, _KEYS // batch.width)
    for first in range(0, batch.segments, step):
        last = min(first + step, batch.segments)
        partial = masks[:, max(0, first - batch.full) : max(0, last - batch.full)]
        mask = None
        if partial.shape[1]:
            mask = _expand(schedule.bits[:, : batch.rows.shape[1]], partial, work)
        yield KeyBlock(index[:, first:last].reshape(-1), mask)


def _expand(bits: Tensor, masks: Tensor, work: torch.dtype) -> Tensor:
    """Rows of the bit table as what is added to scores: [T, S] and [U, M, width // 8] to [T, M, S * width]."""
    tiles, segments = masks.shape
    _, rows, octets = bits.shape
    looked_up = bits[masks.reshape(-1)].view(tiles, segments, rows, octets).transpose(1, 2)
    values = torch.index_select(_octets(work), 0, looked_up.reshape(-1).to(torch.int32))
    return values.view(tiles, rows, segments * octets * 8)


@functools.cache
def _octets(work: torch.dtype) -> Tensor:
    """[256, 8]: for each value of a byte, 0 where bit c is set and -inf where it is not."""
    values = torch.arange(256)[:, None] >> torch.arange(8)[None, :]
    return torch.zeros(256, 8, dtype=work).masked_fill_(values & 1 == 0, -math.inf)


def take_rows(source: Tensor, chunk: Chunk, out: Tensor) -> Tensor:
    """Copies own rows of `source` [B, H, N, ...] to `out` [U, T, R, M, ...], converting to its dtype."""
    for place, unit in enumerate(chunk.units):
        for member, head in enumerate(unit.heads):
            out[place, :, member].copy_(_own(source[unit.batch, head], chunk))
    return out


def put_rows(target: Tensor, chunk: Chunk, values: Tensor) -> None:
    """Copies `values` [U, T, R, M, ...] to own rows of `target` [B, H, N, ...], converting to its dtype."""
    for place, unit in enumerate(chunk.units):
        for member, head in enumerate(unit.heads):
            rows, part = target[unit.batch, head], values[place, :, member]
            if chunk.contiguous:
                _own(rows, chunk).copy_(part)
            else:
                rows.index_copy_(0, chunk.rows, part.flatten(0, 1).to(rows.dtype))


def _own(rows: Tensor, chunk: Chunk) -> Tensor:
    """Own rows of one head [N, ...] as [T, M, ...]: a view where they are one run."""
    if chunk.contiguous:
        first = int(chunk.rows[0])
        rows = rows[first : first + chunk.rows.shape[0]]
    else:
        rows = rows.index_select(0, chunk.rows)
    return rows.view(chunk.tiles, chunk.tile_rows, *rows.shape[1:])


def take_keys(source: Tensor, chunk: Chunk, keys: KeyBlock, out: Tensor) -> Tensor:
    """Gathers `source` [B, Hkv, N, D] at a block's keys into `out` [U * T, W, D], converting to its dtype."""
    per_unit = out.view(len(chunk.units), keys.index.shape[0], out.shape[-1])
    for place, unit in enumerate(chunk.units):
        rows = source[unit.batch, unit.kv_head]
        if rows.dtype == out.dtype:
            torch.index_select(rows, 0, keys.index, out=per_unit[place])
        else:
            per_unit[place].copy_(rows.index_select(0, keys.index))
    return out


def add_keys(target: Tensor, chunk: Chunk, keys: KeyBlock, values: Tensor) -> None:
    """Adds `values` [U * T, W, D] to `target` [B, Hkv, N, D] at a block's keys, in a fixed order."""
    per_unit = values.view(len(chunk.units), keys.index.shape[0], values.shape[-1])
    for place, unit in enumerate(chunk.units):
        target[unit.batch, unit.kv_head].index_add_(0, keys.index, per_unit[place].to(target.dtype))


def add_mask(scores: Tensor, chunk: Chunk, keys: KeyBlock) -> None:
    """Adds a block's mask to `scores` [U * T, R * M, W] in place."""
    if keys.mask is not None:
        units, tiles, heads, rows = chunk.shape
        tail = scores.view(units, tiles, heads, rows, -1)[..., -keys.mask.shape[-1] :]
        tail.add_(keys.mask[None, :, None])
