"""How a table set runs on the CPU: its items gathered into few batches of equal shape.

For: turning `TableSet` arrays into work that a handful of large torch calls can do; derived once for each content and
kept in a bounded cache. Not for: arithmetic on rows (`cpu.py`) or any decision about the pattern: the tables say which
pairs there are, this only says which items are done together.

An item's keys are *segments* of `counterpart_tile` positions each. Where they are one run of positions, a fixed
distance from the item's own rows, items follow each other evenly and nothing needs to be gathered: windows, chunks,
dense rows. Everything else (global and random keys) is gathered. Where the items of a batch have the same masks, the
mask is expanded once.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from patternc.codegen.tables import BITS, COUNT, END, FULL, GATHER, GATHER_END, INTERVAL, ITEM_WORDS, ORIGIN, Int32
from patternc.runtime.cpu_rows import Affine, Listed, Rows
from patternc.runtime.tensors import tensor

Int64 = NDArray[np.int64]

_KEPT_SCHEDULES = 64
_MOST_PATCHES = 4
_ALL = -1
"""Stands for a segment that every row attends whole."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Segments first..first+S-1 of a batch have masks: [G or 1, S] int64 rows of `bits`, one row if all items agree."""

    first: int
    masks: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Items computed alike: `own` rows against `keys`, of which `patches` (ascending, apart) are masked."""

    own: Rows
    keys: Rows
    patches: tuple[Patch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CpuSchedule:
    """The batches of one table set. `covers` says that every position is in some batch's own rows."""

    batches: tuple[Batch, ...]
    bits: Tensor
    """[U + 1, own_tile, width // 8] uint8, bit c % 8 of byte c // 8 is key c; the last one is all ones."""
    width: int
    covers: bool


def cpu_schedule(table: Mapping[str, Tensor], gathered_own: bool, width: int, tokens: int) -> CpuSchedule:
    """The schedule of a table set; `table` maps the array names of `TableSet` to int32 CPU tensors.

    `width` is the table set's counterpart tile. Kept by content: equal tables give the same object.
    Raises ValueError when the tables hold interval spans, which plans for the CPU never do.
    """
    arrays = {name: values.numpy() for name, values in table.items() if name != "segments"}
    content = tuple((name, array.shape, array.tobytes()) for name, array in sorted(arrays.items()))
    with torch.inference_mode(False):
        return _schedule(content, gathered_own, width, tokens)


@functools.lru_cache(maxsize=_KEPT_SCHEDULES)
def _schedule(
    content: tuple[tuple[str, tuple[int, ...], bytes], ...], gathered_own: bool, width: int, tokens: int
) -> CpuSchedule:
    arrays = {name: np.frombuffer(data, dtype=np.int32).reshape(shape) for name, shape, data in content}
    items = arrays["items"].reshape(-1, ITEM_WORDS)
    if np.any(items[:, INTERVAL] != items[:, BITS]):
        raise ValueError("tables for the CPU have no interval spans; these were made for another target")
    full, partial = items[:, INTERVAL] - items[:, FULL], items[:, END] - items[:, BITS]
    kinds = np.stack((items[:, COUNT], full, partial, items[:, GATHER_END] - items[:, GATHER]), axis=1)
    batches: list[Batch] = []
    for chosen in _groups(kinds):
        some = items[chosen]
        some = some[np.argsort(some[:, ORIGIN], kind="stable")]
        if kinds[chosen[0], 1:].any():
            batches.extend(_of_one_kind(_Items.read(some, arrays, gathered_own, width, tokens)))
    octets = arrays["bits"].astype("<i4").view(np.uint8)
    octets = np.concatenate((octets, np.full_like(octets[:1], 255)))
    rows = sum(batch.own.tiles * batch.own.length for batch in batches)
    return CpuSchedule(tuple(batches), tensor(octets), width, covers=rows == tokens)


@dataclass(frozen=True, slots=True, eq=False)
class _Items:
    """G items with as many rows [G, M], segments [G, S] and gathered lists each.

    `starts` [G, S] is the first position of each segment, or of no meaning after the first A of them, whose positions
    are in `lists` [G, S - A, width]. `masks` [G, S] is the row of `bits`, or _ALL.
    """

    rows: Int64
    contiguous: bool
    starts: Int64
    lists: Int64
    masks: Int64
    width: int
    tokens: int

    @staticmethod
    def read(items: Int32, arrays: dict[str, Int32], gathered_own: bool, width: int, tokens: int) -> _Items:
        full = int(items[0, INTERVAL] - items[0, FULL])
        partial, listed = int(items[0, END] - items[0, BITS]), int(items[0, GATHER_END] - items[0, GATHER])
        tiles = (_spans(arrays["tiles"], items[:, FULL], full), _spans(arrays["tiles"], items[:, BITS], partial))
        starts = np.concatenate(tiles, axis=1)
        gathered = _spans(arrays["gathered"], items[:, GATHER], listed)
        partial_masks = _spans(arrays["tile_bits"], items[:, BITS], partial)
        masks = np.concatenate((np.full((len(items), full), _ALL), partial_masks, gathered[..., 1]), axis=1)
        origins = items[:, ORIGIN].astype(np.int64)
        count = int(items[0, COUNT])
        listed_rows = arrays["gather"][origins, :count] if gathered_own else origins[:, None] + np.arange(count)
        return _Items(
            rows=np.asarray(listed_rows, dtype=np.int64),
            contiguous=not gathered_own,
            starts=starts.astype(np.int64),
            lists=np.maximum(arrays["gather"][gathered[..., 0]], 0).astype(np.int64),
            masks=masks.astype(np.int64),
            width=width,
            tokens=tokens,
        )

    def some(self, chosen: Int64) -> _Items:
        """The items at these places."""
        return _Items(
            self.rows[chosen],
            self.contiguous,
            self.starts[chosen],
            self.lists[chosen],
            self.masks[chosen],
            self.width,
            self.tokens,
        )

    def in_order(self) -> _Items:
        """The same with each item's affine segments by position, where there are no lists."""
        if self.lists.shape[1]:
            return self
        order = np.argsort(self.starts, axis=1, kind="stable")
        starts, masks = (np.take_along_axis(array, order, axis=1) for array in (self.starts, self.masks))
        return _Items(self.rows, self.contiguous, starts, self.lists, masks, self.width, self.tokens)


