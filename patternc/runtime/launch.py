"""One launch of a generated kernel: its grid, its arguments by name, and the merge of its split items.

For: `cuda.py`, which says what runs and on which tensors. Not for: the order of launches, or what they leave to one
another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from patternc.codegen.plan import KernelSpec, Launch
from patternc.codegen.signature import merge_signature, row_signature, share_shapes, signature
from patternc.codegen.triton_backward import ROWS
from patternc.codegen.triton_merge import ROWS as MERGED_ROWS
from patternc.codegen.triton_module import emit_kernel, emit_row_kernel, row_kernel_name
from patternc.codegen.triton_shares import merge_name
from patternc.runtime.kernel_files import load_kernels

WIDEST_OFFSET = 2**31
"""Where 32 bit end."""

MERGE_WARPS = 4


class Kernel(Protocol):
    """A `@triton.jit` function."""

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., object]:
        """The launch over `grid`, to be called with the kernel's arguments."""
        ...


def launch(one: Launch, table: Mapping[str, Tensor], heads: int, batch: int, values: Mapping[str, Any]) -> None:
    """One program for each item, head and batch row, all along x: y and z end at 65,535, and x at 2**31 - 1.

    `values` has the arguments by the names of `signature`, apart from those of tables, counts and shares. Split items
    leave their shares in memory that lives until they are merged, right after.
    """
    spec, items = one.kernel, table["items"].shape[0]
    if not items * heads * batch:
        return
    values = {
        **values,
        **{f"{name}_ptr": array for name, array in table.items()},
        "item_count": items,
        "head_count": heads,
    }
    merges = table["merges"].shape[0] - 1
    if spec.slots:
        values |= _shares(spec, batch * heads * one.slots, table["items"].device)
        values |= {"slot_count": one.slots, "merge_count": merges}
    arguments = {name: values[name] for name in _names(spec)}
    kernel(spec)[(items * heads * batch,)](**arguments, num_warps=spec.num_warps, num_stages=spec.num_stages)
    if spec.slots and merges:
        arguments = {name: values[name] for name in _merge_names(spec)}
        programs = spec.own_tile // MERGED_ROWS * merges * heads * batch
        merge_kernel(spec)[(programs,)](**arguments, num_warps=MERGE_WARPS)


def launch_rows(head_dim: int, batch: int, values: Mapping[str, Any]) -> None:
    """The kernel that prepares a backward pass, over every row."""
    programs = -(-values["tokens"] // ROWS) * values["heads"] * batch
    if programs:
        row_kernel(head_dim)[(programs,)](**{parameter.name: values[parameter.name] for parameter in row_signature()})


def tile_reach(spec: KernelSpec) -> int:
    """How far apart positions of one tile are at most, own or counterpart."""
    tile = max(spec.own_tile, spec.counterpart_tile)
    if spec.lattice is None:
        return tile
    run = max(spec.lattice.own_run, spec.lattice.counterpart_run)
    return run * spec.lattice.step + tile


def _shares(spec: KernelSpec, slots: int, device: torch.device) -> dict[str, Tensor]:
    return {
        f"{name}_shares_ptr": torch.empty(slots, *shape, dtype=torch.float32, device=device)
        for name, shape in share_shapes(spec).items()
    }


@functools.lru_cache(maxsize=4096)
def _names(spec: KernelSpec) -> tuple[str, ...]:
    return tuple(parameter.name for parameter in signature(spec))


@functools.lru_cache(maxsize=4096)
def _merge_names(spec: KernelSpec) -> tuple[str, ...]:
    return tuple(parameter.name for parameter in merge_signature(spec))


@functools.lru_cache(maxsize=4096)
def kernel(spec: KernelSpec) -> Kernel:
    """The kernel of `spec`, made once."""
    return getattr(load_kernels(emit_kernel(spec)), spec.name)


@functools.lru_cache(maxsize=4096)
def merge_kernel(spec: KernelSpec) -> Kernel:
    """The kernel that merges what the kernel of `spec` leaves in slots."""
    return getattr(load_kernels(emit_kernel(spec)), merge_name(spec))


@functools.lru_cache(maxsize=256)
def row_kernel(head_dim: int) -> Kernel:
    """The kernel that prepares a backward pass."""
    return getattr(load_kernels(emit_row_kernel(head_dim)), row_kernel_name(head_dim))
