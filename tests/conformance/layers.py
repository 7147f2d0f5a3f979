"""Real layers' numbers: the program of a case, its inputs, and what the layer gave.

For: the tests that run them on the CPU and in Triton's interpreter. Not for: comparing masks (`test_masks.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import patternc
from patternc.program import Program
from tests.conformance.cases import CASES, Case
from tests.conformance.programs import longformer_halves, picked_blocks, written

NUMBERS = {name: case for name, case in CASES.items() if case.has_numbers}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: calls [(layer, q, k, v)] whose results are added, and what they should add up to."""

    program: Program
    calls: tuple[tuple[int, Tensor, Tensor, Tensor], ...]
    sinks: Tensor | None
    scale: float
    soft_cap: float
    out: Tensor


def layer_of(name: str, target: str = "cpu") -> Layer:
    case = CASES[name]
    arrays = {key: torch.from_numpy(value)[None] for key, value in case.arrays.items() if key not in ("mask", "count")}
    q, k = arrays["q"], arrays["k"]
    program = patternc.compile(
        _text(case, q.shape[1], k.shape[1]),
        tokens=case.tokens,
        params=written(case).params,
        head_dim=q.shape[-1],
        dtype="float32",
        target=target,
    )
    calls = [(case.params.get("layer", 0), q, k, arrays["v"])]
    if case.params["model_type"] == "longformer":
        calls.append((1, arrays["qg"], arrays["kg"], arrays["vg"]))
    sinks = arrays["sinks"][0] if "sinks" in arrays else None
    cap = case.params.get("softcap") or 0.0
    return Layer(program, tuple(calls), sinks, case.params["scale"], cap, arrays["out"])


def _text(case: Case, heads: int, kv_heads: int) -> str:
    """The text of a case's program, with as many heads as the layer has."""
    match case.params["model_type"]:
        case "big_bird":
            return picked_blocks(case)
        case "longformer":
            return longformer_halves(case)
        case _:
            source = written(case).source
            text = re.sub(r"^( +)heads \d+$", rf"\1heads {heads}", source.read_text(), flags=re.MULTILINE)
            return re.sub(r"^( +)kv_heads \d+$", rf"\1kv_heads {kv_heads}", text, flags=re.MULTILINE)


def largest_error(result: Tensor, out: Tensor) -> float:
    assert result.shape == out.shape
    return float(np.abs((result - out).numpy()).max())
