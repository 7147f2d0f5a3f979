"""verify: a compiled module against dense float64 attention, on the devices at hand.

For: `patternc verify`, and anyone who wants to know that what runs here is what the pattern says. Not for: rendering
(the command does that) or speed. Masks are evaluated from the program, not taken from the tables that are tested.

Three kinds of checks: values and all gradients of every distinct layer at up to 1,024 tokens; values of 256 rows at the
compiled length; and, where there is no CUDA device, the generated Triton kernels in Triton's interpreter, in a process
of their own.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from patternc.algebra.evaluate import multiplicities
from patternc.algebra.schedule import Schedule
from patternc.codegen.plan import Dtype
from patternc.codegen.triton_module import MAX_HEAD_DIM
from patternc.grammar.typed_json import typed_to_json
from patternc.runtime import reference
from patternc.runtime.module import DTYPES, Attention
from patternc.runtime.remake import schedule_of
from patternc.runtime.tensors import tensor

SHORT = 1024
"""Most tokens at which gradients are compared, since the reference holds all pairs."""
ROWS = 256
INTERPRETED_TOKENS = 192
INTERPRETED_SECONDS = 900
TOLERANCES: dict[Dtype, float] = {"float64": 1e-10, "float32": 2e-5, "float16": 5e-3, "bfloat16": 2e-2}
"""Largest difference from the reference that is right, as a share of the reference's largest value."""

_PAIRS_AT_ONCE = 1 << 24


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of one quantity: "o", "lse", "dq", "dk" or "dv".

    `error` is the largest difference as a share of the largest right value. `rows` is how many rows were compared,
    None for all of them; `layers` are those with this pattern.
    """

    device: str
    dtype: Dtype
    tokens: int
    layers: tuple[int, ...]
    rows: int | None
    quantity: str
    error: float

    @property
    def tolerance(self) -> float:
        """The largest error that passes."""
        return TOLERANCES[self.dtype]

    @property
    def passed(self) -> bool:
        """Whether the error is a number within the tolerance."""
        return self.error <= self.tolerance


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, in order, and in `notes` what could not be compared here and why."""

    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether something was compared and all of it agreed."""
        return bool(self.checks) and all(check.passed for check in self.checks)


def verify(attention: Attention, *, seed: int = 0) -> Verification:
    """Compare every distinct layer of a module with the dense reference. Takes seconds to minutes.

    Inputs are normal random numbers drawn from `seed`. Raises AttentionInputError where the module cannot be planned
    for a device at hand.
    """
    checks: list[Check] = []
    notes: list[str] = []
    compiled = attention.shape
    dtypes = {name: dtype for dtype, name in DTYPES.items()}
    places = [(torch.device("cpu"), dtypes[name]) for name in dict.fromkeys((compiled.dtype, "float64"))]
    kernels = compiled.dtype != "float64" and compiled.head_dim <= MAX_HEAD_DIM
    if torch.cuda.is_available() and kernels:
        places.append((torch.device("cuda", torch.cuda.current_device()), dtypes[compiled.dtype]))
    for device, dtype in places:
        checks += _gradients(attention, device, dtype, seed)
    for device, dtype in places:
        if DTYPES[dtype] == compiled.dtype:
            checks += _rows(attention, device, dtype, seed)
    if not torch.cuda.is_available():
        interpreted, note = _interpreted(attention, seed)
        checks += interpreted
        notes.append(note)
    return Verification(tuple(checks), tuple(notes))


def distinct_layers(schedule: Schedule) -> list[tuple[int, ...]]:
    """The layers of a schedule, those with the same patterns in all heads together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for layer, heads in enumerate(schedule.table):
        groups.setdefault(heads, []).append(layer)
    return [tuple(layers) for layers in groups.values()]


def largest_error(got: Tensor, right: Tensor) -> float:
    """The largest difference as a share of the largest right value; infinite where infinities or NaN disagree."""
    got, right = got.detach().double().cpu(), right.detach().double().cpu()
    finite = torch.isfinite(right)
    if not torch.equal(torch.isfinite(got), finite) or not torch.equal(got[~finite], right[~finite]):
        return math.inf
    if not bool(finite.any()):
        return 0.0
    return float((got - right)[finite].abs().max() / right[finite].abs().max().clamp_min(1e-6))


def expected(schedule: Schedule, layer: int, q: Tensor, k: Tensor, v: Tensor, do: Tensor) -> dict[str, Tensor]:
    """The reference for all rows of a layer: "o" and "lse", and "dq", "dk", "dv" for the gradient `do` of o.

    q and do [1, H, N, D], k and v [1, Hkv, N, D], of any dtype; one key head at a time, to hold fewer scores.
    """
    group = schedule.heads // schedule.kv_heads
    rows = torch.arange(schedule.tokens)
    parts: dict[str, list[Tensor]] = {name: [] for name in ("o", "lse", "dq", "dk", "dv")}
    for kv_head in range(schedule.kv_heads):
        heads = slice(kv_head * group, (kv_head + 1) * group)
        own = slice(kv_head, kv_head + 1)
        leaves = [part.detach().double().requires_grad_() for part in (q[:, heads], k[:, own], v[:, own])]
        mask = _masks(schedule, layer, heads, rows)
        o, lse = reference.attention(leaves[0], leaves[1], leaves[2], mask)
        gradients = torch.autograd.grad((o * do[:, heads]).sum(), leaves)
        for name, part in zip(parts, (o.detach(), lse.detach(), *gradients), strict=True):
            parts[name].append(part)
    return {name: torch.cat(tensors, 1) for name, tensors in parts.items()}


