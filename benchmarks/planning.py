"""How long planning takes: from pattern text to every layer's launches and block tables, after imports.

Prints a table and writes benchmarks/results/planning.json. Beside it, FlexAttention's `create_block_mask` on the CPU
for the same window, at doubling lengths until one needs more time or memory than is reasonable here; each of those in a
process of its own, for its peak memory.

    python benchmarks/planning.py             everything, about a minute
    python benchmarks/planning.py --quick     the headline rows only
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from patternc.algebra.elaborate import elaborate
from patternc.codegen.lower import lower
from patternc.grammar.check import check
from patternc.grammar.parse import parse
from patternc.source import Source

RESULTS = Path(__file__).parent / "results" / "planning.json"
REPEATS = 5

WINDOW = "causal tokens {n} heads 8 layers 24 { all: local(1024) }"
PATTERNS = {
    "24 x local(1024)": WINDOW,
    "24 x local(1000) - stride(3)": "causal tokens {n} layers 24 { all: local(1000) - stride(3) }",
    "local and strided by turns": (
        "causal tokens {n} layers 24 { even: local(1024) odd: local(128) | columns(1024, last = 8) }"
    ),
    "gemma: 5 local(1024), 1 local(4096)": ("causal tokens {n} layers 26 = repeat { 5 * local(1024) 1 * local(4096) }"),
    "longformer: local(512) | global": (
        "bidirectional tokens {n} layers 12 { all: local(512) | global([0, n // 2, -1]) }"
    ),
    "bigbird, one seed": (
        "causal tokens {n} layers 12 { all: blocks(64, local(3) | global([0, -1]) | random(3, seed = 0)) }"
    ),
    "2-D 7 x 7 on 1024 columns": (
        "causal tokens {n} layers 12 { all: blocks(1024, local(back = 6)) & within(1024, local(7)) }"
    ),
    "local(128) | random(3)": "causal tokens {n} layers 12 { all: local(128) | random(3, seed = 0) }",
}
LENGTHS = (1 << 18, 1 << 20)

FLEX = """
import resource, sys, time
from torch.nn.attention.flex_attention import create_block_mask
n, window = int(sys.argv[1]), int(sys.argv[2])
def mask(b, h, q, k):
    return (q >= k) & (q - k < window)
create_block_mask(mask, None, None, 128, 128, device="cpu")
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
create_block_mask(mask, None, None, n, n, device="cpu")
took = time.perf_counter() - start
print(took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 2**20)
"""


def schedule(text, tokens):
    """The schedule of a model body at a length, and the seconds from text to schedule."""
    start = time.perf_counter()
    program = check(parse(Source("benchmark", "model m {" + text.replace("{n}", str(tokens)) + "}"))).program
    elaborated = elaborate(program, tokens)
    if elaborated.schedule is None:
        raise SystemExit(f"{text}: {[one.message for one in elaborated.diagnostics]}")
    return elaborated.schedule, time.perf_counter() - start


def plan(name, text, tokens):
    """One row: median seconds of planning (wall and processor), the first call apart, and what came out."""
    model, front = schedule(text, tokens)
    times, processor = [], []
    for _ in range(REPEATS):
        start, busy = time.perf_counter(), time.process_time()
        lowered = lower(model, target="cuda:90", dtype="bfloat16", head_dim=128)
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    arrays = [
        array
        for table in lowered.tables.values()
        for array in (table.items, table.tiles, table.tile_bits, table.bits, table.gather, table.gathered)
    ]
    return {
        "pattern": name,
        "tokens": tokens,
        "layers": model.layers,
        "front_seconds": round(front, 4),
        "first_seconds": round(times[0], 4),
        "seconds": round(statistics.median(times), 4),
        "processor_seconds": round(statistics.median(processor), 4),
        "tables": len(lowered.tables),
        "tiles": sum(table.tiles.size + table.gathered.shape[0] - 2 for table in lowered.tables.values()),
        "mebibytes": round(sum(array.nbytes for array in arrays) / 2**20, 1),
    }


def flex_rows(window, seconds=60.0):
    """`create_block_mask` at doubling lengths: stops before one that would not fit the memory or the time."""
    rows, tokens = [], 2048
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 2**30
    while True:
        command = [sys.executable, "-c", FLEX, str(tokens), str(window)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            rows.append({"tokens": tokens, "failed": (done.stderr.strip().splitlines() or ["killed"])[-1]})
            return rows
        took, gibibytes = map(float, done.stdout.split())
        rows.append({"tokens": tokens, "seconds": round(took, 3), "peak_gibibytes": round(gibibytes, 2)})
        if took * 4 > seconds or gibibytes * 4 > memory * 0.9:
            return rows
        tokens *= 2


def main():
    """Measure, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="the headline rows only")
    quick = arguments.parse_args().quick

    plan("warm", WINDOW, 4096)
    rows = [plan(name, text, n) for n in LENGTHS for name, text in list(PATTERNS.items())[: 1 if quick else None]]
    print(
        f"{'pattern':38} {'tokens':>9} {'layers':>6} {'plan s':>8} {'cpu s':>7} {'tables':>6} {'tiles':>9} {'MiB':>6}"
    )
    for row in rows:
        print(
            f"{row['pattern']:38} {row['tokens']:9,} {row['layers']:6} {row['seconds']:8.3f}"
            f" {row['processor_seconds']:7.3f} {row['tables']:6} {row['tiles']:9,} {row['mebibytes']:6.1f}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of this process {peak:.2f} GiB\n")

    flex = flex_rows(1024)
    print("FlexAttention create_block_mask, one layer of the same window, CPU")
    for row in flex:
        outcome = row.get("failed") or f"{row['seconds']:8.3f} s {row['peak_gibibytes']:6.2f} GiB"
        print(f"  {row['tokens']:9,} {outcome}")

    RESULTS.parent.mkdir(exist_ok=True)
    machine = {"machine": platform.machine(), "cpus": os.cpu_count(), "python": platform.python_version()}
    result = {**machine, "planning": rows, "peak_gibibytes": round(peak, 2), "create_block_mask": flex}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
