"""The picture of a mask as SVG text: the same bytes for the same drawing.

For: `patternc show --svg`, `Program.to_svg` and the documentation. The picture has a background of its own, light or
dark as the reader prefers, and says in words what it shows. Not for: where things stand (`sheet.py`).
"""

from __future__ import annotations

import re
from html import escape

from patternc.analysis.drawing import FULL_LEVEL, Area, Drawing, Rectangle
from patternc.cli.sheet import (
    CODE_SIZE,
    TEXT_SIZE,
    Label,
    Plot,
    Sheet,
    Swatch,
    lay_out,
)
from patternc.cli.themes import DARK, LIGHT, OPACITY, Theme, colour_of

MARK = "<!-- patternc show -->\n"
"""What a file of ours begins with."""

# What XML 1.0 cannot say, even escaped.
_NO_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ANCHORS = {"start": "", "middle": "k", "end": "q"}


def svg(drawing: Drawing, place: str = "") -> str:
    """The picture as an SVG document; `place` says whose mask it is, such as "gemma3, layer 0, head 0"."""
    sheet = lay_out(drawing, place)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width}" height="{sheet.height}" '
        f'viewBox="0 0 {sheet.width} {sheet.height}" role="img" aria-label="{xml_text(sheet.title)}">',
        f"<title>{xml_text(sheet.title)}</title>",
        f"<desc>{xml_text(sheet.sentence)}</desc>",
        _style(sheet),
        f'<rect class="p" width="{sheet.width}" height="{sheet.height}" rx="6"/>',
        *_plot(sheet.plot),
        *(_swatch(each) for each in sheet.swatches),
        *(_label(each) for each in sheet.labels),
        "</svg>",
    ]
    return MARK + "".join(f"{line}\n" for line in lines)


def xml_text(text: str) -> str:
    """Any text as XML and HTML can say it."""
    return escape(_NO_XML.sub("\ufffd", text))


def _style(sheet: Sheet) -> str:
    shown = {colour_of(area.term) for area in sheet.plot.areas} | {swatch.colour for swatch in sheet.swatches}
    return f"""\
<style>
text{{font:{TEXT_SIZE}px system-ui,sans-serif}}
.c{{font:{CODE_SIZE}px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}}
.k{{text-anchor:middle}}.q{{text-anchor:end}}.f{{fill:none}}
{_colours(shown, LIGHT)}
@media screen and (prefers-color-scheme:dark){{
{_colours(shown, DARK)}
}}
</style>"""


def _colours(shown: set[int], theme: Theme) -> str:
    rules = [f"text{{fill:{theme.faint}}}.c{{fill:{theme.ink}}}.p{{fill:{theme.paper}}}.n{{fill:{theme.never}}}"]
    rules.append(f".g{{stroke:{theme.paper}}}.f{{stroke:{theme.frame}}}")
    rules += [f".t{number}{{fill:{theme.numbered[number]}}}" for number in sorted(shown)]
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
        lines.append(f'<path class="t{colour_of(area.term)}"{faint} d="{outline(area)}"/>')
    lines.append("</g>")
    side = plot.side
    if plot.ruled:
        between = range(plot.size, side, plot.size)
        rules = "".join(f"M{at} 0v{side}" for at in between) + "".join(f"M0 {at}h{side}" for at in between)
        lines.append(f'<path class="g" shape-rendering="crispEdges" d="{rules}"/>')
    lines += [f'<path class="f" d="M-.5-.5h{side + 1}v{side + 1}h{-side - 1}z"/>', "</g>"]
    return lines


def outline(area: Area) -> str:
    """The rectangles of an area as a path, in units of cells."""
    return "".join(_outline(each) for each in area.rectangles)


def _outline(each: Rectangle) -> str:
    return f"M{each.column} {each.row}h{each.width}v{each.height}h{-each.width}z"


def _swatch(swatch: Swatch) -> str:
    return f'<rect class="t{swatch.colour}" x="{swatch.x}" y="{swatch.y}" width="11" height="11"/>'


def _label(label: Label) -> str:
    kinds = " ".join(kind for kind in (_ANCHORS[label.anchor], "c" * label.code) if kind)
    shown = f' class="{kinds}"' if kinds else ""
    return f'<text{shown} x="{label.x:g}" y="{label.y:g}">{xml_text(label.text)}</text>'
