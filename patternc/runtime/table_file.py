"""tables.safetensors: table sets as bytes, and back without trusting them.

For: one file with the arrays of all table sets of a module, always the same bytes for the same tables. Not for: whether
the numbers are in range (`codegen/check_tables.py`) or right (`load.py` makes them again and compares).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from safetensors import SafetensorError, numpy

from patternc.codegen.plan import KernelSpec, ModulePlan
from patternc.codegen.tables import TABLE_ARRAYS, Int32, TableSet

MAX_HEADER = 1 << 24
"""Bytes of the header that are read; one entry takes about 100."""


class TableFileError(ValueError):
    """The bytes are not the tables of the plan; the message says what is missing or surplus."""


def tables_to_bytes(tables: Mapping[str, TableSet]) -> bytes:
    """The file's bytes. Arrays are named `<table set>.<array>`; there is no metadata, whose order is not stable."""
    arrays = {
        f"{name}.{array}": np.ascontiguousarray(getattr(table, array))
        for name, table in sorted(tables.items())
        for array in TABLE_ARRAYS
    }
    return numpy.save(arrays)


def tables_from_bytes(data: bytes, plan: ModulePlan) -> dict[str, TableSet]:
    """The table sets that `plan` names, each array int32. Raises TableFileError when the file holds anything else."""
    if len(data) < 8:
        raise TableFileError("too short for a header: truncated")
    header = int.from_bytes(data[:8], "little")
    if header > min(MAX_HEADER, len(data) - 8):
        raise TableFileError(f"its header claims {header:,} bytes; at most {min(MAX_HEADER, len(data) - 8):,} can be")
    try:
        arrays = numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise TableFileError(f"not a safetensors file: {error}") from None
    kernels = kernels_of_tables(plan)
    expected = {f"{name}.{array}" for name in kernels for array in TABLE_ARRAYS}
    for name in sorted(set(arrays) ^ expected):
        raise TableFileError(
            f"holds {name[:80]!r}, which the plan does not name" if name in arrays else f"lacks {name}"
        )
    for name, array in arrays.items():
        if array.dtype != np.int32:
            raise TableFileError(f"{name} is {array.dtype}; expected int32")
    return {
        name: TableSet(
            name,
            kernel.own_tile,
            kernel.counterpart_tile,
            *(cast(Int32, arrays[f"{name}.{array}"]) for array in TABLE_ARRAYS),
        )
        for name, kernel in kernels.items()
    }


def kernels_of_tables(plan: ModulePlan) -> dict[str, KernelSpec]:
    """For each table set of a plan, the first kernel that walks it."""
    kernels: dict[str, KernelSpec] = {}
    for layer in plan.distinct:
        for group in layer.groups:
            for launch in group.launches:
                kernels.setdefault(launch.tables, launch.kernel)
    return kernels
