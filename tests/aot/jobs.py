"""From KernelSpecs to jobs for `compile_kernels.py`, and from its reports to a table. No triton here.

`python -m tests.aot.jobs PATTERN.attn... [--head-dim 64] [--dtype bfloat16] [--target cuda:90]` prints the table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from patternc.codegen.lower import lower
from patternc.codegen.plan import KernelSpec, Lattice
from patternc.codegen.signature import Parameter, merge_signature, row_signature, signature
from patternc.codegen.triton_module import emit_kernel, emit_row_kernel, row_kernel_name
from patternc.codegen.triton_shares import merge_name
from patternc.compiler import check
from patternc.runtime.launch import MERGE_WARPS

ELEMENT = {"float16": "*fp16", "bfloat16": "*bf16", "float32": "*fp32"}

Job = dict[str, object]
Reports = dict[str, dict]


def kernels(pattern: Path, head_dim: int, dtype: str, target: str) -> list[KernelSpec]:
    """The distinct kernels of a pattern file, by role and name, with lattices and split items where they pay."""
    schedule = check(pattern, head_dim=head_dim).elaborated.schedule
    plan = lower(schedule, target=target, dtype=dtype, head_dim=head_dim, lattices=True, slots=True).plan
    groups = [group for layer in plan.distinct for group in layer.groups]
    specs = {launch.kernel for group in groups for launch in group.launches}
    return sorted(specs, key=lambda spec: (spec.role, spec.name))


def form(spec: KernelSpec) -> tuple:
    """Kernels of one form compile alike: they differ in name, in the constants of their bounds and in their step."""
    bounds = None
    if spec.interval is not None:
        bounds = tuple(
            tuple(type(bound).__name__ for bound in side) for side in (spec.interval.lows, spec.interval.highs)
        )
    lattice = None if spec.lattice is None else replace(spec.lattice, step=2)
    return replace(spec, name="", interval=None, lattice=lattice), bounds


def packed(spec: KernelSpec) -> KernelSpec:
    """The kernel as it is where classes are short: four in a tile, on each side, and bits for all pairs."""
    lattice = Lattice(1000, spec.own_tile // 4, spec.counterpart_tile // 4)
    return replace(spec, name=f"{spec.name}_packed", full=False, interval=None, bits=True, lattice=lattice)


def parameter_type(parameter: Parameter, dtype: str, float32_result: bool) -> tuple[str, str, bool]:
    """(name, Triton's name of the type, whether it is a multiple of 16): pointers and strides are."""
    match parameter.kind:
        case "rows":
            return parameter.name, ELEMENT[dtype], True
        case "result":
            return parameter.name, "*fp32" if float32_result else ELEMENT[dtype], True
        case "float32":
            return parameter.name, "*fp32", True
        case "table":
            return parameter.name, "*i32", True
        case "stride":
            return parameter.name, "i32", not parameter.name.startswith("lse")
        case "count":
            return parameter.name, "i32", False
        case "scale":
            return parameter.name, "fp32", False
        case "offsets":
            return parameter.name, "int32", False


def spans(spec: KernelSpec) -> list[str]:
    """The loops of a kernel, in order."""
    present = {"full": spec.full, "interval": spec.interval is not None, "bits": spec.bits, "gathered": spec.gathered}
    return [span for span, there in present.items() if there]


def job(spec: KernelSpec, arch: int, dtype: str, tag: str = "") -> Job:
    return {
        "key": f"{tag}{spec.name}.d{spec.head_dim}.{dtype}.sm{arch}",
        "spans": spans(spec),
        "name": spec.name,
        "text": emit_kernel(spec),
        "parameters": [
            parameter_type(parameter, dtype, spec.accumulate and spec.role == "dkv") for parameter in signature(spec)
        ],
        "arch": arch,
        "tile": f"{spec.own_tile} x {spec.counterpart_tile}",
        "num_warps": spec.num_warps,
        "num_stages": spec.num_stages,
    }


def merge_job(spec: KernelSpec, arch: int, dtype: str, tag: str = "") -> Job:
    """The kernel that merges what that of `spec` leaves in slots."""
    signature = merge_signature(spec)
    return {
        "key": f"{tag}{merge_name(spec)}.d{spec.head_dim}.{dtype}.sm{arch}",
        "spans": [],
        "name": merge_name(spec),
        "text": emit_kernel(spec),
        "parameters": [parameter_type(parameter, dtype, spec.role == "dkv") for parameter in signature],
        "arch": arch,
        "tile": f"{spec.own_tile}",
        "num_warps": MERGE_WARPS,
        "num_stages": 3,
    }


def row_job(head_dim: int, arch: int, dtype: str) -> Job:
    name = row_kernel_name(head_dim)
    return {
        "key": f"{name}.{dtype}.sm{arch}",
        "spans": [],
        "name": name,
        "text": emit_row_kernel(head_dim),
        "parameters": [parameter_type(parameter, dtype, False) for parameter in row_signature()],
        "arch": arch,
        "tile": "",
        "num_warps": 4,
        "num_stages": 3,
    }


def compile_jobs(jobs: list[Job], directory: Path) -> Reports:
    """The report of each job, by its key; compiled in two processes with a cache of their own."""
    program = Path(__file__).with_name("compile_kernels.py")
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(directory / "triton")
    running = []
    for half in (0, 1):
        given, result = directory / f"jobs{half}.json", directory / f"reports{half}.json"
        given.write_text(json.dumps(jobs[half::2]))
        command = [sys.executable, str(program), str(given), str(result)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        running.append((process, result))
    reports: Reports = {}
    for process, result in running:
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(errors[-4000:])
        reports |= {report["key"]: report for report in json.loads(result.read_text())}
    return reports


def table(reports: Reports) -> str:
    """One line a kernel; of its loops: instructions, async copies, spills."""
    width = max(len(key) for key in reports)
    lines = [f"{'kernel':{width}} regs  shared spills  instructions/async copies/spills of each loop"]
    for key, report in sorted(reports.items()):
        loops = "  ".join(
            f"{loop['instructions']}/{loop.get('async_copies', 0)}/{loop.get('spills', 0)}" for loop in report["loops"]
        )
        lines.append(f"{key:{width}} {report['regs']:4} {report['shared']:7} {report['spills']:6}  {loops}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compile the kernels of patterns ahead of time and show what they use."
    )
    parser.add_argument("patterns", nargs="+", type=Path)
    parser.add_argument("--head-dim", type=int, default=64)
    parser.add_argument("--dtype", default="bfloat16", choices=list(ELEMENT))
    parser.add_argument("--target", default="cuda:90")
    chosen = parser.parse_args()
    arch = int(chosen.target.removeprefix("cuda:"))
    jobs = [
        job(spec, arch, chosen.dtype, f"{pattern.stem}: ")
        for pattern in chosen.patterns
        for spec in kernels(pattern, chosen.head_dim, chosen.dtype, chosen.target)
    ]
    with tempfile.TemporaryDirectory() as directory:
        print(table(compile_jobs(jobs, Path(directory))))


if __name__ == "__main__":
    main()
