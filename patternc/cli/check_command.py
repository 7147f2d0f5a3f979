"""`patternc check FILE...`: what the text of pattern files alone decides, all mistakes in one run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from patternc.cli.options import format_option, inline_model, is_standard_input, parse_params, standard_input
from patternc.cli.output import FAILED, write_diagnostics
from patternc.compiler import check, compile
from patternc.diagnostics import Diagnostic, PatternError, has_errors
from patternc.grammar.reading import read_source, text_source


@click.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("-e", "expression", metavar="PATTERN", help="A pattern instead of files.")
@click.option("--causal", is_flag=True, help="With -e: no token looks ahead.")
@click.option("--bidirectional", is_flag=True, help="With -e: every token may look both ways.")
@click.option("--tokens", type=click.IntRange(min=1), help="The length n; overrides the file's.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Override a parameter.")
@click.option("--deep", is_flag=True, help="Also what needs the pairs: empty rows and expectations.")
@format_option
def command(
    files: tuple[Path, ...],
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    tokens: int | None,
    params: tuple[str, ...],
    deep: bool,
    diagnostic_format: str,
) -> None:
    """Report the mistakes of pattern files.

    Syntax, names, kinds, ranges and schedules are checked; empty rows and expectations about pairs only with --deep.
    A file without a model, for others to use, is checked as far as it goes by itself.
    """
    if bool(files) == (expression is not None):
        raise click.UsageError("Give pattern files, or a pattern with -e, not both.")
    if expression is not None and (causal == bidirectional or tokens is None):
        raise click.UsageError("-e needs a direction (--causal or --bidirectional) and a length (--tokens N).")
    overrides = parse_params(params)
    diagnostics: list[Diagnostic] = []
    clean = parts = 0
    for file in files or (None,):
        try:
            if file is None:
                assert expression is not None
                assert tokens is not None
                source = text_source(inline_model(expression, causal, 1, 1, tokens), "-e")
            else:
                source = standard_input() if is_standard_input(file) else read_source(file)
            checked = check(source, tokens=tokens, params=overrides, needs_model=False)
            found = checked.diagnostics
            if deep and checked.program.model is not None and not has_errors(found):
                found = compile(source, tokens=tokens, params=overrides).warnings
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
