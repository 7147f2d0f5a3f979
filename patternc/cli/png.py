"""The picture of a mask as a PNG file, drawn by matplotlib.

For: `patternc show --png`. The only file that imports matplotlib, the extra `patternc[viz]`. Not for: where things
stand (`sheet.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from patternc.analysis.drawing import Drawing
from patternc.cli.sheet import (
    CODE_SIZE,
    COLOURS,
    FAINT_INK,
    FRAME,
    INK,
    NEVER,
    OPACITY,
    PAPER,
    REPEATED_COLOUR,
    TEXT_SIZE,
    Plot,
    colour_of,
    lay_out,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SOFTWARE = "patternc show"
"""What a file of ours names as the software it is from, near its beginning."""
_COLOURS = (*COLOURS, REPEATED_COLOUR)
DOTS_A_PIXEL = 3
_INCH = 72
"""Pixels of the sheet on an inch of the figure, so that sizes of text are points."""


def write_png(drawing: Drawing, place: str, path: Path) -> None:
    """Write the picture; `place` says whose mask it is. Raises ImportError where matplotlib is not installed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sheet = lay_out(drawing, place)
    figure: Any = Figure(figsize=(sheet.width / _INCH, sheet.height / _INCH), dpi=_INCH * DOTS_A_PIXEL, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, sheet.width)
    axes.set_ylim(sheet.height, 0)
    _draw_plot(axes, sheet.plot)
    for swatch in sheet.swatches:
        corners = [_square(swatch.x, swatch.y, 11, 11)]
        _fill(axes, corners, _COLOURS[swatch.colour], 1.0)
    for label in sheet.labels:
        align = {"start": "left", "middle": "center", "end": "right"}[label.anchor]
        family, size, ink = ("monospace", CODE_SIZE, INK) if label.code else ("sans-serif", TEXT_SIZE, FAINT_INK)
        text = label.text.replace("$", r"\$")  # no formula
        axes.text(label.x, label.y, text, ha=align, va="baseline", family=family, size=size, color=ink)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(str(path), metadata={"Software": SOFTWARE, "Title": sheet.title})


Corners = list[tuple[float, float]]


def _draw_plot(axes: Axes, plot: Plot) -> None:
    size = plot.size
    if plot.never:
        rows = [
            _square(plot.x + (row + 1) * size, plot.y + row * size, (plot.cells - row - 1) * size, size)
            for row in range(plot.cells - 1)
        ]
        _fill(axes, rows, NEVER, 1.0)
    for area in plot.areas:
        squares = [
            _square(plot.x + each.column * size, plot.y + each.row * size, each.width * size, each.height * size)
            for each in area.rectangles
        ]
        _fill(axes, squares, _COLOURS[colour_of(area.term)], OPACITY[area.level])
    x, y, side = plot.x, plot.y, plot.side
    if plot.ruled:
        between = [at * size for at in range(1, plot.cells)]
        _rule(axes, [[(x + at, y), (x + at, y + side)] for at in between], PAPER)
        _rule(axes, [[(x, y + at), (x + side, y + at)] for at in between], PAPER)
    corners = _square(x - 0.5, y - 0.5, side + 1, side + 1)
    _rule(axes, [[*corners, corners[0]]], FRAME)


def _square(x: float, y: float, width: float, height: float) -> Corners:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _fill(axes: Axes, polygons: list[Corners], colour: str, opacity: float) -> None:
    from matplotlib.collections import PolyCollection

    filled = PolyCollection(polygons, facecolors=colour, edgecolors="none", alpha=opacity, antialiaseds=False)
    axes.add_collection(filled, autolim=False)


def _rule(axes: Axes, lines: list[Corners], colour: str) -> None:
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(lines, colors=colour, linewidths=1, capstyle="butt"), autolim=False)
