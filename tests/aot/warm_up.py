"""Everything that a launch does short of launching: the launcher's arguments bound, specialised and compiled by triton.

A program of its own (`python -m tests.aot.warm_up lowered` or `chain`), because it makes triton believe in an sm_90
that is not there. Prints a line for each launch: the kernel, its grid, and whether copies go on while it computes.
"""

import sys
from contextlib import nullcontext

import numpy as np
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from patternc.algebra import relation as r
from patternc.codegen.lower import lower
from patternc.runtime import cuda, launch
from tests.codegen.dense_tables import Pattern, Shape, build_plan
from tests.codegen.interpreted.dense_attention import table_tensors
from tests.lowering import schedule


class Device:
    """What triton asks a driver before it compiles."""

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0


class WarmUp:
    """A kernel that compiles where it would launch."""

    def __init__(self, kernel):
        self.kernel = kernel

    def __getitem__(self, grid):
        def compile_only(**arguments):
            compiled = self.kernel.warmup(grid=grid, **arguments)
            print(compiled.metadata.name, *grid, "cp.async" in compiled.asm["ptx"])

        return compile_only


def warm_up(name, load):
    """Have the launcher compile what it would launch."""
    setattr(launch, name, lambda which: WarmUp(load(which)))


def lowered_plan():
    """Listed columns, and two patterns in heads of one kv head."""
    columns = r.intersection(r.PAST, r.union(r.Band(0, 63), r.Columns(100, (99,))))
    model = schedule(1000, columns, r.Band(0, 200), table=((0, 0, 1, 0),), kv_heads=2)
    lowered = lower(model, target="cuda:90", dtype="bfloat16", head_dim=32)
    return lowered.plan.distinct[0], lowered.tables.values()


def chain_plan():
    """A window of 100, then every second key beyond it, both with split items."""
    distance = np.arange(256)[:, None] - np.arange(256)[None, :]
    window = Pattern((distance >= 0) & (distance < 100), split=2)
    beyond = Pattern((distance >= 100) & (distance % 2 == 0), step=2, split=1)
    return build_plan([((0, 1), (window, beyond))], 2, 1, Shape(64, 64, head_dim=32))


def main(which):
    driver.set_active(Device())
    for name in ("kernel", "merge_kernel", "row_kernel"):
        warm_up(name, getattr(launch, name))
    cuda._device = lambda q: nullcontext()

    plan, sets = {"lowered": lowered_plan, "chain": chain_plan}[which]()
    tables = table_tensors(sets)
    q, k = (torch.zeros(2, count, plan.tokens, 32, dtype=torch.bfloat16) for count in (plan.heads, plan.kv_heads))
    lse = torch.zeros(2, plan.heads, plan.tokens)
    cuda.forward(q, k, k, lse[0, :, 0], tables, plan, 0.1, 0.0)
    cuda.backward(q, lse, q, k, k, lse[0, :, 0], q, lse, tables, plan, 0.1, 0.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
