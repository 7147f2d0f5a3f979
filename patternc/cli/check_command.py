"""`patternc check FILE...`: what the text of pattern files alone decides, all mistakes in one run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from patternc.cli.options import format_option, inline_options, one_of, read_input
from patternc.cli.output import FAILED, write_diagnostics
from patternc.compiler import check, compile
from patternc.diagnostics import Diagnostic, PatternError, has_errors


@click.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="FILE...")
@inline_options
@click.option("--deep", is_flag=True, help="Also what needs the pairs: empty rows, expectations, cost.")
@format_option
def command(
    files: tuple[Path, ...],
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    deep: bool,
    diagnostic_format: str,
) -> None:
    """Report the mistakes of pattern files.

    Syntax, names, kinds, ranges and schedules are checked; empty rows, expectations about pairs,
    and what a pattern wastes only with --deep.
    A file without a model, for others to use, is checked as far as it goes by itself.
    """
    one_of(bool(files), expression, "pattern files")
    diagnostics: list[Diagnostic] = []
    clean = parts = 0
    for file in files or (None,):
        given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params)
        try:
            source = given.source()
            checked = check(source, tokens=given.tokens, params=given.params, needs_model=False)
            found = checked.diagnostics
            if deep and checked.program.model is not None and not has_errors(found):
                from patternc.cli.progress import progress

                with progress():
                    found = compile(source, tokens=given.tokens, params=given.params).warnings
            parts += checked.program.model is None and not has_errors(found)
        except PatternError as error:
            found = error.diagnostics
        diagnostics += found
        clean += not has_errors(found)
    write_diagnostics(diagnostics, diagnostic_format)
    if has_errors(diagnostics):
        sys.exit(FAILED)
    if diagnostic_format == "human":
        counted = f"{clean} file{'s' * (clean != 1)} without errors"
        click.echo(f"{counted}{f', {parts} of them without a model' if parts else ''}" if files else "no errors")
