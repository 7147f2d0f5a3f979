"""`patternc design FILE`: the best numbers for parameters that are lists, and the frontier; `--json` for programs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from patternc.analysis.design import OBJECTIVES, Objective
from patternc.cli.options import pattern_options, plan_options, read_input
from patternc.cli.output import (
    FAILED,
    clear_errors,
    refuse_suffix,
    refuse_to_replace,
    replacing,
    terminal_width,
    use_colour,
    write_diagnostics,
)
from patternc.codegen.plan import Dtype
from patternc.designer import explore, nothing_meets

INTERRUPTED = 128 + 2
"""What a shell says of a program that Ctrl-C ended."""
QUIET_SECONDS = 1.0
"""How long nothing is said of progress."""


@click.command("design")
@pattern_options
@click.option(
    "--minimise",
    "objectives",
    multiple=True,
    type=click.Choice(OBJECTIVES),
    help="What is to be least; twice for a frontier. [default: pairs, depth]",
)
@click.option("--expect", "expectations", multiple=True, metavar="WHAT", help="With -e: what must hold.")
@plan_options
@click.option("--json", "as_json", is_flag=True, help="As JSON (schema patternc.design/1).")
@click.option("--svg", "svg_file", type=click.Path(path_type=Path), help="Write the plots to this SVG file.")
def command(
    file: Path | None,
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    objectives: tuple[Objective, ...],
    expectations: tuple[str, ...],
    head_dim: int | None,
    dtype: Dtype,
    target: str,
    as_json: bool,
    svg_file: Path | None,
) -> None:
    """Choose the parameters that are lists of numbers: `param k = 16..1024` in the file, or --param k=16..1024.

    Of all choices that meet every expectation of the file, the one with the least pairs (or what --minimise says) is
    best; the frontier has those that trade it for a second objective. Exit code 1 where no choice meets them.
    """
    if svg_file is not None:
        refuse_suffix(svg_file, "--svg", ".svg")
    given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params, expectations)
    progress = _Progress()
    with clear_errors():
        try:
            found = explore(
                given.source(),
                minimise=objectives or ("pairs", "depth"),
                tokens=given.tokens,
                params=given.params,
                head_dim=head_dim,
                dtype=dtype,
                target=target,
                watch=progress.show,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        except KeyboardInterrupt:
            progress.clear()
            click.echo("interrupted before any choice was looked at", err=True)
            sys.exit(INTERRUPTED)
        progress.clear()
        if as_json:
            from patternc.analysis.design_json import to_json

            click.echo(json.dumps(to_json(found), indent=2, ensure_ascii=False))
        elif found.best is not None:
            from patternc.cli.render_design import render_design

            text = render_design(found, given.words, width=terminal_width(sys.stdout), colour=use_colour(sys.stdout))
            click.echo(text, nl=False)
        if svg_file is not None and found.best is not None:
            from patternc.cli import design_svg

            refuse_to_replace(svg_file, design_svg.MARK.encode())
            with replacing(svg_file) as temporary:
                temporary.write_text(design_svg.svg(found), encoding="utf-8", newline="\n")
    if found.best is None:
        write_diagnostics([nothing_meets(found)], "human")
    if found.interrupted:
        sys.exit(INTERRUPTED)
    if found.best is None:
        sys.exit(FAILED)


class _Progress:
    """One line on standard error that is written over, on a terminal alone, for what takes more than a second."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._written = 0.0
        self._shown = sys.stderr.isatty()

    def show(self, doing: str, done: int, of: int) -> None:
        """Say what is being done."""
        now = time.monotonic()
        if self._shown and now - self._began > QUIET_SECONDS and now - self._written > QUIET_SECONDS / 10:
            self._written = now
            click.echo(f"\r\x1b[K{doing} {done:,} of {of:,} choices", nl=False, err=True)

    def clear(self) -> None:
        """Leave the line as it was."""
        if self._written:
            click.echo("\r\x1b[K", nl=False, err=True)
