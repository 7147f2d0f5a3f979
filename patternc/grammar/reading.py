"""Reading pattern files, within limits.

For: turning a path or a text into a `Source`, or into one clear `PatternError`. Not for: what the text says.
"""

from __future__ import annotations

from pathlib import Path

from patternc.diagnostics import Diagnostic, Label, PatternError
from patternc.source import MAX_BYTES, Source, Span

_LIMIT = f"{MAX_BYTES >> 20} MiB"


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
        raise _refused("PA001", f"there is no file `{name}`") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refused("PA001", f"`{name}` cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    if b"\0" in data:
        raise _refused("PA004", f"`{name}` is not a text: it contains null bytes", "a pattern file is UTF-8 text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        source = Source(name, before, path)
        note = "a pattern file is UTF-8 text; save it in that encoding"
        message = (
            f"`{name}` is not UTF-8: the byte 0x{data[error.start]:02x} at offset {error.start} begins no character"
        )
        end = Span(len(before), len(before))
        raise PatternError(
            [Diagnostic("PA004", message, (Label(source, end, "the text ends to be readable here"),), (note,))]
        ) from None
    return Source(name, text, path)


def text_source(text: str, name: str = "<text>") -> Source:
    """The source of a text given directly. Raises PatternError when it is larger than `MAX_BYTES` in UTF-8."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _too_large(name)
    return Source(name, text)


def _too_large(name: str) -> PatternError:
    note = "the largest published pattern is about 40 lines"
    return _refused("PA003", f"`{name}` is larger than {_LIMIT}, the most that is read as a pattern", note)


def _refused(code: str, message: str, *notes: str) -> PatternError:
    return PatternError([Diagnostic(code, message, (), notes)])
