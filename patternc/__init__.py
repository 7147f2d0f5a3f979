"""patternc: a compiler for attention patterns.

`patternc.compile` checks a pattern and makes a `Program`, `patternc.design` chooses its parameters; `patternc.load`
opens a compiled module as a `torch.nn.Module`. Everything is imported on first use, so that `import patternc` costs
nothing; where torch is loaded already, the attention operator is registered at once, so that exported programs find it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from patternc.version import VERSION

if TYPE_CHECKING:
    from patternc.compiler import compile as compile
    from patternc.designer import design as design
    from patternc.diagnostics import PatternError as PatternError
    from patternc.program import Program as Program
    from patternc.runtime.errors import AttentionInputError as AttentionInputError
    from patternc.runtime.errors import ModuleError as ModuleError
    from patternc.runtime.load import load as load

__version__ = VERSION

_HOMES = {
    "compile": "patternc.compiler",
    "design": "patternc.designer",
    "Program": "patternc.program",
    "PatternError": "patternc.diagnostics",
    "load": "patternc.runtime.load",
    "ModuleError": "patternc.runtime.errors",
    "AttentionInputError": "patternc.runtime.errors",
    "load_ipython_extension": "patternc.notebook",  # what IPython's %load_ext patternc looks for
}

__all__ = ["AttentionInputError", "ModuleError", "PatternError", "Program", "__version__", "compile", "design", "load"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'patternc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "torch" in sys.modules:
    import_module("patternc.runtime.transforms")
