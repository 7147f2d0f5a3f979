"""The dense reference against torch's own attention, where torch's can say the same."""

import torch

from patternc.runtime import reference


def test_as_sdpa():
    q, k, v = (torch.randn(2, heads, 20, 8, dtype=torch.float64) for heads in (6, 2, 2))
    mask = torch.rand(20, 20) < 0.5
    mask.fill_diagonal_(True)
    o, _ = reference.attention(q, k, v, mask)
    right = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    torch.testing.assert_close(o, right)


def test_sinks_are_a_logit_without_a_value():
    q, k, v = (torch.randn(1, 2, 10, 4, dtype=torch.float64) for _ in range(3))
    sinks = torch.tensor([0.5, -1.0], dtype=torch.float64)
    mask = torch.ones(10, 10, dtype=torch.bool).tril()
    o, lse = reference.attention(q, k, v, mask, sinks, scale=0.3)
    scores = (q @ k.mT * 0.3).masked_fill(~mask, -torch.inf)
    total = scores.exp().sum(-1) + sinks.exp()[None, :, None]
    torch.testing.assert_close(lse, total.log())
    torch.testing.assert_close(o, scores.exp() @ v / total[..., None])


def test_empty_rows():
    q, k, v = (torch.randn(1, 1, 4, 2, dtype=torch.float64, requires_grad=True) for _ in range(3))
    mask = torch.tensor([[True] * 4, [False] * 4, [True] * 4, [False] * 4])
    o, lse = reference.attention(q, k, v, mask)
    assert bool((o[0, 0, [1, 3]] == 0).all())
    assert bool(torch.isneginf(lse[0, 0, [1, 3]]).all())
    gradients = torch.autograd.grad(o.sum() + lse[0, 0, [0, 2]].sum(), (q, k, v))
    assert all(bool(torch.isfinite(each).all()) for each in gradients)
    assert bool((gradients[0][0, 0, [1, 3]] == 0).all())
