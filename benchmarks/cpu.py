"""Attention on the CPU: compiled patterns beside dense SDPA and, where it compiles, FlexAttention.

Prints a table and writes benchmarks/results/cpu.json. The contenders take turns in one process, warm; times are medians
and only their ratios mean something. `dense` is torch's `scaled_dot_product_attention` over all (causal: all earlier)
keys, what a model without the pattern would run; `flex` is compiled FlexAttention with the pattern's BlockMask, forward
only, since it has no backward pass on the CPU. Batch 1, 8 heads of 64, 2 threads. A machine that does something else
beside gives no figures worth keeping; the spread of each time is printed for that reason.

    python benchmarks/cpu.py                  everything, about five minutes
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

import torch
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import scaled_dot_product_attention

import patternc
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

# (name, model, tokens, dtype, pass, goal: at least so many times faster than dense)
HEADLINES = (
    ("causal window 256", WINDOW, 16384, "float32", "forward", 10),
    ("BigBird, blocks of 64", BIGBIRD, 4096, "float32", "forward", 4),
    ("BigBird, blocks of 64", BIGBIRD, 16384, "float32", "forward", 4),
    ("causal window 256", WINDOW, 4096, "float32", "forward + backward", 3.5),
    ("causal window 256", WINDOW, 4096, "bfloat16", "forward + backward", 5),
)
OTHERS = (
    ("causal window 256", WINDOW, 4096, "float32", "forward", None),
    ("causal window 256", WINDOW, 4096, "bfloat16", "forward", None),
    ("BigBird, blocks of 64", BIGBIRD, 4096, "bfloat16", "forward", None),
    ("BigBird, blocks of 64", BIGBIRD, 4096, "float32", "forward + backward", None),
    ("Longformer, window 256", LONGFORMER, 4096, "float32", "forward", None),
    ("chunk(128) | columns(128)", SUMMARY, 4096, "float32", "forward", None),
    ("dense", DENSE, 4096, "float32", "forward", None),
    ("dense", DENSE, 4096, "float32", "forward + backward", None),
)
ERROR_ROWS = 32


def main():
    """Measure, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="the headline rows only, without FlexAttention")
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--memory", nargs=2, metavar=("CONTENDER", "PASS"), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    torch.set_num_threads(THREADS)
    if given.memory:
        print(added_memory(*given.memory))
        return

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"this machine has a load of {load:.1f} already: the figures below are not worth keeping")
    rows = []
    print(
        f"{'pattern':26} {'tokens':>7} {'dtype':9} {'pass':18} {'dense ms':>16} {'flex ms':>16} {'ours ms':>16}  ratio"
    )
    for case in HEADLINES if given.quick else HEADLINES + OTHERS:
        row = measure(*case, repeats=given.repeats, with_flex=not given.quick)
        rows.append(row)
        print(line(row), flush=True)
    memory = memory_rows()
    for row in memory:
        print(f"peak memory, {row['contender']:6} {row['pass']:18}: {row['mebibytes']:6,} MiB added; {row['inputs']}")
    RESULTS.parent.mkdir(exist_ok=True)
    machine = {
        "cpu": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "threads": THREADS,
        "torch": torch.__version__,
        "load_before": round(load, 1),
    }
    RESULTS.write_text(json.dumps({**machine, "rows": rows, "memory": memory}, indent=1) + "\n")


def measure(name, model, tokens, dtype, run, goal, repeats, with_flex):
    """One row: the times of all contenders, and the error of ours on some rows."""
    program = patternc.compile("model m {" + model.replace("{n}", str(tokens)) + "}", target="cpu", dtype=dtype)
    attention = program.module()
    q, k, v, do = tensors(tokens, getattr(torch, dtype))
    causal = program.schedule.causal
    contenders = {
        "dense": lambda: scaled_dot_product_attention(q, k, v, is_causal=causal),
        "ours": lambda: attention(q, k, v),
    }
    problem = None
    if with_flex and run == "forward":
        block_mask, compiled = program.to_flex(), torch.compile(flex_attention, dynamic=False)
        detached = [each.detach() for each in (q, k, v)]  # it refuses tensors that require gradients, on the CPU
        contenders["flex"] = lambda: compiled(*detached, block_mask=block_mask)
        problem = refused(contenders["flex"])
        if problem:
            del contenders["flex"]
    if run == "forward":
        times = turns({key: without_gradients(each) for key, each in contenders.items()}, repeats)
    else:
        times = turns({key: with_gradients(each, (q, k, v), do) for key, each in contenders.items()}, repeats)
    row = {
        "pattern": name,
        "tokens": tokens,
        "dtype": dtype,
        "pass": run,
        "goal": goal,
        "milliseconds": {},
        "spread": {},
    }
    for key, seconds in times.items():
        row["milliseconds"][key] = round(statistics.median(seconds) * 1e3, 1)
        row["spread"][key] = round(max(seconds) / min(seconds), 2)
    row["times_faster_than_dense"] = round(row["milliseconds"]["dense"] / row["milliseconds"]["ours"], 1)
    if "flex" in times:
        row["times_faster_than_flex"] = round(row["milliseconds"]["flex"] / row["milliseconds"]["ours"], 1)
    if problem:
        row["flex_failed"] = problem
    row["largest_error"] = error(program, attention, q, k, v)
    return row


