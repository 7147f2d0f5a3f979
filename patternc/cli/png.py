"""Masks and figures as PNG files, drawn by matplotlib.

For: `patternc show --png`. The only file that imports matplotlib, the extra `patternc[viz]`. Not for: where things
stand (`sheet.py`, `figure_*.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from patternc.analysis.drawing import Drawing
from patternc.cli.figure import Disc, Figure, Region, Shape, Stroke, Words
from patternc.cli.sheet import CODE_SIZE, TEXT_SIZE, Plot, lay_out
from patternc.cli.themes import LIGHT, OPACITY, colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SOFTWARE = "patternc show"
"""What a file of ours names as the software it is from, near its beginning."""
DOTS_A_PIXEL = 3
_INCH = 72
"""Pixels of the sheet on an inch of the figure, so that sizes of text are points."""


def write_png(drawing: Drawing, place: str, path: Path) -> None:
    """Write the picture; `place` says whose mask it is. Raises ImportError where matplotlib is not installed."""
    sheet = lay_out(drawing, place)
    page, axes = _page(sheet.width, sheet.height)
    _draw_plot(axes, sheet.plot)
    for swatch in sheet.swatches:
        corners = [_square(swatch.x, swatch.y, 11, 11)]
        _fill(axes, corners, LIGHT.numbered[swatch.colour], 1.0)
    for label in sheet.labels:
        _write(axes, Words((label.x, label.y), label.text, label.anchor, "ink" if label.code else "faint", label.code))
    _save(page, sheet.title, path)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure. Raises ImportError where matplotlib is not installed."""
    page, axes = _page(figure.width, figure.height)
    for order, shape in enumerate(figure.shapes):
        _draw(axes, shape, order)
    _save(page, figure.title, path)


def _page(width: int, height: int) -> tuple[Any, Axes]:
    """An empty page, and its axes in pixels from the upper left corner."""
    from matplotlib.figure import Figure as Page

    page: Any = Page(figsize=(width / _INCH, height / _INCH), dpi=_INCH * DOTS_A_PIXEL, facecolor=LIGHT.paper)
    axes = page.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return page, axes


def _save(page: Any, title: str, path: Path) -> None:  # noqa: ANN401 - matplotlib's figures are hardly typed
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(page)
    canvas.print_png(str(path), metadata={"Software": SOFTWARE, "Title": title})


def _draw(axes: Axes, shape: Shape, order: int) -> None:
    """A shape over those before it."""
    from matplotlib.patches import Circle, PathPatch, Polygon
    from matplotlib.path import Path as Outline

    match shape:
        case Stroke():
            codes = [Outline.MOVETO, *([Outline.CURVE4 if shape.curved else Outline.LINETO] * (len(shape.points) - 1))]
            style: Any = (0, (3, 3)) if shape.dashed else "solid"
            line = PathPatch(
                Outline(list(shape.points), codes),
                fill=False,
                edgecolor=LIGHT.ink_of(shape.ink),
                linewidth=shape.width,
                linestyle=style,
                zorder=order,
            )
            axes.add_patch(line)
        case Region(points, fill, opacity):
            colour = LIGHT.terms[fill] if isinstance(fill, int) else LIGHT.ink_of(fill)
            axes.add_patch(Polygon(list(points), facecolor=colour, edgecolor="none", alpha=opacity, zorder=order))
        case Disc(at, radius, ink, ring):
            colour = LIGHT.ink_of(ink)
            face, edge = (LIGHT.paper, colour) if ring else (colour, "none")
            axes.add_patch(Circle(at, radius, facecolor=face, edgecolor=edge, linewidth=1, zorder=order))
        case Words():
            _write(axes, shape, order)
        case _:
            assert_never(shape)


def _write(axes: Any, words: Words, order: int = 3) -> None:  # noqa: ANN401 - as `_save`
    align = {"start": "left", "middle": "center", "end": "right"}[words.anchor]
    family, size = ("monospace", CODE_SIZE) if words.code else ("sans-serif", TEXT_SIZE)
    text = words.text.replace("$", r"\$")  # no formula
    colour = LIGHT.ink_of(words.ink)
    axes.text(*words.at, text, ha=align, va="baseline", family=family, size=size, color=colour, zorder=order)


Corners = list[tuple[float, float]]


def _draw_plot(axes: Axes, plot: Plot) -> None:
    size = plot.size
    if plot.never:
        rows = [
            _square(plot.x + (row + 1) * size, plot.y + row * size, (plot.cells - row - 1) * size, size)
            for row in range(plot.cells - 1)
        ]
        _fill(axes, rows, LIGHT.never, 1.0)
    for area in plot.areas:
        squares = [
            _square(plot.x + each.column * size, plot.y + each.row * size, each.width * size, each.height * size)
            for each in area.rectangles
        ]
        _fill(axes, squares, LIGHT.numbered[colour_of(area.term)], OPACITY[area.level])
    x, y, side = plot.x, plot.y, plot.side
    if plot.ruled:
        between = [at * size for at in range(1, plot.cells)]
        _rule(axes, [[(x + at, y), (x + at, y + side)] for at in between], LIGHT.paper)
        _rule(axes, [[(x, y + at), (x + side, y + at)] for at in between], LIGHT.paper)
    corners = _square(x - 0.5, y - 0.5, side + 1, side + 1)
    _rule(axes, [[*corners, corners[0]]], LIGHT.frame)


def _square(x: float, y: float, width: float, height: float) -> Corners:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _fill(axes: Axes, polygons: list[Corners], colour: str, opacity: float) -> None:
    from matplotlib.collections import PolyCollection

    filled = PolyCollection(polygons, facecolors=colour, edgecolors="none", alpha=opacity, antialiaseds=False)
    axes.add_collection(filled, autolim=False)


def _rule(axes: Axes, lines: list[Corners], colour: str) -> None:
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(lines, colors=colour, linewidths=1, capstyle="butt"), autolim=False)
