"""How long the analysis takes, answer by answer: counts, reach, cache, formulas, a witness, and the whole report.

Prints a table and writes benchmarks/results/analysis.json. Each pattern runs in a process of its own, for its peak
memory, at 4,096, 16,384 and 65,536 tokens and 8 layers; the times are of the first call, after imports.

    python benchmarks/analysis.py             everything, a few minutes
    python benchmarks/analysis.py --quick     4,096 and 16,384 tokens
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

RESULTS = Path(__file__).parent / "results" / "analysis.json"

PATTERNS = {
    "window": "causal all: local(1024)",
    "local, stride by turns": "causal even: local(isqrt(n)) odd: stride(isqrt(n))",
    "local | stride": "causal all: local(128) | stride(128)",
    "fixed": "causal all: chunk(128) | columns(128, last = 8)",
    "window and sinks": "causal all: local(512) | keys(0..4)",
    "longformer": "bidirectional all: local(64 * 2**(layer // 2)) | global([0])",
    "windows alone, two-sided": "bidirectional all: local(64 * 2**(layer // 2))",
    "bigbird": "bidirectional all: blocks(64, local(3) | global([0, -1]) | random(3))",
    "diagonals and a sink": "causal all: diagonals([0, powers(2)]) | keys(0)",
    "7 x 7 image window": "causal all: keys(0..64) | slice(64..n, blocks(128, local(4)) & within(128, local(7)))",
    "random(3) at token level": "causal all: local(64) | random(3)",
    "two moduli": "causal all: (columns(48) & blocks(64, local(4))) | self",
}
LENGTHS = (1 << 12, 1 << 14, 1 << 16)
LAYERS = 8
COLUMNS = ("count", "reach", "cache", "formulas", "witness", "report", "peak MB")


def measure(pattern, tokens):
    """One row, in this process: seconds of each answer, and the peak memory in MB."""
    from patternc.algebra.elaborate import elaborate
    from patternc.analysis.count import count
    from patternc.analysis.formula import formulas
    from patternc.analysis.measures import decode_cache
    from patternc.analysis.reach import layer_relations, reach
    from patternc.analysis.report_program import report_program
    from patternc.analysis.witness import witness
    from patternc.grammar.check import check
    from patternc.grammar.parse import parse
    from patternc.source import Source

    direction, entries = pattern.split(" ", 1)
    text = f"model m {{ {direction} tokens {tokens} heads 8 layers {LAYERS} {{ {entries} }} allow empty }}"
    program = check(parse(Source("benchmark", text))).program
    elaborated = elaborate(program)
    if elaborated.schedule is None:
        raise SystemExit(f"{text}: {[one.message for one in elaborated.diagnostics]}")
    schedule = elaborated.schedule
    target = "past" if schedule.causal else "all"
    row = {}

    def timed(name, work):
        start = time.perf_counter()
        done = work()
        row[name] = time.perf_counter() - start
        return done

    counts = timed("count", lambda: count(schedule))
    found = timed("reach", lambda: reach(layer_relations(schedule), tokens, target))
    timed("cache", lambda: decode_cache(schedule))
    timed("formulas", lambda: formulas(schedule, counts, lambda n, params: elaborate(program, n, params).schedule))
    timed("witness", lambda: witness(schedule, tokens - 1, 1))
    timed("report", lambda: report_program(program, elaborated))
    row["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row["depth"] = found.depth
    row["missing"] = found.missing
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "TOKENS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, tokens = options.one
        print(json.dumps(measure(PATTERNS[name], int(tokens))))
        return
    lengths = LENGTHS[:2] if options.quick else LENGTHS
    print(f"{'pattern':26s} {'tokens':>7s} " + " ".join(f"{column:>9s}" for column in COLUMNS) + "  depth")
    rows = []
    for name in PATTERNS:
        for tokens in lengths:
            row = in_a_process(name, tokens)
            rows.append({"pattern": name, "tokens": tokens, **row})
            figures = " ".join(
                f"{row[column]:9.0f}" if column == "peak MB" else f"{row[column]:9.3f}" for column in COLUMNS
            )
            print(f"{name:26s} {tokens:7,d} {figures}  {row['depth'] if row['depth'] is not None else '-'}", flush=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "layers": LAYERS}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
