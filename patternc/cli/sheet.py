"""Where everything stands on the picture of a mask: cells, lines, words, in pixels.

For: `svg.py` and `png.py`, which put the same sheet into two formats. Not for: which cells there are
(`analysis/drawing.py`), or their colours (`themes.py`).
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

from patternc.analysis.drawing import Area, Drawing
from patternc.cli.page import plural
from patternc.cli.themes import COLOUR_NAMES, COLOURS, REPEATED

TEXT_SIZE, CODE_SIZE = 11, 12

SIDE = 264
"""Pixels of a side of the plot, at most; a cell has a whole number of them."""
EDGE, LEFT, RIGHT, LINE = 14, 54, 18, 16
LINES_FROM = 8
"""Pixels from which a cell is told from its neighbours by a line."""
COLUMNS, COLUMNS_BELOW = 42, 54
"""Characters of a line of the title, and of the smaller one below."""
MOST_LINES, MOST_TICKS = 3, 6


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; x is its start, middle or end, y its base line. `code`: in the type of pattern text."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    code: bool = False


@dataclass(frozen=True, slots=True)
class Swatch:
    """A square of 11 pixels that shows a term's colour."""

    x: int
    y: int
    colour: int


@dataclass(frozen=True, slots=True)
class Plot:
    """The square of the mask: its corner, cells on a side, and pixels on a side of a cell."""

    x: int
    y: int
    cells: int
    size: int
    never: bool
    """Cells above the diagonal are those that a causal model never attends."""
    areas: tuple[Area, ...]

    @property
    def side(self) -> int:
        """Pixels on a side."""
        return self.cells * self.size

    @property
    def ruled(self) -> bool:
        """Whether lines part the cells."""
        return self.size >= LINES_FROM and self.cells > 1


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole picture, `width` x `height` pixels."""

    width: int
    height: int
    title: str
    sentence: str
    """What the picture shows, for those who do not see it."""
    plot: Plot
    labels: tuple[Label, ...]
    swatches: tuple[Swatch, ...]


def lay_out(drawing: Drawing, place: str = "") -> Sheet:
    """The sheet of a drawing; `place` says whose mask it is, such as "gemma3, layer 0, head 0"."""
    title = drawing.text
    below = _below(drawing, place)
    shown = legend(drawing)
    code = wrapped(title, COLUMNS, MOST_LINES)
    small = wrapped(below, COLUMNS_BELOW, MOST_LINES)
    top = LINE * (len(code) + len(small)) + 50
    size = max(1, SIDE // drawing.cells)
    plot = Plot(LEFT, top, drawing.cells, size, drawing.causal and drawing.cells > 1, drawing.areas)
    bottom = top + plot.side + 12
    labels = [Label(EDGE, 22 + LINE * row, text, code=True) for row, text in enumerate(code)]
    labels += [Label(EDGE, 22 + LINE * (len(code) + row), text) for row, text in enumerate(small)]
    labels += _axes(drawing, plot)
    labels += [
        Label(LEFT + 18, bottom + LINE * row + 10, wrapped(text, COLUMNS - 4, 1)[0], code=True)
        for row, (_, text) in enumerate(shown)
    ]
    return Sheet(
        LEFT + SIDE + RIGHT,
        bottom + LINE * len(shown) + 4,
        f"{title}, {below}",
        _sentence(drawing, title, below, shown),
        plot,
        tuple(labels),
        tuple(Swatch(LEFT, bottom + LINE * row, colour) for row, (colour, _) in enumerate(shown)),
    )


def wrapped(text: str, columns: int, most: int) -> list[str]:
    """A text in lines, `most` of them at most; what is left out shows as an ellipsis."""
    return textwrap.wrap(text, columns, max_lines=most, placeholder=" …", break_on_hyphens=False)


def _below(drawing: Drawing, place: str) -> str:
    direction = "causal" if drawing.causal else "bidirectional"
    text = ", ".join(part for part in (place, plural(drawing.tokens, "token"), direction) if part)
    if drawing.cell > 1:
        text += f"; a cell is {drawing.cell:,} × {drawing.cell:,} pairs, its colour stronger the more it has"
    return text


def legend(drawing: Drawing) -> list[tuple[int, str]]:
    """Number of a colour, and what has it; empty where there is one term only."""
    if len(drawing.terms) == 1:
        return []
    last = COLOURS - 1
    shown = list(enumerate(drawing.terms[:last]))
    rest = drawing.terms[last:]
    if rest:
        shown.append((last, rest[0] if len(rest) == 1 else f"{len(rest)} more terms"))
    if drawing.repeated:
        shown.append((REPEATED, "counts more than once"))
    return shown


def _sentence(drawing: Drawing, title: str, below: str, shown: list[tuple[int, str]]) -> str:
    text = f"Mask of {title}, {below}. Queries run downwards, keys to the right; {plural(drawing.total, 'pair')}."
    if not shown:
        return text
    last = COLOURS - 1
    counts = {**dict(enumerate(drawing.pairs[:last])), last: sum(drawing.pairs[last:]), REPEATED: drawing.repeated}
    more = "" if drawing.cell > 1 else " that no term before has"
    parts = [
        f"{COLOUR_NAMES[colour]}: {name}, {plural(counts[colour], 'pair')}{more * (0 < colour < REPEATED)}"
        for colour, name in shown
    ]
    return f"{text} {'; '.join(parts)}."


def _axes(drawing: Drawing, plot: Plot) -> list[Label]:
    labels = [
        Label(plot.x + plot.side / 2, plot.y - 25, "key j →", "middle"),
        Label(EDGE, plot.y - 25, "query i ↓"),
    ]
    step = 1
    while step * MOST_TICKS < drawing.tokens:
        step *= 2
    for position in range(0, drawing.tokens, step):
        at = position // drawing.cell * plot.size + (plot.size / 2 if drawing.cell == 1 else 0)
        labels.append(Label(plot.x + at, plot.y - 8, f"{position:,}", "middle"))
        labels.append(Label(plot.x - 7, plot.y + at + 4, f"{position:,}", "end"))
    return labels
