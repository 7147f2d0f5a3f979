"""Sums on the CPU target: values, lse and gradients against dense float64 attention with log(count) on the logits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.codegen.cost import TileShape
from patternc.runtime import reference
from tests.runtime.layers import assert_agrees, error, gradients, inputs, layer_of
from tests.strategies import sum_places

EXACT = 1e-12
SMALL = TileShape(16, 32, 1, 1)

BIGBIRD = tuple(
    r.Blocks(8, part) for part in (r.union(r.band(-1, 1), r.Keys(((0, 1), (14, 15)))), r.Random(3, (5,), False))
)
LONGNET = (r.Chunk((16,)), r.intersection(r.Chunk((32,)), r.Rows(2, (0,)), r.Columns(2, (0,))))
SUMS = {
    "bigbird": BIGBIRD,
    "longnet": LONGNET,
    "causal longnet": tuple(r.intersection(r.PAST, branch) for branch in LONGNET),
    "window three times": (r.band(0, 24),) * 3,
    "window and stride": (r.band(0, 24), r.band(0, None, 11), r.band(0, None, 11)),
    "global": (r.union(r.band(-6, 6), r.Keys(((0, 3),))), r.Keys(((2, 5),)), r.Queries(((0, 3),))),
    "packed classes": (r.Residue(4, (0,)), r.band(0, None, 4), r.Residue(4, (0,))),
    "random keys": (r.band(0, 0), r.Random(3, (1,), True), r.Random(3, (2,), True)),
    "rows without keys": (r.Slice(40, 100, r.FULL), r.Slice(20, 50, r.PAST)),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("shape", [None, SMALL], ids=["default tiles", "small tiles"])
def test_sums(name, shape):
    layer = layer_of(117, [SUMS[name]] * 4, kv_heads=2, shape=shape)
    assert_agrees(layer, inputs(117, 4, 2, batch=2, sinks=True), EXACT)


@given(place=sum_places(), small=st.booleans(), sinks=st.booleans())
def test_random_sums(place, small, sinks):
    n, branches = place
    layer = layer_of(n, [branches] * 2, shape=SMALL if small else None)
    assert_agrees(layer, inputs(n, 2, sinks=sinks), EXACT)


def test_sums_and_sets_among_the_heads_of_a_layer():
    patterns = [BIGBIRD, LONGNET[0], LONGNET, LONGNET[0], r.PAST, LONGNET[::-1]]
    layer = layer_of(90, patterns, kv_heads=3, shape=SMALL)
    assert_agrees(layer, inputs(90, 6, 3, sinks=True), EXACT)


def test_a_pattern_twice_shifts_lse_and_nothing_else():
    window = r.band(0, 24)
    leaves = inputs(117, 2)
    once, twice = (layer_of(117, [pattern] * 2).attend(*leaves) for pattern in (window, (window, window)))
    assert error(twice[0], once[0]) < EXACT
    assert error(twice[1], once[1] + np.log(2)) < EXACT


def test_gradients_are_the_same_bits_every_time():
    layer, leaves = layer_of(117, [BIGBIRD, LONGNET], shape=SMALL), inputs(117, 2, dtype=torch.float32)
    first, second = (gradients(layer.attend(*leaves), leaves) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_the_reference_takes_counts_as_repeated_keys():
    """What `log(count)` means: a softmax in which the key stands so many times."""
    q, k, v = (part.detach() for part in inputs(5, 1))
    counts = torch.tensor([[0, 1, 3, 0, 2]] * 5)
    repeated = torch.repeat_interleave(torch.arange(5), counts[0])
    o, lse = reference.attention(q, k, v, counts)
    every = torch.ones(5, len(repeated), dtype=torch.bool)
    right, right_lse = reference.attention(q, k[:, :, repeated], v[:, :, repeated], every)
    assert torch.allclose(o, right, atol=1e-14)
    assert torch.allclose(lse, right_lse, atol=1e-14)
