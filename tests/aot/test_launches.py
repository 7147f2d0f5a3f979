"""The launcher against triton's own binder and compiler, without a device."""

import os
import subprocess
import sys
from pathlib import Path


def launches(which, directory):
    """[(role, grid, whether it copies ahead)] of one of the plans of `warm_up.py`."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(directory / "triton"), "PATTERNC_CACHE_DIR": str(directory / "patternc")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.aot.warm_up", which],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = [line.split() for line in done.stdout.splitlines()]
    assert all(copies == "True" for name, _, copies in found if not name.startswith(("delta", "merge")))
    return [(name.split("_")[0], int(grid)) for name, grid, _ in found]


def test_every_launch_binds_and_compiles(tmp_path):
    # 8 tiles of 128 of 1000 positions; batch of 2; groups of 3 heads (of 2 kv heads) and of 1 (of 1 kv head). The
    # second launch of dkv is over the 10 listed columns; the last one adds to what the first group left.
    assert launches("lowered", tmp_path) == [
        ("forward", 8 * 3 * 2),
        ("forward", 8 * 1 * 2),
        ("delta", 16 * 4 * 2),
        ("dq", 8 * 3 * 2),
        ("dkv", 8 * 2 * 2),
        ("dkv", 1 * 2 * 2),
        ("dq", 8 * 1 * 2),
        ("dkv", 8 * 1 * 2),
    ]


def test_chains_and_merges(tmp_path):
    # Tiles of 64 of 256 positions; batch of 2, 2 heads of 1 kv head. The window has 4 own tiles that visit 1, 2, 3 and
    # 3 tiles, of which the last two are split in 2; each class modulo 2 has two, that visit 1 and 2 tiles, of which the
    # second is split in 2. The same from the keys' side. A program of a merge takes 16 rows.
    queries, keys = [("forward", 6 * 4), ("merge", 4 * 2 * 4)], [("dkv", 6 * 2), ("merge", 4 * 2 * 2)]
    dq = [("dq", 6 * 4), ("merge", 4 * 2 * 4)]
    assert launches("chain", tmp_path) == [*queries * 2, ("delta", 4 * 4), *dq * 2, *keys * 2]