def tensors(tokens, dtype):
    """(q, k, v) that require gradients, and a gradient of the output."""
    generator = torch.Generator().manual_seed(0)
    q, k, v, do = (torch.randn(1, HEADS, tokens, HEAD_DIM, generator=generator).to(dtype) for _ in range(4))
    return q.requires_grad_(), k.requires_grad_(), v.requires_grad_(), do


def refused(call):
    """Why FlexAttention does not compile here (no C++ compiler, most of all), or None."""
    try:
        with torch.no_grad():
            call()
    except (torch._inductor.exc.InductorError, torch._dynamo.exc.TorchDynamoException) as problem:
        return str(problem).strip().splitlines()[0][:200]
    return None


def without_gradients(call):
    """The call as it is made in inference."""

    def run():
        with torch.no_grad():
            call()

    return run


def with_gradients(call, leaves, do):
    """The call with its backward pass."""

    def run():
        for leaf in leaves:
            leaf.grad = None
        call().backward(do)

    return run


def turns(calls, repeats):
    """Seconds of every call, `repeats` times in turn, after one call each to warm up."""
    for call in calls.values():
        call()
    seconds = {key: [] for key in calls}
    for _ in range(repeats):
        for key, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[key].append(time.perf_counter() - start)
    return seconds


def error(program, attention, q, k, v):
    """The largest difference of some rows from dense float64 attention."""
    rows = torch.linspace(0, q.shape[2] - 1, ERROR_ROWS).long()
    with torch.no_grad():
        got = attention(q, k, v)[:, :, rows]
        mask = torch.from_numpy(program.mask())[rows]
        right, _ = reference.attention(q[:, :, rows], k, v, mask)
    return float((got.double() - right).abs().max())


def line(row):
    """A row of the table."""
    shown = []
    for key in ("dense", "flex", "ours"):
        if key in row["milliseconds"]:
            shown.append(f"{row['milliseconds'][key]:9,.1f} (±{(row['spread'][key] - 1) * 100:3.0f}%)")
        else:
            shown.append(f"{'-':>16}")
    goal = f" (goal {row['goal']:g}x)" if row["goal"] else ""
    return (
        f"{row['pattern']:26} {row['tokens']:7,} {row['dtype']:9} {row['pass']:18} {' '.join(shown)} "
        f" {row['times_faster_than_dense']:4.1f}x{goal}"
    )


def memory_rows():
    """Peak memory that one call adds at 16,384 tokens, float32, each in a process of its own."""
    rows = []
    inputs = 4 * HEADS * 16384 * HEAD_DIM * 4 / 2**20
    for run in ("forward", "forward + backward"):
        for contender in ("ours", "dense"):
            command = [sys.executable, __file__, "--memory", contender, run]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            mebibytes = round(int(done.stdout) / 1024)
            rows.append(
                {
                    "contender": contender,
                    "pass": run,
                    "mebibytes": mebibytes,
                    "inputs": f"q, k, v, o are {inputs:.0f} MiB",
                }
            )
    return rows


def added_memory(contender, run):
    """KiB that one call adds to the peak of this process."""
    program = patternc.compile("model m {" + WINDOW.replace("{n}", "16384") + "}", target="cpu", dtype="float32")
    attention = program.module()
    calls = {
        "ours": lambda q, k, v: attention(q, k, v),
        "dense": lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=True),
    }
    small = tensors(512, torch.float32)
    with_gradients(lambda: calls[contender](*small[:3]), small[:3], small[3])()
    q, k, v, do = tensors(16384, torch.float32)
    before = peak_memory()
    if run == "forward":
        without_gradients(lambda: calls[contender](q, k, v))()
    else:
        with_gradients(lambda: calls[contender](q, k, v), (q, k, v), do)()
    return peak_memory() - before


def peak_memory() -> int:
    """The most memory this process has held, in KiB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage there remembers the parent process
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
