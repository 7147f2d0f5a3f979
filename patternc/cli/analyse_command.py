"""`patternc analyse FILE`: what a pattern connects and what it costs; `--html` as a page, `--json` for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from patternc.cli.options import pattern_options, plan_options, read_input
from patternc.cli.output import (
    FAILED,
    clear_errors,
    refuse,
    refuse_suffix,
    refuse_to_replace,
    replacing,
    terminal_width,
    use_colour,
    write_diagnostics,
)
from patternc.cli.progress import progress
from patternc.codegen.plan import Dtype
from patternc.compiler import analyse
from patternc.diagnostics import Diagnostic
from patternc.program import Program


@click.command("analyse")
@pattern_options
@plan_options
@click.option("--json", "as_json", is_flag=True, help="The report as JSON (schema patternc.report/1).")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write the report as a page to this file.")
@click.option("--path", nargs=2, type=click.IntRange(min=0), metavar="J I", help="How query I comes to see key J.")
def command(
    file: Path | None,
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    head_dim: int | None,
    dtype: Dtype,
    target: str,
    as_json: bool,
    html_file: Path | None,
    path: tuple[int, int] | None,
) -> None:
    """Report what a pattern connects and what it costs.

    A failed expectation is part of the report; the exit code is then 1. With --html the report is a page in a file,
    which is replaced where this command wrote it, and not said in the terminal; --json may be given beside it.
    """
    if html_file is not None:
        refuse_suffix(html_file, "--html", ".html")
    given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params)
    with clear_errors():
        try:
            with progress():
                program, failures = analyse(
                    given.source(),
                    tokens=given.tokens,
                    params=given.params,
                    head_dim=head_dim,
                    dtype=dtype,
                    target=target,
                )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        try:
            with progress():
                written = None if html_file is None else _write_page(program, path, failures, html_file)
                text = "" if html_file is not None and not as_json else _text(program, path, as_json)
        except ValueError as error:
            refuse(str(error))
        if written is not None:
            click.echo(written, err=as_json)
        click.echo(text, nl=False)
        write_diagnostics((*program.warnings, *failures), "human")
    if failures:
        sys.exit(FAILED)


def _text(program: Program, path: tuple[int, int] | None, as_json: bool) -> str:
    if as_json:
        return json.dumps(program.report_json(path), indent=2, ensure_ascii=False) + "\n"
    from patternc.cli.render import render_report

    width, colour = terminal_width(sys.stdout), use_colour(sys.stdout)
    return render_report(program.report(path), program.figures, program.schedule, width=width, colour=colour)


def _write_page(program: Program, path: tuple[int, int] | None, failures: Sequence[Diagnostic], file: Path) -> str:
    """Write the page; returns what there is to say about it."""
    from patternc.cli.html_report import MARK

    refuse_to_replace(file, MARK.encode())
    page = program.report_html(path, failures).encode()
    with replacing(file) as temporary:
        temporary.write_bytes(page)
    return f"{file}: the report of {program.schedule.name}, {len(page):,} bytes"
