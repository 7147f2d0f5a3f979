"""The picture of a schedule: its layers in a strip, and the graph of which kind of layer comes after which.

For: the HTML page and `patternc show --what layers`. A kind is a letter, in order of first use. Not for: finding kinds
(`analysis/graph.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from patternc.analysis.report import Report
from patternc.cli.figure import Disc, Figure, Point, Region, Shape, Stroke, Words, rectangle
from patternc.cli.page import plural, ranges

WIDTH, EDGE = 400, 12
STRIP, STRIP_TOP = 26, 26
LEAST_LETTER = 13
"""Pixels that a letter takes."""
MOST_KINDS = 16
"""Kinds of layer that the graph has room for."""
RADIUS, LOOP = 12, 40.0
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of layer: its name, the layers that are of it, and what their heads attend."""

    name: str
    layers: tuple[int, ...]
    patterns: tuple[str, ...]
    """Each with its heads where they differ."""


def kinds(report: Report) -> list[Kind]:
    """The kinds of layer, in order of first use."""
    found: list[Kind] = []
    for number, layers in enumerate(report.structure.alike):
        heads = report.layers[layers[0]].heads
        patterns = tuple(
            each.pattern if len(heads) == 1 else f"heads {ranges(each.heads, report.heads)}: {each.pattern}"
            for each in heads
        )
        found.append(Kind(_name(number), layers, patterns))
    return found


def _name(number: int) -> str:
    """A to Z, then AA, AB, ..."""
    before, letter = divmod(number, len(LETTERS))
    return (_name(before - 1) if before else "") + LETTERS[letter]


def layers_figure(report: Report) -> Figure:
    """The picture. Without the graph where there is one kind of layer, or more than it has room for."""
    found = kinds(report)
    shapes = [*_strip(report, found)]
    height = STRIP_TOP + STRIP + 24
    if 1 < len(found) <= MOST_KINDS:
        edges = [_Edge(*edge, _spots(len(found))) for edge in report.structure.follows]
        line = height + max((edge.above for edge in edges), default=0.0) + RADIUS
        shapes += [shape for edge in edges for shape in edge.shapes(line)]
        for spot, kind in zip(_spots(len(found)), found, strict=True):
            shapes += [Disc((spot, line), RADIUS, "frame", ring=True)]
            shapes += [Words((spot, line + 4), kind.name, "middle", "ink")]
        height = round(line + RADIUS + max((edge.below for edge in edges), default=0.0) + 8)
    return Figure(WIDTH, height, "Schedule of the layers", _sentence(report, found), tuple(shapes))


def _strip(report: Report, found: list[Kind]) -> Iterator[Shape]:
    """A cell for each layer, in the shade of its kind."""
    of = {layer: number for number, kind in enumerate(found) for layer in kind.layers}
    count = len(report.layers)
    width = (WIDTH - 2 * EDGE) / count
    yield Words((EDGE, STRIP_TOP - 9), "layers, first to last" if count > 1 else "one layer")
    for number, same in groupby(range(count), key=of.__getitem__):
        layers = list(same)
        cells = [layers] if width < LEAST_LETTER else [[layer] for layer in layers]
        for cell in cells:
            x, wide = EDGE + cell[0] * width, len(cell) * width
            yield Region(rectangle(x, STRIP_TOP, wide, STRIP), _shade(number), 0.3)
            if wide >= LEAST_LETTER * len(found[number].name):
                yield Words((x + wide / 2, STRIP_TOP + 17), found[number].name, "middle", "ink")
    yield Stroke((*rectangle(EDGE, STRIP_TOP, WIDTH - 2 * EDGE, STRIP), (EDGE, STRIP_TOP)), "frame")
    for layer in dict.fromkeys((0, count - 1)):
        yield Words((EDGE + (layer + 0.5) * width, STRIP_TOP + STRIP + 15), str(layer), "middle")


def _shade(number: int) -> int:
    """Neighbours differ; the letters say which is which."""
    return number % 6


def _spots(count: int) -> list[float]:
    """Where the kinds stand on their line."""
    across = (WIDTH - 2 * EDGE) / count
    return [EDGE + across * (number + 0.5) for number in range(count)]


@dataclass(frozen=True, slots=True)
class _Edge:
    """Kind `b` comes right after kind `a` so many times: onwards above the line, back below it."""

    a: int
    b: int
    times: int
    spots: list[float]

    @property
    def above(self) -> float:
        """Room that it takes above the nodes."""
        if self.b == self.a:
            return LOOP
        return 14.0 if self.b == self.a + 1 else self._height if self.b > self.a else 0.0

    @property
    def below(self) -> float:
        """Room that it takes below the nodes."""
        return self._height if self.b < self.a else 0.0

    @property
    def _height(self) -> float:
        return 26 + 0.16 * abs(self.spots[self.b] - self.spots[self.a])

    def shapes(self, line: float) -> Iterator[Shape]:
        """The curve, its head, and how often, where it is more than once."""
        a, b = self.spots[self.a], self.spots[self.b]
        if self.a == self.b:
            top = line - RADIUS
            start, end = (a - 6, top + 1.5), (a + 6, top + 1.5)
            yield Stroke((start, (a - 24, top - 28), (a + 24, top - 28), end), "faint", 1.2, curved=True)
            yield _head(end, (-2.5, 7))
            yield from self._label((a, top - LOOP + 10))
        elif self.b == self.a + 1:
            yield Stroke(((a + RADIUS, line), (b - RADIUS - 3, line)), "faint", 1.2)
            yield _head((b - RADIUS - 1, line), (7, 0))
            yield from self._label(((a + b) / 2, line - 6))
        else:
            up = -1 if self.b > self.a else 1
            base = line + up * RADIUS
            handle = base + up * (self._height - 14) / 0.75
            start, end = (a, base), (b, base + up * 2)
            yield Stroke((start, (a, handle), (b, handle), end), "faint", 1.2, curved=True)
            yield _head(end, (0, -7 * up))
            yield from self._label(((a + b) / 2, base + up * (self._height - 14) + (-5 if up < 0 else 13)))

    def _label(self, at: Point) -> Iterator[Shape]:
        if self.times > 1:
            yield Words(at, f"× {self.times}", "middle")


def _head(tip: Point, along: Point) -> Shape:
    """An arrow's head that points along a direction."""
    (x, y), (dx, dy) = tip, along
    return Region((tip, (x - dx - dy / 2, y - dy + dx / 2), (x - dx + dy / 2, y - dy - dx / 2)), "faint")


def _sentence(report: Report, found: list[Kind]) -> str:
    parts = [f"{kind.name}: layers {ranges(kind.layers, len(report.layers))}" for kind in found]
    return f"{plural(len(report.layers), 'layer')} of {plural(len(found), 'kind')}: {'; '.join(parts)}."
