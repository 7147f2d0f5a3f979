"""Small mistakes in the analysis must be noticed: each is made in a copy of the package, where the tests must fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

REACH = ("test_reach.py", "test_operators.py")

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
    "a formula that is not checked": (
        "formula.py",
        " and _holds_elsewhere(members, counted, tokens, params, at)",
        "",
        ("test_formula.py",),
    ),
    "a condition forgotten": (
        "chamber.py",
        "region=replace(counted.region, conditions=kept)",
        "region=replace(counted.region, conditions=())",
        ("test_formula.py",),
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
    assert run(tmp_path, (*REACH, "test_witness.py", "test_count.py", "test_formula.py"))