def _masks(schedule: Schedule, layer: int, heads: slice, rows: Tensor) -> Tensor:
    """[R, Q, N] int32: how often each key counts for the queries at positions `rows` [Q], in each of some heads."""
    n = schedule.tokens
    queries, keys = rows.numpy()[:, None], np.arange(n)[None, :]
    sums = [schedule.pattern(layer, head).relations for head in range(heads.start, heads.stop)]
    masks = {branches: tensor(multiplicities(branches, queries, keys, n)) for branches in set(sums)}
    return torch.stack([masks[branches] for branches in sums])


def random_rows(shape: tuple[int, ...], dtype: torch.dtype, seed: int, place: int) -> Tensor:
    """Normal random numbers that depend on nothing but the arguments."""
    generator = torch.Generator().manual_seed(seed * 1000 + place)
    return torch.randn(shape, generator=generator, dtype=torch.float32).to(dtype)


def _gradients(attention: Attention, device: torch.device, dtype: torch.dtype, seed: int) -> Iterator[Check]:
    """Values and gradients of all rows, at up to SHORT tokens."""
    n, head_dim = min(attention.shape.tokens, SHORT), attention.shape.head_dim
    schedule = schedule_of(attention.program, n, head_dim)
    q, k, v, do = (
        random_rows((1, heads, n, head_dim), dtype, seed, place)
        for place, heads in enumerate((attention.heads, attention.kv_heads, attention.kv_heads, attention.heads))
    )
    for layers in distinct_layers(schedule):
        leaves = [rows.to(device, copy=True).requires_grad_() for rows in (q, k, v)]
        o, lse = attention(leaves[0], leaves[1], leaves[2], layers[0], return_lse=True)
        gradients = torch.autograd.grad(o, leaves, do.to(device))
        right = expected(schedule, layers[0], q, k, v, do)
        for quantity, got in zip(right, (o, lse, *gradients), strict=True):
            error = largest_error(got, right[quantity])
            yield Check(_named(device), DTYPES[dtype], n, layers, None, quantity, error)


def _rows(attention: Attention, device: torch.device, dtype: torch.dtype, seed: int) -> Iterator[Check]:
    """Values of ROWS rows at the compiled length: both ends, and the rest spread evenly, at changing offsets."""
    n, head_dim = attention.shape.tokens, attention.shape.head_dim
    group = attention.heads // attention.kv_heads
    schedule = schedule_of(attention.program, n, head_dim)
    spread = {min(n - 1, place * n // (ROWS - 64) + place % 7) for place in range(ROWS - 64)}
    rows = torch.tensor(sorted({*range(min(n, 32)), *range(max(0, n - 32), n), *spread}))
    q, k, v = (
        random_rows((1, heads, n, head_dim), dtype, seed, place)
        for place, heads in enumerate((attention.heads, attention.kv_heads, attention.kv_heads))
    )
    at_once = max(1, _PAIRS_AT_ONCE // (n * group))
    for layers in distinct_layers(schedule):
        with torch.inference_mode():
            o, lse = attention(q.to(device), k.to(device), v.to(device), layers[0], return_lse=True)
        o, lse = o[:, :, rows].cpu(), lse[:, :, rows].cpu()
        errors = {"o": 0.0, "lse": 0.0}
        for kv_head in range(attention.kv_heads):
            heads, own = slice(kv_head * group, (kv_head + 1) * group), slice(kv_head, kv_head + 1)
            for first in range(0, len(rows), at_once):
                part = slice(first, first + at_once)
                mask = _masks(schedule, layers[0], heads, rows[part])
                right_o, right_lse = reference.attention(q[:, heads, rows[part]], k[:, own], v[:, own], mask)
                errors["o"] = max(errors["o"], largest_error(o[:, heads, part], right_o))
                errors["lse"] = max(errors["lse"], largest_error(lse[:, heads, part], right_lse))
        for quantity, error in errors.items():
            yield Check(_named(device), DTYPES[dtype], n, layers, len(rows), quantity, error)


def _interpreted(attention: Attention, seed: int) -> tuple[list[Check], str]:
    """The checks of the Triton kernels in the interpreter, and what to say about them."""
    if importlib.util.find_spec("triton") is None:
        return [], "no CUDA device, and triton is not installed: the generated kernels were not run"
    dtype: Dtype = attention.shape.dtype if attention.shape.dtype in ("float16", "float32") else "float32"
    n = min(attention.shape.tokens, INTERPRETED_TOKENS)
    task = {
        "program": typed_to_json(attention.program),
        "target": attention.shape.target if attention.shape.target != "cpu" else "cuda:90",
        "tokens": n,
        "head_dim": attention.shape.head_dim,
        "dtype": dtype,
        "seed": seed,
    }
    if attention.shape.head_dim > MAX_HEAD_DIM:
        return [], f"kernels exist for a head_dim of up to {MAX_HEAD_DIM}: nothing of Triton was run"
    done = subprocess.run(
        [sys.executable, "-m", "patternc.runtime.interpreted"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
        timeout=INTERPRETED_SECONDS,
        env={**os.environ, "TRITON_INTERPRET": "1"},
    )
    if done.returncode:
        raise RuntimeError(f"the Triton kernels failed in the interpreter:\n{done.stderr[-2000:]}")
    device = "Triton interpreter (cpu)"
    checks = [Check(device, dtype, n, tuple(layers), None, *rest) for layers, *rest in json.loads(done.stdout)]
    note = f"no CUDA device: the Triton kernels ran in Triton's interpreter, on the CPU, at {n} tokens in {dtype}"
    return checks, note


def _named(device: torch.device) -> str:
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
