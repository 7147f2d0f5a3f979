"""Figure: a small drawing as lines, areas and words, in pixels; what SVG and PNG files are written from.

For: the pictures of growth and of layers (`figure_growth.py`, `figure_layers.py`), on the page and for papers; `svg.py`
and `png.py` write them. Not for: masks, which are cells (`sheet.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]
Ink = Literal["ink", "faint", "frame", "grid", "accent"]
"""What colour a line or word has: a reader's theme says which that is."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points; of four with `curved`, the ends of a Bezier curve and its handles between them."""

    points: tuple[Point, ...]
    ink: Ink
    width: float = 1.0
    dashed: bool = False
    curved: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A filled polygon, in one of the colours of terms (a number) or in an ink."""

    points: tuple[Point, ...]
    fill: int | Ink
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle; `ring`: in the colour of the paper, with an outline."""

    at: Point
    radius: float
    ink: Ink
    ring: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text on its base line; `code`: in the type of pattern text."""

    at: Point
    text: str
    anchor: Anchor = "start"
    ink: Ink = "faint"
    code: bool = False


Shape = Stroke | Region | Disc | Words


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing of `width` x `height` pixels; `sentence` says what it shows to those who do not see it."""

    width: int
    height: int
    title: str
    sentence: str
    shapes: tuple[Shape, ...]


def rectangle(x: float, y: float, width: float, height: float) -> tuple[Point, ...]:
    """The corners of a rectangle."""
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)
