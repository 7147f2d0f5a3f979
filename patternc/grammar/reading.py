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

_PATTERN = "a pattern file"
SUFFIX = ".attn"
_LIBRARY = "patternc.library"


def read_source(path: Path, name: str | None = None, *, most: int = MAX_BYTES, what: str = _PATTERN) -> Source:
    """The source in a file; `name` (default: the path) is what messages call it, `what` what it should be.

    Raises PatternError for a file that is missing, a directory, not readable, larger than `most` bytes, or not UTF-8.
    """
    name = str(path) if name is None else name
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except IsADirectoryError:
        raise _refused("PA002", f"`{name}` is a directory, not {what}") from None
    except FileNotFoundError:
        notes = near_notes(path) if what == _PATTERN else ()
        raise _refused("PA001", f"there is no file `{name}`", *notes) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refused("PA001", f"`{name}` cannot be read: {reason}") from None
    return bytes_source(data, name, path, most, what)


def library_names() -> list[str]:
    """The names that may follow `use std.`, in alphabetical order."""
    files = (Path(each.name) for each in resources.files(_LIBRARY).iterdir())
    return sorted(each.stem for each in files if each.suffix == SUFFIX)


def library_path(name: str) -> Path:
    """What tells the library file `name` from all other files."""
    return Path(str(resources.files(_LIBRARY).joinpath(name + SUFFIX)))


def read_library(name: str) -> Source:
    """The source of the library file `name`, one of `library_names()`; messages call it as a program does."""
    return bytes_source(
        resources.files(_LIBRARY).joinpath(name + SUFFIX).read_bytes(), f"std.{name}", library_path(name)
    )


def bytes_source(
    data: bytes, name: str, path: Path | None = None, most: int = MAX_BYTES, what: str = _PATTERN
) -> Source:
    """The source of what a file or standard input holds; of more than `most` bytes, the first one beyond will do.

    Raises PatternError for what is larger, or no UTF-8.
    """
    if len(data) > most:
        raise _too_large(name, most, what)
    if b"\0" in data:
        raise _refused("PA004", f"`{name}` is not a text: it contains null bytes", f"{what} is UTF-8 text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"`{name}` is not UTF-8: the byte 0x{data[error.start]:02x} in line {line} is no character"
        raise _refused("PA004", message, f"{what} is UTF-8 text; save it in that encoding") from None
    return Source(name, text, path)


def text_source(text: str, name: str = "<text>") -> Source:
    """The source of a text given directly. Raises PatternError when it is larger than `MAX_BYTES` in UTF-8."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _too_large(name, MAX_BYTES, _PATTERN)
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


def _too_large(name: str, most: int, what: str) -> PatternError:
    notes = ("the longest published pattern has about 40 lines",) if what == _PATTERN else ()
    message = f"`{name}` is larger than {most >> 10:,} KiB, the most that is read as {what.removesuffix(' file')}"
    return _refused("PA003", message, *notes)


def _refused(code: str, message: str, *notes: str) -> PatternError:
    return PatternError([Diagnostic(code, message, (), notes)])
