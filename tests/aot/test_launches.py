"""The launcher against triton's own binder and compiler, without a device."""

import os
import subprocess
import sys
from pathlib import Path


def test_every_launch_binds_and_compiles(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path / "triton"), "PATTERNC_CACHE_DIR": str(tmp_path / "patternc")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.aot.warm_up"],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    launches = [line.split() for line in done.stdout.splitlines()]
    # 8 tiles of 128 of 1000 positions; batch of 2; groups of 3 heads (of 2 kv heads) and of 1 (of 1 kv head). The
    # second launch of dkv is over the 10 listed columns; the last one adds to what the first group left.
    assert [(name.split("_")[0], int(grid)) for name, grid, _ in launches] == [
        ("forward", 8 * 3 * 2),
        ("forward", 8 * 1 * 2),
        ("delta", 16 * 4 * 2),
        ("dq", 8 * 3 * 2),
        ("dkv", 8 * 2 * 2),
        ("dkv", 1 * 2 * 2),
        ("dq", 8 * 1 * 2),
        ("dkv", 8 * 1 * 2),
    ]
    assert all(copies == "True" for name, _, copies in launches if not name.startswith("delta"))
