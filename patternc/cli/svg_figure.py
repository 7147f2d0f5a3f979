"""Figures as SVG: inside a page, whose style sheet has the colours, or as a document of their own.

For: the HTML page and `patternc show --svg`. The same bytes for the same figure. Not for: what is in a figure
(`figure_*.py`), or masks (`svg.py`).
"""

from __future__ import annotations

from typing import assert_never

from patternc.cli.figure import Disc, Figure, Point, Region, Shape, Stroke, Words
from patternc.cli.sheet import CODE_SIZE, TEXT_SIZE
from patternc.cli.svg import MARK, xml_text
from patternc.cli.themes import COLOURS, DARK, INKS, LIGHT, Theme

_ANCHORS = {"start": "", "middle": "k", "end": "q"}
EDGE = 6
"""Pixels of paper around a document."""


def inline_svg(figure: Figure) -> str:
    """The figure as an element of a page that has `figure_style` in its style sheet."""
    body = "".join(_shape(shape) for shape in figure.shapes)
    label = xml_text(f"{figure.title}. {figure.sentence}")
    return (
        f'<svg class="figure" viewBox="0 0 {figure.width} {figure.height}" role="img" aria-label="{label}">{body}</svg>'
    )


def document_svg(figure: Figure) -> str:
    """The figure as a document, light or dark as the reader prefers."""
    width, height = figure.width + 2 * EDGE, figure.height + 2 * EDGE
    lines = [
        f'<svg class="figure" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{-EDGE} {-EDGE} {width} {height}" role="img" aria-label="{xml_text(figure.title)}">',
        f"<title>{xml_text(figure.title)}</title>",
        f"<desc>{xml_text(figure.sentence)}</desc>",
        f"<style>\n{figure_style()}</style>",
        f'<rect class="p" x="{-EDGE}" y="{-EDGE}" width="{width}" height="{height}" rx="6"/>',
        *(_shape(shape) for shape in figure.shapes),
        "</svg>",
    ]
    return MARK + "".join(f"{line}\n" for line in lines)


def figure_style() -> str:
    """The style sheet that figures need, with the colours of light and dark."""
    return (
        f".figure text{{font:{TEXT_SIZE}px system-ui,sans-serif}}"
        f'.figure .c{{font:{CODE_SIZE}px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}}'
        ".figure .k{text-anchor:middle}.figure .q{text-anchor:end}"
        ".figure .l{fill:none}.figure .d{stroke-dasharray:3 3}\n"
        f"{_colours(LIGHT)}\n@media screen and (prefers-color-scheme:dark){{\n{_colours(DARK)}\n}}\n"
    )


def _colours(theme: Theme) -> str:
    rules = [f".figure .p{{fill:{theme.paper}}}"]
    for ink in INKS:
        colour = theme.ink_of(ink)
        rules.append(f".figure .f-{ink}{{fill:{colour}}}.figure .s-{ink}{{stroke:{colour}}}")
    rules += [f".figure .t{number}{{fill:{theme.terms[number]}}}" for number in range(COLOURS)]
    return "".join(rules)


def _shape(shape: Shape) -> str:
    match shape:
        case Stroke():
            dashed = " d" * shape.dashed
            return f'<path class="l s-{shape.ink}{dashed}" stroke-width="{shape.width:g}" d="{_path(shape)}"/>'
        case Region(points, fill, opacity):
            kind = f"t{fill}" if isinstance(fill, int) else f"f-{fill}"
            faint = "" if opacity == 1 else f' fill-opacity="{opacity:g}"'
            return f'<path class="{kind}"{faint} d="M{_points(points)}z"/>'
        case Disc((x, y), radius, ink, ring):
            kind = f"p s-{ink}" if ring else f"f-{ink}"
            return f'<circle class="{kind}" cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"/>'
        case Words((x, y), text, anchor, ink, code):
            kinds = " ".join(kind for kind in (f"f-{ink}", _ANCHORS[anchor], "c" * code) if kind)
            return f'<text class="{kinds}" x="{_number(x)}" y="{_number(y)}">{xml_text(text)}</text>'
        case _:
            assert_never(shape)


def _path(stroke: Stroke) -> str:
    if not stroke.curved:
        return f"M{_points(stroke.points)}"
    return f"M{_points(stroke.points[:1])}C{_points(stroke.points[1:])}"


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
