"""torch.func: reverse mode and vmap give what plain autograd gives; forward mode is an error wherever it is tried."""

import pytest
import torch
from torch import func
from torch.autograd import forward_ad

from patternc.algebra import relation as r
from patternc.runtime import transforms
from tests.runtime.layers import gradients, inputs, layer_of

WINDOW = r.intersection(r.PAST, r.band(0, 24))
GLOBAL = r.union(r.band(-6, 6), r.Keys(((0, 3),)), r.Queries(((0, 3),)))


@pytest.fixture(scope="module")
def layer():
    return layer_of(50, [WINDOW, GLOBAL] * 2, kv_heads=2)


def rows(**options):
    return [each.detach() for each in inputs(50, 4, 2, batch=2, **options)]


def attend(layer, q, k, v, sinks=None):
    return transforms.attend(q, k, v, sinks, layer.tables, layer.text, 0.3, 0.0)


def loss(layer, *leaves):
    o, lse = attend(layer, *leaves)
    return o.square().sum() + lse.cos().sum()


@pytest.mark.parametrize("sinks", [False, True])
def test_grad_is_that_of_autograd(layer, sinks):
    leaves = inputs(50, 4, 2, batch=2, sinks=sinks)
    right = torch.autograd.grad(loss(layer, *leaves), leaves)
    everything = tuple(range(len(leaves)))
    got = func.grad(lambda *given: loss(layer, *given), argnums=everything)(*rows(sinks=sinks))
    assert all(torch.equal(one, other) for one, other in zip(got, right, strict=True))


def test_autograd_is_that_of_the_operator(layer):
    leaves = inputs(50, 4, 2, batch=2, sinks=True)
    got, right = gradients(attend(layer, *leaves), leaves), gradients(layer.attend(*leaves, scale=0.3), leaves)
    assert all(torch.equal(one, other) for one, other in zip(got, right, strict=True))


def test_jacrev(layer):
    q, k, v = rows()
    got = func.jacrev(lambda q: attend(layer, q, k, v)[0][0, 1, 7])(q)
    leaf = q.clone().requires_grad_()
    o = attend(layer, leaf, k, v)[0]
    right = torch.stack([torch.autograd.grad(o[0, 1, 7, place], leaf, retain_graph=True)[0] for place in range(8)])
    torch.testing.assert_close(got, right)


@pytest.mark.parametrize("dims", [(0, 0, 0), (1, None, None), (None, 0, 2), (-1, 0, None)])
def test_vmap(layer, dims):
    mapped, single = [], []
    for place, (each, dim) in enumerate(zip(rows(), dims, strict=True)):
        elements = [each + 0.1 * (place + number) for number in range(3)]
        mapped.append(each if dim is None else torch.stack(elements, dim))
        single.append([each] * 3 if dim is None else elements)
    o, lse = func.vmap(lambda *given: attend(layer, *given), in_dims=dims)(*mapped)
    for number, given in enumerate(zip(*single, strict=True)):
        right_o, right_lse = attend(layer, *given)
        torch.testing.assert_close(o[number], right_o)
        torch.testing.assert_close(lse[number], right_lse)


def test_vmap_over_sinks_alone(layer):
    q, k, v, sinks = rows(sinks=True)
    many = torch.stack([sinks, sinks + 1, -sinks])
    o, _ = func.vmap(lambda s: attend(layer, q, k, v, s))(many)
    for number in range(3):
        torch.testing.assert_close(o[number], attend(layer, q, k, v, many[number])[0])


@pytest.mark.parametrize("sinks", [False, True])
def test_gradients_of_each_sample(layer, sinks):
    leaves = rows(sinks=sinks)
    each = func.grad(lambda *given: loss(layer, *given), argnums=tuple(range(len(leaves))))
    samples = [leaf[:, None] for leaf in leaves[:3]]
    given = (*samples, *leaves[3:])
    got = func.vmap(each, in_dims=(0, 0, 0, None)[: len(given)])(*given)
    for number in range(2):
        right = each(*(sample[number] for sample in samples), *leaves[3:])
        for one, other in zip(got, right, strict=True):
            torch.testing.assert_close(one[number], other)


@pytest.mark.parametrize("which", range(4))
def test_forward_mode_is_refused(layer, which):
    leaves = rows(sinks=True)

    def changed(leaf):
        return attend(layer, *leaves[:which], leaf, *leaves[which + 1 :])[0]

    leaf = leaves[which]
    with pytest.raises(RuntimeError, match="no forward-mode derivative"):
        func.jvp(changed, (leaf,), (leaf,))
    with pytest.raises(RuntimeError, match="no forward-mode derivative"):
        func.hessian(lambda leaf: changed(leaf).sum())(leaf)
    with forward_ad.dual_level(), pytest.raises(RuntimeError, match="no forward-mode derivative"):
        changed(forward_ad.make_dual(leaf, leaf))


def test_forward_mode_of_the_operator_is_refused(layer):
    """As graphs call it: those of torch.compile, and exported programs."""
    q, k, v = rows()

    def graph(q):
        return layer.attend(q, k, v)[0]

    with pytest.raises(RuntimeError, match="no forward-mode derivative"):
        func.jvp(graph, (q,), (q,))
    with forward_ad.dual_level(), pytest.raises(RuntimeError, match="no forward-mode derivative"):
        graph(forward_ad.make_dual(q, q))
    compiled = torch.compile(lambda q: func.jvp(graph, (q,), (q,)), backend="aot_eager")
    with pytest.raises(RuntimeError, match="no forward-mode derivative"):
        compiled(q)


def test_forward_mode_through_a_gradient_is_refused(layer):
    q, k, v = rows()
    _, pull = func.vjp(lambda q: attend(layer, q, k, v)[0], q)
    with pytest.raises(RuntimeError, match="no forward-mode derivative"):
        func.jvp(pull, (q,), (q,))


def test_values_without_tangents_pass(layer):
    q, k, v = rows()
    with forward_ad.dual_level():
        assert torch.equal(attend(layer, q, k, v)[0], layer.attend(q, k, v, scale=0.3)[0])


def test_second_derivatives_are_refused(layer):
    q, k, v = rows()
    gradient = func.grad(lambda q: loss(layer, q, k, v))
    with pytest.raises(RuntimeError, match="differentiable once"):
        func.grad(lambda q: gradient(q).sum())(q)
    leaf = q.clone().requires_grad_()
    (dq,) = torch.autograd.grad(loss(layer, leaf, k, v), leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        dq.sum().backward()
