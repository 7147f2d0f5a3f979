"""`patternc show FILE`: the mask of one layer and head as a picture, in the terminal or in a file."""

from __future__ import annotations

import sys
import textwrap
from importlib import import_module
from pathlib import Path

import click

from patternc.cli.options import pattern_options, place_options, read_input
from patternc.cli.output import clear_errors, refuse, refuse_suffix, refuse_to_replace, replacing, terminal_width
from patternc.compiler import analyse
from patternc.program import Program

MOST_CELLS = 64


@click.command("show")
@pattern_options
@place_options
@click.option("--svg", "svg_file", type=click.Path(path_type=Path), help="Write the picture to this SVG file.")
@click.option("--png", "png_file", type=click.Path(path_type=Path), help="Write the picture to this PNG file.")
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
    svg_file: Path | None,
    png_file: Path | None,
) -> None:
    """Draw the mask of one layer and head: queries downwards, keys to the right.

    In the terminal, or into files with --svg and --png. A picture that this command made is replaced, nothing else is.
    """
    from patternc.cli.render import mask_art

    for picture, option, suffix in ((svg_file, "--svg", ".svg"), (png_file, "--png", ".png")):
        if picture is not None:
            refuse_suffix(picture, option, suffix)
    given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params)
    with clear_errors():
        program, _ = analyse(given.source(), tokens=given.tokens, params=given.params)
        try:
            pattern = program.pattern(layer, head)
        except IndexError as error:
            refuse(str(error))
        if svg_file is not None or png_file is not None:
            _write_pictures(program, layer, head, svg_file, png_file, named=file is not None)
            return
        n = program.schedule.tokens
        width = terminal_width(sys.stdout)
        side = max(1, min(n, width - 2, MOST_CELLS))
        for line in (
            f"{program.schedule.name}, layer {layer}, head {head}: {pattern.text}",
            f"{n:,} queries downwards, {n:,} keys to the right",
        ):
            click.echo(textwrap.fill(line, width))
        click.echo(mask_art(pattern.relation, n, side, side))


def _write_pictures(
    program: Program, layer: int, head: int, svg_file: Path | None, png_file: Path | None, named: bool
) -> None:
    """Write the picture of one head into the files asked for; `named`: the model has a name worth showing."""
    from patternc.analysis.drawing import draw
    from patternc.cli import png, svg

    if png_file is not None:
        try:
            import_module("matplotlib")
        except ImportError:
            refuse("--png needs matplotlib: pip install 'patternc[viz]'; --svg needs nothing")
    schedule = program.schedule
    where = f"layer {layer}, head {head}" if schedule.layers * schedule.heads > 1 else ""
    place = ", ".join(part for part in (schedule.name if named else "", where) if part)
    drawing = draw(program.pattern(layer, head), schedule.tokens, schedule.causal)
    if svg_file is not None:
        refuse_to_replace(svg_file, svg.MARK.encode())
        with replacing(svg_file) as temporary:
            temporary.write_text(svg.svg(drawing, place), encoding="utf-8", newline="\n")
        click.echo(f"{svg_file}: {drawing.cells} × {drawing.cells} cells, {drawing.total:,} pairs")
    if png_file is not None:
        refuse_to_replace(png_file, png.SIGNATURE, png.SOFTWARE.encode())
        with replacing(png_file) as temporary:
            png.write_png(drawing, place, temporary)
        click.echo(f"{png_file}: {drawing.cells} × {drawing.cells} cells, {drawing.total:,} pairs")
