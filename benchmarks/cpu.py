"""Attention on the CPU: compiled patterns beside dense SDPA and, where it compiles, FlexAttention.

Prints a table and writes benchmarks/results/cpu.json. The contenders take turns in one process, warm; times are medians
and only their ratios mean something. `dense` is torch's `scaled_dot_product_attention` over all (causal: all earlier)
keys, what a model without the pattern would run; `flex` is compiled FlexAttention with the pattern's BlockMask, forward
only, since it has no backward pass on the CPU. Batch 1, 8 heads of 64, 2 threads. A machine that does something else
beside gives no figures worth keeping; the spread of each time is printed for that reason.

Dense attention of 65,536 tokens is not run but extrapolated from half as many by the square of the length, and marked
so. Patterns that look both ways (BigBird, Longformer) are compared with dense attention that does.

    python benchmarks/cpu.py                  everything, about fifteen minutes
    python benchmarks/cpu.py --quick          the headline rows only, without FlexAttention
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

import numpy as np
import torch
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import scaled_dot_product_attention

import patternc
from patternc.algebra.evaluate import evaluate
from patternc.runtime import reference

RESULTS = Path(__file__).parent / "results" / "cpu.json"
HEADS, HEAD_DIM, THREADS = 8, 64, 2

WINDOW = "causal tokens {n} heads 8 head_dim 64 layers 1 { all: local(256) }"
BIGBIRD = (
    "bidirectional tokens {n} heads 8 head_dim 64 layers 1 { all: blocks(64, local(3) | global([0, -1]) | random(3)) }"
)
LONGFORMER = "bidirectional tokens {n} heads 8 head_dim 64 layers 1 { all: local(256) | global(0..4) }"
SUMMARY = "causal tokens {n} heads 8 head_dim 64 layers 1 { all: chunk(128) | columns(128, last = 8) }"
DENSE = "causal tokens {n} heads 8 head_dim 64 layers 1 { all: dense }"

STRIDED = "causal tokens {n} heads 8 head_dim 64 layers 1 { all: local(128) | stride(128) }"
MILLION = "causal tokens {n} heads 1 head_dim 64 layers 1 { all: local(256) | stride(1024) }"
DILATED = "causal tokens {n} heads 8 head_dim 64 layers 1 { all: local(1024, dilation = 4) }"

# (name, model, tokens, dtype, pass, goal over dense, goal over FlexAttention): so many times faster, or None
HEADLINES = (
    ("local(128) | stride(128)", STRIDED, 16384, "float32", "forward", 5, 15),
    ("local(128) | stride(128)", STRIDED, 65536, "float32", "forward", 25, None),
    ("causal window 256", WINDOW, 16384, "float32", "forward", 10, 1.2),
    ("causal window 256", WINDOW, 4096, "float32", "forward + backward", 4, None),
    ("causal window 256", WINDOW, 4096, "bfloat16", "forward", None, 2),
    ("causal window 256", WINDOW, 4096, "bfloat16", "forward + backward", 6, None),
    ("BigBird, blocks of 64", BIGBIRD, 4096, "float32", "forward", 4, 1.2),
    ("BigBird, blocks of 64", BIGBIRD, 4096, "bfloat16", "forward", None, 2),
)
OTHERS = (
    ("local(128) | stride(128)", STRIDED, 4096, "float32", "forward", None, None),
    ("local(128) | stride(128)", STRIDED, 16384, "bfloat16", "forward", None, None),
    ("local(128) | stride(128)", STRIDED, 16384, "float32", "forward + backward", None, None),
    ("dilated window 1024 by 4", DILATED, 4096, "float32", "forward", None, None),
    ("causal window 256", WINDOW, 4096, "float32", "forward", None, None),
    ("BigBird, blocks of 64", BIGBIRD, 16384, "float32", "forward", 4, None),
    ("BigBird, blocks of 64", BIGBIRD, 4096, "float32", "forward + backward", None, None),
    ("Longformer, window 256", LONGFORMER, 4096, "float32", "forward", None, None),
    ("chunk(128) | columns(128)", SUMMARY, 4096, "float32", "forward", None, None),
    ("dense", DENSE, 4096, "float32", "forward", None, None),
    ("dense", DENSE, 4096, "float32", "forward + backward", None, None),
)
LONGEST_DENSE = 32768
"""Tokens beyond which dense attention is extrapolated."""
LONGEST_FLEX = 16384
"""Tokens up to which FlexAttention is run: local | stride takes it n squared."""
SLOW = 4.0
"""Seconds; a contender that needs longer for a call has two turns."""
ERROR_ROWS = 32


def main():
    """Measure, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="the headline rows only, without FlexAttention")
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--memory", nargs=3, metavar=("CONTENDER", "PATTERN", "PASS"), help=argparse.SUPPRESS)
    arguments.add_argument("--million", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    torch.set_num_threads(THREADS)
    if given.memory:
        print(added_memory(*given.memory))
        return
    if given.million:
        print(json.dumps(million_tokens()))
        return

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"this machine has a load of {load:.1f} already: the figures below are not worth keeping")
    rows = []
    columns = " ".join(f"{name:>17}" for name in ("dense ms", "flex ms", "ours ms"))
    print(f"{'pattern':26} {'tokens':>7} {'dtype':9} {'pass':18} {columns} ours is faster than")
    for case in HEADLINES if given.quick else HEADLINES + OTHERS:
        row = measure(*case, repeats=given.repeats, with_flex=not given.quick)
        rows.append(row)
        print(line(row), flush=True)
    memory = memory_rows()
    for row in memory:
        contender = f"{row['contender']}, {row['pattern']}"
        print(f"peak memory, {contender:32} {row['pass']:18}: {row['mebibytes']:6,} MiB added; {row['inputs']}")
    million = json.loads(in_a_process("--million"))
    print(
        "1,048,576 tokens, 1 head, local(256) | stride(1024), float32 forward: {seconds} s, {mebibytes:,} MiB".format(
            **million
        )
    )
    RESULTS.parent.mkdir(exist_ok=True)
    machine = {
        "cpu": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "threads": THREADS,
        "torch": torch.__version__,
        "load_before": round(load, 1),
    }
    RESULTS.write_text(json.dumps({**machine, "rows": rows, "memory": memory, "million": million}, indent=1) + "\n")


