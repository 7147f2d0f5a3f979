"""On a GPU: are the compiled kernels right, and how fast are they beside dense SDPA and FlexAttention.

    python benchmarks/gpu.py                                                                   (with the GPU)

runs the patterns of benchmarks/gpu_cases.py; `--only stride` those whose name has the word. Module directories that
were compiled anywhere run instead:

    patternc compile examples/longformer.attn --head-dim 64 -o build/longformer.attnc        (anywhere)
    python benchmarks/gpu.py build/*.attnc                                                     (with the GPU)

The machine needs nothing but torch, triton and numpy, and safetensors for modules.

For each pattern, in float32, float16 and bfloat16: values and gradients at 1024 tokens, sinks included, and some rows
at the full length, against dense attention in float64; the same bits from two backward passes. Then medians of forward
and backward at the full length, in bfloat16. Rates count the pairs the pattern names (4 D FLOP each forward, 10 D
backward), and are set beside what the same process measures for a matrix product and a copy. "plain" is the same
pattern without lattices and without split hubs: what the plan's choices are worth. Prints a table, writes
benchmarks/results/<device>.json, and fails if a value is wrong.
"""

import argparse
import json
import os
import platform
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("PATTERNC_CACHE_DIR", str(Path(__file__).resolve().parents[1] / "build" / "cache"))

from benchmarks.gpu_cases import of_module, suite
from patternc.algebra.budget import TileBudgetError
from patternc.algebra.evaluate import evaluate
from patternc.integrations.flex import to_flex
from patternc.runtime.reference import attention as dense_attention
from patternc.version import VERSION

RESULTS = Path(__file__).parent / "results"
CHECKED_TOKENS = 1024
CHECKED_ROWS = 64
TOLERANCE = {torch.float32: 2e-5, torch.float16: 3e-3, torch.bfloat16: 2e-2}
"""Largest norm(result - exact) / norm(exact), gradients included."""
PEERS = ("plain", "sdpa", "flex")


def inputs(case, tokens, dtype, device, batch=1):
    """(q, k, v, do), random, each [batch, heads, tokens, head_dim]."""
    generator = torch.Generator(device).manual_seed(0)
    heads = (case.heads, case.kv_heads, case.kv_heads, case.heads)
    return [
        torch.randn(batch, count, tokens, case.head_dim, generator=generator, device=device, dtype=dtype)
        for count in heads
    ]


def mask_rows(schedule, layer, rows, device):
    """What the queries `rows` attend: bool [H, len(rows), N]."""
    keys = np.arange(schedule.tokens)
    masks = {
        index: evaluate(schedule.patterns[index].relation, rows[:, None], keys[None, :], schedule.tokens)
        for index in set(schedule.table[layer])
    }
    return torch.from_numpy(np.stack([masks[index] for index in schedule.table[layer]])).to(device)


def distance(result, exact):
    """norm(result - exact) / norm(exact); inf where a value is not finite."""
    if not torch.isfinite(result).all():
        return float("inf")
    return ((result.double() - exact).norm() / exact.norm()).item()


def errors(case, dtype, device):
    """The distances of o, dq, dk, dv and dsinks at CHECKED_TOKENS, and of some rows of o at the full length.

    "repeated" is 0 where two backward passes give the same bits, else inf.
    """
    tokens = min(CHECKED_TOKENS, case.tokens)
    q, k, v, do = inputs(case, tokens, dtype, device)
    sinks = torch.linspace(-1, 2, case.heads, device=device)
    leaves = [x.requires_grad_() for x in (q, k, v, sinks)]
    exact = [x.detach().double().requires_grad_() for x in leaves]
    o, _ = case.attend(*leaves)
    gradients = torch.autograd.grad(o, leaves, do, retain_graph=True)
    again = torch.autograd.grad(o, leaves, do)
    mask = mask_rows(case.schedule_at(tokens), case.layer, np.arange(tokens), device)
    o_exact, _ = dense_attention(*exact[:3], mask, exact[3])
    exact_gradients = torch.autograd.grad(o_exact, exact, do.double())
    found = {"o": distance(o.detach(), o_exact.detach())}
    for name, one, two in zip(("dq", "dk", "dv", "dsinks"), gradients, exact_gradients, strict=True):
        found[name] = distance(one, two)
    same = all(torch.equal(one, two) for one, two in zip(gradients[:3], again[:3], strict=True))
    found["repeated"] = 0.0 if same else float("inf")

    q, k, v, _ = inputs(case, case.tokens, dtype, device)
    rows = np.unique(np.linspace(0, case.tokens - 1, CHECKED_ROWS).astype(np.int64))
    with torch.no_grad():
        some = case.attend(q, k, v)[0][:, :, rows]
        mask = mask_rows(case.schedule_at(case.tokens), case.layer, rows, device)
        found["rows"] = distance(some, dense_attention(q[:, :, rows], k, v, mask)[0])
    return found


