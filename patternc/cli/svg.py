"""The picture of a mask as SVG text: the same bytes for the same drawing.

For: `patternc show --svg`, `Program.to_svg` and the documentation. The picture has a background of its own, light or
dark as the reader prefers, and says in words what it shows. Not for: where things stand (`sheet.py`).
"""

from __future__ import annotations

import re
from html import escape

from patternc.analysis.drawing import FULL_LEVEL, Drawing, Rectangle
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
    Label,
    Plot,
    Sheet,
    Swatch,
    colour_of,
    lay_out,
)

MARK = "<!-- patternc show -->\n"
"""What a file of ours begins with."""

DARK_REPEATED_COLOUR = "#ff6b5e"
DARK_COLOURS = ("#4aa3df", "#f0b429", "#2fbf96", "#e39ac3", "#9bd3f5", "#c08a55")
DARK_PAPER, DARK_NEVER, DARK_FRAME, DARK_INK, DARK_FAINT_INK = "#161b22", "#262d36", "#6e7681", "#e6edf3", "#9aa5b1"

# What XML 1.0 cannot say, even escaped.
_NO_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ANCHORS = {"start": "", "middle": "k", "end": "q"}


def svg(drawing: Drawing, place: str = "") -> str:
    """The picture as an SVG document; `place` says whose mask it is, such as "gemma3, layer 0, head 0"."""
    sheet = lay_out(drawing, place)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width}" height="{sheet.height}" '
        f'viewBox="0 0 {sheet.width} {sheet.height}" role="img" aria-label="{_text(sheet.title)}">',
        f"<title>{_text(sheet.title)}</title>",
        f"<desc>{_text(sheet.sentence)}</desc>",
        _style(sheet),
        f'<rect class="p" width="{sheet.width}" height="{sheet.height}" rx="6"/>',
        *_plot(sheet.plot),
        *(_swatch(each) for each in sheet.swatches),
        *(_label(each) for each in sheet.labels),
        "</svg>",
    ]
    return MARK + "".join(f"{line}\n" for line in lines)


def _text(text: str) -> str:
    """Any text as XML can say it."""
    return escape(_NO_XML.sub("\ufffd", text))


def _style(sheet: Sheet) -> str:
    shown = {colour_of(area.term) for area in sheet.plot.areas} | {swatch.colour for swatch in sheet.swatches}
    return f"""\
<style>
text{{font:{TEXT_SIZE}px system-ui,sans-serif}}
.c{{font:{CODE_SIZE}px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}}
.k{{text-anchor:middle}}.q{{text-anchor:end}}.f{{fill:none}}
{_colours(shown, (*COLOURS, REPEATED_COLOUR), PAPER, NEVER, FRAME, INK, FAINT_INK)}
@media screen and (prefers-color-scheme:dark){{
{_colours(shown, (*DARK_COLOURS, DARK_REPEATED_COLOUR), DARK_PAPER, DARK_NEVER, DARK_FRAME, DARK_INK, DARK_FAINT_INK)}
}}
</style>"""


def _colours(
    shown: set[int], colours: tuple[str, ...], paper: str, never: str, frame: str, ink: str, faint_ink: str
) -> str:
    rules = [f"text{{fill:{faint_ink}}}.c{{fill:{ink}}}.p{{fill:{paper}}}.n{{fill:{never}}}"]
    rules.append(f".g{{stroke:{paper}}}.f{{stroke:{frame}}}")
    rules += [f".t{number}{{fill:{colours[number]}}}" for number in sorted(shown)]
    return "".join(rules)


def _plot(plot: Plot) -> list[str]:
    """The cells, in units of cells; lines between large ones; a frame."""
    lines = [
        f'<g transform="translate({plot.x} {plot.y})">',
        f'<g transform="scale({plot.size})" shape-rendering="crispEdges">',
    ]
    if plot.never:
        lines.append(f'<path class="n" d="M1 0H{plot.cells}V{plot.cells - 1}{"h-1v-1" * (plot.cells - 1)}z"/>')
    for area in plot.areas:
        faint = "" if area.level == FULL_LEVEL else f' fill-opacity="{OPACITY[area.level]}"'
        outline = "".join(_outline(each) for each in area.rectangles)
        lines.append(f'<path class="t{colour_of(area.term)}"{faint} d="{outline}"/>')
    lines.append("</g>")
    side = plot.side
    if plot.ruled:
        between = range(plot.size, side, plot.size)
        rules = "".join(f"M{at} 0v{side}" for at in between) + "".join(f"M0 {at}h{side}" for at in between)
        lines.append(f'<path class="g" shape-rendering="crispEdges" d="{rules}"/>')
    lines += [f'<path class="f" d="M-.5-.5h{side + 1}v{side + 1}h{-side - 1}z"/>', "</g>"]
    return lines


def _outline(each: Rectangle) -> str:
    return f"M{each.column} {each.row}h{each.width}v{each.height}h{-each.width}z"


def _swatch(swatch: Swatch) -> str:
    return f'<rect class="t{swatch.colour}" x="{swatch.x}" y="{swatch.y}" width="11" height="11"/>'


def _label(label: Label) -> str:
    kinds = " ".join(kind for kind in (_ANCHORS[label.anchor], "c" * label.code) if kind)
    shown = f' class="{kinds}"' if kinds else ""
    return f'<text{shown} x="{label.x:g}" y="{label.y:g}">{_text(label.text)}</text>'
