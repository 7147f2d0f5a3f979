"""What of benchmarks/gpu.py runs without a GPU: its refusal, its patterns and checks (on the CPU target), its table."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import patternc
from patternc.algebra import relation as r
from patternc.codegen.lower import lower

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PATTERN = """
model m {
    causal tokens 300 heads 4 kv_heads 2 head_dim 16
    layers 3 { 1: local(64)  rest: local(32) | stride(64) }
}
"""


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def gpu():
    return loaded("gpu")


@pytest.fixture(scope="module")
def cases():
    return loaded("gpu_cases")


@pytest.fixture(scope="module")
def strided(cases):
    """One of the suite, short."""
    return cases.case("strided", cases.past(r.Band(0, 31), r.Residue(16, (0,))), 200, 16, heads=4, kv_heads=2)


def test_a_module_has_a_case_for_each_distinct_layer(gpu, cases):
    found = cases.of_module(patternc.compile(PATTERN).module())
    assert [(case.name, case.layer, case.tokens, case.heads, case.kv_heads) for case in found] == [
        ("m 0", 0, 300, 4, 2),
        ("m 1", 1, 300, 4, 2),
    ]
    wrong = gpu.wrong({"case": "m 1", "errors": {"float32": gpu.errors(found[1], torch.float32, "cpu")}})
    assert wrong == []


def test_checks_pass_on_right_values(gpu, strided):
    found = gpu.errors(strided, torch.float32, "cpu")
    assert set(found) == {"o", "dq", "dk", "dv", "dsinks", "repeated", "rows"}
    assert max(found.values()) < gpu.TOLERANCE[torch.float32]


def test_checks_fail_on_wrong_values(gpu, strided, cases):
    other = cases.case("other", cases.past(r.Band(0, 30), r.Residue(16, (0,))), 200, 16, heads=4, kv_heads=2)
    swapped = replace(strided, schedule_at=other.schedule_at)
    swapped.ready |= {key: strided.lowered(200, *key[1:]) for key in [(200, torch.float32, "cpu")]}
    found = gpu.errors(swapped, torch.float32, "cpu")
    assert {name for name, error in found.items() if error > 100 * gpu.TOLERANCE[torch.float32]} == set(found) - {
        "repeated"
    }
    row = {"case": "m", "errors": {"float32": {"o": 0.0, "dk": 1e-3, "rows": float("inf"), "dq": float("nan")}}}
    assert [text.split(":")[0] for text in gpu.wrong(row)] == ["m float32 dk", "m float32 rows", "m float32 dq"]


def test_the_suite_is_planned_in_every_way_that_kernels_run(gpu, cases):
    """On tiles of the GPU, a quarter as long: windows, lattices, chains, shares, lists; every pair once."""
    found = {}
    for case in cases.suite():
        tokens = min(case.tokens // 4, 8192)
        ways = [
            lower(
                case.schedule_at(tokens), target="cuda:90", dtype="bfloat16", head_dim=case.head_dim,
                lattices=on, slots=on,
            )
            for on in (True, False)
        ]  # fmt: skip
        plans = [way.plan.distinct[0] for way in ways]
        pairs = {gpu.pairs_of(plan, way.tables) for plan, way in zip(plans, ways, strict=True)}
        assert len(pairs) == 1
        assert gpu.launches_of(plans[1])["steps"] == []
        found[case.name] = gpu.launches_of(plans[0])
    assert len(found) == len(cases.suite())
    assert found["local|stride 16K"]["forward"] == 2
    assert found["stride 128"]["steps"] == [128]
    assert found["fixed"]["dkv"] == 2
    assert found["longformer 64K"]["slots"] > 0
    assert found["window 256"] == {"forward": 1, "dq": 1, "dkv": 1, "steps": [], "slots": 0}


def test_the_table_has_a_cell_for_every_heading(gpu):
    row = {
        "case": "longformer",
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


def test_it_needs_torch_triton_and_numpy_alone():
    missing = ("lark", "islpy", "scipy", "click", "rich", "safetensors", "platformdirs")
    program = f"import sys; sys.modules.update(dict.fromkeys({missing})); sys.argv = ['gpu.py', '--help']; "
    program += f"import runpy; runpy.run_path({str(BENCHMARKS / 'gpu.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--only" in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    done = subprocess.run([sys.executable, BENCHMARKS / "gpu.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no CUDA device here" in done.stderr
