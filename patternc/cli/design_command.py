"""`patternc design FILE`: the best numbers for parameters that are lists, and the frontier; `--json` for programs."""

from __future__ import annotations

import json
import sys
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
from patternc.cli.progress import progress
from patternc.codegen.plan import Dtype
from patternc.designer import explore, nothing_meets


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
    with clear_errors():
        try:
            with progress():
                found = explore(
                    given.source(),
                    minimise=objectives or ("pairs", "depth"),
                    tokens=given.tokens,
                    params=given.params,
                    head_dim=head_dim,
                    dtype=dtype,
                    target=target,
                    partial=True,
                )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
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
        raise KeyboardInterrupt  # what was found is said; it ends as every command does that is interrupted
    if found.best is None:
        sys.exit(FAILED)
