"""`patternc show FILE`: the mask of one layer and head as a picture in the terminal."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import click

from patternc.cli.options import pattern_options, place_options, read_input
from patternc.cli.output import clear_errors, refuse, terminal_width
from patternc.compiler import analyse

MOST_CELLS = 64


@click.command("show")
@pattern_options
@place_options
def command(
    file: Path | None,
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    layer: int,
    head: int,
) -> None:
    """Draw the mask of one layer and head: queries downwards, keys to the right."""
    from patternc.cli.render import mask_art

    given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params)
    with clear_errors():
        program, _ = analyse(given.source(), tokens=given.tokens, params=given.params)
        try:
            pattern = program.pattern(layer, head)
        except IndexError as error:
            refuse(str(error))
        n = program.schedule.tokens
        width = terminal_width(sys.stdout)
        side = max(1, min(n, width - 2, MOST_CELLS))
        for line in (
            f"{program.schedule.name}, layer {layer}, head {head}: {pattern.text}",
            f"{n:,} queries downwards, {n:,} keys to the right",
        ):
            click.echo(textwrap.fill(line, width))
        click.echo(mask_art(pattern.relation, n, side, side))
