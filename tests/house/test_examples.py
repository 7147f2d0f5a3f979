"""The example programs run as their first lines say."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_train_char_trains_with_every_pattern(tmp_path):
    plot = tmp_path / "loss.svg"
    command = [sys.executable, EXAMPLES / "train_char.py", "--steps", "1", "--plot", plot]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # more would wait for each other on a busy machine
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=one_thread)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if "nats" in line]
    assert [row.split("  ")[0] for row in (row.strip() for row in rows)] == [
        "dense",
        "local",
        "local | stride",
        "local, stride in turn",
    ]
    losses = [float(row.split("nats")[0].split()[-1]) for row in rows]
    assert all(3 < loss < 5 for loss in losses), losses  # about log(characters) before it has learnt anything
    assert plot.read_text().rstrip().endswith("</svg>")
