"""The examples' kernels, compiled ahead of time: what a GPU would run, held to what can be known without one.

Short profile: for sm_90 one kernel of each form that occurs in `examples/` at head_dim 64 (those that differ only in
the constants of their bounds compile alike), and a few for sm_80 and at head_dim 128. Long profile: all of them, for
both architectures, in all dtypes.
"""

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.aot.jobs import alike, compile_jobs, job, kernels, row_job, table

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.attn"))
SHARED_MEMORY = {80: 101_376, 90: 232_448}
"""Bytes a program may have; for sm_80 the 99 KB of the consumer parts that run the same code."""

SPILLS_FLOAT32 = 8
"""Loads and stores of spilled registers, outside loops: products of plain multiply-adds unroll into thousands of
instructions, where ptxas now and then parks a value."""


def example(name):
    return next(path for path in EXAMPLES if path.stem == name)


def jobs_of(paths, head_dim, dtype, arch):
    found = [spec for path in paths for spec in kernels(path, head_dim, dtype, f"cuda:{arch}")]
    return [job(spec, arch, dtype, f"{place}: ") for place, spec in enumerate(alike(found))]


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    jobs = jobs_of(EXAMPLES, 64, "bfloat16", 90)
    jobs += jobs_of([example("streaming")], 128, "bfloat16", 90)
    jobs += jobs_of([example("strided")], 64, "float16", 80)
    jobs.append(row_job(64, 90, "bfloat16"))
    found = compile_jobs(jobs, tmp_path_factory.mktemp("aot"))
    print(table(found))
    return found


def check_gates(reports):
    for key, report in reports.items():
        matrix = "ffma" if "float32" in key else "hgmma" if report["arch"] == 90 else "hmma"
        assert report["shared"] <= SHARED_MEMORY[report["arch"]], key
        assert report["spills"] <= (SPILLS_FLOAT32 if "float32" in key else 0), f"{key} spills registers"
        assert len(report["loops"]) == len(report["spans"]), f"{key} has other loops than {report['spans']}"
        for loop in report["loops"]:
            assert loop.get(matrix, 0) > 0, f"{key} has a loop without {matrix}: {loop}"
            assert loop.get("spills", 0) == 0, f"{key} spills registers in a loop: {loop}"
            assert loop.get("async_copies", 0) >= 2, f"{key} has a loop that does not copy ahead: {loop}"


def test_no_spills_matrix_units_and_copies_ahead(reports):
    check_gates(reports)


def test_three_stages_keep_a_tile_under_way(reports):
    """At three stages a loop waits for its own tile while the copies of the next one, k and v, go on."""
    deep = [report for key, report in reports.items() if ": forward" in key and report["arch"] == 90]
    assert deep
    for report in deep:
        assert report["waits"], report["key"]
        assert min(report["waits"]) >= 2, report["key"]


BUDGET = {
    "forward": {"full": 530, "interval": 825, "bits": 915, "gathered": 915},
    "dq": {"full": 260, "interval": 415, "bits": 435, "gathered": 435},
    "dkv": {"full": 330, "interval": 510, "bits": 520, "gathered": 510},
}
"""Instructions of a loop at head_dim 64 on sm_90, as triton 3.7.1 compiles it, and three per cent."""


@pytest.mark.skipif(version("triton") != "3.7.1", reason="the budgets are those of triton 3.7.1")
def test_loops_stay_within_their_budget(reports):
    chosen = [key for key in reports if ": " in key and key.endswith(".d64.bfloat16.sm90")]
    assert len(chosen) > 9
    for key in chosen:
        role = key.split(": ")[1].split("_")[0]
        for span, loop in zip(reports[key]["spans"], reports[key]["loops"], strict=True):
            assert loop["instructions"] <= BUDGET[role][span], f"{key}: the {span} loop has {loop['instructions']}"


@pytest.mark.long
@pytest.mark.parametrize("arch", [80, 90])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("head_dim", [64, 128])
def test_all_examples(arch, dtype, head_dim, tmp_path):
    found = compile_jobs(jobs_of(EXAMPLES, head_dim, dtype, arch), tmp_path)
    print(table(found))
    check_gates(found)
