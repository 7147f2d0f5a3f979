"""`patternc show FILE`: a mask, the growth of receptive fields, or the layers, in the terminal or as a picture."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Literal

import click
from click.core import ParameterSource

from patternc.cli.options import pattern_options, place_options, read_input
from patternc.cli.output import clear_errors, refuse, refuse_suffix, refuse_to_replace, replacing, terminal_width
from patternc.cli.progress import progress
from patternc.compiler import analyse
from patternc.program import Program

MOST_CELLS = 64


@click.command("show")
@pattern_options
@place_options
@click.option(
    "--what",
    type=click.Choice(["mask", "growth", "layers"]),
    default="mask",
    show_default=True,
    help="The mask of a head, how receptive fields grow from layer to layer, or which layers are alike.",
)
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
    what: Literal["mask", "growth", "layers"],
    svg_file: Path | None,
    png_file: Path | None,
) -> None:
    """Draw the mask of one layer and head: queries downwards, keys to the right; or what --what says.

    In the terminal, or into files with --svg and --png. A picture that this command made is replaced, nothing else is.
    """
    context = click.get_current_context()
    for option in ("layer", "head"):
        if what != "mask" and context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{option} goes with --what mask; growth and layers are those of the whole model.")
    for picture, option, suffix in ((svg_file, "--svg", ".svg"), (png_file, "--png", ".png")):
        if picture is not None:
            refuse_suffix(picture, option, suffix)
    given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params)
    with clear_errors():
        with progress():
            program, _ = analyse(given.source(), tokens=given.tokens, params=given.params)
        if what == "mask":
            _show_mask(program, layer, head, svg_file, png_file, named=file is not None)
        else:
            _show_figure(program, what, svg_file, png_file)


def _show_mask(
    program: Program, layer: int, head: int, svg_file: Path | None, png_file: Path | None, named: bool
) -> None:
    """Show the mask of one head; `named`: the model has a name worth showing in a picture."""
    from patternc.cli.sketch import mask_art

    schedule = program.schedule
    try:
        pattern = program.pattern(layer, head)
    except IndexError as error:
        refuse(str(error))
    if svg_file is None and png_file is None:
        width = terminal_width(sys.stdout)
        side = max(1, min(schedule.tokens, width - 2, MOST_CELLS))
        for line in (
            f"{schedule.name}, layer {layer}, head {head}: {pattern.text}",
            f"{schedule.tokens:,} queries downwards, {schedule.tokens:,} keys to the right",
        ):
            click.echo(textwrap.fill(line, width))
        click.echo(mask_art(pattern.relation, schedule.tokens, side, side))
        return
    _needs_matplotlib(png_file)
    from patternc.analysis.drawing import draw
    from patternc.cli import png, svg

    where = f"layer {layer}, head {head}" if schedule.layers * schedule.heads > 1 else ""
    place = ", ".join(part for part in (schedule.name if named else "", where) if part)
    drawing = draw(pattern, schedule.tokens, schedule.causal)
    said = f"{drawing.cells} × {drawing.cells} cells, {drawing.total:,} pairs"
    if svg_file is not None:
        _write_svg(svg_file, svg.svg(drawing, place), said)
    if png_file is not None:
        _write_png(png_file, lambda path: png.write_png(drawing, place, path), said)


def _show_figure(
    program: Program, what: Literal["growth", "layers"], svg_file: Path | None, png_file: Path | None
) -> None:
    """Show how receptive fields grow, or the layers."""
    from patternc.cli.figure_growth import growth_figure
    from patternc.cli.figure_layers import layers_figure
    from patternc.cli.render import growth_text, layers_text

    _needs_matplotlib(png_file)
    with progress():
        report = program.report()
    figure = growth_figure(report) if what == "growth" else layers_figure(report)
    if figure is None:
        refuse(f"growth is {report.connectivity.reach.method}")
    if svg_file is None and png_file is None:
        width = terminal_width(sys.stdout)
        click.echo(growth_text(report, width) if what == "growth" else layers_text(report, width), nl=False)
        return
    from patternc.cli import png, svg_figure

    if svg_file is not None:
        _write_svg(svg_file, svg_figure.document_svg(figure), figure.title.lower())
    if png_file is not None:
        _write_png(png_file, lambda path: png.write_figure(figure, path), figure.title.lower())


def _needs_matplotlib(png_file: Path | None) -> None:
    if png_file is None:
        return
    try:
        import_module("matplotlib")
    except ImportError:
        refuse("--png needs matplotlib: pip install 'patternc[viz]'; --svg needs nothing")


def _write_svg(file: Path, text: str, said: str) -> None:
    from patternc.cli import svg

    refuse_to_replace(file, svg.MARK.encode())
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    click.echo(f"{file}: {said}")


def _write_png(file: Path, write: Callable[[Path], None], said: str) -> None:
    from patternc.cli import png

    refuse_to_replace(file, png.SIGNATURE, png.SOFTWARE.encode())
    with replacing(file) as temporary:
        write(temporary)
    click.echo(f"{file}: {said}")
