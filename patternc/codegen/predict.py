"""Predicted time of a launch: what its tiles ask of the matrix units, the schedulers, the exponentials and the memory.

For: saying beside a plan what it should take, and what bounds it. The constants are arithmetic, from data sheets and
from instructions counted in compiled code; no figure here was measured on a device, and nothing is decided by it. Not
for: the order of items or the choice of components (`cost.py`, `choice.py`), or the CPU target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from patternc.codegen.cost import PERCENT_BITS, PERCENT_FULL, PERCENT_GATHERED, PERCENT_INTERVAL, PERCENT_ITEM
from patternc.codegen.hubs import costs
from patternc.codegen.plan import KernelSpec, LayerPlan
from patternc.codegen.tables import BITS, END, FULL, GATHER, GATHER_END, INTERVAL, TableSet

Int64 = NDArray[np.int64]
Bound = Literal["matrix units", "instructions", "exponentials", "longest item", "memory"]


@dataclass(frozen=True, slots=True)
class Device:
    """What a processor does a clock, and how many there are; `flop_16` and `flop_32` are those of matrix products."""

    name: str
    processors: int
    clock_hz: int
    flop_16: int
    flop_32: int
    bytes_per_second: int


_DEVICES = {
    80: Device("A100", 108, 1_410_000_000, 2048, 128, 2_000_000_000_000),
    90: Device("H200", 132, 1_755_000_000, 4096, 256, 4_300_000_000_000),
}
MATRIX_EFFICIENCY = 0.8
"""Share of the peak that large matrix products reach: 790 of 989 TFLOP/s on sm_90."""
SCHEDULERS = 4
EXPONENTIALS = 16
"""A clock and processor."""
_PRODUCTS = {"forward": 4, "dq": 6, "dkv": 8}
"""Operations for each pair and each element of a head."""
_ROWS = {"forward": (2, 2), "dq": (3, 2), "dkv": (4, 2)}
"""Tensors of own rows and of counterparts that a launch reads or writes once."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds for one batch row and all heads of a group, and what they are spent on."""

    seconds: float
    bound: Bound
    device: str


def device_of(target: str) -> Device | None:
    """The device that predictions for a target are about; None for the CPU and for devices without constants here."""
    return None if target == "cpu" else _DEVICES.get(int(target.removeprefix("cuda:")))


def predict(tables: TableSet, kernel: KernelSpec, layer: LayerPlan, heads: int) -> Prediction | None:
    """What one launch should take for `heads` query heads of a batch row; None where `device_of` knows no device.

    A tile costs its matrix products, and the larger of instructions and exponentials on top: a program does not
    overlap the two. A launch takes as long as all items over all processors, or as its longest one, or as its rows
    take to be read and written once.
    """
    device = device_of(layer.target)
    if device is None:
        return None
    pairs = kernel.own_tile * kernel.counterpart_tile
    element = 4 if layer.dtype == "float32" else 2
    flop = device.flop_32 if layer.dtype == "float32" else device.flop_16
    # Fitted to four forward loops on sm_90 (within 7 %): 278 instructions for 128 x 64 at D = 64 in 8 warps, 491 in 4.
    instructions = 35 + 6 * pairs / (32 * kernel.num_warps) + 0.8 * kernel.head_dim
    share = _PRODUCTS[kernel.role] / 4
    matrix = _PRODUCTS[kernel.role] * pairs * kernel.head_dim / (flop * MATRIX_EFFICIENCY)
    issue = share * instructions * kernel.num_warps / SCHEDULERS
    exponentials = pairs / EXPONENTIALS

    items = tables.items.astype(np.int64)
    kinds = tile_kinds(items)
    percents = (PERCENT_FULL, PERCENT_INTERVAL, PERCENT_BITS, PERCENT_GATHERED)
    tiles = kinds.sum()
    weighted = sum(int(kinds[:, at].sum()) * percent for at, percent in enumerate(percents)) / PERCENT_FULL
    spent: dict[Bound, float] = {
        "matrix units": tiles * matrix,
        "instructions": weighted * issue,
        "exponentials": tiles * exponentials,
    }
    fixed = items.shape[0] * PERCENT_ITEM / PERCENT_FULL * (matrix + issue)
    clocks = spent["matrix units"] + max(spent["instructions"], spent["exponentials"]) + fixed
    longest = int(costs(items).max(initial=0)) / PERCENT_FULL * (matrix + issue)
    own, other = _ROWS[kernel.role]
    counterparts = other * heads if kernel.role == "dkv" else other * heads * layer.kv_heads / layer.heads
    carried = 2 * 4 * own / 2 if kernel.accumulate else 0
    moved = layer.tokens * kernel.head_dim * (heads * (own * element + carried) + counterparts * element)
    seconds: dict[Bound, float] = {
        max(spent, key=lambda bound: spent[bound]): clocks * heads / device.processors / device.clock_hz,
        "longest item": longest / device.clock_hz,
        "memory": moved / device.bytes_per_second,
    }
    bound = max(seconds, key=lambda one: seconds[one])
    return Prediction(seconds[bound], bound, device.name)


def tile_kinds(items: Int64) -> Int64:
    """How many full, interval, bits and gathered tiles each item has, [I, 4]."""
    return np.stack(
        [
            items[:, INTERVAL] - items[:, FULL],
            items[:, BITS] - items[:, INTERVAL],
            items[:, END] - items[:, BITS],
            items[:, GATHER_END] - items[:, GATHER],
        ],
        axis=1,
    )
