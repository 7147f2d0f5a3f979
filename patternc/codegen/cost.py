"""Tile shapes and a cost model: what a tile of each kind costs, so that the most expensive items start first.

For: choosing tile shapes, warps and stages for a target, and ordering items. Constants are start points from resource
arithmetic and compiled code, not from measurements on a device. Not for: predicting milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.codegen.plan import Dtype, Role

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TileShape:
    """Rows a program owns, counterparts it visits at a time, and how its kernel is compiled."""

    own: int
    counterpart: int
    num_warps: int
    num_stages: int


CPU_SHAPE = TileShape(own=64, counterpart=32, num_warps=1, num_stages=1)
"""What the CPU target runs with, for every role: measured (`docs/performance.md`) on windows, blocks, listed keys."""

SMALLEST_OWN = 16
SMALLEST_COUNTERPART = 32
"""A row of a mask is a whole number of 32-bit words."""

# (widest head, forward, dq, dkv): shapes whose kernels spill no register, with every kind of span, as compiled by
# triton 3.7.1 (`tests/aot`). Before sm_90 a program also stays below 99 KB of shared memory, which is what consumer
# parts have. In float32 a product is plain multiply-adds over operands in registers: many warps share a small tile.
_SHAPES_16_BIT_SM_90 = (
    (64, TileShape(128, 64, 4, 3), TileShape(128, 64, 8, 3), TileShape(128, 64, 8, 3)),
    (128, TileShape(128, 64, 8, 3), TileShape(128, 64, 8, 3), TileShape(128, 32, 8, 3)),
    (256, TileShape(128, 32, 8, 2), TileShape(128, 32, 8, 2), TileShape(32, 32, 8, 2)),
)
_SHAPES_16_BIT_SM_80 = (
    (64, TileShape(128, 64, 8, 3), TileShape(128, 64, 8, 2), TileShape(128, 32, 8, 2)),
    (128, TileShape(128, 32, 8, 3), TileShape(128, 32, 8, 2), TileShape(64, 32, 8, 2)),
    (256, TileShape(64, 32, 8, 2), TileShape(32, 32, 8, 2), TileShape(32, 32, 8, 2)),
)
_SHAPES_32_BIT_SM_90 = (
    (64, TileShape(64, 32, 8, 2), TileShape(64, 32, 8, 2), TileShape(32, 32, 8, 2)),
    (128, TileShape(32, 32, 16, 2), TileShape(16, 32, 8, 2), TileShape(16, 32, 16, 2)),
    (256, TileShape(16, 32, 8, 2), TileShape(16, 32, 16, 2), TileShape(16, 32, 16, 2)),
)
_SHAPES_32_BIT_SM_80 = (
    (64, TileShape(64, 32, 8, 2), TileShape(64, 32, 8, 2), TileShape(32, 32, 8, 3)),
    (128, TileShape(32, 32, 16, 2), TileShape(32, 32, 16, 2), TileShape(16, 32, 16, 2)),
    (256, TileShape(16, 32, 8, 2), TileShape(16, 32, 16, 2), TileShape(16, 32, 16, 2)),
)


def tile_shape(target: str, dtype: Dtype, head_dim: int, role: Role, tokens: int) -> TileShape:
    """The shape that kernels of `role` use; sequences shorter than a tile get the smallest tile that holds them.

    Raises ValueError for a head wider than 256 or a dtype, where the target has no kernels for it; the CPU has for all.
    """
    if target == "cpu":
        shape = CPU_SHAPE
    elif head_dim > 256:
        raise ValueError(f"head_dim is {head_dim}; kernels for {target} exist for up to 256")
    elif dtype == "float64":
        raise ValueError(f"target {target} has no float64 kernels; use float32, float16, bfloat16, or the cpu target")
    else:
        sm_90 = int(target.removeprefix("cuda:")) >= 90
        if dtype == "float32":
            shapes = _SHAPES_32_BIT_SM_90 if sm_90 else _SHAPES_32_BIT_SM_80
        else:
            shapes = _SHAPES_16_BIT_SM_90 if sm_90 else _SHAPES_16_BIT_SM_80
        by_role = next(by_role for widest, *by_role in shapes if head_dim <= widest)
        shape = by_role[("forward", "dq", "dkv").index(role)]
    holds_all = 1 << max(tokens - 1, 0).bit_length()
    own = min(shape.own, max(holds_all, SMALLEST_OWN))
    counterpart = min(shape.counterpart, max(holds_all, SMALLEST_COUNTERPART))
    warps = shape.num_warps if own == shape.own else min(shape.num_warps, 4)
    return TileShape(own, counterpart, warps, shape.num_stages)


# Instructions of the inner loop by kind of tile, relative to an unmasked one (278 at D = 64, 128 x 64).
PERCENT_FULL = 100
PERCENT_INTERVAL = 147
PERCENT_BITS = 156
PERCENT_GATHERED = 200
PERCENT_ITEM = 400
"""Fixed work of an item: loading its rows, the epilogue, starting the pipeline."""
PERCENT_CARRY = 300
"""What an item of a later launch has beyond that: the state it starts from is read, and was written, in float32."""


def item_cost(full: Int64, interval: Int64, bits: Int64, gathered: Int64) -> Int64:
    """The cost of items with so many tiles of each kind, in hundredths of an unmasked tile."""
    return (
        PERCENT_ITEM
        + PERCENT_FULL * full
        + PERCENT_INTERVAL * interval
        + PERCENT_BITS * bits
        + PERCENT_GATHERED * gathered
    )
