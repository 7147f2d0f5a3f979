"""How long planning takes: from pattern text to every layer's launches and block tables, after imports.

Prints a table and writes benchmarks/results/planning.json; every row comes from a process of its own, which says how
much memory planning took beyond imports. Beside it, FlexAttention's `create_block_mask` on the CPU
for the same window, at doubling lengths until one needs more time or memory than is reasonable here; also in
processes of their own.

    python benchmarks/planning.py             everything, about a minute
    python benchmarks/planning.py --quick     the headline rows only
    python benchmarks/planning.py --row NAME TOKENS     one row, as JSON
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
from patternc.codegen.tables import TABLE_ARRAYS
from patternc.grammar.check import check
from patternc.grammar.parse import parse
from patternc.source import Source

RESULTS = Path(__file__).parent / "results" / "planning.json"
REPEATS = 5

WINDOW = "causal tokens {n} heads 8 layers 24 { all: local(1024) }"
PATTERNS = {
    "24 x local(1024)": WINDOW,
    "24 x local(1000) - stride(3)": "causal tokens {n} layers 24 { all: local(1000) - stride(3) }",
    "24 x local(1024), stride(1024) by turns": (
        "causal tokens {n} heads 8 layers 24 { even: local(1024) odd: stride(1024) }"
    ),
    "stride(1024)": "causal tokens {n} layers 1 { all: stride(1024) }",
    "local(256) | stride(1024)": "causal tokens {n} layers 1 { all: local(256) | stride(1024) }",
    "dilated branch: one in 16 of chunk(65536)": (
        "causal tokens {n} layers 1 { all: local(256) | chunk(65536) & rows(16, at = 1) & columns(16, at = 1) }"
    ),
    "16 heads, each its own": (
        "causal tokens {n} heads 16 layers 24 { all: heads {"
        " 0..8: local(128 * (head + 1)) 8..16: local(128) | stride(64 * (head + 1)) } }"
    ),
    "16 heads, windows and dilations": (
        "causal tokens {n} heads 16 layers 12 { all: local(64 * 2**(head // 4), dilation = 1 + head % 4) }"
    ),
    "local and columns by turns": (
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
HEADLINE = ("24 x local(1024)", "24 x local(1024), stride(1024) by turns", "16 heads, each its own")
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
    schedule(WINDOW, 4096)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model, front = schedule(text, tokens)
    times, processor = [], []
    for _ in range(REPEATS):
        start, busy = time.perf_counter(), time.process_time()
        lowered = lower(model, target="cuda:90", dtype="bfloat16", head_dim=128)
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    arrays = [array for table in lowered.tables.values() for array in (getattr(table, name) for name in TABLE_ARRAYS)]
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
        "peak_mebibytes": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 2**10),
    }


def row(name, tokens):
    """`plan` in a process of its own."""
    command = [sys.executable, __file__, "--row", name, str(tokens)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


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
    arguments.add_argument("--row", nargs=2, metavar=("NAME", "TOKENS"), help="one row, as JSON")
    chosen = arguments.parse_args()
    if chosen.row:
        name, tokens = chosen.row
        print(json.dumps(plan(name, PATTERNS[name], int(tokens))))
        return

    rows = [row(name, n) for n in LENGTHS for name in (HEADLINE if chosen.quick else PATTERNS)]
    print(
        f"{'pattern':40} {'tokens':>9} {'layers':>6} {'first s':>8} {'plan s':>8} {'cpu s':>7} {'tables':>6}"
        f" {'tiles':>9} {'MiB':>6} {'peak MiB':>8}"
    )
    for one in rows:
        print(
            f"{one['pattern']:40} {one['tokens']:9,} {one['layers']:6} {one['first_seconds']:8.3f}"
            f" {one['seconds']:8.3f} {one['processor_seconds']:7.3f} {one['tables']:6} {one['tiles']:9,}"
            f" {one['mebibytes']:6.1f} {one['peak_mebibytes']:8}"
        )
    print()

    flex = flex_rows(1024)
    print("FlexAttention create_block_mask, one layer of the same window, CPU")
    for one in flex:
        outcome = one.get("failed") or f"{one['seconds']:8.3f} s {one['peak_gibibytes']:6.2f} GiB"
        print(f"  {one['tokens']:9,} {outcome}")

    RESULTS.parent.mkdir(exist_ok=True)
    machine = {"machine": platform.machine(), "cpus": os.cpu_count(), "python": platform.python_version()}
    result = {**machine, "planning": rows, "create_block_mask": flex}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
