"""`patternc fmt FILE...`: the canonical layout of pattern files, with their comments."""

from __future__ import annotations

import os
import re
import stat
import sys
from difflib import unified_diff
from pathlib import Path

import click

from patternc.cli.options import is_standard_input, one_of, standard_input
from patternc.cli.output import FAILED, fail, refuse, replacing, write_diagnostics
from patternc.diagnostics import Diagnostic, PatternError
from patternc.grammar.format import formatted, formatted_pattern
from patternc.grammar.reading import read_source
from patternc.source import Source


@click.command("fmt")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("-e", "expression", metavar="PATTERN", help="A pattern instead of files; it is printed.")
@click.option("--check", "checking", is_flag=True, help="Write nothing; name what would change, and exit with 1.")
@click.option("--diff", "differing", is_flag=True, help="Write nothing; print what would change.")
def command(files: tuple[Path, ...], expression: str | None, checking: bool, differing: bool) -> None:
    """Write pattern files in their canonical layout.

    White space changes; all words, and all comments, are kept in their order. A comment where no line may end, in front
    of a comma or behind an operator, moves across that sign. A file that cannot be parsed is left alone. With - in
    place of a file, standard input is written to standard output.
    """
    one_of(bool(files), expression, "pattern files")
    if expression is not None:
        if checking or differing:
            raise click.UsageError("--check and --diff go with files.")
        try:
            click.echo(formatted_pattern(expression, "-e"), nl=False)
        except PatternError as error:
            fail(error)
        except ValueError as error:
            raise click.UsageError(f"-e holds {error}.") from None
        return
    wrong: list[Diagnostic] = []
    changed = 0
    for file in files:
        try:
            source = standard_input() if is_standard_input(file) else read_source(file)
            written = formatted(source.text, source.name)
        except PatternError as error:
            wrong += error.diagnostics
            continue
        changes = written != source.text if source.path is None else written.encode() != source.path.read_bytes()
        changed += changes
        if differing:
            click.echo(_difference(source, written), nl=False)
        elif checking:
            if changes:
                click.echo(f"{source.name}: not in canonical layout")
        elif source.path is None:
            sys.stdout.buffer.write(written.encode())
        elif changes:
            _write(source.path, written)
            click.echo(f"{source.name}: formatted")
    write_diagnostics(wrong, "human")
    if wrong or (checking and changed):
        sys.exit(FAILED)


def _difference(source: Source, written: str) -> str:
    """A unified diff. Lines end in a line feed, and nowhere else: a comment may hold any other character."""
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (source.text, written))
    lines = unified_diff(before, after, source.name, f"{source.name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _write(path: Path, text: str) -> None:
    """Replaces a file, or what a link leads to, in one step; it keeps its permissions."""
    try:
        path = path.resolve(strict=True)
        if not os.access(path, os.W_OK):
            refuse(f"{path}: is not writable")
        with replacing(path) as temporary:
            temporary.write_bytes(text.encode())
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        refuse(str(error))
