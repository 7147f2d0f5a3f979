"""Attention under torch.compile, export, fake tensors and autocast."""

import subprocess
import sys

import pytest
import torch

from patternc.runtime.errors import AttentionInputError
from tests.runtime.programs import attention_of, leaves, masks, program


def test_fake_tensors():
    """Shapes without values, in and after a FakeTensorMode."""
    attention = attention_of(program())
    with torch._subclasses.FakeTensorMode():
        o = attention(torch.empty(2, 4, 160, 16), torch.empty(2, 2, 160, 16), torch.empty(2, 2, 160, 16), 0)
    assert o.shape == (2, 4, 160, 16)
    assert attention(*leaves(), layer=0).isfinite().all()


def test_fullgraph():
    attention = attention_of(program())

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = attention
            self.project = torch.nn.Linear(16, 16)

        def forward(self, q, k, v):
            for layer in range(5):
                q = q + self.attention(self.project(q), k, v, layer)
            return q

    torch.manual_seed(0)
    block = Block()
    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    attention.prepare(160, 16, torch.float32, "cpu")
    q, k, v = leaves()
    right = torch.autograd.grad(block(q, k, v).square().mean(), (q, k, v))
    got = torch.autograd.grad(compiled(q, k, v).square().mean(), (q, k, v))
    for one, other in zip(got, right, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("dynamic", [None, True])
def test_lengths_that_torch_compile_has_not_seen(dynamic):
    """Each is planned between two graphs, once."""
    torch._dynamo.reset()
    attention = attention_of(program())
    project = torch.nn.Linear(16, 16)
    compiled = torch.compile(
        lambda q, k, v: attention(project(q), k, v, 3).relu(), backend="aot_eager", dynamic=dynamic
    )
    for n in (160, 97, 131, 97):
        q, k, v = leaves(n)
        torch.testing.assert_close(compiled(q, k, v), attention(project(q), k, v, 3).relu())
    assert {place[0] for place in attention._ready} == {160, 97, 131}


def test_an_unprepared_shape_cannot_be_traced():
    torch._dynamo.reset()
    compiled = torch.compile(attention_of(program()), fullgraph=True, backend="aot_eager")
    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"call attention\.prepare\("):
        compiled(*leaves(), layer=0)
    with pytest.raises(AttentionInputError, match=r"call attention\.prepare\(160, 16, torch\.float32, 'cpu'\)"):
        torch.export.export(attention_of(program()), (*(each.detach() for each in leaves()), 0))


def test_exported_programs_run_in_a_new_process(tmp_path):
    attention = attention_of(program())
    attention.prepare(160, 16, torch.float32, "cpu")

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = attention

        def forward(self, q, k, v):
            return self.attention(q, k, v, layer=3)

    given = tuple(each.detach() for each in leaves())
    exported = torch.export.export(Layer(), given)
    torch.export.save(exported, tmp_path / "layer.pt2")
    torch.save((given, Layer()(*given)), tmp_path / "tensors.pt")
    script = (
        "import sys, torch, patternc\n"
        "given, right = torch.load(sys.argv[1] + '/tensors.pt')\n"
        "got = torch.export.load(sys.argv[1] + '/layer.pt2').module()(*given)\n"
        "torch.testing.assert_close(got, right, rtol=0, atol=0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def train(network, rows, autocast):
    """One step; the loss before it and the parameters after it."""
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(network.parameters(), 0.5)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = network(*rows).float().square().mean()
    loss.backward()
    optimizer.step()
    return loss.detach(), [each.detach().clone() for each in network.parameters()]


class Projected(torch.nn.Module):
    """Attention of one layer with learnt projections, by whatever attends."""

    def __init__(self, attend):
        super().__init__()
        torch.manual_seed(7)
        self.into = torch.nn.Linear(16, 16)
        self.attend = attend

    def forward(self, q, k, v):
        return self.attend(self.into(q), self.into(k), v)


@pytest.mark.parametrize("compiled", [False, True])
def test_autocast_trains_as_sdpa_does(compiled):
    attention = attention_of(program())
    mask = masks(program(), 3)

    def dense(q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True)

    rows = [each.detach() for each in leaves()]
    network = Projected(lambda q, k, v: attention(q, k, v, 3))
    stepping = torch.compile(network, backend="aot_eager") if compiled else network
    loss, after = train(stepping, rows, autocast=True)
    right_loss, right = train(Projected(dense), rows, autocast=True)
    exact_loss, exact = train(Projected(dense), rows, autocast=False)
    assert abs(loss - exact_loss) < 0.01 * exact_loss
    assert abs(right_loss - exact_loss) < 0.01 * exact_loss
    for got, theirs, best in zip(after, right, exact, strict=True):
        assert got.dtype == torch.float32
        assert (got - best).abs().max() <= 2 * (theirs - best).abs().max() + 1e-4


def test_autocast_dtypes():
    attention, (q, k, v) = attention_of(program()), leaves()
    with torch.autocast("cpu", torch.bfloat16):
        o, lse = attention(q, k.bfloat16(), v, 0, return_lse=True, sinks=torch.zeros(4))
        double = attention(q.double(), k.double(), v.double(), 0)
        with pytest.raises(AttentionInputError, match="the dtype of k is"):
            attention(q, k.double(), v, 0)
    assert (o.dtype, lse.dtype, double.dtype) == (torch.bfloat16, torch.float32, torch.float64)
    right = attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), 0, sinks=torch.zeros(4))
    assert torch.equal(o, right), "autocast reaches into the operator"
    assert torch.equal(double, attention(q.double(), k.double(), v.double(), 0))
    with torch.autocast("cpu", torch.bfloat16, enabled=False):
        assert attention(q, k, v, 0).dtype == torch.float32