def median_ms(function):
    """Median milliseconds, the L2 cache emptied before every run."""
    from triton.testing import do_bench

    return do_bench(function, warmup=50, rep=200, return_mode="median")


def forward_and_backward(function, q, k, v, do):
    """Median milliseconds of both passes of `function(q, k, v)`."""
    with torch.no_grad():
        forward = median_ms(lambda: function(q, k, v))
    leaves = [x.detach().requires_grad_() for x in (q, k, v)]
    o = function(*leaves)
    return forward, median_ms(lambda: torch.autograd.grad(o, leaves, do, retain_graph=True))


def host_microseconds(case, dtype, device):
    """What a call costs before the GPU has anything to do: 64 tokens, queued without waiting."""
    q, k, v, _ = inputs(case, 64, dtype, device)
    with torch.no_grad():
        for _ in range(3):
            case.attend(q, k, v)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(100):
            case.attend(q, k, v)
        return (time.perf_counter() - start) * 1e4


def ceilings(device):
    """(TFLOP/s of a large bfloat16 product, TB/s of a large copy), random data."""
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    product = 2 * 8192**3 / median_ms(lambda: a @ b) / 1e9
    rows = torch.randn(1 << 30, device=device)
    target = torch.empty_like(rows)
    return product, 2 * rows.nbytes / median_ms(lambda: target.copy_(rows)) / 1e9


def pairs_of(plan, tables):
    """The pairs that all heads of a plan attend."""
    return sum(
        int(tables[launch.tables].items[:, 9].astype(np.int64).sum()) * len(group.heads)
        for group in plan.groups
        for launch in group.forward
    )


def launches_of(plan):
    """How many launches each role of a plan has, and what of lattices and slots they have."""
    launches = [launch for group in plan.groups for launch in group.launches]
    return {
        **{role: sum(launch.kernel.role == role for launch in launches) for role in ("forward", "dq", "dkv")},
        "steps": sorted({launch.kernel.lattice.step for launch in launches if launch.kernel.lattice is not None}),
        "slots": sum(launch.slots for launch in launches),
    }


def peer(name, case, schedule, device):
    """`function(q, k, v)` of another way to compute the case, None where it cannot."""
    if name == "plain":
        other = case.without()
        return lambda q, k, v: other.attend(q, k, v)[0]
    if name == "sdpa":
        return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=schedule.causal, enable_gqa=True)
    from torch.nn.attention.flex_attention import flex_attention

    torch._dynamo.reset()
    try:
        flex, block_mask = torch.compile(flex_attention), to_flex(schedule, case.layer, device)
    except TileBudgetError:
        return None  # no block structure at this length
    return lambda q, k, v: flex(q, k, v, block_mask=block_mask, enable_gqa=True)


def measure(case, peers, ceiling):
    """One row of the table: errors, times, rates and those of the peers."""
    device, dtype = torch.device("cuda"), torch.bfloat16
    schedule = case.schedule_at(case.tokens)
    plan, _, _, tables = case.lowered(case.tokens, dtype, device)
    pairs = pairs_of(plan, tables)
    dense = case.tokens * (case.tokens + 1) // 2 if schedule.causal else case.tokens**2
    row = {
        "case": case.name,
        "pattern": plan.pattern,
        "tokens": case.tokens,
        "heads": [case.heads, case.kv_heads],
        "head_dim": case.head_dim,
        "density": pairs / (dense * case.heads),
        "launches": launches_of(plan),
        "errors": {str(kind).removeprefix("torch."): errors(case, kind, device) for kind in TOLERANCE},
    }
    q, k, v, do = inputs(case, case.tokens, dtype, device)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    times = {"patternc": forward_and_backward(lambda q, k, v: case.attend(q, k, v)[0], q, k, v, do)}
    row["peak_mebibytes"] = (torch.cuda.max_memory_allocated() - before) / 2**20
    row["host_microseconds"] = host_microseconds(case, dtype, device)
    for name in peers:
        function = peer(name, case, schedule, device)
        if function is not None:
            times[name] = forward_and_backward(function, q, k, v, do)
    row["milliseconds"] = {name: {"forward": pair[0], "backward": pair[1]} for name, pair in times.items()}
    work = {"forward": 4 * case.head_dim * pairs, "backward": 10 * case.head_dim * pairs}
    bytes_moved = {"forward": 2 * (2 * q.numel() + 2 * k.numel()), "backward": 2 * (4 * q.numel() + 4 * k.numel())}
    for name, flop in work.items():
        taken = row["milliseconds"]["patternc"][name]
        row[f"{name}_tflops"] = flop / taken / 1e9
        row[f"{name}_of_roofline"] = max(flop / ceiling[0], bytes_moved[name] / ceiling[1]) / 1e9 / taken
    return row


