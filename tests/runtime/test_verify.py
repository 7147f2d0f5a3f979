"""verify says yes to a right module, and no to one whose tables compute another pattern."""

import dataclasses

import numpy as np
import pytest
import torch

from patternc.codegen.lower import Lowered
from patternc.codegen.tables import BITS, COUNT
from patternc.runtime import verify as verification
from patternc.runtime.module import Attention
from patternc.runtime.verify import largest_error, verify
from tests.runtime.programs import attention_of, program, shape_of

SMALL = (
    "model small { causal tokens 72 heads 2 kv_heads 1 head_dim 16 layers 3 { 0: local(9) rest: local(9) | keys(0) } }"
)


def test_a_right_module_passes():
    result = verify(attention_of(program(SMALL, target="cuda:90", dtype="bfloat16")))
    assert result.passed
    assert {check.layers for check in result.checks} == {(0,), (1, 2)}
    seen = {(check.device, check.dtype, check.rows is None, check.quantity) for check in result.checks}
    for quantity in ("o", "lse", "dq", "dk", "dv"):
        assert ("cpu", "bfloat16", True, quantity) in seen
        assert ("cpu", "float64", True, quantity) in seen
        if not torch.cuda.is_available():
            assert ("Triton interpreter (cpu)", "float32", True, quantity) in seen
    assert ("cpu", "bfloat16", False, "o") in seen
    if not torch.cuda.is_available():
        assert "the Triton kernels ran in Triton's interpreter, on the CPU, at 72 tokens in float32" in result.notes[0]


@pytest.fixture
def without_interpreter(monkeypatch):
    monkeypatch.setattr(verification, "_interpreted", lambda attention, seed: ([], "not run"))


@pytest.mark.usefixtures("without_interpreter")
def test_a_wrong_table_fails():
    """One flipped mask bit, of one pair of 5,184."""
    compiled = program(SMALL)
    tables = dict(compiled.lowered.tables)
    name = compiled.lowered.plan.distinct[0].groups[0].forward[0].tables
    bits, items = tables[name].bits.copy(), tables[name].items
    whole = items[items[:, COUNT] == tables[name].own_tile][0]
    bits[tables[name].tile_bits[whole[BITS]], 20, 0] ^= np.int32(1 << 15)
    tables[name] = dataclasses.replace(tables[name], bits=bits)
    lowered = Lowered(compiled.lowered.plan, tables)
    result = verify(Attention(compiled.bound, lowered, shape_of(compiled), name="forged"))
    assert not result.passed
    failed = {(check.layers, check.dtype) for check in result.checks if not check.passed}
    assert failed == {((0,), "float32")}, "float64 is planned anew, and right"


@pytest.mark.usefixtures("without_interpreter")
def test_nothing_compared_is_not_a_pass(monkeypatch):
    monkeypatch.setattr(verification, "_gradients", lambda *_: iter(()))
    monkeypatch.setattr(verification, "_rows", lambda *_: iter(()))
    assert not verify(attention_of(program(SMALL))).passed


def test_errors_of_infinities_and_nan():
    right = torch.tensor([1.0, -torch.inf, 4.0])
    assert largest_error(right.clone(), right) == 0.0
    assert largest_error(torch.tensor([1.0, -torch.inf, 5.0]), right) == 0.25
    for wrong in ([1.0, torch.inf, 4.0], [1.0, 0.0, 4.0], [torch.nan, -torch.inf, 4.0], [1.0, -torch.inf, torch.inf]):
        assert largest_error(torch.tensor(wrong), right) == float("inf")
