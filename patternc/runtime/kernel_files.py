"""Generated kernels as files: Triton reads a kernel's source from the file that its code names.

For: turning the text of kernels into a Python module. `PATTERNC_CACHE_DIR`, or the user's cache directory, holds one
file for each distinct text, named by its hash. Not for: writing the text (`codegen`), keeping compiled machine code
(Triton has a cache of its own), or anything from a module directory: no text is run that this process did not write.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from types import ModuleType


def load_kernels(text: str) -> ModuleType:
    """The module that `text` says, its source in the cache directory."""
    name = f"patternc_kernels_{hashlib.sha256(text.encode()).hexdigest()}"
    path = _cache_directory() / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        _write(path, text)
    module = ModuleType(name)
    module.__file__ = str(path)
    exec(compile(text, str(path), "exec"), module.__dict__)
    return module


def _write(path: Path, text: str) -> None:
    """Whole or not at all, also when several processes write the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def _cache_directory() -> Path:
    override = os.environ.get("PATTERNC_CACHE_DIR")
    if override:
        return Path(override) / "kernels"
    import platformdirs

    return Path(platformdirs.user_cache_dir("patternc")) / "kernels"