def wrong(row):
    """The errors of a row that are too large, as text."""
    return [
        f"{row['case']} {kind} {name}: {error:.1e}"
        for kind, found in row["errors"].items()
        for name, error in found.items()
        if not error <= TOLERANCE[getattr(torch, kind)]
    ]


def line(row):
    """A row of the printed table."""
    times = row["milliseconds"]
    cells = [f"{row['case'][:22]:22} {row['tokens']:8,} {row['density']:8.2%}"]
    cells += [
        f"{times[name]['forward']:8.3f} {times[name]['backward']:8.3f}" if name in times else f"{'-':>8} {'-':>8}"
        for name in ("patternc", *PEERS)
    ]
    cells.append(f"{row['forward_tflops']:6.0f} {row['backward_tflops']:6.0f}")
    cells.append(f"{row['forward_of_roofline']:5.0%} {row['backward_of_roofline']:5.0%}")
    cells.append(f"{max(row['errors']['bfloat16'].values()):8.1e} {max(row['errors']['float32'].values()):8.1e}")
    return "  ".join(cells)


HEADER = "  ".join(
    [
        f"{'pattern':22} {'tokens':>8} {'density':>8}",
        *(f"{f'{name} fwd, bwd':>17}" for name in ("patternc", *PEERS)),
        f"{'TFLOP/s':>13}",
        f"{'of roofline':>11}",
        f"{'error bf16, fp32':>17}",
    ]
)


def chosen_cases(modules, only):
    """The cases that the command line asks for."""
    if not modules:
        return [case for case in suite() if only in case.name]
    from patternc.runtime.load import load  # needs safetensors

    return [case for directory in modules for case in of_module(load(directory)) if only in case.name]


def main():
    """Check, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", type=Path, help="directories that `patternc compile` wrote")
    parser.add_argument("--only", default="", metavar="WORD", help="only patterns whose name has this in it")
    parser.add_argument(
        "--peers", default=",".join(PEERS), help="what to measure beside: plain, sdpa, flex, or nothing"
    )
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit(
            "benchmarks/gpu.py: no CUDA device here. It runs where a GPU is; without one, `patternc verify` and "
            "benchmarks/cpu.py say what can be said."
        )
    peers = [name for name in PEERS if name in arguments.peers.split(",")]
    ceiling = ceilings("cuda")
    print(
        f"{torch.cuda.get_device_name()}: {ceiling[0]:.0f} TFLOP/s bf16 product, {ceiling[1]:.2f} TB/s copy\n{HEADER}"
    )
    result = {
        "device": torch.cuda.get_device_name(),
        "versions": {
            "patternc": VERSION, "torch": torch.__version__, "triton": sys.modules["triton"].__version__,
            "cuda": torch.version.cuda, "python": platform.python_version(),
        },
        "product_tflops": ceiling[0],
        "copy_terabytes_per_second": ceiling[1],
        "patterns": [],
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "_", torch.cuda.get_device_name().lower()).strip("_")
    for case in chosen_cases(arguments.modules, arguments.only):
        result["patterns"].append(measure(case, peers, ceiling))
        print(line(result["patterns"][-1]), flush=True)
        # Written after each pattern: a run that is cut short leaves what it measured.
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    bad = [text for row in result["patterns"] for text in wrong(row)]
    if bad:
        raise SystemExit("wrong values:\n" + "\n".join(bad))


if __name__ == "__main__":
    main()
