"""How long a sequence fits in the time of dense attention, from which length on a pattern pays, and how many pairs.

Three tables, written to benchmarks/results/longest.json:

1. The longest sequence whose attention, forward and backward, takes no more time than dense SDPA at 8,192 tokens, and
   the memory of both: what a step adds to a process of its own that holds the inputs.
2. Break-even: dense and pattern in turn at growing lengths, forward and backward; where the pattern takes less time.
3. Pairs of `local(k) | stride(k)`, k = isqrt(n), against dense: the O(n sqrt n) of the Sparse Transformer, exact.

Batch 1, 8 heads of 64, float32, 2 threads; medians; on a machine that does nothing else.

    python benchmarks/longest.py [--quick]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import torch
from cpu import HEADS, THREADS, peak_memory, tensors, turns, with_gradients
from torch.nn.functional import scaled_dot_product_attention

import patternc

RESULTS = Path(__file__).parent / "results" / "longest.json"
DENSE_TOKENS = 8192
LENGTHS = (256, 512, 1024, 2048, 4096, 8192)
TABLE_TOKENS = (1024, 4096, 16384)

# name: (direction, pattern)
PATTERNS = {
    "local(256)": ("causal", "local(256)"),
    "local(k) | stride(k)": ("causal", "local(isqrt(n)) | stride(isqrt(n))"),
    "BigBird": ("bidirectional", "blocks(64, local(3) | global([0, -1]) | random(3))"),
    "local(n // 2)": ("causal", "local(n // 2)"),
}


def main():
    """Measure, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fewer lengths and repeats")
    arguments.add_argument("--added", nargs=2, metavar=("NAME", "TOKENS"), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    torch.set_num_threads(THREADS)
    if given.added:
        print(added(given.added[0], int(given.added[1])))
        return
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"this machine has a load of {load:.1f} already: the figures below are not worth keeping")
    repeats = 3 if given.quick else 5
    found = {
        "threads": THREADS,
        "torch": torch.__version__,
        "load_before": round(load, 1),
        "longest": longest(repeats),
        "break_even": break_even(LENGTHS[:4] if given.quick else LENGTHS, repeats),
        "pairs": [pairs(n) for n in TABLE_TOKENS],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


# -- contenders -----------------------------------------------------------------------------------------------------


def call_of(name, tokens):
    """attend(q, k, v) of a pattern; "dense" and "dense, all" are torch's own attention."""
    if name.startswith("dense"):
        return lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=name == "dense")
    direction, pattern = PATTERNS[name]
    text = f"model m {{ {direction} tokens {tokens} heads {HEADS} head_dim 64 layers 1 {{ all: {pattern} }} }}"
    return patternc.compile(text, dtype="float32", target="cpu").module()


def dense_of(name):
    """Dense attention in the direction of a pattern."""
    return "dense" if PATTERNS[name][0] == "causal" else "dense, all"


def step(name, tokens):
    """One forward and backward pass over random rows."""
    q, k, v, do = tensors(tokens, torch.float32)
    call = call_of(name, tokens)
    return with_gradients(call, (q, k, v), do)


def seconds(name, tokens, repeats):
    """The median time of a step."""
    return statistics.median(turns({name: step(name, tokens)}, repeats)[name])


def added(name, tokens):
    """KiB that one step adds to the peak of this process, the gradients of q, k and v included."""
    step(name, 512)()
    run = step(name, tokens)
    before = peak_memory()
    run()
    return peak_memory() - before


def added_alone(name, tokens):
    """`added` in a process of its own, in MiB."""
    command = [sys.executable, __file__, "--added", name, str(tokens)]
    return round(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024)


# -- the tables -----------------------------------------------------------------------------------------------------


def longest(repeats):
    """For each pattern the longest length, in steps of an eighth, within dense attention's time; and its memory."""
    rows = []
    for name in ("local(256)", "local(k) | stride(k)", "BigBird"):
        dense = dense_of(name)
        budget = seconds(dense, DENSE_TOKENS, repeats)
        low, high = DENSE_TOKENS, 2 * DENSE_TOKENS
        while seconds(name, high, repeats) <= budget:
            low, high = high, 2 * high
        while high - low > low // 8:
            middle = (low + high) // 2
            low, high = (middle, high) if seconds(name, middle, repeats) <= budget else (low, middle)
        row = {
            "pattern": name,
            "dense_seconds": round(budget, 3),
            "tokens": low,
            "times_longer": round(low / DENSE_TOKENS, 1),
            "times_faster_at_dense_length": round(budget / seconds(name, DENSE_TOKENS, repeats), 1),
            "mebibytes": added_alone(name, low),
            "dense_mebibytes_at_8192": added_alone(dense, DENSE_TOKENS),
        }
        rows.append(row)
        print(
            f"{name:22} {low:>9,} tokens in the {budget:.2f} s of dense attention at {DENSE_TOKENS:,} "
            f"({row['times_longer']}x longer; {row['times_faster_at_dense_length']}x faster at {DENSE_TOKENS:,}); "
            f"{row['mebibytes']:,} MiB added, dense {row['dense_mebibytes_at_8192']:,} MiB at {DENSE_TOKENS:,}",
            flush=True,
        )
    return rows


def break_even(lengths, repeats):
    """Dense time over pattern time at growing lengths: above 1 the pattern is faster."""
    rows = []
    for name in PATTERNS:
        ratios = {}
        for tokens in lengths:
            calls = {which: step(which, tokens) for which in (dense_of(name), name)}
            dense, ours = (statistics.median(times) for times in turns(calls, repeats + 4).values())
            ratios[tokens] = round(dense / ours, 2)
        rows.append({"pattern": name, "dense_over_ours": ratios})
        print(f"{name:22} " + "  ".join(f"{tokens:,}: {ratio}x" for tokens, ratio in ratios.items()), flush=True)
    return rows


def pairs(tokens):
    """Pairs of local | stride with k = isqrt(n) beside those of dense causal attention."""
    text = (
        f"model m {{ causal tokens {tokens} heads 1 layers 2 {{ all: local(isqrt(n)) | stride(isqrt(n)) }} }}\n"
        "expect connected within 2 layers"
    )
    layer = patternc.compile(text).report().layers[0]
    dense = tokens * (tokens + 1) // 2
    print(f"{tokens:>9,} tokens: {layer.pairs:>12,} pairs of {dense:>14,}: {dense / layer.pairs:.1f} times fewer")
    return {"tokens": tokens, "pairs": layer.pairs, "dense": dense}


if __name__ == "__main__":
    main()
