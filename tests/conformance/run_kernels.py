"""The generated kernels of layers in Triton's interpreter: `TRITON_INTERPRET=1 python -m tests.conformance.run_kernels
CASE...` prints a line for each, its name and largest error. A process of its own, as the interpreter needs.
"""

from __future__ import annotations

import sys

import torch

from patternc.runtime import cuda
from patternc.runtime.tensors import named_tables, table_tensors
from tests.conformance.layers import Layer, largest_error, layer_of


def run(layer: Layer) -> torch.Tensor:
    lowered = layer.program.lowered
    total = torch.zeros_like(layer.out)
    for number, q, k, v in layer.calls:
        plan = lowered.plan.distinct[lowered.plan.layers[number]]
        tables = named_tables(plan, table_tensors(plan, lowered.tables, torch.device("cpu")))
        total += cuda.forward(q, k, v, layer.sinks, tables, plan, layer.scale, layer.soft_cap)[0]
    return total


if __name__ == "__main__":
    for name in sys.argv[1:]:
        case_layer = layer_of(name, target="cuda:90")
        print(name, largest_error(run(case_layer), case_layer.out))
