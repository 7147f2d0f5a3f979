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

from tests.conformance.layers import NUMBERS, UNMET_NUMBERS, largest_error, layer_of

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "conformance.md"
MET = [name for name in NUMBERS if name not in UNMET_NUMBERS]


@pytest.mark.parametrize("name", MET)
def test_output_on_the_cpu(name):
    layer = layer_of(name)
    attention = layer.program.module()
    parts = [attention(q, k, v, number, sinks=layer.sinks, scale=layer.scale) for number, q, k, v in layer.calls]
    assert largest_error(torch.stack(parts).sum(0), layer.out) < 1e-4


def test_outputs_of_the_kernels():
    command = [sys.executable, "-m", "tests.conformance.run_kernels", *(name for name in MET if "n1024" not in name)]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    errors = dict(re.findall(r"^(\w+) (\S+)$", done.stdout, re.MULTILINE))
    assert set(errors) == set(command[3:])
    assert all(float(error) < 1e-4 for error in errors.values()), errors


def test_the_page_lists_what_is_not_met():
    page = PAGE.read_text()
    assert set(re.findall(r"^- `(io_\w+)`: ", page, re.MULTILINE)) == set(UNMET_NUMBERS)
    assert f"{len(MET)} of {len(NUMBERS)} layers" in page
