"""On a GPU: are the compiled kernels right, and how fast are they beside dense SDPA and FlexAttention.

Takes module directories that were compiled beforehand, so that the machine needs nothing but torch, triton, numpy and
safetensors:

    patternc compile examples/longformer.attn --head-dim 64 -o build/longformer.attnc        (anywhere)
    PYTHONPATH=. python benchmarks/gpu.py build/*.attnc                                        (with the GPU)

For each distinct layer: values and gradients at 1024 tokens, and some rows at the compiled length, against dense
attention in float64; then medians of forward and backward at the compiled length, in bfloat16. Rates count the pairs
the pattern names (4 D FLOP each forward, 10 D backward), and are set beside what the same process measures for a matrix
product and a copy. Prints a table, writes benchmarks/results/<device>.json, and fails if a value is wrong.
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

os.environ.setdefault("PATTERNC_CACHE_DIR", str(Path(__file__).parents[1] / "build" / "cache"))

from patternc.algebra.evaluate import evaluate
from patternc.integrations.flex import to_flex
from patternc.runtime.load import load
from patternc.runtime.reference import attention as dense_attention
from patternc.runtime.remake import schedule_of
from patternc.version import VERSION

RESULTS = Path(__file__).parent / "results"
CHECKED_TOKENS = 1024
CHECKED_ROWS = 64
TOLERANCE = {torch.float32: 2e-5, torch.float16: 3e-3, torch.bfloat16: 2e-2}
"""Largest norm(result - exact) / norm(exact), gradients included."""


def inputs(attention, tokens, head_dim, dtype, device, batch=1):
    """(q, k, v, do), random, each [batch, heads, tokens, head_dim]."""
    generator = torch.Generator(device).manual_seed(0)
    heads = (attention.heads, attention.kv_heads, attention.kv_heads, attention.heads)
    return [
        torch.randn(batch, count, tokens, head_dim, generator=generator, device=device, dtype=dtype) for count in heads
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


def errors(attention, layer, dtype, device):
    """The distances of o, dq, dk and dv at CHECKED_TOKENS, and of some rows of o at the compiled length."""
    head_dim, compiled = attention.shape.head_dim, attention.shape.tokens
    tokens = min(CHECKED_TOKENS, compiled)
    schedule = schedule_of(attention.program, tokens, head_dim)
    q, k, v, do = inputs(attention, tokens, head_dim, dtype, device)
    leaves = [x.requires_grad_() for x in (q, k, v)]
    exact = [x.detach().double().requires_grad_() for x in leaves]
    o = attention(*leaves, layer=layer)
    gradients = torch.autograd.grad(o, leaves, do)
    o_exact, _ = dense_attention(*exact, mask_rows(schedule, layer, np.arange(tokens), device))
    exact_gradients = torch.autograd.grad(o_exact, exact, do.double())
    found = {"o": distance(o.detach(), o_exact.detach())}
    for name, one, two in zip(("dq", "dk", "dv"), gradients, exact_gradients, strict=True):
        found[name] = distance(one, two)

    schedule = schedule_of(attention.program, compiled, head_dim)
    q, k, v, _ = inputs(attention, compiled, head_dim, dtype, device)
    rows = np.unique(np.linspace(0, compiled - 1, CHECKED_ROWS).astype(np.int64))
    with torch.no_grad():
        some = attention(q, k, v, layer=layer)[:, :, rows]
        found["rows"] = distance(
            some, dense_attention(q[:, :, rows], k, v, mask_rows(schedule, layer, rows, device))[0]
        )
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


def host_microseconds(attention, layer, dtype, device):
    """What a call costs before the GPU has anything to do: 64 tokens, queued without waiting."""
    q, k, v, _ = inputs(attention, 64, attention.shape.head_dim, dtype, device)
    with torch.no_grad():
        for _ in range(3):
            attention(q, k, v, layer=layer)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(100):
            attention(q, k, v, layer=layer)
        return (time.perf_counter() - start) * 1e4


def ceilings(device):
    """(TFLOP/s of a large bfloat16 product, TB/s of a large copy), random data."""
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    product = 2 * 8192**3 / median_ms(lambda: a @ b) / 1e9
    rows = torch.randn(1 << 30, device=device)
    target = torch.empty_like(rows)
    return product, 2 * rows.nbytes / median_ms(lambda: target.copy_(rows)) / 1e9


def measure(attention, layer, peers, ceiling):
    """One row of the table: errors, times, rates and those of the peers."""
    device, dtype = torch.device("cuda"), torch.bfloat16
    shape = attention.shape
    schedule = schedule_of(attention.program, shape.tokens, shape.head_dim)
    attention.prepare(shape.tokens, shape.head_dim, dtype, device)
    plan = attention.lowered.plan.distinct[attention.lowered.plan.layers[layer]]
    pairs = sum(
        int(attention.lowered.tables[launch.tables].items[:, 9].astype(np.int64).sum()) * len(group.heads)
        for group in plan.groups
        for launch in group.forward
    )
    dense = schedule.tokens * (schedule.tokens + 1) // 2 if schedule.causal else schedule.tokens**2
    row = {
        "module": attention.name,
        "layer": layer,
        "pattern": plan.pattern,
        "tokens": shape.tokens,
        "heads": [attention.heads, attention.kv_heads],
        "head_dim": shape.head_dim,
        "density": pairs / (dense * attention.heads),
        "errors": {str(kind).removeprefix("torch."): errors(attention, layer, kind, device) for kind in TOLERANCE},
    }
    q, k, v, do = inputs(attention, shape.tokens, shape.head_dim, dtype, device)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    times = {"patternc": forward_and_backward(lambda q, k, v: attention(q, k, v, layer=layer), q, k, v, do)}
    row["peak_mebibytes"] = (torch.cuda.max_memory_allocated() - before) / 2**20
    row["host_microseconds"] = host_microseconds(attention, layer, dtype, device)
    if "sdpa" in peers:
        times["sdpa"] = forward_and_backward(
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=schedule.causal, enable_gqa=True),
            q, k, v, do,
        )  # fmt: skip
    if "flex" in peers:
        from torch.nn.attention.flex_attention import flex_attention

        torch._dynamo.reset()
        flex, block_mask = torch.compile(flex_attention), to_flex(schedule, layer, device)
        times["flex"] = forward_and_backward(
            lambda q, k, v: flex(q, k, v, block_mask=block_mask, enable_gqa=True), q, k, v, do
        )
    row["milliseconds"] = {name: {"forward": pair[0], "backward": pair[1]} for name, pair in times.items()}
    work = {"forward": 4 * shape.head_dim * pairs, "backward": 10 * shape.head_dim * pairs}
    bytes_moved = {"forward": 2 * (2 * q.numel() + 2 * k.numel()), "backward": 2 * (4 * q.numel() + 4 * k.numel())}
    for name, flop in work.items():
        taken = row["milliseconds"]["patternc"][name]
        row[f"{name}_tflops"] = flop / taken / 1e9
        row[f"{name}_of_roofline"] = max(flop / ceiling[0], bytes_moved[name] / ceiling[1]) / 1e9 / taken
    return row


def distinct_layers(attention):
    """The first layer of each distinct plan."""
    layers = attention.lowered.plan.layers
    return [layers.index(index) for index in dict.fromkeys(layers)]


def wrong(row):
    """The errors of a row that are too large, as text."""
    return [
        f"{row['module']} layer {row['layer']} {kind} {name}: {error:.1e}"
        for kind, found in row["errors"].items()
        for name, error in found.items()
        if not error <= TOLERANCE[getattr(torch, kind)]
    ]


def line(row):
    """A row of the printed table."""
    times = row["milliseconds"]
    cells = [f"{row['module'][:22]:22} {row['layer']:3} {row['tokens']:8,} {row['density']:8.2%}"]
    cells += [
        f"{times[name]['forward']:8.3f} {times[name]['backward']:8.3f}" if name in times else f"{'-':>8} {'-':>8}"
        for name in ("patternc", "sdpa", "flex")
    ]
    cells.append(f"{row['forward_tflops']:6.0f} {row['backward_tflops']:6.0f}")
    cells.append(f"{row['forward_of_roofline']:5.0%} {row['backward_of_roofline']:5.0%}")
    cells.append(f"{max(row['errors']['bfloat16'].values()):8.1e} {max(row['errors']['float32'].values()):8.1e}")
    return "  ".join(cells)


HEADER = (
    f"{'module':22} {'lay':>3} {'tokens':>8} {'density':>8}  {'patternc fwd, bwd':>17}  {'sdpa fwd, bwd':>17}  "
    f"{'flex fwd, bwd':>17}  {'TFLOP/s':>13}  {'of roofline':>11}  {'error bf16, fp32':>17}"
)


def main():
    """Check, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="+", type=Path, help="directories that `patternc compile` wrote")
    parser.add_argument("--peers", default="sdpa,flex", help="what to measure beside: sdpa, flex, or nothing")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit(
            "benchmarks/gpu.py: no CUDA device here. Compile the modules anywhere, and run this where a GPU is; "
            "without one, `patternc verify` and benchmarks/cpu.py say what can be said."
        )
    peers = set(filter(None, arguments.peers.split(",")))
    ceiling = ceilings("cuda")
    print(
        f"{torch.cuda.get_device_name()}: {ceiling[0]:.0f} TFLOP/s bf16 product, {ceiling[1]:.2f} TB/s copy\n{HEADER}"
    )
    rows = []
    for directory in arguments.modules:
        attention = load(directory)
        for layer in distinct_layers(attention):
            rows.append(measure(attention, layer, peers, ceiling))
            print(line(rows[-1]), flush=True)

    result = {
        "device": torch.cuda.get_device_name(),
        "versions": {
            "patternc": VERSION, "torch": torch.__version__, "triton": sys.modules["triton"].__version__,
            "cuda": torch.version.cuda, "python": platform.python_version(),
        },
        "product_tflops": ceiling[0],
        "copy_terabytes_per_second": ceiling[1],
        "layers": rows,
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "_", torch.cuda.get_device_name().lower()).strip("_")
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    bad = [text for row in rows for text in wrong(row)]
    if bad:
        raise SystemExit("wrong values:\n" + "\n".join(bad))


if __name__ == "__main__":
    main()
