"""Compiled programs and module contents for tests, from text."""

import functools
from pathlib import Path

import numpy as np
import torch

from patternc.compiler import compile
from patternc.runtime.artifact import Content
from patternc.runtime.module import Attention
from patternc.runtime.remake import Shape, kernels_of
from tests.runtime.layers import inputs

MIXED = """\
param width = 24
model mixed {
    causal
    tokens 160
    heads 4
    kv_heads 2
    head_dim 16
    layers 5 {
        0:    dense
        1..3: local(width)
        3:    heads { 0..2: local(8)  rest: local(8) | keys([0, 1]) }
        rest: blocks(16, local(2) | random(1))
    }
}
"""


@functools.lru_cache
def program(text=MIXED, target="cpu", dtype="float32", **options):
    return compile(text, target=target, dtype=dtype, **options)


def shape_of(compiled):
    schedule = compiled.schedule
    return Shape(schedule.tokens, schedule.head_dim, compiled.dtype, compiled.target)


def content_of(compiled):
    return Content(
        program=compiled.bound,
        shape=shape_of(compiled),
        plan=compiled.lowered.plan,
        tables=compiled.lowered.tables,
        kernels=kernels_of(compiled.bound, compiled.schedule, compiled.lowered),
        pattern=compiled.checked.files[0].text,
        report="{}\n",
    )


def attention_of(compiled, strict=False):
    name = compiled.schedule.name
    return Attention(compiled.bound, compiled.lowered, shape_of(compiled), name=name, strict=strict)


def masks(compiled, layer):
    """bool [H, n, n]: the exact masks of a layer."""
    return torch.from_numpy(np.stack([compiled.mask(layer, head) for head in range(compiled.schedule.heads)]))


def leaves(n=160, batch=2, dtype=torch.float32, head_dim=16, **options):
    """q, k, v (and sinks) for the heads of MIXED, leaves that require gradients."""
    return inputs(n, 4, 2, head_dim=head_dim, batch=batch, dtype=dtype, **options)


EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
