"""Masks for torch's own attention against the definition, and torch's own attention against ours."""

import numpy as np
import pytest
import torch
from hypothesis import given
from torch.nn.attention.flex_attention import flex_attention

from patternc.algebra import relation as r
from patternc.integrations.flex import BLOCK, mask_mod, to_flex, to_sdpa_mask
from tests.runtime.layers import error, inputs, layer_of, mask_of, schedule_of
from tests.strategies import mask, places

WINDOW = r.intersection(r.PAST, r.band(0, 100))
GLOBAL = r.union(r.band(-70, 70), r.Keys(((0, 3),)), r.Queries(((0, 3),)))
CHUNKS = r.intersection(r.PAST, r.Chunk((100, 30, 60)))
RANDOM = r.Blocks(32, r.union(r.band(-1, 1), r.Random(2, (7,), False)))
PATTERNS = {"window": WINDOW, "global": GLOBAL, "chunks": CHUNKS, "random": RANDOM, "dense": r.FULL, "past": r.PAST}


def of_mask_mod(relations, n):
    """[H, n, n]: what the mask_mod says of every pair, as FlexAttention would ask it."""
    modifier = mask_mod(relations, n)
    index = torch.arange(n)
    vmapped = torch.vmap(
        torch.vmap(torch.vmap(modifier, (None, None, None, 0)), (None, None, 0, None)), (None, 0, None, None)
    )
    return vmapped(torch.tensor(0), torch.arange(len(relations)), index, index)


@given(places())
def test_mask_mod_is_the_definition(place):
    n, relation = place
    assert np.array_equal(of_mask_mod([relation], n)[0].numpy(), mask(relation, n))


@given(places())
def test_sdpa_mask_is_the_definition(place):
    n, relation = place
    assert np.array_equal(to_sdpa_mask(schedule_of(n, [relation])).numpy(), mask(relation, n))


def test_many_spans_and_residues_are_looked_up():
    n = 60
    for relation in (
        r.Keys(tuple((at, at + 1) for at in range(0, n, 4))),
        r.Slice(5, 50, r.Queries(tuple((at, at + 1) for at in range(0, 45, 3)))),
        r.Residue(29, tuple(range(0, 29, 2))),
        r.Columns(31, tuple(range(3, 31, 3))),
    ):
        assert np.array_equal(of_mask_mod([relation], n)[0].numpy(), mask(relation, n))


def test_heads_differ():
    n, relations = 50, [WINDOW, GLOBAL, WINDOW, CHUNKS]
    expected = np.stack([mask_of(relation, n) for relation in relations])
    assert np.array_equal(of_mask_mod(relations, n).numpy(), expected)
    schedule = schedule_of(n, relations)
    assert np.array_equal(to_sdpa_mask(schedule).numpy(), expected)
    assert to_flex(schedule).kv_indices.shape[:2] == (1, 4)
    assert to_sdpa_mask(schedule_of(n, [WINDOW] * 4)).shape == (n, n)
    assert to_flex(schedule_of(n, [WINDOW] * 4)).kv_indices.shape[:2] == (1, 1)


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("n", [BLOCK * 2, 300, 90])
def test_blocks_are_exact(name, n):
    """Every pair is in a listed block; full blocks are full and lie inside; no block is listed for nothing."""
    relation = PATTERNS[name]
    block_mask, expected = to_flex(schedule_of(n, [relation])), mask_of(relation, n)
    rows = -(-n // BLOCK)
    kinds = np.zeros((rows, rows), dtype=int)
    for kind, counts, indices in (
        (1, block_mask.kv_num_blocks, block_mask.kv_indices),
        (2, block_mask.full_kv_num_blocks, block_mask.full_kv_indices),
    ):
        for row in range(rows):
            for column in indices[0, 0, row, : int(counts[0, 0, row])].tolist():
                assert kinds[row, column] == 0
                kinds[row, column] = kind
    for row in range(rows):
        for column in range(rows):
            block = expected[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK]
            whole = block.shape == (BLOCK, BLOCK) and bool(block.all())
            assert kinds[row, column] == (2 if whole else 1 if block.any() else 0)
    assert block_mask.seq_lengths == (n, n)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("name", PATTERNS)
def test_the_three_agree(name):
    """FlexAttention and SDPA with our masks, and our own CPU target."""
    n = 190
    layer, schedule = layer_of(n, [PATTERNS[name]] * 2), schedule_of(n, [PATTERNS[name]] * 2)
    q, k, v = (each.detach() for each in inputs(n, 2))
    k, v = k.repeat(1, 2, 1, 1), v.repeat(1, 2, 1, 1)
    ours, _ = layer_of(n, [PATTERNS[name]] * 2, kv_heads=2).attend(q, k, v)
    sdpa = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=to_sdpa_mask(schedule))
    flex = flex_attention(q, k, v, block_mask=to_flex(schedule))
    assert error(ours, sdpa) < 1e-12
    assert error(ours, flex) < 1e-12
    assert layer.mask.shape == (2, n, n)


def test_refused():
    schedule = schedule_of(40, [WINDOW])
    for make in (to_flex, to_sdpa_mask):
        with pytest.raises(IndexError, match="no layer 1: the model has 1"):
            make(schedule, 1)
    with pytest.raises(ValueError, match="a boolean mask of 40,000 tokens would have 1 GiB"):
        to_sdpa_mask(schedule_of(40_000, [WINDOW]))
