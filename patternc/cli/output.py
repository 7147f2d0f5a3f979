"""Where a subcommand's words go: results to standard output, diagnostics and progress to standard error.

For: writing diagnostics in the format asked for, and ending with the right exit code. Not for: how a diagnostic looks
(`patternc.diagnostics`, `formats.py`).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from patternc.diagnostics import Diagnostic, PatternError, render, summary

FAILED = 1


def write_diagnostics(diagnostics: Sequence[Diagnostic], diagnostic_format: str) -> None:
    """The diagnostics, on standard error for people, on standard output for machines."""
    if diagnostic_format == "human":
        if diagnostics:
            click.echo(render(diagnostics, width=terminal_width(sys.stderr), colour=use_colour(sys.stderr)), err=True)
            click.echo(summary(diagnostics), err=True)
        return
    from patternc.cli import formats

    click.echo(formats.FORMATS[diagnostic_format](diagnostics), nl=False)


def fail(error: PatternError, diagnostic_format: str = "human", code: int = FAILED) -> NoReturn:
    """Write what is wrong with the pattern, and exit with 1, or another code."""
    write_diagnostics(error.diagnostics, diagnostic_format)
    sys.exit(code)


@contextmanager
def clear_errors(code: int = FAILED) -> Generator[None]:
    """The errors a user can cause, each as one line and exit 1, or `code`; a diagnostic as it draws itself."""
    from patternc.algebra.budget import TileBudgetError
    from patternc.runtime.errors import AttentionInputError, ModuleError

    try:
        yield
    except PatternError as error:
        fail(error, code=code)
    except (TileBudgetError, AttentionInputError, ModuleError, OSError) as error:
        refuse(str(error), code)


def refuse(message: str, code: int = FAILED) -> NoReturn:
    """One line of error, and exit with 1, or another code."""
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


_MARKED_WITHIN = 4096


def refuse_to_replace(path: Path, magic: bytes, mark: bytes = b"") -> None:
    """End with an error unless `path` is free, or a regular file that begins with `magic`, as ours do.

    `mark` must stand near its beginning, too: for formats that other programs write as well.
    """
    if path.is_symlink():
        refuse(f"{path}: is a link; say the place it should be written to")
    if path.is_dir():
        refuse(f"{path}: is a directory; say a file in it")
    if not path.exists():
        return
    if not path.is_file():
        refuse(f"{path}: is no regular file, and is not written to; choose another place")
    with path.open("rb") as stream:
        beginning = stream.read(_MARKED_WITHIN)
    if not beginning.startswith(magic) or mark not in beginning:
        refuse(f"{path}: holds something else, and is not overwritten; choose another place")


def refuse_suffix(path: Path, option: str, suffix: str) -> None:
    """End with an error where the suffix of a file says that it holds something else; without one it says nothing."""
    if path.suffix and path.suffix.lower() != suffix:
        refuse(f"{path}: {option} writes {suffix[1:].upper()}, which is not what {path.suffix} stands for")


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A file to write in a folder of its own beside `path`; it takes that name when the block ends well, else is gone.

    Permissions are those of any new file. An OSError is about `path`, which the user knows.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        yield temporary / path.name
        (temporary / path.name).replace(path)
    except OSError as error:
        raise OSError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def use_colour(stream: object) -> bool:
    """Colour on a terminal that has it, unless NO_COLOR says otherwise."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and bool(getattr(stream, "isatty", lambda: False)())


def terminal_width(stream: object) -> int:
    """The width of the terminal, or what COLUMNS says; 100 where there is neither."""
    if not os.environ.get("COLUMNS") and not getattr(stream, "isatty", lambda: False)():
        return 100
    return shutil.get_terminal_size((100, 24)).columns
