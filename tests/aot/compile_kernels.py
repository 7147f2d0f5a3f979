"""Compiles generated kernels ahead of time, without a GPU, and reads what the machine code says about itself.

A program of its own, because one process cannot both interpret kernels and compile them:
`python tests/aot/compile_kernels.py jobs.json reports.json`. A job is what `tests/aot/jobs.py` writes; a report has

regs, shared, spills  registers a thread, bytes of shared memory a program, instructions that touch local memory
spans, tile, warps    of the job
loops                 for each innermost loop with matrix or multiply-add work: instructions, hgmma, hmma, ffma,
                      async_copies (LDGSTS or UTMALDG), exp2 (MUFU.EX2)
waits                 for each wait inside a loop: how many groups of copies may still be under way
instructions          of the whole kernel
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"

INSTRUCTION = re.compile(r"\s+/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?(\S+)\s*([^;]*);")


OFFSETS = ("OFFSETS", "TILE_OFFSETS")


def compile_kernel(job, directory):
    """The compiled kernel of one job."""
    path = Path(directory) / f"{job['key']}.py"
    path.write_text(job["text"])
    module_spec = importlib.util.spec_from_file_location(f"kernels_{job['key']}", path)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    function = getattr(module, job["name"])
    types = {name: "constexpr" if name in OFFSETS else kind for name, kind, _ in job["parameters"]}
    source = ASTSource(
        function,
        types,
        constexprs={name: getattr(tl, kind) for name, kind, _ in job["parameters"] if name in OFFSETS},
        attrs={
            (place,): [["tt.divisibility", 16]] for place, (_, _, aligned) in enumerate(job["parameters"]) if aligned
        },
    )
    options = {"num_warps": job["num_warps"], "num_stages": job["num_stages"]}
    return triton.compile(source, target=GPUTarget("cuda", job["arch"], 32), options=options)


def disassemble(cubin, directory):
    path = Path(directory) / "kernel.cubin"
    path.write_bytes(cubin)

    def dump(flag):
        return subprocess.run([CUOBJDUMP, flag, path], capture_output=True, text=True, check=True).stdout

    return dump("-sass"), dump("-res-usage")


def instructions_of(sass):
    """[(address, operation, operands)]."""
    found = (INSTRUCTION.match(line) for line in sass.splitlines())
    return [(int(match[1], 16), match[2], match[3]) for match in found if match]


def innermost_loops(instructions):
    """Counts of operations in the bodies of the loops that hold no other loop."""
    back = []
    for address, operation, operands in instructions:
        target = re.search(r"0x([0-9a-f]+)", operands)
        if operation.startswith("BRA") and target and int(target[1], 16) < address:
            back.append((int(target[1], 16), address))
    inner = [one for one in back if not any(two != one and one[0] <= two[0] and two[1] <= one[1] for two in back)]
    return [
        Counter(
            family
            for address, operation, _ in instructions
            if start <= address <= end
            for family in families(operation)
        )
        for start, end in inner
    ]


FAMILIES = {
    "hgmma": "HGMMA",
    "hmma": "HMMA",
    "ffma": "FFMA",
    "async_copies": ("LDGSTS", "UTMALDG"),
    "exp2": "MUFU.EX2",
    "spills": ("LDL", "STL"),
}


def families(operation):
    yield "instructions"
    for family, prefix in FAMILIES.items():
        if operation.startswith(prefix):
            yield family


def report(job, directory):
    kernel = compile_kernel(job, directory)
    sass, usage = disassemble(kernel.asm["cubin"], directory)
    instructions = instructions_of(sass)
    counts = Counter(family for _, operation, _ in instructions for family in families(operation))
    loops = [dict(loop) for loop in innermost_loops(instructions) if loop["hgmma"] or loop["hmma"] or loop["ffma"] > 64]
    return {
        "key": job["key"],
        "name": job["name"],
        "spans": job["spans"],
        "tile": job["tile"],
        "warps": job["num_warps"],
        "arch": job["arch"],
        "regs": int(re.search(r"REG:(\d+)", usage)[1]),
        "local": int(re.search(r"LOCAL:(\d+)", usage)[1]),
        "shared": kernel.metadata.shared,
        "spills": counts["spills"],
        "hgmma": counts["hgmma"],
        "instructions": counts["instructions"],
        "loops": loops,
        "waits": [int(groups) for groups in re.findall(r"async_wait %.*num = (\d+)", kernel.asm["ttgir"])],
    }


def main(jobs_path, reports_path):
    jobs = json.loads(Path(jobs_path).read_text())
    with tempfile.TemporaryDirectory() as directory:
        reports = [report(job, directory) for job in jobs]
    Path(reports_path).write_text(json.dumps(reports, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
