"""What of benchmarks/gpu.py runs without a GPU: its refusal, its checks (on the CPU target), its table."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import patternc

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"
PATTERN = """
model m {
    causal tokens 300 heads 4 kv_heads 2 head_dim 16
    layers 3 { 1: local(64)  rest: local(32) | stride(64) }
}
"""


@pytest.fixture(scope="module")
def gpu():
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def attention():
    return patternc.compile(PATTERN).module()


def test_checks_pass_on_right_values(gpu, attention):
    assert gpu.distinct_layers(attention) == [0, 1]
    found = gpu.errors(attention, 1, torch.float32, "cpu")
    assert set(found) == {"o", "dq", "dk", "dv", "rows"}
    assert max(found.values()) < gpu.TOLERANCE[torch.float32]


def test_checks_fail_on_wrong_values(gpu, attention):
    row = {"module": "m", "layer": 1, "errors": {"float32": gpu.errors(attention, 1, torch.float32, "cpu")}}
    assert gpu.wrong(row) == []
    exact = torch.ones(3, dtype=torch.float64)
    row["errors"]["float32"] |= {"dk": gpu.distance(1.001 * exact, exact), "o": gpu.distance(exact / 0, exact)}
    assert [text.split(":")[0] for text in gpu.wrong(row)] == ["m layer 1 float32 o", "m layer 1 float32 dk"]


def test_the_table_has_a_cell_for_every_heading(gpu):
    row = {
        "module": "longformer",
        "layer": 0,
        "tokens": 4096,
        "density": 0.1,
        "milliseconds": {"patternc": {"forward": 1.0, "backward": 2.0}},
        "forward_tflops": 400.0,
        "backward_tflops": 300.0,
        "forward_of_roofline": 0.5,
        "backward_of_roofline": 0.4,
        "errors": {"bfloat16": {"o": 1e-3}, "float32": {"o": 1e-7}},
    }
    assert len(gpu.line(row)) == len(gpu.HEADER)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    done = subprocess.run([sys.executable, SCRIPT, "build/m.attnc"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no CUDA device here" in done.stderr
