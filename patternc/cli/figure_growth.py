"""The picture of receptive-field growth: how many keys are in sight of a query after each number of layers.

For: the HTML page and `patternc show --what growth`. Not for: finding sizes (`analysis/growth.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from patternc.analysis.report import Report
from patternc.cli.figure import Disc, Figure, Point, Region, Shape, Stroke, Words
from patternc.cli.page import plural
from patternc.cli.sentences import growth_rows, target

WIDTH, HEIGHT = 400, 254
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 30, 62
MOST_TICKS, MOST_DOTS, QUARTERS = 8, 32, 4
KEY = "line: mean; dashes: median; shades: 10 to 90 %, least to most"


@dataclass(frozen=True, slots=True)
class _Scale:
    """From (layers, keys in sight) to pixels."""

    layers: int
    tokens: int

    def at(self, layers: float, size: float) -> Point:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * layers / self.layers,
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * size / self.tokens,
        )

    def curve(self, sizes: Sequence[float]) -> tuple[Point, ...]:
        """Through the sizes after 0, 1, ... layers; before the first, a query sees itself alone."""
        return tuple(self.at(layers, size) for layers, size in enumerate((1, *sizes)))


def growth_figure(report: Report) -> Figure | None:
    """The picture; None where growth is not known."""
    growth = report.connectivity.reach.growth
    if not growth:
        return None
    scale = _Scale(len(growth), report.tokens)
    mean = scale.curve([each.total / report.tokens for each in growth])
    shapes: list[Shape] = [
        *_axes(scale),
        _between(scale, [each.least for each in growth], [each.most for each in growth], 0.14),
        _between(scale, [each.low for each in growth], [each.high for each in growth], 0.22),
        Stroke(scale.curve([each.median for each in growth]), "accent", 1.2, dashed=True),
        Stroke(mean, "accent", 2.0),
    ]
    if len(mean) <= MOST_DOTS:
        shapes += [Disc(point, 2.6, "accent") for point in mean]
    depth = report.connectivity.reach.depth
    if depth is not None:
        late = 2 * depth > len(growth)
        x, bottom = scale.at(depth, 0)
        shapes.append(Stroke(((x, TOP - 10), (x, bottom)), "faint", 1.0, dashed=True))
        text = f"complete after {plural(depth, 'layer')}"
        shapes.append(Words((x - 6 if late else x + 6, TOP - 8), text, "end" if late else "start", "ink"))
    return Figure(WIDTH, HEIGHT, "Growth of the receptive fields", _sentence(report), tuple(shapes))


def _between(scale: _Scale, lower: Sequence[float], upper: Sequence[float], opacity: float) -> Region:
    return Region((*scale.curve(upper), *reversed(scale.curve(lower))), "accent", opacity)


def _axes(scale: _Scale) -> Iterator[Shape]:
    for quarter in range(QUARTERS + 1):
        size = scale.tokens * quarter / QUARTERS
        left, right = scale.at(0, size), scale.at(scale.layers, size)
        yield Stroke((left, right), "frame" if quarter == 0 else "grid")
        yield Words((LEFT - 8, left[1] + 4), f"{size:,.0f}", "end")
    step = 1
    while step * MOST_TICKS < scale.layers:
        step *= 2
    for layers in range(0, scale.layers + 1, step):
        x, y = scale.at(layers, 0)
        yield Stroke(((x, y), (x, y + 4)), "frame")
        yield Words((x, y + 17), str(layers), "middle")
    yield Words(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 28), "layers", "middle")
    yield Words((WIDTH / 2, HEIGHT - 8), KEY, "middle")
    yield Words((8, TOP - 14), "keys in sight")


def _sentence(report: Report) -> str:
    rows = growth_rows(report)
    last = rows[-1]
    return (
        f"How many keys are in sight of a query after each number of layers, of {report.tokens:,}: on average "
        f"{rows[0].mean:,.1f} after 1 layer, {last.mean:,.1f} after {plural(len(report.layers), 'layer')}. "
        f"The goal is {target(report.causal)}."
    )
