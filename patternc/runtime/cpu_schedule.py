"""How a table set runs on the CPU: its items gathered into few batches of equal shape.

For: turning `TableSet` arrays into work that a handful of large torch calls can do; derived once for each content and
kept in a bounded cache. Not for: arithmetic on rows (`cpu.py`) or any decision about the pattern: the tables say which
pairs there are, this only says which items are done together.

An item's keys are tiles of `counterpart_tile` places each. Where they are one run of places, a fixed distance from the
item's own rows, items follow each other evenly and nothing needs to be gathered: windows, chunks, dense rows, and the
same among the positions of a residue class. Everything else (global and random keys) is gathered. Where the items of a
batch have the same masks, the mask is expanded once.

On a lattice, classes whose items see nothing but their own class are cut into *pieces* that stay in cache.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from patternc.codegen.plan import KernelSpec
from patternc.codegen.tables import BITS, END, FULL, GATHER, GATHER_END, INTERVAL, ITEM_WORDS, ORIGIN, SLOT, Int32
from patternc.runtime.cpu_fold import Fold
from patternc.runtime.cpu_items import ALL, Items, Tiling, live_rows, own_class_only, read_items, tiling_of
from patternc.runtime.cpu_packed import whole_packs
from patternc.runtime.cpu_rows import Affine, Listed, Rows
from patternc.runtime.tensors import tensor

Int64 = NDArray[np.int64]

_KEPT_SCHEDULES = 64
_MOST_PATCHES = 4
PIECE = 1 << 13
"""Places of a piece: 2 MiB of float32 rows of 64."""
_READ = ("items", "tiles", "tile_bits", "bits", "gather", "gathered")


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Tiles first..first+S-1 of a batch have masks: [G or 1, S] int64 rows of `bits`, one row if all items agree."""

    first: int
    masks: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Items computed alike: `own` rows against `keys`, of which `patches` (ascending, apart) are masked."""

    own: Rows
    keys: Rows
    patches: tuple[Patch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The batches of classes first..last-1, in places that count from the first of them."""

    first: int
    last: int
    batches: tuple[Batch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CpuSchedule:
    """The batches of one table set. `covers` says that every position is in some batch's own rows.

    `fold` says where places are; None: they are positions.
    """

    fold: Fold | None
    pieces: tuple[Piece, ...]
    bits: Tensor
    """[U + 1, own_tile, width // 8] uint8, bit c % 8 of byte c // 8 is key c; the last one is all ones."""
    width: int
    covers: bool


def cpu_schedule(table: Mapping[str, Tensor], kernel: KernelSpec, tokens: int) -> CpuSchedule:
    """The schedule of a launch of `kernel`; `table` maps the array names of `TableSet` to int32 CPU tensors.

    Kept by content: equal tables and tilings give the same object. Raises ValueError for what tables of plans for the
    CPU never have: interval spans, shares of items, tiles of several classes with rows left out.
    """
    arrays = {name: table[name].numpy() for name in _READ}
    content = tuple((name, array.shape, array.tobytes()) for name, array in arrays.items())
    with torch.inference_mode(False):
        return _schedule(content, tiling_of(kernel, tokens))


@functools.lru_cache(maxsize=_KEPT_SCHEDULES)
def _schedule(content: tuple[tuple[str, tuple[int, ...], bytes], ...], tiling: Tiling) -> CpuSchedule:
    arrays = {name: np.frombuffer(data, dtype=np.int32).reshape(shape) for name, shape, data in content}
    items = arrays["items"].reshape(-1, ITEM_WORDS)
    if np.any(items[:, INTERVAL] != items[:, BITS]) or np.any(items[:, SLOT] != -1):
        raise ValueError("tables for the CPU have no interval spans and no shares; these were made for another target")
    items = items[(items[:, FULL] < items[:, END]) | (items[:, GATHER] < items[:, GATHER_END])]
    live, counts = live_rows(items, tiling)
    octets = arrays["bits"].astype("<i4").view(np.uint8)
    items, arrays, octets, tiling = whole_packs(items, arrays, octets, tiling)
    octets = np.concatenate((octets, np.full_like(octets[:1], 255)))
    return CpuSchedule(
        fold=tiling.fold if tiling.fold.step > 1 or tiling.packed else None,
        pieces=tuple(_pieces(items, counts, arrays, tiling)),
        bits=tensor(octets),
        width=tiling.width,
        covers=int(live.sum()) == tiling.fold.tokens,
    )


def _pieces(items: Int32, counts: Int64, arrays: dict[str, Int32], tiling: Tiling) -> Iterator[Piece]:
    """The items class by class where they can be, and for each stretch of classes its batches."""
    fold = tiling.fold
    classes = -(-fold.step // tiling.pack) * tiling.pack
    together = classes
    if own_class_only(items, arrays, tiling):
        together = min(classes, max(1, PIECE // (fold.period * tiling.pack)) * tiling.pack)
    place = items[:, ORIGIN] % fold.step // together
    spans = (
        items[:, INTERVAL] - items[:, FULL],
        items[:, END] - items[:, BITS],
        items[:, GATHER_END] - items[:, GATHER],
    )
    kinds = np.column_stack((place, counts, *spans)).astype(np.int64)
    batches: dict[int, list[Batch]] = {}
    # Most pieces are alike: what they do is worked out once.
    known: dict[tuple[bytes, ...], list[Batch]] = {}
    for chosen in _groups(kinds):
        some = items[chosen]
        some = some[np.argsort(some[:, ORIGIN] % fold.step * fold.period + some[:, ORIGIN] // fold.step, kind="stable")]
        number, count = int(kinds[chosen[0], 0]), int(kinds[chosen[0], 1])
        first = number * together
        places = (min(first + together, classes) - first) * fold.period
        read = read_items(some, count, arrays, tiling, first * fold.period, places)
        content = read.content()
        if content not in known:
            known[content] = list(_of_one_kind(read))
        batches.setdefault(number, []).extend(known[content])
    for number, found in batches.items():
        first = number * together
        yield Piece(first, min(first + together, classes), tuple(found))


def _of_one_kind(items: Items) -> Iterator[Batch]:
    ordered = items.in_order()
    runs = np.full(len(ordered.rows), ordered.contiguous and not ordered.lists.shape[1])
    if runs.any():
        runs &= np.all(np.diff(ordered.starts, axis=1) == ordered.width, axis=1)
    in_runs, others = np.flatnonzero(runs), np.flatnonzero(~runs)
    if in_runs.size:
        first = ordered.starts[in_runs, 0]
        class_end = (ordered.starts[in_runs, -1] // ordered.period + ordered.pack) * ordered.period
        inside = np.minimum(ordered.starts.shape[1] * ordered.width, class_end - first)
        distance = first - ordered.rows[in_runs, 0]
        for alike in _groups(np.stack((distance, inside), axis=1)):
            for even in _even(ordered.rows[in_runs[alike], 0]):
                yield from _by_masks(ordered.some(in_runs[alike[even]]), int(inside[alike[0]]))
    if others.size:
        yield from _by_masks(items.some(others), None)


def _by_masks(items: Items, run: int | None) -> Iterator[Batch]:
    """Batches of items whose keys are evenly spaced runs of `run` places, or (None) are to be gathered."""
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


def _batch(items: Items, run: int | None, shared: bool) -> Batch:
    count, length = items.rows.shape
    first = items.rows[:, 0]
    evenly = items.contiguous and len(list(_even(first))) == 1
    step = int(first[1] - first[0]) if count > 1 else length
    own: Rows = Affine(int(first[0]), step, count, length) if evenly else _listed_rows(items)
    keys: Rows = _listed(items) if run is None else Affine(int(items.starts[0, 0]), step, count, run)
    return Batch(own, keys, _patches(items.masks, shared))


def _listed_rows(items: Items) -> Listed:
    length = items.rows.shape[1]
    if items.contiguous and items.places % length == 0 and not np.any(items.rows[:, 0] % length):
        return Listed(tensor(items.rows), tensor(items.rows[:, :1] // length), length)
    return Listed(tensor(items.rows))


def _listed(items: Items) -> Listed:
    width, places = items.width, items.places
    count, segments = len(items.rows), items.masks.shape[1]
    affine = segments - items.lists.shape[1]
    found = np.concatenate((items.starts[:, :affine, None] + np.arange(width), items.lists), axis=1)
    index = np.minimum(found, places - 1).reshape(count, segments * width)
    blocks = None
    if affine == segments and places % width == 0 and not np.any(items.starts % width):
        blocks = tensor(items.starts // width)
    return Listed(tensor(index), blocks, width)


def _patches(masks: Int64, shared: bool) -> tuple[Patch, ...]:
    masked = np.flatnonzero(np.any(masks != ALL, axis=0))
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
