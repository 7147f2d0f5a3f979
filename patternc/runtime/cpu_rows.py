"""Sets of rows of a sequence, tile by tile, and moving them in and out of batched matrices.

For: the data movement of the CPU target. `Affine` rows are views wherever a batched matrix product can read them in
place; `Listed` rows are gathered. Not for: deciding which rows (`cpu_schedule.py`) or arithmetic of attention.

Throughout, a source is [U, R, N, D] (or [U, R, N] for one number a row): U key heads, the R query heads that share
each (1 for keys and values), N positions. T tiles of L rows each of it make matrices [U * T, R * L, D].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Affine:
    """Tile t has the rows start + t * step + 0..length-1."""

    start: int
    step: int
    tiles: int
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Tile t has the rows index[t]; int64 [T, L].

    `blocks` [T, L // block] int64, where it is given, says the same rows as whole blocks: block b has the positions
    b * block .. b * block + block - 1, and N is a multiple of `block`. What rows are written or added to is contiguous.
    """

    index: Tensor
    blocks: Tensor | None = None
    block: int = 1

    @property
    def tiles(self) -> int:
        """T."""
        return self.index.shape[0]

    @property
    def length(self) -> int:
        """L."""
        return self.index.shape[1]


Rows = Affine | Listed


class Workspace:
    """Buffers that every chunk of one call uses again, so that their pages stay mapped and in cache."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}
        self._shaped: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """An uninitialised tensor, valid until `name` is taken again. A name keeps its dtype."""
        shaped = self._shaped.get((name, shape))
        if shaped is None:
            size = math.prod(shape)
            if name not in self._buffers or self._buffers[name].numel() < size:
                self._buffers[name] = torch.empty(size, dtype=dtype)
                self._shaped = {key: value for key, value in self._shaped.items() if key[0] != name}
            shaped = self._shaped[name, shape] = self._buffers[name][:size].view(shape)
        return shaped


def tile_rows(rows: Rows, first: int, last: int) -> Rows:
    """The rows of tiles first..last-1."""
    match rows:
        case Affine(start, step, _, length):
            return Affine(start + first * step, step, last - first, length)
        case Listed(index, blocks, block):
            return Listed(index[first:last], None if blocks is None else blocks[first:last], block)
        case _:
            assert_never(rows)


def column_rows(rows: Rows, first: int, last: int) -> Rows:
    """Rows first..last-1 of each tile; multiples of the block size, where rows are listed in blocks."""
    match rows:
        case Affine(start, step, tiles, _):
            return Affine(start + first, step, tiles, last - first)
        case Listed(index, blocks, block):
            part = None if blocks is None else blocks[:, first // block : last // block]
            return Listed(index[:, first:last], part, block)
        case _:
            assert_never(rows)


def take(source: Tensor, rows: Rows, space: Workspace, name: str, dtype: torch.dtype) -> Tensor:
    """The rows as [U * T, R * L, D...] in `dtype`: a view of `source` where its strides allow, else a copy in `space`.

    Never to be written to.
    """
    units, heads, _, *rest = source.shape
    # Products in bfloat16 would copy overlapping tiles themselves, into fresh memory.
    overlap = isinstance(rows, Affine) and rows.step < rows.length and dtype == torch.bfloat16
    if isinstance(rows, Affine) and heads == 1 and (units == 1 or rows.tiles == 1) and not overlap:
        if source.dtype != dtype:
            # Tiles that overlap are converted once, not once for each tile.
            first, size = rows.start, (rows.tiles - 1) * rows.step + rows.length
            converted = space.take(name, (units, 1, size, *rest), dtype)
            source = converted.copy_(source[:, :, first : first + size])
            rows = Affine(0, rows.step, rows.tiles, rows.length)
        tiles = tile_view(source, rows)
        return tiles[:, 0, 0] if rows.tiles == 1 else tiles[0, 0]
    out = space.take(name, (units, rows.tiles, heads, rows.length, *rest), dtype)
    match rows:
        case Affine():
            out.copy_(tile_view(source, rows).transpose(1, 2))
        case Listed(index):
            if source.is_contiguous():
                places = _places(index, units, heads, source.shape[2])
                _gather(source.flatten(0, 2), places, out.view(places.shape[0], *rest))
            else:
                for unit in range(units):
                    for head in range(heads):
                        out[unit, :, head].copy_(
                            source[unit, head].index_select(0, index.view(-1)).view(*index.shape, *rest)
                        )
        case _:
            assert_never(rows)
    return out.view(units * rows.tiles, heads * rows.length, *rest)


def put(target: Tensor, rows: Rows, values: Tensor) -> None:
    """Writes values [U * T, R * L, D...] to the rows of `target`, which are distinct; converts to its dtype."""
    units, heads, tokens, *rest = target.shape
    match rows:
        case Affine():
            by_tile = values.view(units, rows.tiles, heads, rows.length, *rest)
            tile_view(target, rows).copy_(by_tile.transpose(1, 2))
        case Listed():
            index, block = _in_blocks(rows)
            places = _places(index, units, heads, tokens // block)
            width = block * math.prod(rest)
            parts = values.to(target.dtype).view(places.shape[0], width)
            target.view(units * heads * tokens // block, width).index_copy_(0, places, parts)
        case _:
            assert_never(rows)


def add(target: Tensor, rows: Rows, values: Tensor) -> None:
    """Adds values [U * T, L, D] to the rows of `target` [U, 1, N, D], in an order that is always the same.

    Rows may occur in several tiles.
    """
    units, _, tokens, dim = target.shape
    match rows:
        case Affine(start, step, tiles, length):
            # Tiles overlap, but their stretches of `step` rows do not: one addition for each stretch.
            by_tile = values.view(units, 1, tiles, length, dim)
            stretch = length if tiles == 1 else min(step, length)
            for first in range(0, length, stretch):
                last = min(first + stretch, length)
                part = Affine(start + first, step, tiles, last - first)
                tile_view(target, part).add_(by_tile[:, :, :, first:last])
        case Listed():
            index, block = _in_blocks(rows)
            places = _places(index, units, 1, tokens // block)
            parts = values.view(places.shape[0], block * dim)
            target.view(units * tokens // block, block * dim).index_add_(0, places, parts)
        case _:
            assert_never(rows)


def _in_blocks(rows: Listed) -> tuple[Tensor, int]:
    """The rows as few places: (index [T, L // block], block)."""
    return (rows.index, 1) if rows.blocks is None else (rows.blocks, rows.block)


def _places(index: Tensor, units: int, heads: int, length: int) -> Tensor:
    """Where the places index [T, L] of each of U * R sequences of `length` lie in all of them: [U * T * R * L]."""
    if units * heads == 1:
        return index.reshape(-1)
    first = torch.arange(units * heads).mul_(length).view(units, 1, heads, 1)
    return (first + index[None, :, None, :]).reshape(-1)


def _gather(rows: Tensor, places: Tensor, out: Tensor) -> None:
    """Copies rows [N, D...] at `places` [P] to out [P, D...], converting to its dtype."""
    if out.dtype == rows.dtype:
        torch.index_select(rows, 0, places, out=out)
    else:
        out.copy_(rows.index_select(0, places))


def tile_view(source: Tensor, rows: Affine) -> Tensor:
    """[U, R, T, L, D...]: a view, whose tiles may overlap."""
    units, heads, _, *rest = source.shape
    by_unit, by_head, by_row, *by_rest = source.stride()
    return source.as_strided(
        (units, heads, rows.tiles, rows.length, *rest),
        (by_unit, by_head, rows.step * by_row, by_row, *by_rest),
        source.storage_offset() + rows.start * by_row,
    )
