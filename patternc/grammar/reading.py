"""Reading pattern files, within limits.

For: turning a path, a name of the library or a text into a `Source`, or into one clear `PatternError`. Not for: what
the text says.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from importlib import resources
from pathlib import Path

from patternc.diagnostics import Diagnostic, PatternError
from patternc.source import MAX_BYTES, Source

_LIMIT = f"{MAX_BYTES >> 10} KiB"
SUFFIX = ".attn"
_LIBRARY = "patternc.library"


def read_source(path: Path, name: str | None = None) -> Source:
    """The source in a file; `name` (default: the path) is what messages call it.

    Raises PatternError for a file that is missing, a directory, not readable, larger than `MAX_BYTES`, or not UTF-8.
    """
    name = str(path) if name is None else name
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise _refused("PA002", f"`{name}` is a directory, not a pattern file") from None
    except FileNotFoundError:
        raise _refused("PA001", f"there is no file `{name}`", *near_notes(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refused("PA001", f"`{name}` cannot be read: {reason}") from None
    return _decoded(data, name, path)


def library_names() -> list[str]:
    """The names that may follow `use std.`, in alphabetical order."""
    files = (Path(each.name) for each in resources.files(_LIBRARY).iterdir())
    return sorted(each.stem for each in files if each.suffix == SUFFIX)


def library_path(name: str) -> Path:
    """What tells the library file `name` from all other files."""
    return Path(str(resources.files(_LIBRARY).joinpath(name + SUFFIX)))


def read_library(name: str) -> Source:
    """The source of the library file `name`, one of `library_names()`; messages call it as a program does."""
    return _decoded(resources.files(_LIBRARY).joinpath(name + SUFFIX).read_bytes(), f"std.{name}", library_path(name))


def _decoded(data: bytes, name: str, path: Path) -> Source:
    return bytes_source(data, name, path)


def bytes_source(data: bytes, name: str, path: Path | None = None) -> Source:
    """The source of what a file or standard input holds; of more than `MAX_BYTES`, the first byte beyond will do.

    Raises PatternError for what is larger, or no UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    if b"\0" in data:
        raise _refused("PA004", f"`{name}` is not a text: it contains null bytes", "a pattern file is UTF-8 text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"`{name}` is not UTF-8: the byte 0x{data[error.start]:02x} in line {line} is no character"
        raise _refused("PA004", message, "a pattern file is UTF-8 text; save it in that encoding") from None
    return Source(name, text, path)


def text_source(text: str, name: str = "<text>") -> Source:
    """The source of a text given directly. Raises PatternError when it is larger than `MAX_BYTES` in UTF-8."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _too_large(name)
    return Source(name, text)


def near_notes(path: Path, but_not: Collection[Path] = ()) -> tuple[str, ...]:
    """A note about the pattern file in the same folder whose name is nearest to a missing one's, if any is near."""
    try:
        beside = sorted(path.parent.iterdir())
    except OSError:
        return ()
    names = {each.stem: each.name for each in beside if each.suffix == SUFFIX and each.resolve() not in but_not}
    near = difflib.get_close_matches(path.stem, names, n=1)
    return (f"there is `{names[near[0]]}` beside it",) if near else ()


def _too_large(name: str) -> PatternError:
    note = "the longest published pattern has about 40 lines"
    return _refused("PA003", f"`{name}` is larger than {_LIMIT}, the most that is read as a pattern", note)


def _refused(code: str, message: str, *notes: str) -> PatternError:
    return PatternError([Diagnostic(code, message, (), notes)])
