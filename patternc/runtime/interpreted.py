"""A module's Triton kernels in Triton's interpreter, against the dense reference: `python -m ...interpreted`.

For: `verify` on a machine without a CUDA device; a process of its own, because one process cannot interpret kernels and
compile them, and the choice is made when triton is imported. Reads a task from standard input, prints checks as JSON.
Not for: use by people, or anything but small lengths: a tile takes tens of milliseconds.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import Any

import torch

from patternc.grammar.typed_json import typed_from_json
from patternc.runtime import cuda
from patternc.runtime.module import DTYPES
from patternc.runtime.remake import Shape, plan_of, schedule_of
from patternc.runtime.tensors import named_tables, table_tensors
from patternc.runtime.verify import distinct_layers, expected, largest_error, random_rows


def main() -> None:
    """Read the task; print, for each check, its layers, quantity and error."""
    json.dump(list(_errors(json.load(sys.stdin))), sys.stdout)


def _errors(task: dict[str, Any]) -> Iterator[tuple[tuple[int, ...], str, float]]:
    shape = Shape(task["tokens"], task["head_dim"], task["dtype"], task["target"])
    program = typed_from_json(task["program"])
    schedule = schedule_of(program, shape.tokens, shape.head_dim)
    lowered = plan_of(program, shape)
    (dtype,) = (dtype for dtype, name in DTYPES.items() if name == shape.dtype)
    for layers in distinct_layers(schedule):
        plan = lowered.plan.distinct[lowered.plan.layers[layers[0]]]
        tables = named_tables(plan, table_tensors(plan, lowered.tables, torch.device("cpu")))
        q, k, v, do = (
            random_rows((1, heads, shape.tokens, shape.head_dim), dtype, task["seed"], place)
            for place, heads in enumerate((schedule.heads, schedule.kv_heads, schedule.kv_heads, schedule.heads))
        )
        scale = 1 / math.sqrt(shape.head_dim)
        o, lse = cuda.forward(q, k, v, None, tables, plan, scale, 0.0)
        dq, dk, dv, _ = cuda.backward(do, None, q, k, v, None, o, lse, tables, plan, scale, 0.0)
        right = expected(schedule, layers[0], q, k, v, do)
        for quantity, got in zip(right, (o, lse, dq, dk, dv), strict=True):
            yield layers, quantity, largest_error(got, right[quantity])


if __name__ == "__main__":
    main()
