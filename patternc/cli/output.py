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


def fail(error: PatternError, diagnostic_format: str = "human") -> NoReturn:
    """Write what is wrong with the pattern, and exit with 1."""
    write_diagnostics(error.diagnostics, diagnostic_format)
    sys.exit(FAILED)


@contextmanager
def clear_errors() -> Generator[None]:
    """The errors a user can cause, each as one line and exit 1; a diagnostic as it draws itself."""
    from patternc.algebra.budget import TileBudgetError
    from patternc.runtime.errors import AttentionInputError, ModuleError

    try:
        yield
    except PatternError as error:
        fail(error)
    except (TileBudgetError, AttentionInputError, ModuleError, OSError) as error:
        refuse(str(error))


def refuse(message: str) -> NoReturn:
    """One line of error, and exit with 1."""
    click.echo(f"error: {message}", err=True)
    sys.exit(FAILED)


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A temporary file beside `path` that takes its name when the block ends well, and is gone otherwise."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def use_colour(stream: object) -> bool:
    """Colour on a terminal, unless NO_COLOR says otherwise."""
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", lambda: False)())


def terminal_width(stream: object) -> int:
    """The width of the terminal, 100 where there is none."""
    if not getattr(stream, "isatty", lambda: False)():
        return 100
    return shutil.get_terminal_size((100, 24)).columns
