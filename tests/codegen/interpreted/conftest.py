"""Tests in this folder run generated kernels in Triton's interpreter, in a process of their own.

`tests/codegen/test_interpreter.py` starts that process; by hand: `TRITON_INTERPRET=1 python -m pytest <file>`.
"""

import os

import numpy as np
import pytest

INTERPRETING = os.environ.get("TRITON_INTERPRET") == "1"

collect_ignore_glob = [] if INTERPRETING else ["test_*.py"]


@pytest.fixture(autouse=True, scope="session")
def bfloat16_dot():
    """The interpreter keeps bfloat16 as uint16 and multiplies the bit patterns: here it multiplies the numbers."""
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    stock = InterpreterBuilder.create_dot

    def numbers(handle):
        return (handle.data.astype(np.uint32) << 16).view(np.float32) if handle.dtype == tl.bfloat16 else handle.data

    def create_dot(self, a, b, d, *rest):
        if tl.bfloat16 not in (a.dtype, b.dtype):
            return stock(self, a, b, d, *rest)
        return TensorHandle(np.matmul(numbers(a), numbers(b), dtype=d.data.dtype) + d.data, d.dtype.scalar)

    InterpreterBuilder.create_dot = create_dot
    yield
    InterpreterBuilder.create_dot = stock


@pytest.fixture(autouse=True, scope="session")
def kernel_cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("PATTERNC_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()
