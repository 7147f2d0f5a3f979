"""From KernelSpecs to jobs for `compile_kernels.py`, and from its reports to a table. No triton here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from patternc.codegen.plan import KernelSpec
from patternc.codegen.signature import Parameter, row_signature, signature
from patternc.codegen.triton_module import emit_kernel, emit_row_kernel, row_kernel_name

ELEMENT = {"float16": "*fp16", "bfloat16": "*bf16", "float32": "*fp32"}


def parameter_type(parameter: Parameter, dtype: str, accumulate: bool) -> tuple[str, str, bool]:
    """(name, Triton's name of the type, whether it is a multiple of 16): pointers and strides are."""
    match parameter.kind:
        case "rows":
            return parameter.name, ELEMENT[dtype], True
        case "gradient":
            return parameter.name, "*fp32" if accumulate else ELEMENT[dtype], True
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


def job(spec: KernelSpec, arch: int, dtype: str) -> dict[str, object]:
    return {
        "key": f"{spec.name}_d{spec.head_dim}_{dtype}_sm{arch}",
        "name": spec.name,
        "text": emit_kernel(spec),
        "parameters": [parameter_type(parameter, dtype, spec.accumulate) for parameter in signature(spec)],
        "arch": arch,
        "num_warps": spec.num_warps,
        "num_stages": spec.num_stages,
    }


def row_job(head_dim: int, arch: int, dtype: str) -> dict[str, object]:
    name = row_kernel_name(head_dim)
    return {
        "key": f"{name}_{dtype}_sm{arch}",
        "name": name,
        "text": emit_row_kernel(head_dim),
        "parameters": [parameter_type(parameter, dtype, False) for parameter in row_signature()],
        "arch": arch,
        "num_warps": 4,
        "num_stages": 3,
    }


def compile_jobs(jobs: list[dict[str, object]], directory: Path) -> dict[str, dict]:
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
    reports = {}
    for process, result in running:
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(errors[-4000:])
        reports |= {report["key"]: report for report in json.loads(result.read_text())}
    return reports


def table(reports: dict[str, dict]) -> str:
    """One line a kernel; of its loops: instructions, async copies, spills."""
    lines = [f"{'kernel':64} regs  shared spills instructions/async copies/spills of each loop"]
    for key, report in sorted(reports.items()):
        loops = " ".join(
            f"{loop['instructions']}/{loop.get('async_copies', 0)}/{loop.get('spills', 0)}" for loop in report["loops"]
        )
        lines.append(f"{key:64} {report['regs']:4} {report['shared']:7} {report['spills']:6} {loops}")
    return "\n".join(lines)
