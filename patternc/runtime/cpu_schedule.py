"""How a table set runs on the CPU: its items gathered into few batches of equal shape.

For: turning `TableSet` arrays into work that a handful of large torch calls can do; derived once for each content and
kept in a bounded cache. Not for: arithmetic on rows (`cpu.py`) or any decision about the pattern: the tables say which
pairs there are, this only says which items are done together.

An item's keys are *segments* of `counterpart_tile` positions: its full tiles, then its bits tiles, then its gathered
lists. Items with the same number of rows and the same number of each kind make one batch; where all of them also have
the same masks, the mask is expanded once instead of once for each item.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from patternc.codegen.tables import (
    BITS,
    COUNT,
    END,
    FULL,
    GATHER,
    GATHER_END,
    INTERVAL,
    ITEM_WORDS,
    ORIGIN,
    Int32,
)
from patternc.runtime.tensors import tensor

_KEPT_SCHEDULES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """G items that are computed alike: M rows each against S segments of `width` keys, of which the first F are full.

    `rows` [G, M] int64 own positions; `contiguous` says that they are one ascending run. `starts` [G, A] int64: first
    position of each affine segment; `lists` [G, S - A] int64: row of `gather` for each segment after those.
    `masks` [G or 1, S - F] int64: row of `bits` for each segment that is not full; one row when all items share it.
    """

    rows: Tensor
    contiguous: bool
    starts: Tensor
    lists: Tensor
    masks: Tensor
    full: int
    segments: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class CpuSchedule:
    """The batches of one table set, and the arrays they point into."""

    batches: tuple[Batch, ...]
    gather: Tensor
    """[G, width] int64, pads replaced by 0 (their mask bits are 0)."""
    bits: Tensor
    """[U, own_tile, width // 8] uint8, bit c % 8 of byte c // 8 is key c."""
    tokens: int


def cpu_schedule(table: Mapping[str, Tensor], gathered_own: bool, width: int, tokens: int) -> CpuSchedule:
    """The schedule of a table set; `table` maps the array names of `TableSet` to int32 CPU tensors.

    `width` is the table set's counterpart tile. Kept by content: equal tables give the same object.
    Raises ValueError when the tables hold interval spans, which plans for the CPU never do.
    """
    arrays = {name: values.numpy() for name, values in table.items() if name != "segments"}
    content = tuple((name, array.shape, array.tobytes()) for name, array in sorted(arrays.items()))
    return _schedule(content, gathered_own, width, tokens)


@functools.lru_cache(maxsize=_KEPT_SCHEDULES)
def _schedule(
    content: tuple[tuple[str, tuple[int, ...], bytes], ...], gathered_own: bool, width: int, tokens: int
) -> CpuSchedule:
    arrays = {name: np.frombuffer(data, dtype=np.int32).reshape(shape) for name, shape, data in content}
    items, gather, bits = arrays["items"].reshape(-1, ITEM_WORDS), arrays["gather"], arrays["bits"]
    if np.any(items[:, INTERVAL] != items[:, BITS]):
        raise ValueError("tables for the CPU have no interval spans; these were made for another target")
    shapes = np.stack(
        (
            items[:, COUNT],
            items[:, INTERVAL] - items[:, FULL],
            items[:, END] - items[:, BITS],
            items[:, GATHER_END] - items[:, GATHER],
        ),
        axis=1,
    )
    batches: list[Batch] = []
    kinds, kind_of = np.unique(shapes, axis=0, return_inverse=True)
    for kind in range(len(kinds)):
        chosen = items[kind_of.reshape(-1) == kind]
        chosen = chosen[np.argsort(chosen[:, ORIGIN], kind="stable")]
        batches.extend(_batches(chosen, kinds[kind].tolist(), arrays, gathered_own, width))
    return CpuSchedule(
        tuple(batches),
        gather=tensor(np.maximum(gather, 0).astype(np.int64)),
        bits=tensor(bits.astype("<i4").view(np.uint8).copy()),
        tokens=tokens,
    )


def _batches(items: Int32, kind: list[int], arrays: dict[str, Int32], gathered_own: bool, width: int) -> list[Batch]:
    """The batches of items that all have `kind` = rows, full, bits and gathered segments."""
    count, full, partial, listed = kind
    if full + partial + listed == 0:
        return []
    tiles = np.concatenate(
        (_spans(arrays["tiles"], items[:, FULL], full), _spans(arrays["tiles"], items[:, BITS], partial)), axis=1
    )
    lists = _spans(arrays["gathered"], items[:, GATHER], listed)
    masks = np.concatenate((_spans(arrays["tile_bits"], items[:, BITS], partial), lists[..., 1]), axis=1)
    if gathered_own:
        rows = arrays["gather"][items[:, ORIGIN], :count].astype(np.int64)
    else:
        rows = items[:, ORIGIN, None].astype(np.int64) + np.arange(count)
    classes, class_of = np.unique(masks, axis=0, return_inverse=True)
    shared = len(classes) * 4 <= len(items) or len(classes) == 1
    groups = [class_of.reshape(-1) == place for place in range(len(classes))] if shared else [np.full(len(items), True)]
    return [
        Batch(
            rows=tensor(rows[group]),
            contiguous=bool(np.all(np.diff(rows[group].reshape(-1)) == 1)),
            starts=tensor(tiles[group].astype(np.int64)),
            lists=tensor(lists[group, :, 0].astype(np.int64)),
            masks=tensor((masks[group][:1] if shared else masks[group]).astype(np.int64)),
            full=full,
            segments=full + partial + listed,
            width=width,
        )
        for group in groups
    ]


def _spans(array: Int32, begins: Int32, length: int) -> Int32:
    """array[begin : begin + length] for each begin: [len(begins), length, ...]."""
    return array[begins[:, None].astype(np.int64) + np.arange(length)]
