"""How long the analysis takes, answer by answer, and `patternc analyse` on every example, imports included.

Prints two tables and writes benchmarks/results/analysis.json. Each pattern runs in a process of its own, for its peak
memory, at 16,384, 65,536 and 1,048,576 tokens and 8 layers; the times are of the first call, after imports. What an
answer needs (pairs, say) is there before it is timed.

    python benchmarks/analysis.py             everything, some minutes
    python benchmarks/analysis.py --quick     16,384 tokens, and no examples
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "analysis.json"

PATTERNS = {
    "window": "causal all: local(1024)",
    "local, stride by turns": "causal even: local(isqrt(n)) odd: stride(isqrt(n))",
    "local | stride": "causal all: local(128) | stride(128)",
    "fixed": "causal all: chunk(128) | columns(128, last = 8)",
    "window and sinks": "causal all: local(512) | keys(0..4)",
    "longformer": "bidirectional all: local(64 * 2**(layer // 2)) | global([0])",
    "longformer, dilated": "bidirectional all: local(65, dilation = 1 + layer // 4) | global([0])",
    "windows alone, two-sided": "bidirectional all: local(64 * 2**(layer // 2))",
    "bigbird": "bidirectional all: blocks(64, local(3) | global([0, -1]) | random(3))",
    "diagonals and a sink": "causal all: diagonals([0, powers(2)]) | keys(0)",
    "7 x 7 image window": "causal all: keys(0..64) | slice(64..n, blocks(128, local(4)) & within(128, local(7)))",
    "two moduli": "causal all: (columns(48) & blocks(64, local(4))) | self",
    "irregular in the middle": "causal all: local(256) | keys(10000..10004)",
}
LENGTHS = (1 << 14, 1 << 16, 1 << 20)
LAYERS = 8
COLUMNS = ("count", "reach", "proof", "cache", "formulas", "witness", "report", "peak MB")


def measure(pattern, tokens):
    """One row, in this process: seconds of each answer, and the peak memory in MB."""
    from patternc.analysis.report import report
    from patternc.analysis.witness import witness
    from patternc.compiler import analyse
    from patternc.source import Source

    direction, entries = pattern.split(" ", 1)
    text = f"model m {{ {direction} tokens {tokens} heads 8 layers {LAYERS} {{ {entries} }} allow empty }}"
    program, _ = analyse(Source("benchmark", text))
    facts = program.facts
    row = {}

    def timed(name, work):
        start = time.perf_counter()
        done = work()
        row[name] = time.perf_counter() - start
        return done

    counts = timed("count", lambda: facts.counts)
    found = timed("reach", lambda: facts.reach)
    timed("proof", lambda: facts.proof)
    timed("cache", lambda: facts.cache)
    timed("formulas", lambda: facts.formulas)
    timed("witness", lambda: witness(facts.schedule, tokens - 1, 1))
    timed("report", lambda: report(facts))
    row["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row["depth"] = found.depth
    row["missing"] = found.missing
    row["exact"] = found.exact
    row["method"] = found.method
    row["pairs"] = counts.total
    return row


def in_a_process(name, tokens):
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, str(tokens)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name} at {tokens}: {done.stderr}")
    return json.loads(done.stdout)


def examples():
    """`patternc analyse` on each example at the length of its file: seconds, imports included, and peak memory."""
    rows = []
    for path in sorted((ROOT / "examples").glob("*.attn")):
        before = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "patternc", "analyse", str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - before
        if process.returncode not in (0, 1):
            raise SystemExit(f"{path.name}: exit code {process.returncode}")
        rows.append({"example": path.name, "seconds": seconds, "peak MB": usage.ru_maxrss / 1024})
        print(f"{path.name:28s} {seconds:6.2f} s {usage.ru_maxrss / 1024:6.0f} MB", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "TOKENS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, tokens = options.one
        print(json.dumps(measure(PATTERNS[name], int(tokens))))
        return
    lengths = LENGTHS[:1] if options.quick else LENGTHS
    print(f"{'pattern':26s} {'tokens':>9s} " + " ".join(f"{column:>9s}" for column in COLUMNS) + "  depth")
    rows = []
    for name in PATTERNS:
        for tokens in lengths:
            row = in_a_process(name, tokens)
            rows.append({"pattern": name, "tokens": tokens, **row})
            figures = " ".join(
                f"{row[column]:9.0f}" if column == "peak MB" else f"{row[column]:9.3f}" for column in COLUMNS
            )
            depth = "?" if not row["exact"] else "-" if row["depth"] is None else row["depth"]
            print(f"{name:26s} {tokens:9,d} {figures}  {depth}", flush=True)
    print()
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "layers": LAYERS}
    measured = {"machine": machine, "rows": rows, "examples": [] if options.quick else examples()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
