"""What the launcher promises beyond numbers: segments, refusals, the cache of kernel files."""

import os

import numpy as np
import pytest
import torch

from patternc.runtime import cuda, launch
from patternc.runtime.reference import attention
from tests.codegen.dense_tables import Pattern, Shape, build_plan
from tests.codegen.interpreted.dense_attention import distance, table_tensors


def rows(*shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).to(dtype)


def small_plan(n=40):
    return build_plan([((0,), Pattern(np.tri(n, dtype=bool)))], 1, 1, Shape())


def test_a_segment_shifts_every_position():
    """Tables of 60 positions over rows 30..90 of a batch row: the others are neither read nor written."""
    plan, sets = small_plan(60)
    tables = table_tensors(sets)
    for arrays in tables.values():
        arrays["segments"][0, 0] = 30
    q, k, v, do = (rows(1, 1, 100, 16) for _ in range(4))
    q[:, :, :30] = k[:, :, 90:] = v[:, :, 90:] = do[:, :, :30] = float("nan")
    exact = [x[:, :, 30:90].double().requires_grad_() for x in (q, k, v)]
    o_exact, lse_exact = attention(*exact, torch.ones(60, 60).tril().bool(), None, 0.25)
    o_exact.backward(do[:, :, 30:90].double())
    o, lse = cuda.forward(q, k, v, None, tables, plan, 0.25, 0.0)
    assert distance(o[:, :, 30:90], o_exact.detach()) < 1e-5
    assert distance(lse[:, :, 30:90], lse_exact.detach()) < 1e-5
    gradients = cuda.backward(do, None, q, k, v, None, o, lse, tables, plan, 0.25, 0.0)
    for result, expected in zip(gradients[:3], exact, strict=True):
        assert distance(result[:, :, 30:90], expected.grad) < 3e-5


def test_gradients_are_the_same_bits_every_time():
    mask = np.tri(70, dtype=bool) & (np.random.default_rng(0).random((70, 70)) < 0.5)
    plan, sets = build_plan([((0, 2), Pattern(mask)), ((1, 3), Pattern(mask.T.copy()))], 4, 2, Shape())
    tables = table_tensors(sets)
    q, do, k, v = rows(1, 4, 70, 16), rows(1, 4, 70, 16), rows(1, 2, 70, 16), rows(1, 2, 70, 16)
    o, lse = cuda.forward(q, k, v, None, tables, plan, 0.25, 0.0)
    runs = [cuda.backward(do, None, q, k, v, None, o, lse, tables, plan, 0.25, 0.0)[:3] for _ in range(2)]
    assert all(torch.equal(one, two) for one, two in zip(*runs, strict=True))


def test_no_batch_rows():
    plan, sets = small_plan()
    q = rows(0, 1, 40, 16)
    o, lse = cuda.forward(q, q, q, None, table_tensors(sets), plan, 1.0, 0.0)
    assert o.shape == q.shape
    dq, dk, dv, dsinks = cuda.backward(o, None, q, q, q, None, o, lse, table_tensors(sets), plan, 1.0, 0.0)
    assert dq.shape == dk.shape == dv.shape == q.shape
    assert dsinks is None


def test_the_stock_interpreter_is_refused_for_bfloat16(monkeypatch):
    from triton.runtime import interpreter

    plan, sets = small_plan()
    repaired = interpreter.InterpreterBuilder.create_dot
    stock = type("Stock", (), {"create_dot": lambda *_: None}).create_dot
    stock.__module__ = interpreter.__name__
    monkeypatch.setattr(interpreter.InterpreterBuilder, "create_dot", stock)
    q = rows(1, 1, 40, 16, dtype=torch.bfloat16)
    with pytest.raises(RuntimeError, match="multiplies bfloat16 wrongly"):
        cuda.forward(q, q, q, None, table_tensors(sets), plan, 1.0, 0.0)
    monkeypatch.setattr(interpreter.InterpreterBuilder, "create_dot", repaired)
    o, _ = cuda.forward(q, q, q, None, table_tensors(sets), plan, 1.0, 0.0)
    assert o.dtype == torch.bfloat16


def test_kernel_files_are_whole_and_replaced_when_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("PATTERNC_CACHE_DIR", str(tmp_path))
    plan, sets = small_plan(41)
    q = rows(1, 1, 41, 16)

    def run():
        launch.kernel.cache_clear()
        return cuda.forward(q, q, q, None, table_tensors(sets), plan, 1.0, 0.0)[0]

    first = run()
    (file,) = (tmp_path / "kernels").iterdir()
    text = file.read_text()
    file.write_text(text[:300])
    assert torch.equal(run(), first)
    assert file.read_text() == text
    assert os.listdir(tmp_path / "kernels") == [file.name]