def measure(name, model, tokens, dtype, run, dense_goal, flex_goal, repeats, with_flex):
    """One row: the times of all contenders, and the error of ours on some rows."""
    program = patternc.compile("model m {" + model.replace("{n}", str(tokens)) + "}", target="cpu", dtype=dtype)
    attention = program.module()
    q, k, v, do = tensors(tokens, getattr(torch, dtype))
    causal = program.schedule.causal
    shown = min(tokens, LONGEST_DENSE)
    contenders = {
        "dense": lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=causal),
        "ours": lambda q, k, v: attention(q, k, v),
    }
    inputs = {"dense": [fresh(each[:, :, :shown]) for each in (q, k, v)], "ours": (q, k, v)}
    problem = None
    if with_flex and run == "forward" and tokens <= LONGEST_FLEX:
        torch._dynamo.reset()
        block_mask, compiled = program.to_flex(), torch.compile(flex_attention, dynamic=False)
        contenders["flex"] = lambda q, k, v: compiled(q, k, v, block_mask=block_mask)
        inputs["flex"] = [each.detach() for each in (q, k, v)]  # it refuses tensors that require gradients, on the CPU
        problem = refused(lambda: contenders["flex"](*inputs["flex"]))
        if problem:
            del contenders["flex"]
    calls = {}
    for key, each in contenders.items():
        if run == "forward":
            calls[key] = without_gradients(each, inputs[key])
        else:
            calls[key] = with_gradients(each, inputs[key], do[:, :, : inputs[key][0].shape[2]])
    row = {
        "pattern": name,
        "tokens": tokens,
        "dtype": dtype,
        "pass": run,
        "goals": {"dense": dense_goal, "flex": flex_goal},
        "milliseconds": {},
        "spread": {},
        "times_faster": {},
    }
    for key, seconds in turns(calls, repeats).items():
        factor = (tokens / shown) ** 2 if key == "dense" else 1
        row["milliseconds"][key] = round(statistics.median(seconds) * factor * 1e3, 1)
        row["spread"][key] = round(max(seconds) / min(seconds), 2)
    for key in ("dense", "flex"):
        if key in row["milliseconds"]:
            row["times_faster"][key] = round(row["milliseconds"][key] / row["milliseconds"]["ours"], 2)
    if shown < tokens:
        row["dense_extrapolated_from"] = shown
    if problem:
        row["flex_failed"] = problem
    row["largest_error"] = error(program, attention, q, k, v)
    return row


def fresh(values):
    """The same values, with a gradient of their own."""
    return values.detach().requires_grad_()


def tensors(tokens, dtype, heads=HEADS):
    """(q, k, v) that require gradients, and a gradient of the output."""
    generator = torch.Generator().manual_seed(0)
    q, k, v, do = (torch.randn(1, heads, tokens, HEAD_DIM, generator=generator).to(dtype) for _ in range(4))
    return q.requires_grad_(), k.requires_grad_(), v.requires_grad_(), do


def refused(call):
    """Why FlexAttention does not compile here (no C++ compiler, most of all), or None."""
    try:
        with torch.no_grad():
            call()
    except (torch._inductor.exc.InductorError, torch._dynamo.exc.TorchDynamoException) as problem:
        return str(problem).strip().splitlines()[0][:200]
    return None