def _of_one_kind(items: _Items) -> Iterator[Batch]:
    ordered = items.in_order()
    runs = np.full(len(ordered.rows), ordered.contiguous and not ordered.lists.shape[1])
    if runs.any():
        runs &= np.all(np.diff(ordered.starts, axis=1) == ordered.width, axis=1)
    in_runs, others = np.flatnonzero(runs), np.flatnonzero(~runs)
    if in_runs.size:
        first = ordered.starts[in_runs, 0]
        inside = np.minimum(ordered.starts.shape[1] * ordered.width, ordered.tokens - first)
        distance = first - ordered.rows[in_runs, 0]
        for alike in _groups(np.stack((distance, inside), axis=1)):
            for even in _even(ordered.rows[in_runs[alike], 0]):
                yield from _by_masks(ordered.some(in_runs[alike[even]]), int(inside[alike[0]]))
    if others.size:
        yield from _by_masks(items.some(others), None)


def _by_masks(items: _Items, run: int | None) -> Iterator[Batch]:
    """Batches of items whose keys are evenly spaced runs of `run` positions, or (None) are to be gathered."""
    classes = list(_groups(items.masks))
    if len(classes) == 1:
        yield _batch(items, run, shared=True)
    elif len(classes) * 4 <= len(items.rows):
        for alike in classes:
            pieces = [np.arange(alike.size)] if run is None else _even(items.rows[alike, 0])
            for even in pieces:
                yield _batch(items.some(alike[even]), run, shared=True)
    else:
        yield _batch(items, run, shared=False)


def _batch(items: _Items, run: int | None, shared: bool) -> Batch:
    count, length = items.rows.shape
    first = items.rows[:, 0]
    evenly = items.contiguous and len(list(_even(first))) == 1
    step = int(first[1] - first[0]) if count > 1 else length
    own: Rows = Affine(int(first[0]), step, count, length) if evenly else _listed_rows(items)
    keys: Rows = _listed(items) if run is None else Affine(int(items.starts[0, 0]), step, count, run)
    return Batch(own, keys, _patches(items.masks, shared))


def _listed_rows(items: _Items) -> Listed:
    length = items.rows.shape[1]
    if items.contiguous and items.tokens % length == 0 and not np.any(items.rows[:, 0] % length):
        return Listed(tensor(items.rows), tensor(items.rows[:, :1] // length), length)
    return Listed(tensor(items.rows))


def _listed(items: _Items) -> Listed:
    width, tokens = items.width, items.tokens
    count, segments = len(items.rows), items.masks.shape[1]
    affine = segments - items.lists.shape[1]
    positions = items.starts[:, :affine, None] + np.arange(width)
    index = np.concatenate((np.minimum(positions, tokens - 1), items.lists), axis=1).reshape(count, segments * width)
    blocks = None
    if affine == segments and tokens % width == 0 and not np.any(items.starts % width):
        blocks = tensor(items.starts // width)
    return Listed(tensor(index), blocks, width)


def _patches(masks: Int64, shared: bool) -> tuple[Patch, ...]:
    masked = np.flatnonzero(np.any(masks != _ALL, axis=0))
    if not masked.size:
        return ()
    pieces = np.split(masked, np.flatnonzero(np.diff(masked) != 1) + 1)
    if len(pieces) > _MOST_PATCHES:
        pieces = [masked]
    rows = masks[:1] if shared else masks
    return tuple(Patch(int(piece[0]), tensor(rows[:, piece[0] : piece[-1] + 1])) for piece in pieces)


def _groups(keys: Int64 | Int32) -> Iterator[Int64]:
    """The places of equal rows of `keys` [G, K], one array for each distinct row; ascending inside."""
    if not keys.shape[0]:
        return
    order = np.lexsort(keys.T[::-1]) if keys.shape[1] else np.arange(len(keys))
    changes = np.flatnonzero(np.any(np.diff(keys[order], axis=0) != 0, axis=1)) + 1
    yield from np.split(order, changes)


def _even(positions: Int64) -> Iterator[Int64]:
    """Ascending positions [G] cut into stretches with one distance each, as arrays of places."""
    first = 0
    while first < len(positions):
        last = first + 1
        if last < len(positions):
            distance = positions[last] - positions[first]
            uneven = np.flatnonzero(np.diff(positions[first:]) != distance)
            last = first + 1 + int(uneven[0]) if uneven.size else len(positions)
        yield np.arange(first, last)
        first = last


def _spans(array: Int32, begins: Int32, length: int) -> Int32:
    """array[begin : begin + length] for each begin: [len(begins), length, ...]."""
    return array[begins[:, None].astype(np.int64) + np.arange(length)]
