"""Attention, the module: what it computes, what it refuses, shapes not compiled for."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import patternc
from patternc.runtime import reference
from patternc.runtime.errors import AttentionInputError
from patternc.runtime.module import KEPT_SHAPES
from patternc.runtime.remake import Shape
from tests.runtime.layers import error
from tests.runtime.programs import MIXED, attention_of, leaves, masks, program


@pytest.mark.parametrize("layer", range(5))
def test_layers(layer):
    attention = attention_of(program())
    q, k, v, sinks = leaves(sinks=True)
    o, lse = attention(q, k, v, layer, sinks=sinks, scale=0.2, return_lse=True)
    right, right_lse = reference.attention(q, k, v, masks(program(), layer), sinks, 0.2)
    assert error(o, right) < 3e-6
    assert error(lse, right_lse) < 3e-6


def test_defaults():
    attention = attention_of(program())
    q, k, v = leaves()
    torch.testing.assert_close(attention(q, k, v, layer=0), attention(q, k, v, layer=0, scale=0.25))
    assert list(attention.parameters()) == []
    assert attention.state_dict() == {}


def test_numbers_of_numpy():
    attention, given = attention_of(program()), leaves()
    right = attention(*given, layer=3, scale=0.5)
    assert torch.equal(attention(*given, layer=np.int64(3), scale=np.float32(0.5)), right)
    assert torch.equal(attention(*given, layer=np.uint8(3), scale=np.float64(0.5)), right)


def swapped(q, k, v):
    return (each.transpose(1, 2) for each in (q, k, v))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda q, k, v: (q[0], k, v), "q has shape [4, 160, 16]; expected 4 dimensions, [batch, 4 heads, tokens"),
        (lambda q, k, v: (q[:, :3], k, v), "q has 3 heads (shape [2, 3, 160, 16]), but mixed has 4 for q"),
        (lambda q, k, v: (q, k.repeat(1, 2, 1, 1), v), "k has 4 heads"),
        (swapped, "q.transpose(1, 2) would do"),
        (lambda q, k, v: (q, k, v[:, :, :9]), "the number of tokens of v is 9, but that of q is 160"),
        (lambda q, k, v: (q, k[:1], v), "the batch size of k is 1, but that of q is 2"),
        (lambda q, k, v: (q, k, v[..., :8]), "the head_dim of v is 8, but that of q is 16"),
        (lambda q, k, v: (q, k.double(), v), "the dtype of k is torch.float64, but that of q is torch.float32"),
        (lambda q, k, v: (q.long(), k, v), "q is torch.int64; expected one of torch.float16, torch.bfloat16"),
        (lambda q, k, v: (q, k.to("meta"), v), "the device of k is meta, but that of q is cpu"),
        (lambda q, k, v: (x.to("meta") for x in (q, k, v)), "q, k and v are on meta; expected cpu or a CUDA device"),
        (lambda q, k, v: (x.to_sparse() for x in (q, k, v)), "layout torch.sparse_coo; expected a dense tensor"),
        (lambda q, k, v: (x[:, :, :0] for x in (q, k, v)), "q has 0 tokens"),
        (lambda q, k, v: (x[..., :0] for x in (q, k, v)), "q has head_dim 0"),
        (lambda q, k, v: (q[:, :, -1:], k, v), "attention of new tokens to cached keys is not there yet"),
        (lambda q, k, v: (None, k, v), "q is None; expected a torch.Tensor"),
        (lambda q, k, v: (q, k.numpy(), v), "k is a numpy.ndarray; expected a torch.Tensor"),
    ],
)
def test_refused_inputs(change, says):
    attention = attention_of(program())
    with pytest.raises(AttentionInputError) as caught:
        attention(*change(*(each.detach() for each in leaves())), layer=0)
    assert says in str(caught.value)
    assert attention._ready == {}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"layer": 5}, "layer is 5; mixed has layers 0 to 4"),
        ({"layer": -1}, "layer is -1; mixed has layers 0 to 4"),
        ({"layer": True}, "layer is True"),
        ({"layer": 1.0}, "layer is 1.0"),
        ({"scale": 0.0}, "scale is 0.0; expected a positive number"),
        ({"layer": "1"}, "layer is '1'"),
        ({"layer": None}, "the layers 0 to 4 of mixed do not all have the same pattern"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"scale": True}, "scale is a bool; expected a positive number"),
        ({"scale": "0.3"}, "scale is a str; expected a positive number"),
        ({"scale": torch.tensor(0.3, requires_grad=True)}, "whose gradient would be lost"),
        ({"soft_cap": -1.0}, "soft_cap is -1.0; expected a positive number up to 1e+30, such as 50.0, or None"),
        ({"soft_cap": float("inf")}, "soft_cap is inf"),
        ({"soft_cap": float("nan")}, "soft_cap is nan"),
        ({"soft_cap": 10**400}, "expected a positive number up to 1e+30"),
        ({"soft_cap": True}, "soft_cap is a bool; expected a positive number"),
        ({"soft_cap": "50"}, "soft_cap is a str; expected a positive number"),
        ({"soft_cap": torch.tensor(50.0)}, "soft_cap is a tensor, whose gradient would be lost"),
        ({"soft_cap": 1e-40}, "soft_cap is 1e-40, too small beside the scale 0.25"),
        ({"sinks": [0.0] * 4}, "sinks are a list; expected a tensor [4]"),
        ({"sinks": torch.zeros(2)}, "sinks have shape [2]; expected [4], one a query head"),
        ({"sinks": torch.zeros(4, dtype=torch.float16)}, "sinks are torch.float16; expected torch.float32"),
        ({"sinks": torch.zeros(4, device="meta")}, "sinks are on meta, but q is on cpu"),
    ],
)
def test_refused_options(options, says):
    with pytest.raises(AttentionInputError) as caught:
        attention_of(program())(*leaves(), **{"layer": 0, **options})
    assert says in str(caught.value)


@pytest.mark.parametrize("n", [1, 17, 100, 161, 333])
def test_other_lengths(n):
    """Planned from the program, with the parameters of the compiled length; ids beyond are left out."""
    attention, other = attention_of(program()), program(tokens=n) if n > 1 else None
    q, k, v = leaves(n)
    for layer in range(5):
        o = attention(q, k, v, layer)
        if other is not None:
            assert error(o, reference.attention(q, k, v, masks(other, layer))[0]) < 3e-6
    if n == 1:
        torch.testing.assert_close(o, v.repeat_interleave(2, dim=1))


def test_other_dtype_and_head_dim():
    attention = attention_of(program())
    q, k, v = leaves(dtype=torch.float64, head_dim=10)
    assert error(attention(q, k, v, 4), reference.attention(q, k, v, masks(program(), 4))[0]) < 1e-12


def test_the_layer_may_be_left_out_where_all_are_alike():
    alike = patternc.compile("model m { causal tokens 64 head_dim 16 layers 3 { all: local(9) } }", dtype="float32")
    attention, rows = alike.module(), [torch.randn(1, 1, 64, 16) for _ in range(3)]
    assert torch.equal(attention(*rows), attention(*rows, layer=2))


def test_strict():
    attention = attention_of(program(), strict=True)
    attention(*leaves(), layer=0)
    for wrong in (leaves(161), leaves(dtype=torch.float64), leaves(head_dim=8)):
        with pytest.raises(AttentionInputError, match="strict=True refuses to plan anew"):
            attention(*wrong, layer=0)
    with pytest.raises(AttentionInputError, match="cuda:90, called with 160 tokens, head_dim 16, float32, cpu"):
        attention_of(program(target="cuda:90"), strict=True)(*leaves(), layer=0)


def test_compiled_for_cuda_runs_on_the_cpu():
    q, k, v = leaves()
    torch.testing.assert_close(attention_of(program(target="cuda:90"))(q, k, v, 0), attention_of(program())(q, k, v, 0))


def test_wide_heads():
    """The CPU runs any; kernels exist for up to 256."""
    attention = attention_of(program())
    q, k, v = leaves(90, head_dim=300)
    o = attention(q, k, v, 3)
    right, _ = reference.attention(q, k, v, masks(program(tokens=90), 3))
    assert error(o, right) < 3e-6
    for one, other in zip(*(torch.autograd.grad(each.square().sum(), (q, k, v)) for each in (o, right)), strict=True):
        assert error(one, other) < 1e-5
    with pytest.raises(AttentionInputError, match="head_dim is 300; kernels for cuda:90 exist for up to 256"):
        attention._planned(Shape(90, 300, "float32", "cuda:90"))


def test_plans_are_kept_but_not_for_ever():
    attention = attention_of(program())
    for n in range(1, KEPT_SHAPES + 5):
        attention.prepare(n, 16, torch.float32, "cpu")
    assert len(attention._ready) == KEPT_SHAPES
    kept = next(iter(attention._ready.values()))
    attention.prepare(KEPT_SHAPES + 4, 16, torch.float32, "cpu")
    assert next(iter(attention._ready.values())) is kept


def test_equal_layers_share_tables():
    attention = attention_of(program())
    attention.prepare(160, 16, torch.float32, "cpu")
    ready = next(iter(attention._ready.values()))
    assert ready[1] is ready[2] or ready[1][1] is ready[2][1]


def test_copies():
    attention = attention_of(program())
    q, k, v = leaves()
    right = attention(q, k, v, layer=0)
    for other in (copy.deepcopy(attention), copy.copy(attention), pickle.loads(pickle.dumps(attention))):
        torch.testing.assert_close(other(q, k, v, 0), right)
        other._ready.clear()
        torch.testing.assert_close(other(q, k, v, 0), right)


def test_training_after_inference():
    """What a first call in inference mode prepared and cached serves one with gradients, too."""
    attention = attention_of(
        program("model m { causal tokens 90 heads 4 kv_heads 2 head_dim 16 layers 1 { all: local(77) } }")
    )
    q, k, v = leaves(90)
    with torch.inference_mode():
        right = attention(q, k, v, layer=0)
    o = attention(q, k, v, layer=0)
    o.sum().backward()
    assert torch.equal(o, right)
    assert q.grad is not None


def test_threads():
    """Many calls at once, of several lengths, planned while others run: each as if alone."""
    attention = attention_of(program())
    given = [(leaves(n, seed=n), layer) for n in (31, 64, 97, 160) for layer in range(5)] * 2
    with torch.no_grad():
        right = [attention_of(program())(*rows, layer) for rows, layer in given]

    def call(case):
        rows, layer = case
        with torch.no_grad():
            return attention(*rows, layer)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(call, given))
    assert all(torch.equal(one, other) for one, other in zip(got, right, strict=True))


def test_extra_repr():
    assert "mixed: 5 layers, 4 heads, 2 key heads; compiled for 160 tokens" in repr(attention_of(program()))
    assert "model mixed" in MIXED
