"""Compiled modules give what the layers of other systems gave, to 1e-4, on the CPU and in the generated kernels.

The kernels run in Triton's interpreter, in a process of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conformance.layers import NUMBERS, largest_error, layer_of

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "conformance.md"


@pytest.mark.parametrize("name", NUMBERS)
def test_output_on_the_cpu(name):
    layer = layer_of(name)
    attention = layer.program.module()
    options = {"sinks": layer.sinks, "scale": layer.scale, "soft_cap": layer.soft_cap}
    parts = [attention(q, k, v, number, **options) for number, q, k, v in layer.calls]
    assert largest_error(torch.stack(parts).sum(0), layer.out) < 1e-4


def test_outputs_of_the_kernels():
    short = [name for name in NUMBERS if "n1024" not in name]
    command = [sys.executable, "-m", "tests.conformance.run_kernels", *short]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    errors = dict(re.findall(r"^(\w+) (\S+)$", done.stdout, re.MULTILINE))
    assert set(errors) == set(short)
    assert all(float(error) < 1e-4 for error in errors.values()), errors


def test_the_page_says_how_many_are_met():
    assert f"all {len(NUMBERS)} layers" in PAGE.read_text()
