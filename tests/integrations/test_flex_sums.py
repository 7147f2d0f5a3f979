"""Sums for torch's own attention: what SDPA adds, and the two halves that FlexAttention needs, against ours."""

import numpy as np
import pytest
import torch
from hypothesis import given
from torch.nn.attention.flex_attention import flex_attention

from patternc.algebra import relation as r
from patternc.integrations.flex import to_flex, to_score_mod, to_sdpa_mask
from tests.runtime.layers import error, inputs, layer_of, schedule_of
from tests.strategies import counts, sum_places

SUM = (r.band(-40, 40), r.Chunk((64,)), r.Chunk((64,)))


@given(sum_places())
def test_sdpa_mask_is_the_logarithm_of_the_count(place):
    n, branches = place
    mask = to_sdpa_mask(schedule_of(n, [branches]))
    if len(branches) > 1:
        assert mask.dtype == torch.float32
    assert np.array_equal(mask.exp().round().numpy(), counts(branches, n))


def test_flex_with_both_halves_is_ours():
    n, patterns = 200, [SUM, r.PAST, SUM[:2], r.PAST]
    q, k, v = (rows.detach() for rows in inputs(n, 4, 4, 16))
    right, _ = layer_of(n, patterns, 4, 16).attend(q, k, v)
    model = schedule_of(n, patterns, 4, 16)
    with pytest.raises(ValueError, match="score_mod"):
        to_flex(model)
    got = flex_attention(q, k, v, block_mask=to_flex(model, counted=True), score_mod=to_score_mod(model))
    assert error(got, right) < 1e-12
    added = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=to_sdpa_mask(model).double())
    assert error(added, right) < 1e-6, "the mask is float32"
