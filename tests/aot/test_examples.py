"""The examples' kernels, compiled ahead of time: what a GPU would run, held to what can be known without one.

Short profile: for sm_90 one kernel of each form that occurs in `SHORT` at head_dim 64 (those that differ only in
constants compile alike) unless another has its loops and more, with lattices, chains and split items, and a few for
sm_80, at head_dim 128 and with capped scores. Long profile: all examples, for both architectures, in all dtypes.
"""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.aot import budgets
from tests.aot.jobs import compile_jobs, form, job, kernels, merge_job, packed, row_job, spans, table

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.attn"))
SHORT = (
    *("axial_image", "bigbird", "dilated_heads", "gemma3", "gpt_oss", "log_sparse", "longformer", "prefix_lm"),
    *("sparse_transformer", "streaming", "strided"),
)
"""The examples of the short profile: between them they have every kind of launch, span, lattice and merge."""
SHARED_MEMORY = {80: 101_376, 90: 232_448}
"""Bytes a program may have; for sm_80 the 99 KB of the consumer parts that run the same code."""

SPILLS_FLOAT32 = 8
"""Loads and stores of spilled registers, outside loops: products of plain multiply-adds unroll into thousands of
instructions, where ptxas now and then parks a value."""


def example(name):
    return next(path for path in EXAMPLES if path.stem == name)


def jobs_of(paths, head_dim, dtype, arch, *, widest=False):
    """A kernel and a merge of each form in the files; `widest` leaves out kernels whose loops another form has, too."""
    forms, merges = {}, {}
    for path in paths:
        for spec in kernels(path, head_dim, dtype, f"cuda:{arch}"):
            forms.setdefault(form(spec), (path.stem, spec))
            if spec.slots:
                merges.setdefault((spec.role, spec.own, spec.accumulate), (path.stem, spec))
    if widest:
        others = [(form(replace(spec, **NO_SPANS)), set(spans(spec))) for _, spec in forms.values()]
        forms = {
            key: (stem, spec)
            for key, (stem, spec) in forms.items()
            if not any(form(replace(spec, **NO_SPANS)) == rest and set(spans(spec)) < wider for rest, wider in others)
        }
    return [
        *(job(spec, arch, dtype, f"{stem}: ") for stem, spec in forms.values()),
        *(merge_job(spec, arch, dtype, f"{stem}: ") for stem, spec in merges.values()),
    ]


NO_SPANS = {"full": False, "interval": None, "bits": False, "gathered": False}


def packed_jobs(path, head_dim, dtype, arch):
    """The later launches of a file as they are where classes are short."""
    specs = kernels(path, head_dim, dtype, f"cuda:{arch}")
    chosen = {spec.role: spec for spec in specs if spec.lattice is not None and spec.accumulate}
    return [job(packed(spec), arch, dtype, f"{path.stem}: ") for spec in chosen.values()]


def capped_jobs(path, head_dim, dtype, arch):
    """The kernels of a file's windows with capped scores."""
    specs = (
        replace(spec, name=f"{spec.name}_capped", soft_cap=True)
        for spec in kernels(path, head_dim, dtype, f"cuda:{arch}")
    )
    return [job(spec, arch, dtype, f"{path.stem}: ") for spec in specs if "local" in spec.name]


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    jobs = jobs_of([example(name) for name in SHORT], 64, "bfloat16", 90, widest=True)
    jobs += packed_jobs(example("strided"), 64, "bfloat16", 90)
    jobs += capped_jobs(example("gemma2"), 64, "bfloat16", 90)
    jobs += jobs_of([example("streaming"), example("strided")], 128, "bfloat16", 90, widest=True)
    jobs += jobs_of([example("strided")], 64, "float16", 80, widest=True)
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


def test_the_kinds_of_kernels_are_all_there(reports):
    names = " ".join(reports)
    for part in ("_packed.", "_capped.", ": merge_forward", ": merge_dq", ": merge_dkv", "gathered"):
        assert part in f"{names} {[report['spans'] for report in reports.values()]}"


def test_three_stages_keep_a_tile_under_way(reports):
    """At three stages a loop waits for its own tile while the copies of the next one, k and v, go on."""
    deep = [report for key, report in reports.items() if ": forward" in key and report["arch"] == 90]
    assert deep
    for report in deep:
        assert report["waits"], report["key"]
        assert min(report["waits"]) >= 2, report["key"]


def test_loops_stay_within_their_budget(reports, request):
    path = Path(__file__).parent / "budgets" / f"triton_{version('triton')}.md"
    now = budgets.rows_of(reports)
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(budgets.page(now, version("triton")))
        return
    if not path.exists():
        pytest.skip(f"no budgets for triton {version('triton')}: `pytest tests/aot --update-golden` writes them")
    found = budgets.worse(now, budgets.read(path))
    assert not found, "\n".join([*found, f"In tests/aot/budgets/{path.name}; {budgets.RENEW}."])


@pytest.mark.long
@pytest.mark.parametrize("arch", [80, 90])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("head_dim", [64, 128])
def test_all_examples(arch, dtype, head_dim, tmp_path):
    jobs = jobs_of(EXAMPLES, head_dim, dtype, arch) + packed_jobs(example("strided"), head_dim, dtype, arch)
    found = compile_jobs(jobs, tmp_path)
    print(table(found))
    check_gates(found)
