"""The CPU target against dense float64 attention from the definition of the pattern: values and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.codegen.cost import TileShape
from patternc.runtime import cpu, cpu_chunks
from tests.grammar.front import relation_of
from tests.runtime.layers import assert_agrees, error, gradients, inputs, layer_of
from tests.strategies import places

EXACT = 1e-12
SMALL = TileShape(16, 32, 1, 1)
"""The smallest tiles: many of them in few positions."""

WINDOW = r.intersection(r.PAST, r.band(0, 24))
WIDE = r.intersection(r.PAST, r.band(0, 299))
BIGBIRD = r.Blocks(
    8, r.union(r.band(-1, 1), r.Keys(((0, 1), (14, 15))), r.Queries(((0, 1),)), r.Random(2, (5,), False))
)
PATTERNS = {
    "causal window": WINDOW,
    "two-sided window": r.band(-20, 20),
    "dense causal": r.PAST,
    "dense": r.FULL,
    "window or stride": r.intersection(r.PAST, r.union(r.band(0, 9), r.Residue(11, (0,)))),
    "dilated window": r.band(-28, 28, 4),
    "chunk": r.intersection(r.PAST, r.Chunk((24,))),
    "columns": r.union(r.Columns(9, (0, 8)), r.band(0, 0)),
    "blocks": BIGBIRD,
    "global": r.union(r.band(-6, 6), r.Keys(((0, 3),)), r.Queries(((0, 3),))),
    "no stride": r.difference(r.FULL, r.Residue(3, (0,))),
    "random keys": r.union(r.band(0, 0), r.Random(3, (1,), True)),
    "far block": r.Slice(40, 100, r.FULL),
    "neighborhood": relation_of("neighborhood(16, group = 5)", 117, "bidirectional"),
    "dilated neighborhood": relation_of("neighborhood(9, dilation = 4)", 117, "bidirectional"),
    "image neighborhood": relation_of(
        "blocks(13, neighborhood(5)) & within(13, neighborhood(5))", 117, "bidirectional"
    ),
}


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("shape", [None, SMALL], ids=["default tiles", "small tiles"])
def test_patterns(name, shape):
    layer = layer_of(117, [PATTERNS[name]] * 2, shape=shape)
    assert_agrees(layer, inputs(117, 2, batch=2), EXACT)


@pytest.mark.parametrize("name", PATTERNS)
def test_without_the_fused_kernel(name, monkeypatch):
    """Every torch gives the same, and the fused kernel is used where there is one."""
    layer, leaves = layer_of(117, [PATTERNS[name]] * 4, kv_heads=2), inputs(117, 4, 2, batch=2, sinks=True)
    fused, used = cpu.flash_chunk, []
    monkeypatch.setattr(cpu, "flash_chunk", lambda *arguments: used.append(1) or fused(*arguments))
    layer.attend(*leaves)
    assert used
    used.clear()
    monkeypatch.setattr(cpu, "has_flash", lambda: False)
    assert_agrees(layer, leaves, EXACT)
    assert not used


@given(place=places(), small=st.booleans(), sinks=st.booleans())
def test_random_programs(place, small, sinks):
    n, relation = place
    layer = layer_of(n, [relation] * 2, shape=SMALL if small else None)
    assert_agrees(layer, inputs(n, 2, sinks=sinks), EXACT)


@given(data=st.data(), kv_heads=st.sampled_from([1, 2, 3, 6]))
@settings(max_examples=25)
def test_a_pattern_for_each_head(data, kv_heads):
    n = data.draw(st.integers(1, 50))
    choices = [each for _, each in (data.draw(places(max_tokens=n)) for _ in range(3))]
    relations = [data.draw(st.sampled_from(choices)) for _ in range(6)]
    layer = layer_of(n, relations, kv_heads=kv_heads, shape=SMALL)
    assert_agrees(layer, inputs(n, 6, kv_heads, sinks=True), EXACT)


@pytest.mark.parametrize("kv_heads", [1, 2, 4, 8])
def test_grouped_queries(kv_heads):
    layer = layer_of(90, [WINDOW] * 5 + [r.PAST] * 3, kv_heads=kv_heads, shape=SMALL)
    assert_agrees(layer, inputs(90, 8, kv_heads, batch=2), EXACT)


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129])
def test_ragged_lengths(n):
    assert_agrees(layer_of(n, [WINDOW, PATTERNS["global"]]), inputs(n, 2), EXACT)


def test_one_position():
    q, k, v = inputs(1, 1)
    o, lse = layer_of(1, [r.FULL]).attend(q, k, v, scale=0.5)
    torch.testing.assert_close(o, v)
    torch.testing.assert_close(lse, 0.5 * (q * k).sum(-1))


def test_empty_rows():
    layer = layer_of(80, [r.difference(WINDOW, r.Queries(((0, 1), (7, 9), (48, 80)))), r.EMPTY])
    leaves = inputs(80, 2)
    o, lse = layer.attend(*leaves)
    empty = ~layer.mask.any(-1)[None]
    assert bool(empty.any())
    assert bool((o[empty] == 0).all())
    assert bool(torch.isneginf(lse[empty]).all())
    assert bool(torch.isfinite(lse[~empty]).all())
    assert_agrees(layer, leaves, EXACT)


def test_sinks_in_rows_without_keys():
    layer = layer_of(40, [r.Queries(((8, 40),)), r.EMPTY])
    leaves = inputs(40, 2, sinks=True)
    _, lse = layer.attend(*leaves)
    torch.testing.assert_close(lse[0, 1], leaves[3][1].expand(40))
    assert_agrees(layer, leaves, EXACT)


def test_large_sinks_and_scores():
    """Logits far outside what exp can hold: nothing overflows, the winner takes all."""
    layer = layer_of(40, [r.PAST] * 2)
    q, k, v, sinks = inputs(40, 2, sinks=True)
    leaves = tuple(
        (each.detach() * factor).requires_grad_() for each, factor in ((q, 40), (k, 40), (v, 1), (sinks, 500))
    )
    assert_agrees(layer, leaves, 1e-9)


def test_gradcheck():
    layer = layer_of(19, [r.union(r.band(0, 4), r.Keys(((0, 1),))), r.band(-2, 2)], shape=SMALL)
    q, k, v, sinks = inputs(19, 2, head_dim=3, sinks=True)
    assert torch.autograd.gradcheck(lambda *leaves: layer.attend(*leaves, scale=0.7), (q, k, v, sinks))


def test_values_of_rows_longer_than_a_block(monkeypatch):
    """Rows are merged from pieces of keys, and chunks have few tiles: the same result, whatever the sizes."""
    monkeypatch.setattr(cpu_chunks, "_KEYS", 32)
    monkeypatch.setattr(cpu_chunks, "_SCORES", 1 << 10)
    for relation in (r.PAST, PATTERNS["no stride"], PATTERNS["global"], BIGBIRD):
        layer = layer_of(117, [relation] * 4, kv_heads=2, shape=SMALL)
        assert_agrees(layer, inputs(117, 4, 2, batch=2, sinks=True), EXACT)


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
        lambda x: torch.cat((x, x), dim=-1)[..., : x.shape[-1]],
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
        lambda x: x.flip(0).flip(0),
        lambda x: x[:, :, :1].expand_as(x),
    ],
    ids=["heads inside tokens", "sliced", "head_dim outside", "flipped", "expanded"],
)
def test_strides(arrange):
    layer = layer_of(70, [WINDOW, PATTERNS["global"]], kv_heads=2, shape=SMALL)
    leaves = tuple(arrange(each.detach()).requires_grad_() for each in inputs(70, 2, 2, batch=3))
    assert_agrees(layer, leaves, EXACT)


def test_expanded_output_gradients():
    """`o.sum().backward()` hands a gradient of stride 0 to the backward pass."""
    layer = layer_of(70, [WINDOW] * 2, shape=SMALL)
    leaves = inputs(70, 2)
    got = torch.autograd.grad(layer.attend(*leaves)[0].sum(), leaves)
    right = torch.autograd.grad(layer.expect(*leaves)[0].sum(), leaves)
    assert max(error(one, other) for one, other in zip(got, right, strict=True)) < EXACT


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.float16, 4e-3), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("name", ["causal window", "global", "blocks", "no stride"])
def test_dtypes(name, dtype, tolerance):
    layer = layer_of(117, [PATTERNS[name]] * 2, kv_heads=2, head_dim=32)
    leaves = inputs(117, 2, 2, head_dim=32, dtype=dtype, sinks=True)
    o, lse = layer.attend(*leaves)
    assert o.dtype == dtype
    assert lse.dtype == torch.float32
    assert [each.dtype for each in gradients((o, lse), leaves)] == [dtype] * 4
    assert_agrees(layer, leaves, tolerance)


def test_bfloat16_scores_are_not_rounded():
    """Large logits are where bfloat16 scores would be off by whole units: lse shows it."""
    layer = layer_of(200, [WINDOW], head_dim=64)
    q, k, v = inputs(200, 1, head_dim=64, dtype=torch.bfloat16)
    _, lse = layer.attend(q * 8, k * 8, v)
    _, right = layer.expect(q * 8, k * 8, v)
    assert float((lse - right).detach().abs().max()) < 1e-3


@pytest.mark.parametrize("name", ["causal window", "global", "blocks", "random keys"])
def test_the_same_bits_every_time(name):
    layer = layer_of(117, [PATTERNS[name]] * 4, kv_heads=2)
    leaves = inputs(117, 4, 2, batch=2, dtype=torch.float32, sinks=True)

    def run():
        outputs = layer.attend(*leaves)
        return (*outputs, *gradients(outputs, leaves))

    first, second = run(), run()
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_many_threads(dtype):
    """Gradients of keys that many tiles share: chunks large enough for every thread, none lost between them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        assert_agrees(
            layer_of(1500, [WIDE]), inputs(1500, 1, head_dim=64, dtype=dtype), EXACT if dtype.itemsize == 8 else 2e-2
        )
    finally:
        torch.set_num_threads(threads)


def test_no_batch_rows():
    layer = layer_of(20, [WINDOW] * 2)
    o, lse = layer.attend(*inputs(20, 2, batch=0))
    assert o.shape == (0, 2, 20, 8)
    assert lse.shape == (0, 2, 20)
