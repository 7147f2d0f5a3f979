"""Small mistakes in the analysis must be noticed: each is made in a copy of the package, where the tests must fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

REACH = ("test_reach.py", "test_operators.py")
PROOFS = ("test_prove.py", "test_symbolic.py")

# what is wrong: (file, the right fragment, the wrong one, the tests that must notice)
MUTATIONS = {
    "a window one short": ("propagate.py", "source.shape[0], high - low + 1", "source.shape[0], high - low", REACH),
    "a window one long": ("propagate.py", "source.shape[0], high - low + 1", "source.shape[0], high - low + 2", REACH),
    "a window one behind": (
        "propagate.py",
        "current[: length - low], join)",
        "current[1 : length - low + 1], join)",
        REACH,
    ),
    "a run without its last key": (
        "operators.py",
        "picks(prefix, stop - 1, None)",
        "picks(prefix, stop // 2, None)",
        REACH,
    ),
    "a frame one short": ("factor.py", "else (high + reach) // width", "else (high + reach) // width - 1", REACH),
    "a chunk off by one": ("operators.py", "Grid(size, IDENTITY", "Grid(size + 1, IDENTITY", REACH),
    "no residual": ("sweep.py", "after = rows.copy()", "after = np.zeros_like(rows)", REACH),
    "a period too short": ("period.py", "return modulus", "return max(1, modulus - 1)", REACH),
    "the target one short": ("sweep.py", "np.arange(1, length + 1) - first", "np.arange(length) - first", REACH),
    "keys beyond the end": ("propagate.py", "padded[:length] = source", "padded[:] = source[-1]", REACH),
    "a hop in the wrong layer": (
        "witness.py",
        "_hop(schedule, layer, at, source)",
        "_hop(schedule, max(layer - 1, 0), at, source)",
        ("test_witness.py",),
    ),
    "the last query forgotten": ("measures.py", "last[live] + 1, -1)", "last[live], -1)", ("test_count.py",)),
    "one pair too many": ("count.py", "per_query.sum())", "per_query.sum()) + 1", ("test_count.py",)),
    "a formula that is not probed": (
        "formula.py",
        "counted = probed(members, counted, tokens, params, at)",
        "",
        ("test_formula.py", "test_formula_programs.py"),
    ),
    "lengths held out and not looked at": (
        "formula.py",
        "return (polynomial, len(held_out)) if agree else None",
        "return polynomial, len(held_out)",
        ("test_formula.py",),
    ),
    "a region narrowed by one too few": (
        "probe.py",
        "Affine(nearest + 1)",
        "Affine(nearest)",
        ("test_formula_programs.py",),
    ),
    "a condition forgotten": (
        "chamber.py",
        "region=replace(counted.region, conditions=kept)",
        "region=replace(counted.region, conditions=())",
        ("test_formula.py",),
    ),
    # proofs: w, k, c and the residual, each off by one
    "a proof with a window one long": (
        "symbolic_leaves.py",
        "product(world, step, plus(world, width, -1)), step",
        "product(world, step, width), step",
        PROOFS,
    ),
    "a proof with a stride one long": (
        "symbolic_patterns.py",
        'f"the distance of `{pattern.of}`")\n',
        'f"the distance of `{pattern.of}`") + 1\n',
        PROOFS,
    ),
    "a proof with a summary one longer": (
        "symbolic_patterns.py",
        "number(world, scope, place.n, pattern.last), 0), -1)",
        "number(world, scope, place.n, pattern.last), 1), -2)",
        PROOFS,
    ),
    "a proof with a chunk one long": (
        "symbolic_patterns.py",
        "floor((i - {start})/{last}) = floor((j - {start})/{last})",
        "floor((i - {start})/{last + 1}) = floor((j - {start})/{last + 1})",
        PROOFS,
    ),
    "a proof without the residual": ("prove.py", "union([setting.residual, *", "union([*", PROOFS),
    "a proof in the wrong order": (
        "prove.py",
        "reached = layer.apply_range(reached).coalesce()",
        "reached = reached.apply_range(layer).coalesce()",
        PROOFS,
    ),
    # the reductions
    "a period from the wrong beginning": (
        "recurrent.py",
        "sizes[:, found.start : found.stop] += _periodic(found)",
        "sizes[:, found.start : found.stop] = _periodic(found)",
        ("test_recurrent.py",),
    ),
    "hubs that forget the last layer": (
        "hub_reach.py",
        "for layer in range(len(steps) + 1):",
        "for layer in range(len(steps)):",
        ("test_hub_reach.py",),
    ),
    "windows that do not add up": (
        "hub_reach.py",
        "low + least, high + greatest",
        "least, greatest",
        ("test_hub_reach.py",),
    ),
    "blocks that must be reached too easily": (
        "sandwich.py",
        "apply(layer.rows, before.must, must)",
        "apply(layer.some, before.must, must)",
        ("test_sandwich.py",),
    ),
    "blocks that may be reached too rarely": (
        "sandwich.py",
        "apply(layer.some, before.may, may)",
        "apply(layer.rows, before.may, may)",
        ("test_sandwich.py",),
    ),
    "a leading term forgotten": ("order.py", "top = max(", "top = min(", ("test_order.py",)),
}


def run(package_root, tests):
    """Whether the named tests pass with the package under `package_root`."""
    paths = [str(ROOT / "tests" / "analysis" / name) for name in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), *paths],
        cwd=package_root,
        env={**os.environ, "PYTHONPATH": f"{package_root}{os.pathsep}{ROOT}", "PATTERNC_LONG": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    summary = done.stdout.rsplit("\n", 2)[-2]
    assert "error" not in summary, done.stdout
    assert "passed" in summary or "failed" in summary or "[100%]" in summary, done.stdout
    assert "skipped" not in summary, done.stdout
    return done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_is_noticed(name, tmp_path):
    file, right, wrong, tests = MUTATIONS[name]
    shutil.copytree(ROOT / "patternc", tmp_path / "patternc", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "patternc" / "analysis" / file
    text = path.read_text()
    assert text.count(right) == 1, f"{file} no longer has this line: {right}"
    path.write_text(text.replace(right, wrong))
    assert not run(tmp_path, tests)


@pytest.mark.long
def test_the_copy_without_a_mistake_passes(tmp_path):
    shutil.copytree(ROOT / "patternc", tmp_path / "patternc", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(tmp_path, (*REACH, *PROOFS, "test_witness.py", "test_count.py", "test_formula.py"))
