"""Standard output and error of the command, whose failures are told apart from those of files.

For: a full disk or a reader that went away, in one place for all commands. Not for: what is written (`output.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import IO, Any, TextIO, cast


class OutputError(Exception):
    """A standard stream cannot be written. No OSError, which commands take for one about their files."""

    def __init__(self, name: str, cause: OSError) -> None:
        super().__init__(f"{name} cannot be written: {cause.strerror or cause}")
        self.unread = isinstance(cause, BrokenPipeError)
        """Nobody reads on, which is no mistake."""


class Stream:
    """A stream that raises OutputError where writing fails; for the rest, as the one it stands for."""

    def __init__(self, stream: IO[Any], name: str) -> None:
        self._stream = stream
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Stream:
        """The bytes below the text, which fail in the same way."""
        return Stream(cast(TextIO, self._stream).buffer, self._name)

    def write(self, content: str | bytes) -> int:
        """Write."""
        with self._failing():
            return self._stream.write(content)

    def flush(self) -> None:
        """Write what is held back."""
        with self._failing():
            self._stream.flush()

    @contextmanager
    def _failing(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(self._name, error) from error


@contextmanager
def guarded() -> Generator[None]:
    """Inside, `sys.stdout` and `sys.stderr` raise OutputError; a closed one is None, and click writes nothing to it."""
    out, err = (
        stream and cast(TextIO, Stream(stream, name))
        for stream, name in ((sys.stdout, "standard output"), (sys.stderr, "standard error"))
    )
    with redirect_stdout(out), redirect_stderr(err):
        yield


def give_up() -> None:
    """What is still held back for standard output goes nowhere: Python would try, and fail, once more at its end."""
    if not sys.stdout:  # closed from the beginning
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