def without_gradients(call, inputs):
    """The call as it is made in inference."""

    def run():
        with torch.no_grad():
            call(*inputs)

    return run


def with_gradients(call, leaves, do):
    """The call with its backward pass."""

    def run():
        for leaf in leaves:
            leaf.grad = None
        call(*leaves).backward(do)

    return run


def turns(calls, repeats):
    """Seconds of every call, `repeats` times in turn (slow ones twice), after one call each to warm up."""
    seconds = {key: [] for key in calls}
    slow = set()
    for turn in range(-1, repeats):
        for key, call in calls.items():
            if turn > 1 and key in slow:
                continue
            start = time.perf_counter()
            call()
            taken = time.perf_counter() - start
            if turn >= 0:
                seconds[key].append(taken)
                slow |= {key} if taken > SLOW else set()
    return seconds


def error(program, attention, q, k, v):
    """The largest difference of some rows from dense float64 attention."""
    rows = torch.linspace(0, q.shape[2] - 1, ERROR_ROWS).long()
    tokens = q.shape[2]
    with torch.no_grad():
        got = attention(q, k, v)[:, :, rows]
        relation = program.schedule.patterns[0].relation
        mask = torch.from_numpy(evaluate(relation, rows.numpy()[:, None], np.arange(tokens)[None, :], tokens).copy())
        right, _ = reference.attention(q[:, :, rows], k, v, mask.expand(HEADS, -1, -1))
    return float((got.double() - right).abs().max())


def line(row):
    """A row of the table."""
    shown = []
    for key in ("dense", "flex", "ours"):
        if key in row["milliseconds"]:
            about = "~" if key == "dense" and "dense_extrapolated_from" in row else " "
            shown.append(f"{about}{row['milliseconds'][key]:9,.1f} (±{(row['spread'][key] - 1) * 100:3.0f}%)")
        else:
            shown.append(f"{'-':>17}")
    ratios = []
    for key, ratio in row["times_faster"].items():
        goal = row["goals"][key]
        ratios.append(
            f"{ratio:6.1f}x {key}" + (f" (goal {goal:g}x{'' if ratio >= goal else ', MISSED'})" if goal else "")
        )
    what = f"{row['pattern']:26} {row['tokens']:7,} {row['dtype']:9} {row['pass']:18}"
    return f"{what} {' '.join(shown)} {', '.join(ratios)}"


def memory_rows():
    """Peak memory that one call adds at 16,384 tokens, float32, each in a process of its own."""
    inputs = 4 * HEADS * 16384 * HEAD_DIM * 4 / 2**20
    return [
        {
            "contender": contender,
            "pattern": pattern,
            "pass": run,
            "mebibytes": round(int(in_a_process("--memory", contender, pattern, run)) / 1024),
            "inputs": f"q, k, v, o are {inputs:.0f} MiB",
        }
        for contender, pattern in (("ours", "window"), ("ours", "strided"), ("dense", "window"))
        for run in ("forward", "forward + backward")
    ]


def in_a_process(*arguments):
    """What this file prints with `arguments`."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def added_memory(contender, pattern, run):
    """KiB that one call adds to the peak of this process."""
    model = {"window": WINDOW, "strided": STRIDED}[pattern]
    program = patternc.compile("model m {" + model.replace("{n}", "16384") + "}", target="cpu", dtype="float32")
    attention = program.module()
    calls = {
        "ours": lambda q, k, v: attention(q, k, v),
        "dense": lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=True),
    }
    small = tensors(512, torch.float32)
    with_gradients(calls[contender], small[:3], small[3])()
    q, k, v, do = tensors(16384, torch.float32)
    before = peak_memory()
    if run == "forward":
        without_gradients(calls[contender], (q, k, v))()
    else:
        with_gradients(calls[contender], (q, k, v), do)()
    return peak_memory() - before


def million_tokens():
    """Seconds of a forward pass over 1,048,576 tokens, and what it adds to the peak of this process."""
    tokens = 1 << 20
    program = patternc.compile("model m {" + MILLION.replace("{n}", str(tokens)) + "}", target="cpu", dtype="float32")
    attention = program.module()
    q, k, v, _ = tensors(tokens, torch.float32, heads=1)
    before = peak_memory()
    seconds = []
    with torch.no_grad():
        for _ in range(2):
            start = time.perf_counter()
            attention(q, k, v)
            seconds.append(time.perf_counter() - start)
    added = round((peak_memory() - before) / 1024)
    inputs = round(4 * tokens * HEAD_DIM * 4 / 2**20)
    return {
        "seconds": round(seconds[1], 1),
        "first_call_seconds": round(seconds[0], 1),
        "mebibytes": added,
        "inputs": f"q, k, v, o are {inputs} MiB",
    }


def peak_memory() -> int:
    """The most memory this process has held, in KiB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage there remembers the parent process
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
