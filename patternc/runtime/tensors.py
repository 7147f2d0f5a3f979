"""Tables as tensors: the flat list that the torch operator takes, and the mapping that the targets read.

For: `op.py` (which can pass a list of tensors, no more), `module.py` (which makes the list) and the targets. Not for:
checking tables that come from a file (`codegen`), or choosing a device.

The list of a layer holds, for each table set its plan names, in order of first mention (forward, dq, dkv; group by
group), the arrays of `TABLE_ARRAYS` in that order, all int32. The CPU takes its gradients from the forward tables, so
its list holds no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from patternc.codegen.plan import LayerPlan
from patternc.codegen.tables import TABLE_ARRAYS, TableSet

Tables = Mapping[str, Mapping[str, Tensor]]
"""Table set name -> name of one of TABLE_ARRAYS -> int32 tensor."""


def table_names(plan: LayerPlan) -> tuple[str, ...]:
    """The table sets that a layer's plan names, in the order of its tensor list."""
    names: dict[str, None] = {}
    for group in plan.groups:
        launches = group.forward if plan.target == "cpu" else group.launches
        for launch in launches:
            names[launch.tables] = None
    return tuple(names)


def table_tensors(plan: LayerPlan, tables: Mapping[str, TableSet], device: torch.device) -> list[Tensor]:
    """The tensor list of a layer, on `device`."""
    return [tensor(getattr(tables[name], array)).to(device) for name in table_names(plan) for array in TABLE_ARRAYS]


def named_tables(plan: LayerPlan, tensors: Sequence[Tensor]) -> Tables:
    """The mapping of a tensor list. Raises ValueError when the list has another length than the plan needs."""
    names, arrays = table_names(plan), len(TABLE_ARRAYS)
    if len(tensors) != len(names) * arrays:
        raise ValueError(f"the plan names {len(names)} table sets of {arrays} arrays, but got {len(tensors)} tensors")
    return {
        name: dict(zip(TABLE_ARRAYS, tensors[place * arrays : (place + 1) * arrays], strict=True))
        for place, name in enumerate(names)
    }


def tensor(array: NDArray[np.generic]) -> Tensor:
    """The array's memory as a CPU tensor (a copy where the array is read-only)."""
    writeable = array if array.flags.writeable else array.copy()
    # torch's stub leaves the argument of from_numpy untyped.
    return torch.from_numpy(writeable)  # pyright: ignore[reportUnknownMemberType]
